//! A program without the standard library can use all of it (the test harness alone brings `std`).

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use sse_parse::{Fields, Item, Limits, Parser, Verdict, encode, encode_comment};

fn round_trip() -> Result<(), &'static str> {
    let mut stream = Vec::new();
    encode_comment("hello", &mut stream);
    let fields = Fields::new("a\nb").with_name("tick").with_id("7");
    encode(&fields, &mut stream).map_err(|_| "encode")?;

    let mut parser = Parser::with_limits(Limits::default().with_max_event(64));
    for byte in stream.chunks(1) {
        let mut input = byte;
        while let Some(item) = parser.next_item(&mut input).map_err(|_| "limit")? {
            match item {
                Item::Comment("hello") => {}
                Item::Event(event) if event.data == "a\nb" && event.id == "7" => return Ok(()),
                _ => return Err("something else"),
            }
        }
    }
    Err("no event")
}

#[test]
fn it_parses_what_it_encodes() {
    assert_eq!(round_trip(), Ok(()));
    assert_eq!(Verdict::of(204, None), Verdict::Stop);
}
