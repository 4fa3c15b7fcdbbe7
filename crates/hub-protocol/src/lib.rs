//! The wire protocol of the Longwire hub, without IO.
