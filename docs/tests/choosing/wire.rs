//! The bytes that *Bytes per message* and *On the wire* show, as they come out of sockets.

use longwire::ws::{self, Config, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::hub::{Hub, Raw};

/// Lengths of payloads, and of what is around them in a frame of a server and of a client.
const FRAMES: [(usize, usize, usize); 6] = [
    (10, 2, 6),
    (125, 2, 6),
    (126, 4, 8),
    (1_024, 4, 8),
    (64_000, 4, 8),
    (65_535, 4, 8),
];

const UPGRADE: &str = "GET /.well-known/mercure?topic=t HTTP/1.1\r\nHost: localhost\r\n\
    Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn the_socket_writes_what_the_table_says() {
    let (mut socket, mut peer) = socket().await;
    for (len, down, _) in FRAMES {
        socket.send(Message::from("x".repeat(len))).await.unwrap();
        let mut frame = vec![0; down + len];
        peer.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame[0], 0x81);
        assert!(frame[down..].iter().all(|&byte| byte == b'x'), "{len}");
        assert_ne!(frame[down - 1], b'x');
    }
    // Longer ones go out in fragments of 64 KiB, so that a ping is answered in between.
    let sent = socket.send(Message::from("x".repeat(102_400)));
    let read = async {
        let mut frame = vec![0; 10 + 65_536 + 4 + 36_864];
        peer.read_exact(&mut frame).await.unwrap();
        frame
    };
    let (sent, frame) = tokio::join!(sent, read);
    sent.unwrap();
    assert_eq!(frame[..10], [0x01, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    assert_eq!(frame[65_546..65_550], [0x80, 0x7e, 0x90, 0x00]);
}

/// A socket of this library, its handshake over, and the other end of its pipe.
async fn socket() -> (ws::Socket<DuplexStream>, DuplexStream) {
    let (io, mut peer) = duplex(1 << 20);
    peer.write_all(format!("{UPGRADE}\r\n").as_bytes())
        .await
        .unwrap();
    let mut socket = ws::accept(io, Config::default(), |accept| Ok(accept))
        .await
        .unwrap();
    socket.flush().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(peer.read_u8().await.unwrap());
    }
    (socket, peer)
}

/// The next chunk of HTTP/1.1: what is around its content, and the content.
fn chunk(raw: &mut Raw) -> (usize, Vec<u8>) {
    let head = raw.until(b"\r\n");
    let digits = str::from_utf8(&head).unwrap().trim_end();
    let content = raw.bytes(usize::from_str_radix(digits, 16).unwrap());
    assert_eq!(raw.bytes(2), b"\r\n");
    (head.len() + 2, content)
}

#[test]
fn an_event_of_the_hub_over_http_1_1() {
    let hub = Hub::start();
    let mut raw = hub.connect(
        b"GET /.well-known/mercure?topic=t HTTP/1.1\r\nHost: localhost\r\n\
          Accept: text/event-stream\r\n\r\n",
    );
    let head = String::from_utf8(raw.until(b"\r\n\r\n")).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("ransfer-encoding: chunked\r\n") || head.contains("Transfer-Encoding"));
    let (_, first) = chunk(&mut raw);
    assert!(first.starts_with(b"event: longwire-position\n"));
    for (len, around_chunk) in [(10, 6), (1_024, 7), (102_400, 9)] {
        let data = "x".repeat(len);
        let id = hub.publish(&data);
        let (around, content) = chunk(&mut raw);
        assert_eq!(around, around_chunk, "{len}");
        let event = format!("id: {id}\ndata: {data}\n\n");
        assert!(len > 10 || event.len() == 0x32, "{event}");
        assert_eq!(String::from_utf8(content).unwrap(), event);
    }
}

#[test]
fn an_event_of_the_hub_over_http_2() {
    let hub = Hub::start();
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let len = u8::try_from(payload.len()).unwrap();
        [&[0, 0, len, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    // Fields as literals without indexing (RFC 7541 §6.2.2).
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", "/.well-known/mercure?topic=t"),
        ("accept", "text/event-stream"),
    ];
    let mut block = Vec::new();
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        if fields.iter().any(|(name, _)| name == text) {
            block.push(0);
        }
        block.push(u8::try_from(text.len()).unwrap());
        block.extend(text.as_bytes());
    }
    let mut raw = hub.connect(
        &[
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
            // SETTINGS_INITIAL_WINDOW_SIZE = 1 MiB, for the stream; and as much for the connection.
            &frame(4, 0, 0, &[0, 4, 0, 0x10, 0, 0]),
            &frame(8, 0, 0, &[0, 0x10, 0, 0]),
            &frame(1, 5, 1, &block),
        ]
        .concat(),
    );
    // The content of the next DATA frame.
    let mut data = || loop {
        let head = raw.bytes(9);
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let payload = raw.bytes(usize::try_from(len).unwrap());
        match head[3] {
            0 => return payload,
            4 if head[4] == 0 => raw.write(&[0, 0, 0, 4, 1, 0, 0, 0, 0]),
            _ => {}
        }
    };
    assert!(data().starts_with(b"event: longwire-position\n"));
    for (len, frames) in [(10, 1), (1_024, 1), (102_400, 7)] {
        let text = "x".repeat(len);
        let event = format!("id: {}\ndata: {text}\n\n", hub.publish(&text));
        let mut content = Vec::new();
        let mut count = 0;
        while content.len() < event.len() {
            let part = data();
            assert!(part.len() <= 16_384);
            count += usize::from(!part.is_empty());
            content.extend(part);
        }
        assert_eq!(String::from_utf8(content).unwrap(), event);
        assert_eq!(count, frames, "{len}");
    }
}

#[test]
fn an_event_of_the_hub_over_a_web_socket() {
    let hub = Hub::start();
    let upgrade = format!("{UPGRADE}Sec-WebSocket-Protocol: longwire.v1\r\n\r\n");
    let mut raw = hub.connect(upgrade.as_bytes());
    let head = String::from_utf8(raw.until(b"\r\n\r\n")).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    // RFC 6455 §1.3 has the same key, and this answer to it.
    assert!(head.contains(" s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    let open = text(&mut raw);
    assert!(open.starts_with(r#"{"type":"open","#), "{open}");
    let mut before = open.split('"').nth(7).unwrap().to_owned();
    for len in [10, 1_024] {
        let data = "x".repeat(len);
        let id = hub.publish(&data);
        let message = format!(
            r#"{{"type":"event","prev":"{before}","position":"{id}","topics":["t"],"data":"{data}"}}"#
        );
        assert!(len > 10 || message.len() == 0x81, "{message}");
        assert_eq!(text(&mut raw), message);
        before = id;
    }
    // A ping, masked with a key of zeros, and the pong to it.
    raw.write(&[0x89, 0x82, 0, 0, 0, 0, b'h', b'i']);
    assert_eq!(raw.bytes(4), [0x8a, 2, b'h', b'i']);
    // A close with code 1000, and the answer.
    raw.write(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);
    assert_eq!(raw.bytes(4), [0x88, 2, 0x03, 0xe8]);
}

/// The next message: one frame of text, of at most 65,535 bytes.
fn text(raw: &mut Raw) -> String {
    let head = raw.bytes(2);
    assert_eq!(head[0], 0x81);
    let len = match head[1] {
        126 => u16::from_be_bytes(raw.bytes(2).try_into().unwrap()).into(),
        len => usize::from(len),
    };
    String::from_utf8(raw.bytes(len)).unwrap()
}
