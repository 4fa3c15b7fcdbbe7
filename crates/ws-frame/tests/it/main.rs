//! The rules of RFC 6455 as a caller of the public API sees them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

mod assembler;
mod closing;
mod decoding;
mod headers;
mod limits;
mod masking;
mod messages;
mod rfc_examples;
mod sending;
mod splits;
mod support;
mod text;
mod tungstenite;
mod vectors;
mod whole;
