//! The rules of RFC 6455 as a caller of the public API sees them.

mod rfc_examples;
mod splits;
mod support;
