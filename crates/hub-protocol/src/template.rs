use core::cmp::Ordering;
use core::fmt;
use std::sync::Arc;

use crate::template_program::Program;
use crate::{SelectorError, limits::MAX_TOPIC};

/// A URI template of levels 1 to 3 (RFC 6570), matched in one pass over a topic.
///
/// A topic matches if giving the variables some values, or none, expands the template to it. The
/// cost is a few operations per byte of the topic, whatever the template; both are at most
/// [`MAX_TOPIC`](crate::MAX_TOPIC) bytes. Prefix and explode modifiers (level 4) are refused.
/// Literals are compared byte by byte, and so are percent-encoded triplets.
///
/// Clones share the compiled form.
///
/// # Example
///
/// ```
/// use hub_protocol::Template;
///
/// let template = Template::parse("https://example.com/books/{id}{?page,lang}")?;
/// assert!(template.matches("https://example.com/books/42"));
/// assert!(template.matches("https://example.com/books/42?lang=de"));
/// assert!(!template.matches("https://example.com/books/42/reviews")); // {+id} would
/// # Ok::<(), hub_protocol::SelectorError>(())
/// ```
#[derive(Clone)]
pub struct Template(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    program: Program,
}

impl Template {
    /// Parses and compiles a template.
    ///
    /// # Errors
    ///
    /// [`SelectorError`]: not a template of levels 1 to 3, or one that is empty, too long or has
    /// control characters.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(SelectorError::Invalid);
        }
        if text.len() > MAX_TOPIC {
            return Err(SelectorError::TooLong);
        }
        let program = Program::compile(text.as_bytes()).ok_or(SelectorError::Template)?;
        let text = text.into();
        Ok(Self(Arc::new(Compiled { text, program })))
    }

    /// Whether the template can be expanded to this topic.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        topic.len() <= MAX_TOPIC && self.0.program.matches(topic.as_bytes())
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.as_str()).finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Template {}

impl PartialOrd for Template {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Template {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl core::hash::Hash for Template {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}
