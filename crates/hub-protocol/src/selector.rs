use core::fmt;

use crate::Template;
use crate::limits::{MAX_TOPIC, MAX_TOPICS};

/// Which topics a subscriber asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TopicSelector {
    /// `*`: all of them.
    Any,
    /// The topic that is this string.
    Exact(Box<str>),
    /// The topics that this template expands to, and the one that is its text.
    Template(Template),
}

impl TopicSelector {
    /// Parses a selector: `*`, a URI template if there are braces, or an exact topic.
    ///
    /// # Errors
    ///
    /// [`SelectorError`]: empty, with a control character, longer than
    /// [`MAX_TOPIC`](crate::MAX_TOPIC), or with braces that are no template of levels 1 to 3.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text == "*" {
            Ok(Self::Any)
        } else if text.is_empty() || text.chars().any(char::is_control) {
            Err(SelectorError::Invalid)
        } else if text.len() > MAX_TOPIC {
            Err(SelectorError::TooLong)
        } else if text.contains(['{', '}']) {
            Template::parse(text).map(Self::Template)
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
            Self::Template(template) => template.as_str() == topic || template.matches(topic),
        }
    }

    /// The template, if it is one.
    #[must_use]
    pub const fn template(&self) -> Option<&Template> {
        match self {
            Self::Template(template) => Some(template),
            _ => None,
        }
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Exact(exact) => exact,
            Self::Template(template) => template.as_str(),
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
    /// In order, without repetition: `*`, exact topics, templates.
    sorted: Vec<TopicSelector>,
    /// How many are no templates.
    exact: usize,
}

impl Selectors {
    /// The empty set, which nothing matches.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sorted: Vec::new(),
            exact: 0,
        }
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
                self.exact += usize::from(!matches!(selector, TopicSelector::Template(_)));
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
                self.exact -= usize::from(!matches!(selector, TopicSelector::Template(_)));
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
            Some(_) => {
                let (exact, templates) = self.sorted.split_at(self.exact);
                topics.into_iter().any(|topic| {
                    let same = |selector: &TopicSelector| selector.as_str().cmp(topic);
                    exact.binary_search_by(same).is_ok()
                        || templates.iter().any(|template| template.matches(topic))
                })
            }
        }
    }

    /// The selectors, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &TopicSelector> {
        self.sorted.iter()
    }

    /// The templates among them.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let templates = &self.sorted[self.exact..];
        templates.iter().filter_map(TopicSelector::template)
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
    /// It has a brace, and is no URI template of levels 1 to 3.
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
            Self::Template => f.write_str(
                "a topic with braces must be a URI template of levels 1 to 3 (RFC 6570)",
            ),
            Self::TooLong => write!(f, "a topic is longer than {MAX_TOPIC} bytes"),
            Self::TooMany => write!(f, "there are more than {MAX_TOPICS} topics"),
        }
    }
}

impl core::error::Error for SelectorError {}
