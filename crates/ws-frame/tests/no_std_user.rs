//! A program without the standard library can use all of it (the test harness alone brings `std`).

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use ws_frame::{Assembler, Config, Connection, Event, MaskKey, Message, OutboundData};

fn session() -> Result<(), &'static str> {
    let mut client = Connection::client(Config::default(), || MaskKey::new([1, 2, 3, 4]));
    let mut server = Connection::server(Config::default());
    let (mut there, mut back) = (Vec::new(), Vec::new());
    client
        .send(OutboundData::text("Hello"), &mut there)
        .map_err(|_| "send")?;
    let mut assembler = Assembler::new(1024);
    let mut input = &mut there[..];
    while let Some(event) = server
        .next_event(&mut input, &mut back)
        .map_err(|_| "receive")?
    {
        if let Event::Data(data) = event {
            assembler.push(data).map_err(|_| "too large")?;
        }
    }
    if assembler.message() == Message::Text("Hello") {
        Ok(())
    } else {
        Err("message")
    }
}

#[test]
fn a_message_arrives() {
    assert_eq!(session(), Ok(()));
}
