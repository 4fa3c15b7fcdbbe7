//! What the two ends of a session do.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use bytes::Bytes;
use longwire::Error;
use longwire::ws::{self, Config, Deflate, Message, Side, Socket};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use ws_frame::{CloseCode, DataKind};

use super::faulty::{Faulty, Plan};

/// One thing that an end does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Adds a text of this many bytes.
    Text(usize),
    /// Adds a binary message.
    Binary(usize),
    Flush,
    /// Receives this many messages.
    Receive(usize),
    /// Sends this many pieces of 3,000 bytes as one message.
    SendPieces(usize),
    /// Receives one message in pieces.
    ReceivePieces,
    /// Takes one piece of a message and leaves the rest.
    LeavePieces,
    Ping,
    Close(u16, &'static str),
    /// Receives until the end.
    End,
}

use Step::{
    Binary, Close, End, Flush, LeavePieces, Ping, Receive, ReceivePieces, SendPieces, Text,
};

#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    ours: &'static [Step],
    peers: &'static [Step],
    deflate: bool,
    takeover: bool,
}

const fn script(name: &'static str, ours: &'static [Step], peers: &'static [Step]) -> Script {
    Script {
        name,
        ours,
        peers,
        deflate: false,
        takeover: false,
    }
}

const fn deflated(
    name: &'static str,
    takeover: bool,
    ours: &'static [Step],
    peers: &'static [Step],
) -> Script {
    Script {
        name,
        ours,
        peers,
        deflate: true,
        takeover,
    }
}

const BYE: Step = Close(1000, "");

pub(crate) const SCRIPTS: [Script; 22] = [
    script("we close at once", &[BYE, End], &[End]),
    script("the peer closes at once", &[End], &[BYE, End]),
    script("both close", &[BYE, End], &[BYE, End]),
    script("no code", &[Close(1005, ""), End], &[End]),
    script(
        "a code and a reason",
        &[End],
        &[Close(4000, "because"), End],
    ),
    script("we send", &[Text(5), Flush, BYE, End], &[Receive(1), End]),
    script(
        "we receive",
        &[Receive(1), BYE, End],
        &[Text(5), Flush, End],
    ),
    script(
        "back and forth",
        &[
            Text(7),
            Flush,
            Receive(1),
            Binary(7),
            Flush,
            Receive(1),
            BYE,
            End,
        ],
        &[
            Receive(1),
            Text(8),
            Flush,
            Receive(1),
            Binary(8),
            Flush,
            End,
        ],
    ),
    script(
        "empty messages",
        &[Text(0), Binary(0), Receive(2), BYE, End],
        &[Receive(2), Text(0), Binary(0), Flush, End],
    ),
    script(
        "many small ones",
        &[
            Text(1),
            Text(2),
            Text(3),
            Text(4),
            Text(5),
            Text(6),
            Text(7),
            Text(8),
            Flush,
            BYE,
            End,
        ],
        &[Receive(8), End],
    ),
    script(
        "we send much",
        &[Binary(70_000), Flush, BYE, End],
        &[Receive(1), End],
    ),
    script(
        "we receive much",
        &[Receive(1), BYE, End],
        &[Text(70_000), Flush, End],
    ),
    script(
        "both send much",
        &[Binary(70_000), Flush, Receive(1), BYE, End],
        &[Binary(70_000), Flush, Receive(1), End],
    ),
    script(
        "we close behind much",
        &[Binary(70_000), BYE, End],
        &[Receive(1), End],
    ),
    script(
        "the peer pings",
        &[Receive(1), BYE, End],
        &[Ping, Ping, Text(3), Ping, Flush, End],
    ),
    script(
        "we ping",
        &[Ping, Flush, Receive(1), BYE, End],
        &[Text(3), Flush, End],
    ),
    script(
        "we send pieces",
        &[SendPieces(4), Text(3), Flush, BYE, End],
        &[Receive(2), End],
    ),
    script(
        "we receive pieces",
        &[ReceivePieces, Receive(1), BYE, End],
        &[SendPieces(4), Text(3), Flush, End],
    ),
    script(
        "we leave a message",
        &[LeavePieces, Receive(1), BYE, End],
        &[SendPieces(4), Text(3), Flush, End],
    ),
    deflated(
        "compressed",
        false,
        &[Text(5_000), Flush, Receive(2), BYE, End],
        &[Receive(1), Text(5_000), Text(10), Flush, End],
    ),
    deflated(
        "compressed with takeover",
        true,
        &[Text(5_000), Text(5_000), Flush, Receive(2), BYE, End],
        &[Receive(2), Text(6_000), Text(6_000), Flush, End],
    ),
    deflated(
        "much, compressed, in pieces",
        false,
        &[ReceivePieces, BYE, End],
        &[Binary(90_000), Flush, End],
    ),
];

/// What an end has seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    messages: Vec<Message>,
    /// The close code, once the connection has ended.
    code: Option<u16>,
    /// Whether the script came to its end without an error.
    pub(crate) whole: bool,
}

impl Seen {
    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.messages.starts_with(&other.messages)
            && other
                .code
                .is_none_or(|code| Some(code) == self.code || code == 1006)
    }
}

/// Runs both ends.
pub(crate) async fn session(script: &Script, plan: &Plan, we_are_client: bool) -> (Seen, Seen) {
    let (one, other) = duplex(16 * 1024);
    let faulty = Faulty {
        io: one,
        plan: plan.clone(),
    };
    let none = Plan::without_fault();
    let mut config = Config::default();
    if script.deflate {
        let mut negotiable = ws_deflate::Config::new();
        if script.takeover {
            let context = ws_deflate::Context::with_takeover(ws_deflate::WindowBits::MAX);
            negotiable = negotiable.own(context).peer(context);
        }
        config = config.deflate(Some(Deflate::new().negotiable(negotiable)));
    }
    if we_are_client {
        let (ours, peer) = ws::pair_on(config, faulty, other);
        tokio::join!(
            play(ours, script.ours, plan),
            play(peer, script.peers, &none)
        )
    } else {
        let (peer, ours) = ws::pair_on(config, other, faulty);
        tokio::join!(
            play(ours, script.ours, plan),
            play(peer, script.peers, &none)
        )
    }
}

async fn play<Io, S>(mut socket: Socket<Io, S>, steps: &[Step], plan: &Plan) -> Seen
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Side,
{
    let mut seen = Seen::default();
    let played = async {
        for step in steps {
            take(*step, &mut socket, &mut seen, plan).await?;
        }
        Ok::<_, Error>(())
    };
    seen.whole = match played.await {
        Ok(()) => true,
        Err(_) => {
            // The error is said once; then it is over.
            assert!(seen.code.is_some() || ends(&mut socket, &mut seen).await);
            false
        }
    };
    seen
}

/// Whether the socket comes to its end.
async fn ends<Io, S>(socket: &mut Socket<Io, S>, seen: &mut Seen) -> bool
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Side,
{
    let _ = socket.close(CloseCode::NORMAL, "");
    while let Some(message) = socket.recv().await {
        if let Ok(message) = message {
            seen.messages.push(message);
        }
    }
    true
}

/// Makes a call, and makes it again when the plan cancels it.
macro_rules! call {
    ($plan:expr, $call:expr) => {
        loop {
            let mut call = pin!($call);
            let polled = poll_fn(|cx| match call.as_mut().poll(cx) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if $plan.cancels() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            if let Some(done) = polled.await {
                break done;
            }
        }
    };
}

async fn take<Io, S>(
    step: Step,
    socket: &mut Socket<Io, S>,
    seen: &mut Seen,
    plan: &Plan,
) -> Result<(), Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Side,
{
    match step {
        Text(len) => call!(
            plan,
            socket.feed("0123456789".repeat(len / 10 + 1)[..len].to_owned())
        ),
        Binary(len) => call!(plan, socket.feed(bytes(len))),
        Flush => call!(plan, socket.flush()),
        Ping => socket.ping(b"ping"),
        Close(code, reason) => {
            let code = CloseCode::new(code).unwrap_or(CloseCode::NO_STATUS);
            match socket.close(code, reason) {
                // The peer was first.
                Ok(()) | Err(Error::Closed) => Ok(()),
                Err(error) => Err(error),
            }
        }
        Receive(count) => {
            for _ in 0..count {
                let message = call!(plan, socket.recv()).ok_or(Error::Closed)?;
                seen.messages.push(message?);
            }
            Ok(())
        }
        End => {
            while let Some(message) = call!(plan, socket.recv()) {
                seen.messages.push(message?);
            }
            seen.code = Some(socket.closed().code().get());
            Ok(())
        }
        SendPieces(count) => {
            let mut writer = socket.send_streamed(DataKind::Binary);
            for _ in 0..count {
                call!(plan, writer.write(bytes(3_000)))?;
            }
            // A cancelled `finish` has consumed the writer.
            writer.finish().await
        }
        ReceivePieces => {
            let mut reader = socket.recv_streamed().await.ok_or(Error::Closed)??;
            let mut whole = Vec::new();
            let owned = |piece: Option<Result<&[u8], Error>>| piece.map(|p| p.map(<[u8]>::to_vec));
            while let Some(piece) = call!(plan, async { owned(reader.piece().await) }) {
                whole.extend_from_slice(&piece?);
            }
            seen.messages.push(Message::Binary(whole.into()));
            Ok(())
        }
        LeavePieces => {
            let mut reader = socket.recv_streamed().await.ok_or(Error::Closed)??;
            let first = reader.piece().await.ok_or(Error::Closed)??;
            assert!(!first.is_empty());
            Ok(())
        }
    }
}

fn bytes(len: usize) -> Bytes {
    (0..len).map(|i| (i % 251).to_le_bytes()[0]).collect()
}
