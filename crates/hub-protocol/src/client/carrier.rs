use core::time::Duration;

use resume::Recovery;

/// What carries events from the hub to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// A WebSocket, in both directions.
    WebSocket,
    /// Server-Sent Events; what is published goes by POST.
    EventStream,
}

impl Carrier {
    const fn other(self) -> Self {
        match self {
            Self::WebSocket => Self::EventStream,
            Self::EventStream => Self::WebSocket,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::WebSocket => 0,
            Self::EventStream => 1,
        }
    }
}

/// How an attempt failed or a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// There was no connection: the name, TCP, TLS, or the stream ended before an answer came.
    Unreachable,
    /// Answered with a status that is not the one wanted: no upgrade, or no event stream.
    Refused {
        /// The status.
        status: u16,
        /// The header `Retry-After`, as a time from now.
        retry_after: Option<Duration>,
    },
    /// Connected, and then nothing was heard for too long.
    Silent,
    /// The WebSocket was closed with this code, 1006 if no close frame came. The end of an event
    /// stream counts as 1006.
    Closed(u16),
    /// The hub broke the protocol.
    Protocol,
    /// There is no URL or token to try with: the application wants no more attempts.
    NoCredentials,
}

impl End {
    /// Whether to try again.
    #[must_use]
    pub const fn recovery(self) -> Recovery {
        match self {
            Self::Unreachable | Self::Silent => Recovery::Retry,
            Self::Refused { status, .. } => Recovery::after_status(status),
            Self::Closed(code) => Recovery::after_close(code),
            Self::Protocol | Self::NoCredentials => Recovery::Stop,
        }
    }

    /// Whether an attempt that ended like this says that its carrier does not get through.
    const fn blocks(self) -> Option<Block> {
        match self {
            Self::Silent => Some(Block::Silent),
            Self::Refused { status, .. } => match Recovery::after_status(status) {
                Recovery::Stop => Some(Block::Refused),
                _ => None,
            },
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Refused,
    Silent,
}

/// Chooses between carriers: WebSocket, or an event stream where upgrades do not get through.
///
/// ```text
///                 refused, or reached and silent
///   WebSocket ─────────────────────────────────────► EventStream
///       ▲     ◄─────────────────────────────────────      │
///       │         the same, or after five minutes         │
///       └── what worked is remembered and tried first ────┘
/// ```
///
/// A status that stops (everything but 401, 408, 425, 429 and 5xx: also the 200 of a proxy that
/// does not forward `Upgrade`) speaks against the carrier at once; silence does so too, but twice
/// in a row against a WebSocket that has worked before. A server that cannot be reached or answers
/// 503 says nothing about carriers. A refusal is final when both carriers were refused.
///
/// # Example
///
/// ```
/// use core::time::Duration;
/// use hub_protocol::{Carrier, CarrierChoice, End};
/// use resume::Recovery;
///
/// let at = Duration::from_secs;
/// let mut choice = CarrierChoice::new(None, None);
/// assert_eq!(choice.next(at(0)), Carrier::WebSocket);
///
/// // A proxy that does not know upgrades forwards a plain GET.
/// let plain = End::Refused { status: 200, retry_after: None };
/// assert_eq!(choice.failed(plain, at(0)), Recovery::Retry);
/// assert_eq!(choice.next(at(1)), Carrier::EventStream);
/// choice.worked();
/// assert_eq!(choice.remembered(), Some(Carrier::EventStream));
/// assert_eq!(choice.next(at(60)), Carrier::EventStream);
/// assert_eq!(choice.next(at(600)), Carrier::WebSocket); // perhaps the proxy is gone
/// ```
#[derive(Clone, Debug)]
pub struct CarrierChoice {
    only: Option<Carrier>,
    current: Carrier,
    worked: Option<Carrier>,
    /// Against which carriers something was said since one worked.
    blocked: [Option<Block>; 2],
    /// Silences of the WebSocket in a row.
    silences: u32,
    /// When the WebSocket was last tried.
    tried: Duration,
}

impl CarrierChoice {
    /// After this long on an event stream, the next attempt is made with a WebSocket.
    pub const RETRY_WEB_SOCKET: Duration = Duration::from_secs(5 * 60);

    /// Only one carrier, or both; `remembered` is what worked last time, and is tried first.
    #[must_use]
    pub fn new(only: Option<Carrier>, remembered: Option<Carrier>) -> Self {
        Self {
            only,
            current: only.or(remembered).unwrap_or(Carrier::WebSocket),
            worked: remembered,
            blocked: [None; 2],
            silences: 0,
            tried: Duration::ZERO,
        }
    }

    /// The carrier of the attempt that is made now.
    pub fn next(&mut self, now: Duration) -> Carrier {
        if self.only.is_none()
            && self.current == Carrier::EventStream
            && now.saturating_sub(self.tried) >= Self::RETRY_WEB_SOCKET
        {
            self.current = Carrier::WebSocket;
        }
        if self.current == Carrier::WebSocket {
            self.tried = now;
        }
        self.current
    }

    /// The hub was heard over the carrier.
    pub const fn worked(&mut self) {
        self.worked = Some(self.current);
        self.blocked = [None; 2];
        self.silences = 0;
    }

    /// The attempt ended before the hub was heard. Says whether to try again, and chooses with
    /// what.
    #[must_use]
    pub fn failed(&mut self, end: End, now: Duration) -> Recovery {
        let recovery = end.recovery();
        let Some(block) = end.blocks() else {
            return recovery;
        };
        //= https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
        //# Clients will reconnect if the connection is closed; a client can be told to stop
        //# reconnecting using the HTTP 204 No Content response code.
        let no_content = matches!(end, End::Refused { status: 204, .. });
        if self.only.is_some() || no_content && self.current == Carrier::EventStream {
            return recovery;
        }
        let current = self.current;
        if block == Block::Silent && current == Carrier::WebSocket {
            self.silences += 1;
            if self.worked == Some(Carrier::WebSocket) && self.silences < 2 {
                return recovery;
            }
        }
        self.blocked[current.index()] = Some(block);
        self.current = current.other();
        if self.current == Carrier::EventStream {
            self.tried = now;
        }
        match self.blocked[self.current.index()] {
            // The other has not been tried, or it may only have been slow.
            None | Some(Block::Silent) => Recovery::Retry,
            Some(Block::Refused) => {
                self.blocked[self.current.index()] = None;
                recovery
            }
        }
    }

    /// What worked last, to be given to [`CarrierChoice::new`] when the process starts again.
    #[must_use]
    pub const fn remembered(&self) -> Option<Carrier> {
        self.worked
    }
}
