//! The text/event-stream format of Server-Sent Events: parser and encoder without IO.
