//! The reconnecting client: the processing model of the HTML Standard §9.2.2 and §9.2.3.
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

mod attempt;
mod body;
mod config;
mod error;
mod update;

use core::fmt;
use core::future::{Future, poll_fn};
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::time::SystemTime;

use bytes::Bytes;
use futures_core::Stream;
use http::{Method, Request, response};
use resume::{Action, Keepalive, Outcome, Pulse, Reconnect, ReconnectEvent, Recovery};
use sse_parse::{Event, Item, LastEventId, OwnedEvent, Verdict};
use tokio::time::Instant;

use self::attempt::{Attempt, Opened};
use self::body::Incoming;
pub use self::config::EventSourceConfig;
pub use self::error::{EventSourceError, RedirectError, Refusal};
use self::update::{Found, Kind};
pub use self::update::{ReadyState, Update};
use super::decode::{DecodeError, Pull, Scratch};
use crate::clock::Timer;
use crate::http::{RequestError, retry_after};

/// Receives the events of a server, and comes back when the connection is lost.
///
/// ```no_run
/// use longwire::sse::EventSource;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut source = EventSource::new("https://example.com/events")?;
/// while let Some(event) = source.next().await {
///     let event = event?;
///     println!("{}: {}", event.name, event.data);
/// }
/// # Ok(())
/// # }
/// ```
///
/// It behaves as a browser's: it asks for `text/event-stream`, follows redirects, comes back after
/// a lost connection and after the end of the stream with the id of the last event, and stops for
/// good when the server answers anything but an event stream. Every attempt begins at the URL
/// given, wherever an earlier one was redirected to. [`EventSourceConfig`] has what browsers have
/// not, and a [`Request`] of any method, headers and body can be sent:
///
/// ```no_run
/// use longwire::sse::{EventSource, EventSourceConfig};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let request = http::Request::post("https://api.example.com/v1/chat/completions")
///     .header("authorization", "Bearer …")
///     .header("content-type", "application/json")
///     .body(r#"{"stream":true,"messages":[]}"#.into())?;
/// let mut source = EventSource::with_config(request, EventSourceConfig::new().stop_at_end())?;
/// while let Some(event) = source.next().await {
///     println!("{}", event?.data);
/// }
/// # Ok(())
/// # }
/// ```
///
/// In three points it differs from a browser's. Delays between attempts are jittered, grow to 30 s,
/// and are at least 100 ms, even if the server says `retry: 0`. A connection on which nothing
/// arrives for 45 s is given up. And an id that no request could carry does not fail every
/// reconnect from then on: see [`last_event_id`](Self::last_event_id).
///
/// It does nothing by itself: attempts are made and events are read while [`next`](Self::next) is
/// awaited, or the [`Stream`] polled. What a server sends meanwhile waits in the socket, and a slow
/// reader slows the server down. Dropping it, or [`close`](Self::close), ends everything at once.
#[derive(Debug)]
pub struct EventSource {
    config: EventSourceConfig,
    request: Request<Bytes>,
    reconnect: Reconnect,
    /// What times are counted from.
    begun: Instant,
    phase: Phase,
    pull: Pull,
    last: LastEventId,
    keepalive: Option<Keepalive>,
    timer: Timer,
    /// Whether an item came on this connection.
    heard: bool,
    /// Of the open stream.
    head: Option<Box<response::Parts>>,
    /// Why the last connection ended.
    lost: Option<EventSourceError>,
    scratch: Scratch,
}

enum Phase {
    Idle,
    Connecting(Pin<Box<dyn Future<Output = Result<Opened, EventSourceError>> + Send>>),
    Open(Box<Incoming>),
    Waiting(Instant),
    Closed,
}

impl EventSource {
    /// An event source for a URL of `http` or `https`. Nothing is sent before it is polled.
    ///
    /// # Errors
    ///
    /// [`RequestError::Url`].
    pub fn new(url: &str) -> Result<Self, RequestError> {
        let request = Request::get(url).body(Bytes::new());
        let request = request.map_err(|_| RequestError::Url)?;
        Self::with_config(request, EventSourceConfig::new())
    }

    /// An event source that sends `request` and behaves as `config` says. User information in the
    /// URL is sent as `Authorization`; a field `Last-Event-ID` is the id to resume after, unless
    /// `config` has one.
    ///
    /// # Errors
    ///
    /// [`RequestError::Url`].
    pub fn with_config(
        mut request: Request<Bytes>,
        mut config: EventSourceConfig,
    ) -> Result<Self, RequestError> {
        let url = request.uri().to_string();
        if !url.starts_with("http") || ws_handshake::Url::parse(&url).is_err() {
            return Err(RequestError::Url);
        }
        let repeatable = request.method() == Method::GET && request.body().is_empty();
        if !repeatable && !config.resend {
            config.patience = config.patience.once();
        }
        let given = request.headers_mut().remove("last-event-id");
        let mut id = mem::take(&mut config.last_event_id);
        if let Some(given) = given.filter(|_| id.is_empty()) {
            id = String::from_utf8_lossy(given.as_bytes()).into_owned();
        }
        let mut last = LastEventId::with_max(config.limits.max_id());
        // An id over its limit would cost the event: it is judged here instead.
        let limits = config.limits.with_max_id(config.limits.max_event());
        let mut pull = Pull::new(limits);
        if !id.is_empty() && last.note(&id) {
            pull.resume_after(&id);
        }
        Ok(Self {
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
            scratch: Scratch::default(),
        })
    }

    /// The next event, lent until the next call. Connects, waits and comes back as long as it
    /// takes; `None` when it is over: after [`close`](Self::close), after 204, and with
    /// [`stop_at_end`](EventSourceConfig::stop_at_end) or for a request that is not repeated, after
    /// the end of the stream.
    ///
    /// # Errors
    ///
    /// [`EventSourceError::Limit`] for an event that passes a limit: it is skipped, and the next
    /// call goes on behind it. Every other error is why there will be no further attempt, and is
    /// returned once. Those that are followed by another attempt are told by
    /// [`next_update`](Self::next_update).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an attempt goes on at the next call where it was, and no event is lost.
    pub async fn next(&mut self) -> Option<Result<Event<'_>, EventSourceError>> {
        let mut keep = mem::take(&mut self.scratch);
        let found = poll_fn(|cx| {
            self.poll_found(cx, &mut |found| match found {
                Found::Event(event) => Some(keep.keep(event)),
                _ => None,
            })
        })
        .await;
        self.scratch = keep;
        found.map(|found| found.map(|()| self.scratch.event()))
    }

    /// What happens next, whatever it is: an event, a comment, an opened stream, a lost one. Lent
    /// until the next call. `None` as for [`next`](Self::next).
    ///
    /// # Errors
    ///
    /// As for [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, as [`next`](Self::next) is.
    pub async fn next_update(&mut self) -> Option<Result<Update<'_>, EventSourceError>> {
        let mut keep = mem::take(&mut self.scratch);
        let found = poll_fn(|cx| {
            self.poll_found(cx, &mut |found| {
                Some(match found {
                    Found::Opened => Kind::Opened,
                    Found::Event(event) => {
                        keep.keep(event);
                        Kind::Event
                    }
                    Found::Comment(text) => {
                        keep.keep_text(text);
                        Kind::Comment
                    }
                    Found::Lost { retry_in } => Kind::Lost { retry_in },
                })
            })
        })
        .await;
        self.scratch = keep;
        let kind = match found? {
            Ok(kind) => kind,
            Err(error) => return Some(Err(error)),
        };
        let event = self.scratch.event();
        Some(Ok(match (kind, &self.head, &self.lost) {
            (Kind::Opened, Some(head), _) => Update::Opened(head),
            (Kind::Lost { retry_in }, _, Some(error)) => Update::Lost { error, retry_in },
            (Kind::Comment, ..) => Update::Comment(event.data),
            _ => Update::Event(event),
        }))
    }

    /// Where it stands.
    #[must_use]
    pub const fn ready_state(&self) -> ReadyState {
        match self.phase {
            Phase::Open(_) => ReadyState::Open,
            Phase::Closed => ReadyState::Closed,
            _ => ReadyState::Connecting,
        }
    }

    /// The head of the response that the open stream began with.
    #[must_use]
    pub fn response(&self) -> Option<&response::Parts> {
        self.head.as_deref()
    }

    /// The id that a reconnect resumes after, and whether it lies behind the newest: an id with
    /// control characters or over [`max_id`](sse_parse::Limits::max_id) cannot be sent. Then the
    /// newest one that can be is, and events after it may come again. An event counts once it was
    /// returned.
    #[must_use]
    pub const fn last_event_id(&self) -> &LastEventId {
        &self.last
    }

    /// Ends it: the connection, the attempt, the timer, at once. Nothing more is returned.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-close
    //# The close() method must abort any instances of the fetch algorithm started for this
    //# EventSource object, and must set the readyState attribute to CLOSED.
    pub fn close(&mut self) {
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
    fn poll_found<R>(
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

    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#announce-the-connection
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
        let came = body.take_heard();
        if came && let Some(keepalive) = &mut self.keepalive {
            keepalive.heard(self.begun.elapsed());
        }
        match polled {
            Poll::Ready(Some(Ok(found))) => Poll::Ready(Ok(found)),
            Poll::Ready(Some(Err(DecodeError::Limit(error)))) => {
                Poll::Ready(Err(EventSourceError::Limit(error)))
            }
            Poll::Ready(Some(Err(DecodeError::Source(error)))) => Poll::Ready(Err(error)),
            Poll::Ready(None) => Poll::Ready(Err(EventSourceError::Ended)),
            Poll::Pending => self
                .poll_watchdog(cx)
                .map(|()| Err(EventSourceError::Silent)),
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
    #[expect(clippy::type_complexity, reason = "what a stream yields")]
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

impl Stream for EventSource {
    type Item = Result<OwnedEvent, EventSourceError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_found(cx, &mut |found| match found {
            Found::Event(event) => Some(event.to_owned()),
            _ => None,
        })
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
