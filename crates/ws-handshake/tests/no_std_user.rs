//! A program without the standard library can use all of it (the test harness alone brings `std`).

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use ws_handshake::{Answer, ClientHandshake, ClientRequest, Limits, Nonce, Request};

fn handshake() -> Result<(), &'static str> {
    let request = ClientRequest::new("ws://example.com/").map_err(|_| "URL")?;
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut client = ClientHandshake::start(&request, Nonce::new([7; 16]), &mut there);
    let head = Request::parse(&there, &mut 0, &Limits::default()).map_err(|_| "request")?;
    head.ok_or("partial")?.value.accept().encode(&mut back);
    match client.finish(&back) {
        Ok(Some(head)) if matches!(head.value, Answer::Accepted(_)) => Ok(()),
        _ => Err("response"),
    }
}

#[test]
fn both_sides_agree() {
    assert_eq!(handshake(), Ok(()));
}
