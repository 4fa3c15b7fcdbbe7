//! The rules of RFC 6455 as a caller of the public API sees them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

mod rfc_examples;
mod splits;
mod support;
