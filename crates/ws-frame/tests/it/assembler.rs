//! Joining pieces, under a limit.

use ws_frame::OpCode::{Binary, Continuation, Text};
use ws_frame::{Assembler, Config, Connection, Event, Message, OpCode, TooLarge};

use crate::support::{masked, server};

/// Pushes what a server makes of `bytes`; `whole` is called at the end of each message.
fn push(
    assembler: &mut Assembler,
    mut bytes: Vec<u8>,
    mut whole: impl FnMut(&mut Assembler),
) -> Result<(), TooLarge> {
    let mut server = server();
    let mut input = &mut bytes[..];
    let mut out = Vec::new();
    while let Some(event) = server.next_event(&mut input, &mut out).unwrap() {
        let Event::Data(data) = event else { continue };
        if assembler.push(data)? {
            whole(assembler);
        }
    }
    Ok(())
}

fn message(opcode: OpCode, pieces: &[&str]) -> Vec<u8> {
    let (last, first) = pieces.split_last().unwrap();
    let mut bytes = Vec::new();
    for (i, piece) in first.iter().enumerate() {
        bytes.extend(masked(
            if i == 0 { opcode } else { Continuation },
            false,
            piece.as_bytes(),
        ));
    }
    let last_opcode = if first.is_empty() {
        opcode
    } else {
        Continuation
    };
    bytes.extend(masked(last_opcode, true, last.as_bytes()));
    bytes
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-6.2
//= type=test
//# Subsequent data frames MUST be interpreted as belonging to a new WebSocket message.
#[test]
fn messages_one_after_the_other() {
    let mut assembler = Assembler::new(100);
    let bytes = [
        message(Text, &["Grü", "", "ße"]),
        message(Binary, &["bytes"]),
        message(Text, &[""]),
        message(Text, &["whole"]),
    ]
    .concat();
    let mut seen = Vec::new();
    push(&mut assembler, bytes, |assembler| {
        seen.push(format!("{:?}", assembler.message()));
    })
    .unwrap();
    let binary = format!("Binary({:?})", b"bytes");
    assert_eq!(
        seen,
        ["Text(\"Grüße\")", &binary, "Text(\"\")", "Text(\"whole\")"]
    );
}

#[test]
fn a_message_in_progress_is_bytes() {
    let mut assembler = Assembler::new(100);
    assert_eq!(assembler.message(), Message::Binary(b""));
    push(&mut assembler, masked(Text, false, b"Hel"), |_| {
        panic!("not whole")
    })
    .unwrap();
    assert_eq!(assembler.message(), Message::Binary(b"Hel"));
    assert_eq!(assembler.take_text(), None);
    assert_eq!(assembler.message(), Message::Binary(b"Hel"));
}

#[test]
fn up_to_the_limit() {
    let mut assembler = Assembler::new(5);
    let mut count = 0;
    push(&mut assembler, message(Text, &["abc", "de"]), |_| {
        count += 1;
    })
    .unwrap();
    push(&mut assembler, message(Binary, &["abcde"]), |_| count += 1).unwrap();
    assert_eq!(count, 2);
    for pieces in [&["abc", "def"][..], &["abcdef"]] {
        let error = push(&mut assembler, message(Text, pieces), |_| {
            panic!("too large")
        });
        assert_eq!(error, Err(error.unwrap_err()));
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "message of more than 5 bytes");
        assert_eq!(error.close_code().get(), 1009);
        assert_eq!(assembler.message(), Message::Binary(b""), "dropped");
    }
}

#[test]
fn what_follows_in_a_dropped_message_is_dropped() {
    let mut server = server();
    let mut bytes = [
        message(Text, &["abc", "def", "g"]),
        message(Text, &["next"]),
    ]
    .concat();
    let mut input = &mut bytes[..];
    let mut assembler = Assembler::new(5);
    let mut pushed = Vec::new();
    while let Some(Event::Data(data)) = server.next_event(&mut input, &mut Vec::new()).unwrap() {
        pushed.push(assembler.push(data).ok());
    }
    assert_eq!(pushed, [Some(false), None, None, Some(true)]);
    assert_eq!(assembler.message(), Message::Text("next"));
}

#[test]
fn a_new_connection_begins_anew() {
    let mut assembler = Assembler::new(100);
    push(&mut assembler, masked(Text, false, b"lost"), |_| {
        panic!("not whole")
    })
    .unwrap();
    let bytes = message(Text, &["fou", "nd"]);
    push(&mut assembler, bytes, |assembler| {
        assert_eq!(assembler.message(), Message::Text("found"));
    })
    .unwrap();
}

#[test]
fn taken_messages_leave_nothing_behind() {
    let mut assembler = Assembler::new(100);
    let bytes = [message(Text, &["te", "xt"]), message(Binary, &["bytes"])].concat();
    let mut taken = Vec::new();
    push(&mut assembler, bytes, |assembler| {
        taken.push(match assembler.take_text() {
            Some(text) => (true, text.into_bytes()),
            None => (false, assembler.take_bytes()),
        });
        assert_eq!(assembler.message(), Message::Binary(b""));
    })
    .unwrap();
    assert_eq!(
        taken,
        [(true, b"text".to_vec()), (false, b"bytes".to_vec())]
    );
}

#[test]
fn compressed_text_is_bytes() {
    let mut server = Connection::server(Config::default().with_compression(true));
    let mut bytes = *b"\xc1\x82\0\0\0\0\xff\xfe";
    let mut input = &mut bytes[..];
    let mut assembler = Assembler::new(100);
    let event = server.next_event(&mut input, &mut Vec::new()).unwrap();
    let Some(Event::Data(data)) = event else {
        panic!("{event:?}")
    };
    assert_eq!(assembler.push(data), Ok(true));
    assert_eq!(assembler.message(), Message::Binary(b"\xff\xfe"));
    assert_eq!(assembler.take_text(), None);
}
