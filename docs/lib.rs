//! The pages of the book: every Rust block in them is a doctest of this crate, every JSON frame a
//! case of its tests.

#[doc = include_str!("src/choosing/errata.md")]
mod errata {}
#[doc = include_str!("src/choosing/overhead.md")]
mod overhead {}
#[doc = include_str!("src/design/cursor.md")]
mod cursor {}
#[doc = include_str!("src/design/laws.md")]
mod laws {}
#[doc = include_str!("src/resuming/contract.md")]
mod resuming {}
