//! Where an attempt goes, and with what credentials.

use core::fmt;
use core::pin::Pin;

/// The URL of the hub and what proves who asks, for one attempt.
#[derive(Clone)]
pub struct Target {
    pub(super) url: String,
    pub(super) token: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

impl Target {
    /// The URL of the hub's endpoint, `http:`, `https:`, `ws:` or `wss:`; its query is kept.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: None,
            headers: Vec::new(),
        }
    }

    /// Sends this token as `Authorization: Bearer`.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// Without path, query and secrets.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// What the hook before an attempt is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// The number of the attempt, from 1.
    pub attempt: u64,
    /// The last token was refused: get another.
    pub refresh: bool,
}

impl Ask {
    pub(super) const fn new(attempt: u64, refresh: bool) -> Self {
        Self { attempt, refresh }
    }
}

/// Why there is no target for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoTarget {
    /// Not now: ask again before the next attempt.
    Later,
    /// There will be none: the client ends.
    Never,
}

type Answer = Pin<Box<dyn Future<Output = Result<Target, NoTarget>> + Send>>;

/// Asks the application before each attempt.
pub(super) struct Hook(Box<dyn FnMut(Ask) -> Answer + Send>);

impl Hook {
    pub(super) fn new<F, R>(mut hook: F) -> Self
    where
        F: FnMut(Ask) -> R + Send + 'static,
        R: Future<Output = Result<Target, NoTarget>> + Send + 'static,
    {
        Self(Box::new(move |ask| Box::pin(hook(ask))))
    }

    pub(super) fn ask(&mut self, ask: Ask) -> Answer {
        (self.0)(ask)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
