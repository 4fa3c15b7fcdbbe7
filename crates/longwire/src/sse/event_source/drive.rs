//! What an EventSource does, step by step.
//!
//! # Theory of operation
//!
//! What happens next is decided by types without IO: [`Verdict`](sse_parse::Verdict) says what a
//! response means, [`Patience`](resume::Patience) what its end means, [`Reconnect`] when to try
//! again, [`Keepalive`] whether the server is alive, [`LastEventId`] where to resume. This executes
//! it, polled by its user and by nobody else: there is no task, so nothing outlives it.
//!
//! ```text
//!             +------ timer ------ Waiting <--------------+
//!             v                                           | lost, or ended
//! Idle --> Connecting -- 200, text/event-stream --> Open -+
//!             |                                           | refused, or over
//!             +-------------------> Closed <--------------+
//! ```

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, response};
use resume::{Action, Keepalive, Outcome, Pulse, Reconnect, ReconnectEvent, Recovery};
use sse_parse::{Item, LastEventId, Verdict};
use tokio::time::Instant;

use super::attempt::{Attempt, Opened};
use super::body::Incoming;
use super::update::Found;
use super::{EventSourceConfig, EventSourceError};
use crate::clock::Timer;
use crate::http::retry_after;
use crate::sse::decode::{DecodeError, Pull};

/// Where it stands.
pub(super) enum Phase {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = Result<Opened, EventSourceError>> + Send>>),
    Open(Box<Incoming>),
    Waiting(Instant),
    Closed,
}

/// An event source without what it lends.
#[derive(Debug)]
pub(super) struct Driver {
    config: EventSourceConfig,
    request: Request<Bytes>,
    reconnect: Reconnect,
    /// What times are counted from.
    begun: Instant,
    pub(super) phase: Phase,
    pull: Pull,
    pub(super) last: LastEventId,
    keepalive: Option<Keepalive>,
    timer: Timer,
    /// Whether an item came on this connection.
    heard: bool,
    /// Of the open stream.
    pub(super) head: Option<Box<response::Parts>>,
    /// Why the last connection ended.
    pub(super) lost: Option<EventSourceError>,
}

impl Driver {
    pub(super) fn new(
        request: Request<Bytes>,
        config: EventSourceConfig,
        pull: Pull,
        last: LastEventId,
    ) -> Self {
        Self {
            reconnect: Reconnect::new(config.backoff),
            config,
            request,
            begun: Instant::now(),
            phase: Phase::Idle,
            pull,
            last,
            keepalive: None,
            timer: Timer::default(),
            heard: false,
            head: None,
            lost: None,
        }
    }

    /// The user wants no more.
    pub(super) fn close(&mut self) {
        self.reconnect.handle(ReconnectEvent::Close, self.now(), 0);
        self.end();
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn end(&mut self) {
        self.phase = Phase::Closed;
        self.timer = Timer::default();
        self.head = None;
    }

    /// Goes on until `take` makes something of what is found.
    pub(super) fn poll_found<R>(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut impl FnMut(Found<'_>) -> Option<R>,
    ) -> Poll<Option<Result<R, EventSourceError>>> {
        loop {
            match &mut self.phase {
                Phase::Idle => self.connect(ReconnectEvent::Start),
                Phase::Waiting(until) => {
                    let until = *until;
                    ready!(self.timer.poll(cx, until));
                    self.connect(ReconnectEvent::Timer);
                }
                Phase::Connecting(attempt) => match ready!(attempt.as_mut().poll(cx)) {
                    Ok(opened) => {
                        self.opened(opened);
                        if let Some(found) = take(Found::Opened) {
                            return Poll::Ready(Some(Ok(found)));
                        }
                    }
                    Err(error) => {
                        if let Some(found) = self.lose(error, take) {
                            return Poll::Ready(found);
                        }
                    }
                },
                Phase::Open(_) => match ready!(self.poll_open(cx, take)) {
                    Ok(found) => return Poll::Ready(Some(Ok(found))),
                    Err(error @ EventSourceError::Limit(_)) => {
                        return Poll::Ready(Some(Err(error)));
                    }
                    Err(error) => {
                        if let Some(found) = self.lose(error, take) {
                            return Poll::Ready(found);
                        }
                    }
                },
                Phase::Closed => return Poll::Ready(None),
            }
        }
    }

    /// Begins an attempt if it is time for one.
    fn connect(&mut self, event: ReconnectEvent) {
        match self.reconnect.handle(event, self.now(), 0) {
            Some(Action::Connect { .. }) => {
                let attempt = Attempt {
                    client: self.config.client.clone(),
                    request: self.request.clone(),
                    last_event_id: self.last.header().map(Into::into),
                    compressed: self.config.compressed,
                    max_redirects: self.config.max_redirects,
                    head_deadline: self.config.head_deadline,
                };
                self.phase = Phase::Connecting(Box::pin(attempt.run()));
            }
            Some(Action::Wait { until }) => self.phase = Phase::Waiting(self.begun + until),
            _ => self.end(),
        }
    }

    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    //# sets the readyState attribute to OPEN
    fn opened(&mut self, opened: Opened) {
        let (now, generation) = (self.now(), self.reconnect.generation());
        self.reconnect
            .handle(ReconnectEvent::Connected { generation }, now, 0);
        let timeout = self.config.idle_timeout;
        self.keepalive = timeout.map(|timeout| Keepalive::listening(timeout, now));
        self.pull.reset();
        self.heard = false;
        self.head = Some(opened.head);
        self.phase = Phase::Open(opened.body);
    }

    /// Reads the open stream; an error is its end, but for a limit.
    fn poll_open<R>(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut impl FnMut(Found<'_>) -> Option<R>,
    ) -> Poll<Result<R, EventSourceError>> {
        let Phase::Open(body) = &mut self.phase else {
            return Poll::Pending;
        };
        let (last, reconnect, begun) = (&mut self.last, &mut self.reconnect, self.begun);
        let heard = &mut self.heard;
        let polled = self.pull.poll_item(&mut **body, cx, |item| {
            if !mem::replace(heard, true) {
                let generation = reconnect.generation();
                reconnect.handle(ReconnectEvent::Heard { generation }, begun.elapsed(), 0);
            }
            match item {
                Item::Event(event) => {
                    last.note(event.id);
                    take(Found::Event(event))
                }
                Item::Id(id) => {
                    last.note(id);
                    None
                }
                Item::Retry(delay) => {
                    reconnect.backoff_mut().retry(delay);
                    None
                }
                Item::Comment(text) => take(Found::Comment(text)),
                _ => None,
            }
        });
        match polled {
            Poll::Ready(Some(Ok(found))) => Poll::Ready(Ok(found)),
            Poll::Ready(Some(Err(DecodeError::Limit(error)))) => {
                Poll::Ready(Err(EventSourceError::Limit(error)))
            }
            Poll::Ready(Some(Err(DecodeError::Source(error)))) => Poll::Ready(Err(error)),
            Poll::Ready(None) => Poll::Ready(Err(EventSourceError::Ended)),
            Poll::Pending => {
                // Only now: the clock is not asked for every chunk, but once all are read.
                if body.take_heard()
                    && let Some(keepalive) = &mut self.keepalive
                {
                    keepalive.heard(self.begun.elapsed());
                }
                let silent = self.poll_watchdog(cx);
                silent.map(|()| Err(EventSourceError::Silent))
            }
        }
    }

    /// Ready when the server was silent for too long. What had arrived has been read.
    fn poll_watchdog(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(keepalive) = &mut self.keepalive else {
            return Poll::Pending;
        };
        loop {
            if keepalive.poll(self.begun.elapsed()) == Pulse::Dead {
                return Poll::Ready(());
            }
            ready!(self.timer.poll(cx, self.begun + keepalive.deadline()));
        }
    }

    /// The attempt or the connection ended. Something is returned if it is over, or if `take`
    /// makes something of it.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#reestablish-the-connection
    //# If the readyState attribute is not set to CLOSED, then set the readyState attribute to
    //# CONNECTING
    fn lose<R>(
        &mut self,
        error: EventSourceError,
        take: &mut impl FnMut(Found<'_>) -> Option<R>,
    ) -> Option<Option<Result<R, EventSourceError>>> {
        let (now, generation) = (self.now(), self.reconnect.generation());
        let outcome = error.outcome();
        let recovery = self.config.patience.recovery(outcome);
        if let (Recovery::Retry, Some(refusal)) = (recovery, error.refusal())
            && let Some(delay) = retry_after(&refusal.headers, SystemTime::now())
        {
            self.reconnect.backoff_mut().retry_after(delay);
        }
        let ended = ReconnectEvent::Ended {
            generation,
            recovery,
        };
        let action = self.reconnect.handle(ended, now, self.config.random.bits());
        self.end();
        let Some(Action::Wait { until }) = action else {
            //= https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
            //# a client can be told to stop reconnecting using the HTTP 204 No Content response
            //# code.
            let in_peace = match error.refusal() {
                Some(refusal) => refusal.verdict == Verdict::Stop,
                None => outcome == Outcome::Ended && recovery == Recovery::Stop,
            };
            return Some((!in_peace).then_some(Err(error)));
        };
        self.phase = Phase::Waiting(self.begun + until);
        self.lost = Some(error);
        let retry_in = until.saturating_sub(now);
        take(Found::Lost { retry_in }).map(|found| Some(Ok(found)))
    }
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Connecting(_) => "Connecting",
            Self::Open(_) => "Open",
            Self::Waiting(_) => "Waiting",
            Self::Closed => "Closed",
        })
    }
}
