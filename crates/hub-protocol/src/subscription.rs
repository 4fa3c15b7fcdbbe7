use std::borrow::Cow;

use resume::Position;

use crate::TopicSelector;
use crate::json::Object;
use crate::urlencoded::unescape;

/// Where the active subscriptions of a hub are: the path of the list, and what the topics of
/// subscription events begin with.
pub const SUBSCRIPTIONS: &str = "/.well-known/mercure/subscriptions";

/// An active subscription, or one that has ended: one topic selector of one subscriber.
///
/// # Example
///
/// ```
/// use hub_protocol::{Subscription, SubscriptionPath};
///
/// let subscription = Subscription {
///     topic: "https://example.com/{selector}",
///     subscriber: "urn:uuid:bb3de268-05b0-4c65-b44e-8f9acefc29d6",
///     active: true,
///     payload: Some(r#"{"foo":"bar"}"#),
/// };
/// let id = subscription.id();
/// assert_eq!(
///     id,
///     "/.well-known/mercure/subscriptions/https%3A%2F%2Fexample.com%2F%7Bselector%7D/\
///      urn%3Auuid%3Abb3de268-05b0-4c65-b44e-8f9acefc29d6"
/// );
/// let path = SubscriptionPath::parse(&id).unwrap();
/// assert_eq!(path.subscriber.as_deref(), Some(subscription.subscriber));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by whoever has subscriptions"
)]
pub struct Subscription<'a> {
    /// The text of the topic selector.
    pub topic: &'a str,
    /// Names the subscriber: an IRI.
    pub subscriber: &'a str,
    /// Whether it has not ended.
    pub active: bool,
    /// What the subscriber's token says about it: JSON, which is not checked.
    pub payload: Option<&'a str>,
}

impl Subscription<'_> {
    /// The topic of its events, and the path of its document.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = SUBSCRIPTIONS.to_owned();
        expand(self.topic, &mut id);
        expand(self.subscriber, &mut id);
        id
    }

    /// Appends the document of the subscription alone, in JSON-LD: the data of its events, and
    /// with `last_event_id` the answer of the hub's web API.
    pub fn encode(&self, last_event_id: Option<&str>, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.string("@context", CONTEXT);
        self.members(&mut object);
        object.optional("lastEventID", last_event_id);
        object.close();
    }

    fn members(&self, object: &mut Object<'_>) {
        object
            .string("id", &self.id())
            .string("type", "Subscription")
            .string("topic", self.topic)
            .string("subscriber", self.subscriber)
            .boolean("active", self.active)
            .raw("payload", self.payload);
    }
}

/// The document of many subscriptions, in JSON-LD, written one after the other.
///
/// # Example
///
/// ```
/// use hub_protocol::{Subscription, SubscriptionList, SubscriptionPath};
///
/// let path = SubscriptionPath::parse("/.well-known/mercure/subscriptions/a").unwrap();
/// let mut list = SubscriptionList::new(&path, "earliest");
/// list.push(&Subscription { topic: "a", subscriber: "urn:x:1", active: true, payload: None });
/// let document = String::from_utf8(list.finish()).unwrap();
/// assert_eq!(
///     document,
///     concat!(
///         r#"{"@context":"https://mercure.rocks/","id":"/.well-known/mercure/subscriptions/a","#,
///         r#""type":"Subscriptions","lastEventID":"earliest","subscriptions":["#,
///         r#"{"id":"/.well-known/mercure/subscriptions/a/urn%3Ax%3A1","type":"Subscription","#,
///         r#""topic":"a","subscriber":"urn:x:1","active":true}]}"#,
///     )
/// );
/// ```
#[derive(Clone, Debug)]
pub struct SubscriptionList {
    out: Vec<u8>,
    empty: bool,
}

impl SubscriptionList {
    /// A list without subscriptions, the answer for `path`.
    #[must_use]
    pub fn new(path: &SubscriptionPath<'_>, last_event_id: &str) -> Self {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object
            .string("@context", CONTEXT)
            .string("id", &path.to_string())
            .string("type", "Subscriptions")
            .string("lastEventID", last_event_id);
        object.comma();
        out.extend_from_slice(b"\"subscriptions\":[");
        Self { out, empty: true }
    }

    /// Adds a subscription.
    pub fn push(&mut self, subscription: &Subscription<'_>) {
        if !core::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        let mut object = Object::open(&mut self.out);
        subscription.members(&mut object);
        object.close();
    }

    /// Bytes so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether there is no subscription.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.empty
    }

    /// The document.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"]}");
        self.out
    }
}

/// A path of the web API: all subscriptions, those of one topic selector, or one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionPath<'a> {
    /// The text of the topic selector.
    pub topic: Option<Cow<'a, str>>,
    /// The subscriber.
    pub subscriber: Option<Cow<'a, str>>,
}

impl<'a> SubscriptionPath<'a> {
    /// Reads the path of a URL: [`SUBSCRIPTIONS`], and up to two segments behind it, each decoded
    /// once. `None` if it is another, or a segment is empty or not UTF-8.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let segments = path.strip_prefix(SUBSCRIPTIONS)?;
        let mut parsed = Self {
            topic: None,
            subscriber: None,
        };
        if segments.is_empty() {
            return Some(parsed);
        }
        let mut segments = segments.strip_prefix('/')?.split('/');
        parsed.topic = Some(decoded(segments.next()?)?);
        parsed.subscriber = match segments.next() {
            Some(segment) => Some(decoded(segment)?),
            None => None,
        };
        segments.next().is_none().then_some(parsed)
    }

    /// The topic selector that subscriptions must have, if there is one to be had of it at all.
    #[must_use]
    pub fn selector(&self) -> Option<TopicSelector> {
        TopicSelector::parse(self.topic.as_deref()?).ok()
    }
}

/// The path as the topics of subscription events are written.
impl core::fmt::Display for SubscriptionPath<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut path = SUBSCRIPTIONS.to_owned();
        let segments = [&self.topic, &self.subscriber];
        for segment in segments.into_iter().flatten() {
            expand(segment, &mut path);
        }
        f.write_str(&path)
    }
}

/// The last event of a log, as the documents name it.
#[must_use]
pub fn last_event_id(head: Position) -> String {
    if head.offset == 0 {
        "earliest".to_owned()
    } else {
        head.to_string()
    }
}

const CONTEXT: &str = "https://mercure.rocks/";

fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    if segment.is_empty() {
        return None;
    }
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let bytes = unescape(segment.as_bytes());
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Appends a segment.
//= https://www.rfc-editor.org/rfc/rfc6570#section-3.2.2
//# For each defined variable in the variable-list, perform variable
//# expansion, as defined in Section 3.2.1, with the allowed characters
//# being those in the unreserved set.
fn expand(value: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('/');
    for &byte in value.as_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 0xf)]));
        }
    }
}
