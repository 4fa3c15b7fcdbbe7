//! A WebSocket on a byte stream.
//!
//! ```text
//!   io ─▶ ReadBuffer ─▶ Connection ─▶ message, where it lies or joined ─▶ recv
//!   io ◀─ Batch ◀────── Connection ◀─ Queue (large messages, by fragments) ◀─ send
//! ```
//!
//! `input` takes messages off what was read, `output` makes frames of what is sent, `clock` knows
//! when it is time for something, and `drive` does the IO and asks the other three.

mod clock;
mod drive;
mod input;
mod output;
mod recv;

use core::future::{Future, poll_fn};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use ws_frame::{CloseCode, CloseReason, Connection, DataKind, Server, Side, State};

use self::clock::Clock;
pub(super) use self::drive::{CHOKED, Until};
use self::input::Joined;
pub(super) use self::input::{Lent, Take};
pub(super) use self::output::Output;
use self::recv::{Recv, RecvRef};
use super::{Agreed, Config, Message, Outbound, Outbox, Received, Session, WhenFull};
use crate::Error;
use crate::buffer::{ReadBuffer, SOFT_LIMIT};

/// One end of a WebSocket on `Io`, the server's or the [`Client`](super::Client)'s.
///
/// At rest it owns no buffer. Pings are answered, a quiet peer is pinged, and what waits is
/// written, while [`recv`](Self::recv) is polled: keep receiving, be it in one half of a
/// [split](Self::into_split) socket, or as a [`Stream`](futures_core::Stream).
///
/// What waits to be written is bounded: above 64 KiB senders wait, or what [`Config::when_full`]
/// says; above 192 KiB, be it of pongs, nothing more is read; above 256 KiB
/// [`try_send`](Self::try_send) fails. Messages of
/// more than 64 KiB go out in fragments, of which one at a time stands in front of a pong. A
/// server sends large [`Bytes`](bytes::Bytes) without copying them, a client masks them where they
/// lie if nobody else holds them.
#[derive(Debug)]
pub struct Socket<Io, S = Server> {
    io: Io,
    pub(super) output: Output<S>,
    read: ReadBuffer,
    joined: Option<Box<Joined>>,
    config: Arc<Config>,
    clock: Clock,
    /// Why the connection failed, until it is said.
    failed: Option<Box<Error>>,
    /// What was taken while a sender waited.
    ready: Option<Lent>,
    /// Bytes thrown away after the closing handshake.
    ignored: u32,
    /// Whether the connection has nothing more to say about what was read.
    drained: bool,
    /// Whether what lies in `joined` was handed out.
    lent_joined: bool,
    /// Whether the message that is being received is handed out in pieces.
    in_pieces: bool,
    /// Whether the rest of the message that was handed out in pieces is skipped.
    skipping: bool,
    /// Whether the socket was given bytes since it was last flushed.
    unflushed: bool,
    /// Whether messages were lost because the connection ended before they were sent.
    lost: bool,
    /// Whether the peer's side of the stream has ended.
    eof: bool,
    /// Whether our side of the stream has ended.
    shut: bool,
    /// Whether nothing more is to be done.
    ended: bool,
}

impl<Io> Socket<Io> {
    /// Takes over after the handshake: `unused` came behind the request's head, and `response` is
    /// still to be written.
    pub(crate) fn accepted(
        io: Io,
        unused: ReadBuffer,
        response: &[u8],
        config: Arc<Config>,
    ) -> Self {
        let connection = Connection::server(config.frames.with_compression(false));
        let mut socket = Self::new(io, connection, unused, config);
        if !response.is_empty() {
            socket.output.batch.push(response);
        }
        socket
    }

    /// Goes by what the handshake agreed on.
    pub(crate) fn agreed(mut self, agreed: Agreed) -> Self {
        let frames = self.config.frames.with_compression(agreed.compression());
        self.output.connection = Connection::server(frames);
        self.output.agreed(agreed);
        self
    }
}

#[cfg(feature = "client")]
impl<Io> Socket<Io, super::Client> {
    /// Takes over after the handshake: `unused` came behind the response's head, and `agreed` is
    /// what was made of the extensions in it.
    pub(crate) fn connected(
        io: Io,
        unused: ReadBuffer,
        config: Arc<Config>,
        agreed: Agreed,
    ) -> Self {
        let frames = config.frames.with_compression(agreed.compression());
        let connection = Connection::client(frames, super::MaskKeys);
        let mut socket = Self::new(io, connection, unused, config);
        socket.output.agreed(agreed);
        socket
    }
}

impl<Io, S: Side> Socket<Io, S> {
    fn new(io: Io, connection: Connection<S>, unused: ReadBuffer, config: Arc<Config>) -> Self {
        Self {
            io,
            output: Output::new(connection),
            read: unused,
            joined: None,
            clock: Clock::new(&config),
            config,
            failed: None,
            ready: None,
            ignored: 0,
            drained: false,
            lent_joined: false,
            in_pieces: false,
            skipping: false,
            unflushed: false,
            lost: false,
            eof: false,
            shut: false,
            ended: false,
        }
    }

    /// How far the connection is: what one half changes here concerns the other.
    pub(super) fn stage(&self) -> (State, bool, bool) {
        (self.output.connection.state(), self.ended, self.lost)
    }

    pub(super) fn when_full(&self) -> WhenFull {
        self.config.when_full
    }

    pub(super) fn add(&mut self, message: Outbound<'_>) -> Result<(), Error> {
        self.output.send(&self.config, message)
    }

    pub(super) fn try_add(&mut self, message: Outbound<'_>) -> Result<(), Error> {
        self.output.try_send(&self.config, message)
    }

    pub(super) fn add_piece(
        &mut self,
        kind: DataKind,
        begun: bool,
        end: bool,
        piece: Bytes,
    ) -> Result<(), Error> {
        self.output
            .push_piece(&self.config, kind, begun, end, piece)
    }

    /// Bytes of frames and messages that wait to be written.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.output.len()
    }

    /// Messages dropped for lack of room, by [`WhenFull::Drop`] and [`WhenFull::Latest`].
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.output.dropped
    }

    /// How the connection ended: the code and reason of the peer's close frame, 1005 if it had
    /// none, 1006 as long as no close frame has come.
    pub fn closed(&self) -> CloseReason {
        self.output.connection.close_reason()
    }

    /// The byte stream underneath. Whoever reads or writes it breaks the connection.
    pub const fn io(&self) -> &Io {
        &self.io
    }

    /// Begins the closing handshake, behind what waits; `reason` is cut at 123 bytes. Then
    /// [`recv`](Self::recv) until `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if closing has begun already or `code` is not one to send.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.output.close(code, reason)
    }

    /// Sends a ping with `payload`, at most 125 bytes, with what is written next. Quiet peers are
    /// pinged without it; the answer is a sign of life and is not handed out.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once closing has begun or if `payload` is too long.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.output.ping(payload)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Socket<Io, S> {
    /// Receives the next message; `None` after the connection was closed by both sides, or its
    /// stream ended: [`closed`](Self::closed) then says how. Before it waits, all that waits is
    /// written, so that answers to messages that came together leave together.
    ///
    /// # Errors
    ///
    /// [`Error`]: the connection has failed; the next call returns `None`.
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub fn recv(&mut self) -> impl Future<Output = Option<Result<Message, Error>>> {
        Recv(self)
    }

    /// Receives the next message like [`recv`](Self::recv), and lends it where it lies.
    ///
    /// # Errors
    ///
    /// [`Error`]: the connection has failed; the next call returns `None`.
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub fn recv_ref(&mut self) -> impl Future<Output = Option<Result<Received<'_>, Error>>> {
        RecvRef(Some(self))
    }

    /// Sends a message, and waits until all of it, and what waited before, is written. Pings are
    /// answered meanwhile, and one message is taken in ahead. Under a policy other than
    /// [`WhenFull::Wait`] it does not wait.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once closing has begun, [`Error::Full`] under [`WhenFull::Fail`],
    /// [`Error::Unfinished`] amid a message that is [sent in pieces](Self::send_streamed),
    /// [`Error::Io`], [`Error::Stalled`].
    ///
    /// # Cancel safety
    ///
    /// While there is no room, a cancelled call drops the message; after that it is in the buffer,
    /// and goes out with the next call of any kind. Use [`feed`](Self::feed) and
    /// [`flush`](Self::flush) to tell the two apart.
    pub async fn send<'a>(&mut self, message: impl Into<Outbound<'a>>) -> Result<(), Error> {
        self.feed(message).await?;
        if self.config.when_full == WhenFull::Wait {
            return self.flush().await;
        }
        self.write_now()
    }

    /// Waits for room and adds a message to what waits to be written. It goes out with the next
    /// [`flush`](Self::flush), or when [`recv`](Self::recv) has no message at hand: messages fed
    /// between two such moments leave in one write.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// A cancelled call drops the message, of which nothing was sent.
    pub fn feed<'a>(
        &mut self,
        message: impl Into<Outbound<'a>>,
    ) -> impl Future<Output = Result<(), Error>> {
        // Not an `async fn`: that would move the message about more often.
        let mut message = Some(message.into());
        poll_fn(move |cx| {
            if let Some(small) = &message
                && !self.ended
                && self.output.add_small(small)
            {
                message = None;
                return Poll::Ready(Ok(()));
            }
            self.poll_feed(cx, &mut message)
        })
    }

    /// What [`feed`](Self::feed) does when there is more to it than to append a frame.
    #[inline(never)]
    fn poll_feed(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Outbound<'_>>,
    ) -> Poll<Result<(), Error>> {
        core::task::ready!(self.poll_output(cx, Until::Room, true))?;
        Poll::Ready(message.take().map_or(Ok(()), |message| self.add(message)))
    }

    /// Waits until all that waits is written. Pings are answered meanwhile, and one message is
    /// taken in ahead.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Stalled`]; [`Error::Closed`] if the connection ended before.
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_output(cx, Until::Flushed, true)).await
    }

    /// Adds a message and writes what the socket takes, without waiting, whatever the policy. The
    /// rest goes out with the next call of any kind.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] if 256 KiB or more wait already; else as of [`send`](Self::send).
    pub fn try_send<'a>(&mut self, message: impl Into<Outbound<'a>>) -> Result<(), Error> {
        self.try_add(message.into())?;
        self.write_now()
    }

    fn write_now(&mut self) -> Result<(), Error> {
        // Nobody else polls this socket: the next call registers its own waker.
        match self.poll_write(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(written) => written,
            Poll::Pending => Ok(()),
        }
    }
}

/// What a socket without a session has to say.
pub(super) fn nothing_due<S>(_: &mut Context<'_>, _: &mut Outbox<'_, S>, _: bool) -> Poll<()> {
    Poll::Pending
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Socket<Io> {
    /// Lets `session` speak on this connection until it is closed, and returns how it was.
    ///
    /// # Errors
    ///
    /// [`Error`]: the connection has failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub fn run<T: Session>(
        mut self,
        mut session: T,
    ) -> impl Future<Output = Result<CloseReason, Error>> {
        // Not an `async fn`: that would hold its arguments twice.
        poll_fn(move |cx| self.poll_run(cx, &mut session))
    }

    /// One step of [`run`](Self::run).
    pub(crate) fn poll_run<T: Session>(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut T,
    ) -> Poll<Result<CloseReason, Error>> {
        loop {
            self.each_whole(SOFT_LIMIT, |message, out| session.receive(message, out));
            let due = |cx: &mut Context<'_>, out: &mut Outbox<'_>, quiet| {
                if quiet {
                    session.quiet(out);
                    return Poll::Ready(());
                }
                session.poll_fill(cx, out)
            };
            let Some(lent) =
                core::task::ready!(self.poll_take(cx, Take::Messages, SOFT_LIMIT, due))?
            else {
                return Poll::Ready(Ok(self.output.connection.receive_eof()));
            };
            self.receive(lent, session);
        }
    }

    /// Hands over what came in pieces. Not inlined, so that [`Session::receive`] is, where it is
    /// called for every message.
    #[inline(never)]
    fn receive<T: Session>(&mut self, lent: Lent, session: &mut T) {
        let (message, output, config) = self.lent_and_output(lent);
        session.receive(message, &mut Outbox { output, config });
    }
}
