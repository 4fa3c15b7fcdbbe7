//! A WebSocket on a byte stream.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use resume::{Keepalive, Pulse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use ws_frame::{
    Assembler, CloseCode, CloseReason, Connection, ConnectionError, DataKind, Event, SendError,
    Server, Side, State,
};

use super::{Agreed, Config, Message, Outbox, Received, Session};
use crate::Error;
use crate::buffer::{Batch, ReadBuffer};
use crate::clock::Timer;

/// Bytes read and thrown away after the closing handshake, at most, while the end of the peer's
/// stream is awaited. A client whose message is refused at its header goes on sending it before it
/// reads why; were the socket closed meanwhile, it would never read it.
const LINGER: usize = 64 << 20;
/// The time for which the budget of [`ws_frame::Limits::control_budget`] is meant.
const BUDGET_PERIOD: Duration = Duration::from_secs(10);

/// One end of a WebSocket on `Io`, the server's or the [`Client`](super::Client)'s. At rest it
/// owns no buffer.
#[derive(Debug)]
pub struct Socket<Io, S = Server> {
    io: Io,
    connection: Connection<S>,
    assembler: Assembler,
    read: ReadBuffer,
    batch: Batch,
    config: Arc<Config>,
    timer: Timer,
    /// What the times of `keepalive` count from.
    started: Instant,
    keepalive: Keepalive,
    /// When the peer last took bytes.
    progress: Instant,
    /// When the budget of control frames was last refilled.
    refilled: Instant,
    /// When closing began.
    closing: Option<Instant>,
    /// Why the connection failed.
    failed: Option<ConnectionError>,
    /// Whether our side of the stream has ended.
    shut: bool,
    /// Bytes thrown away since.
    ignored: usize,
}

/// Where the message lies that was received last.
#[derive(Clone, Copy, Debug)]
enum Lent {
    /// In the read buffer: this many bytes before the unused ones.
    Read(DataKind, usize),
    Joined,
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
        let mut socket = Self::new(io, Connection::server(config.frames), unused, config);
        socket.batch.push(response);
        socket
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
        let connection = Connection::client(config.frames, super::MaskKeys);
        Self::new(io, connection, unused, config).agreed(agreed)
    }
}

impl<Io, S: Side> Socket<Io, S> {
    fn new(io: Io, connection: Connection<S>, unused: ReadBuffer, config: Arc<Config>) -> Self {
        let now = Instant::now();
        let keepalive = Keepalive::pinging(config.ping_after, config.pong_within, Duration::ZERO);
        let max_message = config.frames.limits().max_message();
        Self {
            io,
            connection,
            assembler: Assembler::new(usize::try_from(max_message).unwrap_or(usize::MAX)),
            read: unused,
            batch: Batch::new(),
            config,
            timer: Timer::default(),
            started: now,
            keepalive,
            progress: now,
            refilled: now,
            closing: None,
            failed: None,
            shut: false,
            ignored: 0,
        }
    }

    /// Goes by what the handshake agreed on.
    pub(crate) fn agreed(self, agreed: Agreed) -> Self {
        let _ = agreed;
        self
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.batch.len()
    }

    /// Makes the message received last the caller's own.
    fn take(&mut self, lent: Lent) -> Message {
        match lent {
            Lent::Read(kind, len) => Received::new(kind, self.read.used(len)).to_owned(),
            Lent::Joined => match self.assembler.take_text() {
                Some(text) => Message::Text(text),
                None => Message::Binary(self.assembler.take_bytes().into()),
            },
        }
    }

    /// Takes messages off the bytes that were read, until one is whole.
    fn next_message(&mut self) -> Option<Lent> {
        self.read.release();
        while !self.read.is_empty() {
            let mut input = self.read.unused_mut();
            let event = self.connection.next_event(&mut input, self.batch.out());
            let left = input.len();
            let message = match event {
                Ok(Some(Event::Data(data))) if data.start && data.end => {
                    Some(Lent::Read(data.kind, data.bytes.len()))
                }
                Ok(Some(Event::Data(data))) => match self.assembler.push(data) {
                    Ok(whole) => whole.then_some(Lent::Joined),
                    // The connection has the same limit and ends there first.
                    Err(_) => None,
                },
                Ok(_) => None,
                Err(error) => {
                    self.failed = Some(error);
                    None
                }
            };
            self.read.lend(left);
            if message.is_some() {
                self.batch.settle();
                return message;
            }
            self.read.release();
        }
        self.batch.settle();
        None
    }
}

/// Builds the borrow of the message received last.
fn received<'a>(read: &'a ReadBuffer, assembler: &'a Assembler, lent: Lent) -> Received<'a> {
    match lent {
        Lent::Read(kind, len) => Received::new(kind, read.used(len)),
        Lent::Joined => match assembler.message() {
            ws_frame::Message::Text(text) => Received::Text(text),
            ws_frame::Message::Binary(bytes) => Received::Binary(bytes),
        },
    }
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
    pub fn run<S: Session>(
        mut self,
        mut session: S,
    ) -> impl Future<Output = Result<CloseReason, Error>> {
        // Not an `async fn`: that would hold its arguments twice.
        poll_fn(move |cx| self.poll_run(cx, &mut session))
    }

    /// One step of [`run`](Self::run).
    pub(crate) fn poll_run<S: Session>(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut S,
    ) -> Poll<Result<CloseReason, Error>> {
        loop {
            let fill = |cx: &mut Context<'_>, out: &mut Outbox<'_>, quiet| {
                if quiet {
                    session.quiet(out);
                    return Poll::Ready(());
                }
                session.poll_fill(cx, out)
            };
            let Some(lent) = ready!(self.poll_message(cx, fill))? else {
                return Poll::Ready(Ok(self.closed()));
            };
            let Self {
                connection,
                assembler,
                read,
                batch,
                ..
            } = self;
            session.receive(
                received(read, assembler, lent),
                &mut Outbox { connection, batch },
            );
            if let Lent::Joined = lent {
                drop(self.assembler.take_bytes());
            }
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Socket<Io, S> {
    /// Receives the next message; `None` after the connection was closed by both sides, or its
    /// stream ended. Pings are answered and sent, and what waits is written, while this is polled.
    ///
    /// # Errors
    ///
    /// [`Error`]: the connection has failed; the next call returns `None`.
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        let nothing_due = |_: &mut Context<'_>, _: &mut Outbox<'_, S>, _| Poll::Pending;
        let lent = poll_fn(|cx| self.poll_message(cx, nothing_due)).await;
        match lent {
            Ok(Some(lent)) => Some(Ok(self.take(lent))),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Sends a message, and waits until all of it, and what waited before, is written.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once closing has begun, [`Error::Io`].
    ///
    /// # Cancel safety
    ///
    /// A cancelled call leaves the message in the buffer: it goes out with the next call of any
    /// kind.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let message = message.into();
        self.connection
            .send(message.outbound(), self.batch.out())
            .map_err(|_: SendError| Error::Closed)?;
        poll_fn(|cx| self.poll_write(cx)).await.map_err(Error::from)
    }

    /// Begins the closing handshake; `reason` is cut at 123 bytes. Then [`recv`](Self::recv) until
    /// `None`.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if closing has begun already or `code` is not one to send.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.connection
            .close(code, reason, self.batch.out())
            .map_err(|_| Error::Closed)
    }

    /// How the connection ended, once [`recv`](Self::recv) returned `None`: the peer's code and
    /// reason, 1006 if none came.
    pub fn closed(&mut self) -> CloseReason {
        self.connection.receive_eof()
    }

    /// Writes, reads, lets `due` send, and keeps time, until a message is there or the connection
    /// has ended.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        mut due: impl FnMut(&mut Context<'_>, &mut Outbox<'_, S>, bool) -> Poll<()>,
    ) -> Poll<Result<Option<Lent>, Error>> {
        loop {
            // All that one read brought is answered in one write, and while much waits to be
            // written nothing is read: a peer that never reads cannot make us grow.
            if !self.batch.is_full()
                && let Some(lent) = self.next_message()
            {
                return Poll::Ready(Ok(Some(lent)));
            }
            let blocked = self.poll_write(cx)?.is_pending();
            if self.connection.state() == State::Closed && !blocked {
                ready!(self.poll_end(cx))?;
                return Poll::Ready(
                    self.failed
                        .take()
                        .map_or(Ok(None), |error| Err(error.into())),
                );
            }
            if self.read.is_empty()
                && !self.batch.is_full()
                && let Poll::Ready(len) = self.poll_read(cx)?
            {
                if len == 0 {
                    let _ = self.connection.receive_eof();
                    self.shut = true;
                    self.ignored = LINGER;
                }
                continue;
            }
            if !blocked && self.connection.state() == State::Open {
                let Self {
                    connection, batch, ..
                } = self;
                if due(cx, &mut Outbox { connection, batch }, false).is_ready() {
                    continue;
                }
            }
            ready!(self.poll_clock(cx, blocked))?;
            let Self {
                connection, batch, ..
            } = self;
            let _ = due(cx, &mut Outbox { connection, batch }, true);
            self.connection
                .send_ping(b"", self.batch.out())
                .map_err(|_| Error::Closed)?;
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.batch.is_empty() {
            ready!(self.batch.poll_write(&mut self.io, cx))?;
            self.progress = Instant::now();
        }
        // TLS may have taken more than its own socket did.
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let len = ready!(self.read.poll_fill(&mut self.io, cx))?;
        let now = Instant::now();
        self.keepalive.heard(now - self.started);
        if now - self.refilled >= BUDGET_PERIOD {
            self.refilled = now;
            self.connection.refill_control_budget();
        }
        Poll::Ready(Ok(len))
    }

    /// Ready when it is time for a ping, an error when the time is up.
    fn poll_clock(&mut self, cx: &mut Context<'_>, blocked: bool) -> Poll<Result<(), Error>> {
        let config = &self.config;
        if blocked {
            ready!(self.timer.poll(cx, self.progress + config.write_deadline));
            return Poll::Ready(Err(Error::Stalled));
        }
        if self.connection.state() == State::CloseSent {
            let since = *self.closing.get_or_insert_with(Instant::now);
            ready!(self.timer.poll(cx, since + config.close_within));
            return Poll::Ready(Err(Error::Silent));
        }
        loop {
            match self.keepalive.poll(self.started.elapsed()) {
                Pulse::Ping => return Poll::Ready(Ok(())),
                Pulse::Wait { until } => ready!(self.timer.poll(cx, self.started + until)),
                _ => return Poll::Ready(Err(Error::Silent)),
            }
        }
    }

    /// Ends our side, then waits for the peer's: closing a socket with unread bytes would reset
    /// it, and the peer might lose our last frame.
    //= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
    //# the server MUST close the underlying TCP connection
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let since = *self.closing.get_or_insert_with(Instant::now);
        if self
            .timer
            .poll(cx, since + self.config.close_within)
            .is_ready()
        {
            return Poll::Ready(Ok(()));
        }
        if !self.shut {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.shut = true;
        }
        self.read.keep(0);
        while self.ignored < LINGER {
            match ready!(self.read.poll_fill(&mut self.io, cx)) {
                Ok(0) => break,
                Ok(len) => self.ignored += len,
                // The closing handshake is over: how the stream ends no longer matters.
                Err(_) => break,
            }
            self.read.keep(0);
        }
        Poll::Ready(Ok(()))
    }
}
