//! The reconnecting client: the processing model of the HTML Standard §9.2.2 and §9.2.3.

mod attempt;
mod body;
mod config;
mod drive;
mod error;
mod update;

use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{Method, Request, response};
use sse_parse::{Event, LastEventId, OwnedEvent};

pub use self::config::EventSourceConfig;
use self::drive::{Driver, Phase};
pub use self::error::{EventSourceError, RedirectError, Refusal};
use self::update::{Found, Kind};
pub use self::update::{ReadyState, Update};
use super::decode::{Pull, Scratch};
use crate::http::RequestError;

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
    driver: Driver,
    scratch: Scratch,
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
            driver: Driver::new(request, config, pull, last),
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
        let found = poll_fn(|cx| {
            let Self { driver, scratch } = self;
            driver.poll_found(cx, &mut |found| match found {
                Found::Event(event) => {
                    scratch.keep(event);
                    Some(())
                }
                _ => None,
            })
        })
        .await;
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
        let found = poll_fn(|cx| {
            let Self { driver, scratch } = self;
            driver.poll_found(cx, &mut |found| {
                Some(match found {
                    Found::Opened => Kind::Opened,
                    Found::Event(event) => {
                        scratch.keep(event);
                        Kind::Event
                    }
                    Found::Comment(text) => {
                        scratch.keep_text(text);
                        Kind::Comment
                    }
                    Found::Lost { retry_in } => Kind::Lost { retry_in },
                })
            })
        })
        .await;
        let kind = match found? {
            Ok(kind) => kind,
            Err(error) => return Some(Err(error)),
        };
        let event = self.scratch.event();
        Some(Ok(match (kind, &self.driver.head, &self.driver.lost) {
            (Kind::Opened, Some(head), _) => Update::Opened(head),
            (Kind::Lost { retry_in }, _, Some(error)) => Update::Lost { error, retry_in },
            (Kind::Comment, ..) => Update::Comment(event.data),
            _ => Update::Event(event),
        }))
    }

    /// Where it stands.
    #[must_use]
    pub const fn ready_state(&self) -> ReadyState {
        match self.driver.phase {
            Phase::Open(_) => ReadyState::Open,
            Phase::Closed => ReadyState::Closed,
            _ => ReadyState::Connecting,
        }
    }

    /// The head of the response that the open stream began with.
    #[must_use]
    pub fn response(&self) -> Option<&response::Parts> {
        self.driver.head.as_deref()
    }

    /// The id that a reconnect resumes after, and whether it lies behind the newest: an id with
    /// control characters or over [`max_id`](sse_parse::Limits::max_id) cannot be sent. Then the
    /// newest one that can be is, and events after it may come again. An event counts once it was
    /// returned.
    #[must_use]
    pub const fn last_event_id(&self) -> &LastEventId {
        &self.driver.last
    }

    /// Ends it: the connection, the attempt, the timer, at once. Nothing more is returned.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-close
    //# The close() method must abort any instances of the fetch algorithm started for this
    //# EventSource object, and must set the readyState attribute to CLOSED.
    pub fn close(&mut self) {
        self.driver.close();
    }
}

impl Stream for EventSource {
    type Item = Result<OwnedEvent, EventSourceError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut()
            .driver
            .poll_found(cx, &mut |found| match found {
                Found::Event(event) => Some(event.to_owned()),
                _ => None,
            })
    }
}
