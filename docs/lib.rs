//! The pages of the book: every Rust block in them is a doctest of this crate.

#[doc = include_str!("src/introduction.md")]
mod introduction {}
