//! `ws-frame` against its peers: a server that drains masked messages from memory, and one that
//! echoes them.
//!
//! Every case gets the same bytes in reads of [`READ`] bytes (a whole message at least, where the
//! peer decodes only what is whole) and copies them into its own buffer once, as a socket would.
//! Text is handed to `black_box` as `&str` wherever the peer has one. Rows marked `limit` check
//! less than RFC 6455 asks of a server, or are no codec at all.

use std::hint::black_box;

use benches::Group;
use benches::workload::{Seeded, text_of};
use ws_frame::{Config, Connection, Data, Event, FrameHeader, Limits, MaskKey, OpCode};

/// What one read of a socket gives at most.
const READ: usize = 16 * 1024;
/// Payload bytes in one run, in messages of one size.
const BATCH: usize = 64 * 1024;

const SIZES: [(usize, &str); 6] = [
    (16, "16B"),
    (125, "125B"),
    (1024, "1KiB"),
    (16 * 1024, "16KiB"),
    (64 * 1024, "64KiB"),
    (1024 * 1024, "1MiB"),
];

struct Workload {
    opcode: OpCode,
    /// Masked frames, one after the other.
    wire: Vec<u8>,
    messages: usize,
    /// Bytes of the largest frame.
    frame: usize,
    payload: usize,
}

fn workload(kind: &str, size: usize) -> Workload {
    let mut seeded = Seeded::new(6455);
    let opcode = if kind == "binary" {
        OpCode::Binary
    } else {
        OpCode::Text
    };
    let messages = (BATCH / size).max(1);
    let mut wire = Vec::new();
    let mut frame = 0;
    for _ in 0..messages {
        let payload = match kind {
            "binary" => seeded.bytes(size),
            "ascii" => seeded.ascii(size).into_bytes(),
            _ => text_of(&mut seeded, size).into_bytes(),
        };
        let key = MaskKey::new((seeded.next_u64() as u32).to_le_bytes());
        let header = FrameHeader {
            mask: Some(key),
            ..FrameHeader::new(opcode, payload.len() as u64)
        };
        let start = wire.len();
        wire.extend_from_slice(&header.encode());
        let body = wire.len();
        wire.extend_from_slice(&payload);
        ws_frame::mask(key, 0, &mut wire[body..]);
        frame = frame.max(wire.len() - start);
    }
    Workload {
        opcode,
        wire,
        messages,
        frame,
        payload: size,
    }
}

fn config() -> Config {
    Config::default().with_limits(Limits::default().with_max_message(16 << 20))
}

/// The driver that the crate documentation describes: reads land behind one another until the
/// message they belong to has ended, so that it lies whole in one buffer.
struct Driver {
    connection: Connection<ws_frame::Server>,
    buffer: Vec<u8>,
    out: Vec<u8>,
}

impl Driver {
    fn new(work: &Workload) -> Self {
        Self {
            connection: Connection::server(config()),
            buffer: vec![0; work.frame + 2 * READ],
            out: Vec::new(),
        }
    }

    /// Hands each message to `message`: what earlier reads had of it, and the rest.
    #[inline]
    fn drain(&mut self, wire: &[u8], mut message: impl FnMut(&[u8], Data<'_>, &mut Vec<u8>)) {
        // Where the next read goes, and where the message in progress begins.
        let mut filled = 0;
        let mut start = None;
        let mut wire = wire;
        while !wire.is_empty() {
            // Inside a frame, up to its end; else whatever there is.
            let most = match self.connection.payload_remaining() {
                0 => READ,
                remaining => READ.min(remaining as usize),
            };
            let (read, unread) = wire.split_at(most.min(wire.len()));
            wire = unread;
            let end = filled + read.len();
            self.buffer[filled..end].copy_from_slice(read);
            let (before, mut input) = self.buffer[..end].split_at_mut(filled);
            while let Some(event) = self
                .connection
                .next_event(&mut input, &mut self.out)
                .unwrap()
            {
                let Event::Data(data) = event else { continue };
                if data.end && data.start {
                    message(&[], data, &mut self.out);
                } else if data.end {
                    let start = start.take().unwrap();
                    message(&before[start..], data, &mut self.out);
                } else if data.start {
                    start = Some(end - input.len() - data.bytes.len());
                }
            }
            filled = 0;
            if let Some(start) = &mut start {
                filled = end;
                if end + READ.max(self.connection.payload_remaining() as usize) > self.buffer.len()
                {
                    // Room for the rest.
                    self.buffer.copy_within(*start..end, 0);
                    filled = end - *start;
                    *start = 0;
                }
            }
        }
    }
}

fn drain(work: &Workload, kind: &str, name: &str) -> Group<'static> {
    let bytes = (work.messages * work.payload) as u64;
    let group = Group::new(
        format!("ws-frame/drain-{kind}/{name}"),
        bytes,
        work.messages as u64,
    );
    let wire = work.wire.clone();
    let mut driver = Driver::new(work);
    let group = group.ours("ws-frame", move || {
        driver.drain(&wire, |head, tail, _| {
            black_box((&head, &tail.bytes, &tail.as_str()));
        });
    });
    let wire = work.wire.clone();
    let mut driver = Driver::new(work);
    let group = group.ours("ws-frame, bytes", move || {
        driver.drain(&wire, |head, tail, _| {
            black_box((&head, &tail.bytes));
        });
    });
    let wire = work.wire.clone();
    let mut copy = vec![0; READ];
    let group = group.limit("memcpy", move || {
        for read in wire.chunks(READ) {
            copy[..read.len()].copy_from_slice(read);
            black_box(&copy);
        }
    });
    peers::drain(group, work)
}

fn echo(work: &Workload, kind: &str, name: &str) -> Group<'static> {
    let bytes = (work.messages * work.payload) as u64;
    let group = Group::new(
        format!("ws-frame/echo-{kind}/{name}"),
        bytes,
        work.messages as u64,
    );
    let wire = work.wire.clone();
    let opcode = work.opcode;
    let mut driver = Driver::new(work);
    let group = group.ours("ws-frame", move || {
        driver.out.clear();
        driver.drain(&wire, |head, tail, out| {
            let len = (head.len() + tail.bytes.len()) as u64;
            out.extend_from_slice(&FrameHeader::new(opcode, len).encode());
            out.extend_from_slice(head);
            out.extend_from_slice(tail.bytes);
        });
        black_box(&driver.out);
    });
    peers::echo(group, work)
}

fn main() {
    let mut groups = Vec::new();
    for kind in ["binary", "ascii", "utf8"] {
        for (size, name) in SIZES {
            groups.push(drain(&workload(kind, size), kind, name));
        }
    }
    // Larger messages come in several reads: what they cost is in the groups above.
    for (size, name) in &SIZES[..4] {
        groups.push(echo(&workload("binary", *size), "binary", name));
    }
    benches::run(groups);
}

#[cfg(not(feature = "ws-frame-peers"))]
mod peers {
    use super::Workload;
    use benches::Group;

    pub fn drain(group: Group<'static>, _: &Workload) -> Group<'static> {
        group
    }

    pub fn echo(group: Group<'static>, _: &Workload) -> Group<'static> {
        group
    }
}

#[cfg(feature = "ws-frame-peers")]
mod peers {
    use super::{BATCH, READ, Workload};
    use benches::Group;
    use futures_core::Stream;
    use std::future::{Future, poll_fn};
    use std::hint::black_box;
    use std::io;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
    use ws_frame::OpCode;

    /// A socket in memory: gives the same bytes over and over, in reads of [`READ`], and takes
    /// what is written.
    struct Memory {
        wire: Vec<u8>,
        at: usize,
        written: Vec<u8>,
    }

    impl Memory {
        fn new(work: &Workload) -> Self {
            Self {
                wire: work.wire.clone(),
                at: 0,
                written: Vec::new(),
            }
        }

        fn take(&mut self, most: usize) -> &[u8] {
            let start = self.at % self.wire.len();
            let end = (start + most.min(READ)).min(self.wire.len());
            self.at = end;
            &self.wire[start..end]
        }
    }

    impl io::Read for Memory {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let read = self.take(buf.len());
            buf[..read.len()].copy_from_slice(read);
            Ok(read.len())
        }
    }

    impl io::Write for Memory {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.written.clear();
            self.written.extend_from_slice(buf);
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl AsyncRead for Memory {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let read = self.take(buf.remaining());
            buf.put_slice(read);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Memory {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(io::Write::write(&mut *self, buf))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Runs a future that never waits.
    fn now<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        match future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(output) => output,
            Poll::Pending => unreachable!("memory is always ready"),
        }
    }

    pub fn drain(group: Group<'static>, work: &Workload) -> Group<'static> {
        let messages = work.messages;

        // Decodes what lies whole in its buffer: a read is never less than a message.
        let wire = work.wire.clone();
        let read = READ.max(work.frame);
        let mut nexus = nexus_web::ws::FrameReader::builder()
            .role(nexus_web::ws::Role::Server)
            .buffer_capacity(2 * read + BATCH)
            .max_frame_size(16 << 20)
            .max_message_size(16 << 20)
            .build();
        let group = group.peer("nexus-web", move || {
            for chunk in wire.chunks(read) {
                nexus.read(chunk).unwrap();
                while let Some(message) = nexus.next().unwrap() {
                    black_box(&message);
                }
            }
        });

        let limits = tokio_websockets::Limits::default().max_payload_len(Some(16 << 20));
        let mut strict = tokio_websockets::ServerBuilder::new()
            .limits(limits)
            .serve(Memory::new(work));
        let group = group.peer("tokio-websockets", move || {
            now(async {
                for _ in 0..messages {
                    let message = poll_fn(|cx| Pin::new(&mut strict).poll_next(cx)).await;
                    black_box(message.unwrap().unwrap());
                }
            });
        });

        let mut tungstenite = tungstenite::WebSocket::from_raw_socket(
            Memory::new(work),
            tungstenite::protocol::Role::Server,
            None,
        );
        let group = group.peer("tungstenite", move || {
            for _ in 0..messages {
                black_box(tungstenite.read().unwrap());
            }
        });

        let mut fast = fastwebsockets::WebSocket::after_handshake(
            Memory::new(work),
            fastwebsockets::Role::Server,
        );
        let group = group.limit("fastwebsockets", move || {
            now(async {
                for _ in 0..messages {
                    black_box(&fast.read_frame().await.unwrap().payload[..]);
                }
            });
        });

        if work.opcode == OpCode::Text {
            // Does not check text.
            return group;
        }
        let mut web = web_socket::WebSocket::server(tokio::io::BufReader::with_capacity(
            READ,
            Memory::new(work),
        ));
        group.limit("web-socket", move || {
            now(async {
                for _ in 0..messages {
                    black_box(web.recv().await.unwrap());
                }
            });
        })
    }

    pub fn echo(group: Group<'static>, work: &Workload) -> Group<'static> {
        let messages = work.messages;

        let wire = work.wire.clone();
        let read = READ.max(work.frame);
        let mut nexus = nexus_web::ws::FrameReader::builder()
            .role(nexus_web::ws::Role::Server)
            .buffer_capacity(2 * read + BATCH)
            .max_frame_size(16 << 20)
            .max_message_size(16 << 20)
            .build();
        let mut writer = nexus_web::ws::FrameWriter::new(nexus_web::ws::Role::Server);
        let mut out = vec![0; 2 * work.wire.len()];
        let group = group.peer("nexus-web", move || {
            let mut written = 0;
            for chunk in wire.chunks(read) {
                nexus.read(chunk).unwrap();
                while let Some(message) = nexus.next().unwrap() {
                    if let nexus_web::ws::Message::Binary(bytes) = message {
                        written += writer.encode_binary(bytes, &mut out[written..]);
                    }
                }
            }
            black_box(&out);
        });

        let mut tungstenite = tungstenite::WebSocket::from_raw_socket(
            Memory::new(work),
            tungstenite::protocol::Role::Server,
            None,
        );
        group.peer("tungstenite", move || {
            for _ in 0..messages {
                let message = tungstenite.read().unwrap();
                tungstenite.write(message).unwrap();
            }
            tungstenite.flush().unwrap();
        })
    }
}
