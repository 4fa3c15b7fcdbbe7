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
#[doc = include_str!("src/using/sse-parse.md")]
mod using_sse_parse {}
#[doc = include_str!("src/using/ws-frame.md")]
mod using_ws_frame {}
#[doc = include_str!("src/using/ws-handshake.md")]
mod using_ws_handshake {}
#[doc = include_str!("src/using/ws-deflate.md")]
mod using_ws_deflate {}
#[doc = include_str!("src/using/resume.md")]
mod using_resume {}
#[doc = include_str!("src/using/longwire.md")]
mod using_longwire {}
#[doc = include_str!("src/using/own-driver.md")]
mod using_own_driver {}
#[doc = include_str!("src/using/http-client.md")]
mod using_http_client {}
#[doc = include_str!("src/using/mcp.md")]
mod using_mcp {}
