//! The Longwire real-time hub and its command line.
fn main() {}
