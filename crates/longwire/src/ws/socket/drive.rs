//! Reading, writing and keeping time, until what was waited for is there.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use ws_frame::{CloseCode, Side, State};

use super::Socket;
use super::clock::{Due, Situation};
use super::input::{Lent, Take};
use crate::Error;
use crate::ws::{Outbox, WhenFull};

/// Bytes read and thrown away after the closing handshake, at most, while the end of the peer's
/// stream is awaited. A client whose message is refused at its header goes on sending it before it
/// reads why; were the socket closed meanwhile, it would never read it.
const LINGER: u32 = 64 << 20;

/// Nothing is read while this much waits to be written: 64 KiB for which senders need not wait, a
/// message that found room just before, and as much of pongs. Were it less, two ends that both send
/// would both wait for the other to read.
pub(in crate::ws) const CHOKED: usize = 192 * 1024;

/// What a sender waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) enum Until {
    /// There is room for a message.
    Room,
    /// All is written.
    Flushed,
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Socket<Io, S> {
    /// Writes, reads, lets `due` send, and keeps time, until something is there to hand out or the
    /// connection has ended. `due` is told whether it is asked before a ping. Nothing is taken off
    /// what was read while `limit` bytes wait to be written.
    pub(in crate::ws) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        take: Take,
        limit: usize,
        mut due: impl FnMut(&mut Context<'_>, &mut Outbox<'_, S>, bool) -> Poll<()>,
    ) -> Poll<Result<Option<Lent>, Error>> {
        loop {
            if let Some(lent) = self.ready.take() {
                return Poll::Ready(Ok(Some(lent)));
            }
            // All that one read brought is answered in one write, and while much waits to be
            // written nothing is read: a peer that never reads cannot make us grow.
            if self.output.batch.len() < limit
                && let Some(lent) = self.next(take)
            {
                return Poll::Ready(Ok(Some(lent)));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            let blocked = self.poll_write(cx)?.is_pending();
            if self.output.connection.state() == State::Closed && !blocked {
                ready!(self.poll_end(cx));
                self.ended = true;
                return Poll::Ready(self.failed.take().map_or(Ok(None), |error| Err(*error)));
            }
            if self.poll_more(cx, limit)?.is_ready() {
                continue;
            }
            if !blocked && self.output.connection.state() == State::Open {
                let Self { output, config, .. } = self;
                if due(cx, &mut Outbox { output, config }, false).is_ready() {
                    continue;
                }
            }
            if ready!(self.poll_clock(cx, blocked))? {
                let Self { output, config, .. } = self;
                let _ = due(cx, &mut Outbox { output, config }, true);
                let _ = self.output.ping(b"");
            }
        }
    }

    /// Writes until there is room, or nothing is left to write. With `ahead`, pings are answered
    /// meanwhile, until a message is there that somebody must take first.
    pub(in crate::ws) fn poll_output(
        &mut self,
        cx: &mut Context<'_>,
        until: Until,
        ahead: bool,
    ) -> Poll<Result<(), Error>> {
        loop {
            if self.ended {
                return Poll::Ready(Err(Error::Closed));
            }
            let has_room = self.output.has_room() || self.config.when_full != WhenFull::Wait;
            if until == Until::Room {
                self.output.check_open()?;
            }
            if until == Until::Room && has_room {
                return Poll::Ready(Ok(()));
            }
            let written = self.poll_write(cx)?;
            if core::mem::take(&mut self.lost) {
                return Poll::Ready(Err(Error::Closed));
            }
            if written.is_ready() {
                return Poll::Ready(Ok(()));
            }
            if until == Until::Room && self.output.has_room() {
                continue;
            }
            if ahead && self.ready.is_none() && self.output.batch.len() < CHOKED {
                self.ready = self.next(Take::Messages);
                if self.poll_more(cx, CHOKED)?.is_ready() || self.poll_write(cx)?.is_ready() {
                    continue;
                }
            }
            let _ = ready!(self.poll_clock(cx, true))?;
        }
    }

    /// Hands frames to the socket until none is left.
    pub(in crate::ws) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.poll_io_write(cx) {
            Poll::Ready(Err(_)) if self.eof => {
                // Nobody is there any more; how the connection ended is known.
                self.output.clear();
                self.unflushed = false;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.end(error.into()))),
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_io_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let open = self.output.connection.state() == State::Open;
            // Only that the connection is over can keep a frame from being made.
            if (!open || self.output.pump(&self.config).is_err()) && self.output.abandon() {
                self.lost = true;
            }
            if self.output.batch.is_empty() {
                break;
            }
            ready!(self.output.batch.poll_write(&mut self.io, cx))?;
            self.unflushed = true;
            self.clock.progressed();
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
            self.clock.progressed();
        }
        Poll::Ready(Ok(()))
    }

    /// Ready once more was read, if anything is to be read.
    fn poll_more(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<Result<(), Error>> {
        let choked = self.output.batch.len() >= limit;
        if self.eof || !self.read.is_empty() || choked || self.ready.is_some() {
            return Poll::Pending;
        }
        match ready!(self.read.poll_fill(&mut self.io, cx)) {
            Ok(0) => {
                let _ = self.output.connection.receive_eof();
                self.eof = true;
            }
            Ok(_) => {
                self.drained = false;
                if self.clock.heard() {
                    self.output.connection.refill_control_budget();
                    self.output.connection.refill_fragment_budget();
                }
            }
            Err(error) => return Poll::Ready(Err(self.end(error.into()))),
        }
        Poll::Ready(Ok(()))
    }

    /// Ready with `true` when it is time for a ping, and with `false` when it was time for
    /// something else that is now done.
    fn poll_clock(&mut self, cx: &mut Context<'_>, blocked: bool) -> Poll<Result<bool, Error>> {
        let connection = &self.output.connection;
        let situation = Situation {
            blocked,
            state: connection.state(),
            receiving: connection.is_receiving_message() && !self.in_pieces,
            active: core::mem::take(&mut self.output.active),
        };
        let error = match ready!(self.clock.poll(cx, &self.config, situation)) {
            Due::Ping => return Poll::Ready(Ok(true)),
            Due::Idle => {
                let _ = self.output.close(CloseCode::GOING_AWAY, "idle");
                return Poll::Ready(Ok(false));
            }
            Due::Overdue => {
                self.output.fail(CloseCode::POLICY_VIOLATION);
                self.failed = Some(Box::new(Error::Overdue));
                return Poll::Ready(Ok(false));
            }
            Due::Silent => Error::Silent,
            Due::Stalled => Error::Stalled,
        };
        Poll::Ready(Err(self.end(error)))
    }

    /// Ends the connection at once.
    fn end(&mut self, error: Error) -> Error {
        let _ = self.output.connection.receive_eof();
        self.output.clear();
        self.read.keep(0);
        self.failed = None;
        self.ended = true;
        error
    }

    /// Ends the stream. A server ends its side, then waits for the peer's: closing a socket with
    /// unread bytes would reset it, and the peer might lose our last frame. A client waits for the
    /// server first. How the stream ends matters no more: the closing handshake is over.
    //= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
    //# the server MUST close the underlying TCP connection
    //= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
    //# the client SHOULD wait for the server to close the connection
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self.clock.poll_closing(cx, &self.config).is_ready();
        if !self.output.connection.is_client() {
            ready!(self.poll_shutdown(cx, over));
        }
        self.forget();
        self.read.keep(0);
        while !over && !self.eof {
            match ready!(self.read.poll_fill(&mut self.io, cx)) {
                Ok(len @ 1..) if self.ignored < LINGER => {
                    self.ignored = self
                        .ignored
                        .saturating_add(u32::try_from(len).unwrap_or(LINGER));
                    self.read.keep(0);
                }
                _ => self.eof = true,
            }
        }
        self.read.keep(0);
        self.poll_shutdown(cx, over)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, over: bool) -> Poll<()> {
        if !self.shut {
            let polled = Pin::new(&mut self.io).poll_shutdown(cx);
            if polled.is_pending() && !over {
                return Poll::Pending;
            }
            self.shut = true;
        }
        Poll::Ready(())
    }
}
