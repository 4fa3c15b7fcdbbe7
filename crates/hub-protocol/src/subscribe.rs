use core::fmt;

use resume::Start;

use crate::urlencoded::pairs;
use crate::{SelectorError, Selectors, TopicSelector};

/// What a subscriber asked for in its request.
///
/// # Example
///
/// ```
/// use hub_protocol::SubscribeQuery;
/// use resume::Start;
///
/// let query = SubscribeQuery::parse("topic=prices&topic=news&lastEventID=earliest", None)?;
/// assert!(query.selectors.matches(["news"]));
/// assert_eq!(query.start, Start::Earliest);
///
/// // The header wins, and what cannot be used is a gap later, never an error.
/// let query = SubscribeQuery::parse("topic=*&lastEventID=earliest", Some(b"#stale"))?;
/// assert_eq!(query.start, Start::Malformed("#stale".into()));
/// # Ok::<(), hub_protocol::QueryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscribeQuery {
    /// The topics, of the repeatable parameter `topic`.
    pub selectors: Selectors,
    /// Where to begin: the header `Last-Event-ID`, or else the parameter `lastEventID`.
    pub start: Start,
    /// What becomes of a backlog: the parameter `slow`.
    pub slow: Slow,
}

/// What a subscriber gets that takes events more slowly than they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Slow {
    /// Every event, later.
    #[default]
    All,
    /// `slow=latest`: of what came while it was not reading, the newest event of each topic;
    /// what was left out is said.
    Latest,
}

impl SubscribeQuery {
    /// Parses the query of a request (without its `?`) and the value of its `Last-Event-ID`
    /// header. Other parameters are ignored. An empty header counts as absent.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: no topic, one that cannot be used, or another value of `slow` than `latest`.
    pub fn parse(query: &str, last_event_id: Option<&[u8]>) -> Result<Self, QueryError> {
        let query = Self::parse_upgrade(query, last_event_id)?;
        if query.selectors.is_empty() {
            return Err(QueryError::NoTopic);
        }
        Ok(query)
    }

    /// Like [`parse`](SubscribeQuery::parse) for a WebSocket, which may begin without topics and
    /// subscribe by frames.
    ///
    /// # Errors
    ///
    /// [`QueryError`]: a topic that cannot be used, or another value of `slow` than `latest`.
    pub fn parse_upgrade(query: &str, last_event_id: Option<&[u8]>) -> Result<Self, QueryError> {
        let mut selectors = Selectors::new();
        let mut parameter = None;
        let mut slow = Slow::All;
        for (name, value) in pairs(query.as_bytes()) {
            match &*name {
                b"topic" => {
                    let topic = str::from_utf8(&value).map_err(|_| QueryError::NotUtf8)?;
                    selectors.insert(TopicSelector::parse(topic)?)?;
                }
                b"lastEventID" if parameter.is_none() => parameter = Some(value),
                b"slow" if *value == *b"latest" => slow = Slow::Latest,
                b"slow" => return Err(QueryError::Slow),
                _ => {}
            }
        }
        let header = last_event_id.filter(|id| !id.is_empty());
        let start = Start::parse(header.or(parameter.as_deref()).unwrap_or_default());
        Ok(Self {
            selectors,
            start,
            slow,
        })
    }
}

/// The value of the first parameter of this name in the query of a URL (without its `?`), decoded;
/// `None` if there is none, or it is not UTF-8.
///
/// # Example
///
/// ```
/// use hub_protocol::query_parameter;
///
/// let ticket = query_parameter("topic=a&ticket=x%2Dy", "ticket");
/// assert_eq!(ticket.as_deref(), Some("x-y"));
/// ```
#[must_use]
pub fn query_parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = pairs(query.as_bytes());
    let (_, value) = pairs.find(|(n, _)| **n == *name.as_bytes())?;
    String::from_utf8(value.into_owned()).ok()
}

/// Why a subscription is refused. Displayed, it is the reason to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no `topic`.
    NoTopic,
    /// A `topic` is not UTF-8.
    NotUtf8,
    /// A `topic` cannot be used.
    Selector(SelectorError),
    /// `slow` has a value that is not known.
    Slow,
}

impl QueryError {
    /// The HTTP status to answer with: 400.
    #[must_use]
    pub const fn status(self) -> u16 {
        400
    }
}

impl From<SelectorError> for QueryError {
    fn from(error: SelectorError) -> Self {
        Self::Selector(error)
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopic => f.write_str("there is no topic"),
            Self::NotUtf8 => f.write_str("a topic is not UTF-8"),
            Self::Selector(error) => error.fmt(f),
            Self::Slow => f.write_str("slow must be latest"),
        }
    }
}

impl core::error::Error for QueryError {}
