use core::fmt;

use crate::limits::{MAX_TOPIC, MAX_TOPICS};

/// Which topics a subscriber asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TopicSelector {
    /// `*`: all of them.
    Any,
    /// The topic that is this string.
    Exact(Box<str>),
}

impl TopicSelector {
    /// Parses a selector: `*`, or an exact topic.
    ///
    /// # Errors
    ///
    /// [`SelectorError`]: empty, with a control character, longer than
    /// [`MAX_TOPIC`](crate::MAX_TOPIC), or with a brace: URI templates are not supported.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text == "*" {
            Ok(Self::Any)
        } else if text.is_empty() || text.chars().any(char::is_control) {
            Err(SelectorError::Invalid)
        } else if text.len() > MAX_TOPIC {
            Err(SelectorError::TooLong)
        } else if text.contains(['{', '}']) {
            Err(SelectorError::Template)
        } else {
            Ok(Self::Exact(text.into()))
        }
    }

    /// Whether an event of this topic is meant.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => **exact == *topic,
        }
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Exact(exact) => exact,
        }
    }
}

impl fmt::Display for TopicSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The topics of one subscriber: a set of at most [`MAX_TOPICS`](crate::MAX_TOPICS) selectors.
///
/// # Example
///
/// ```
/// use hub_protocol::{Selectors, TopicSelector};
///
/// let mut selectors = Selectors::new();
/// selectors.insert(TopicSelector::parse("prices")?)?;
/// selectors.insert(TopicSelector::parse("prices")?)?; // a set: nothing changes
/// assert_eq!(selectors.len(), 1);
/// assert!(selectors.matches(["news", "prices"]));
/// assert!(!selectors.matches(["news"]));
/// # Ok::<(), hub_protocol::SelectorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors {
    /// In order, without repetition.
    sorted: Vec<TopicSelector>,
}

impl Selectors {
    /// The empty set, which nothing matches.
    #[must_use]
    pub const fn new() -> Self {
        Self { sorted: Vec::new() }
    }

    /// Adds a selector; `false` if it was there already.
    ///
    /// # Errors
    ///
    /// [`SelectorError::TooMany`]; the set is unchanged then.
    pub fn insert(&mut self, selector: TopicSelector) -> Result<bool, SelectorError> {
        match self.sorted.binary_search(&selector) {
            Ok(_) => Ok(false),
            Err(_) if self.sorted.len() == MAX_TOPICS => Err(SelectorError::TooMany),
            Err(at) => {
                self.sorted.insert(at, selector);
                Ok(true)
            }
        }
    }

    /// Removes a selector; `false` if it was not there.
    pub fn remove(&mut self, selector: &TopicSelector) -> bool {
        match self.sorted.binary_search(selector) {
            Ok(at) => {
                self.sorted.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// Whether this selector is in the set.
    #[must_use]
    pub fn contains(&self, selector: &TopicSelector) -> bool {
        self.sorted.binary_search(selector).is_ok()
    }

    /// Whether an event of these topics is meant by any of the selectors.
    #[must_use]
    pub fn matches<'t>(&self, topics: impl IntoIterator<Item = &'t str>) -> bool {
        match self.sorted.first() {
            None => false,
            Some(TopicSelector::Any) => true,
            Some(_) => topics.into_iter().any(|topic| {
                self.sorted
                    .binary_search_by(|selector| selector.as_str().cmp(topic))
                    .is_ok()
            }),
        }
    }

    /// The selectors, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &TopicSelector> {
        self.sorted.iter()
    }

    /// How many selectors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}

/// Why a selector cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectorError {
    /// It is empty or has a control character.
    Invalid,
    /// It has a brace, so it is meant as a URI template.
    Template,
    /// It is longer than [`MAX_TOPIC`](crate::MAX_TOPIC).
    TooLong,
    /// There are more than [`MAX_TOPICS`](crate::MAX_TOPICS).
    TooMany,
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => f.write_str("a topic must not be empty, nor have control characters"),
            Self::Template => f.write_str("topics with braces (URI templates) are not supported"),
            Self::TooLong => write!(f, "a topic is longer than {MAX_TOPIC} bytes"),
            Self::TooMany => write!(f, "there are more than {MAX_TOPICS} topics"),
        }
    }
}

impl core::error::Error for SelectorError {}
