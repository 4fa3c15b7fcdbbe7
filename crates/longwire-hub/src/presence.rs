//! Who is subscribed to what: the subscription events and the web API of the Mercure protocol.
//!
//! There is no second book of the subscriptions. Each subscriber's bell bears its name where this
//! is asked for, and the lists of bells by topic are the subscriptions.

use core::hash::{BuildHasher, Hasher};
use std::collections::hash_map::RandomState;
use std::sync::{Arc, Mutex, PoisonError};

use hub_protocol::{
    PublishForm, Subscription, SubscriptionList, SubscriptionPath, TopicSelector, last_event_id,
};

use crate::hub::Hub;
use crate::publishing::Refusal;
use crate::rights::Grant;

/// The longest answer of the web API in bytes.
const LONGEST: usize = 16 << 20;

/// A subscriber as others may see it.
#[derive(Debug)]
pub(crate) struct Identity {
    /// A random UUID as an IRI.
    subscriber: String,
    /// What its token says about it.
    payload: Mutex<Option<Arc<str>>>,
}

impl Identity {
    /// A name that nobody had before; `None` without random numbers.
    pub(crate) fn new(grant: Option<&Grant>) -> Option<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self {
            subscriber: uuid(bytes),
            payload: Mutex::new(grant.and_then(|grant| grant.payload.clone())),
        })
    }

    /// Takes over what another token says; `false` if that is the same.
    pub(crate) fn renew(&self, grant: &Grant) -> bool {
        let mut payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = *payload != grant.payload;
        payload.clone_from(&grant.payload);
        changed
    }

    fn payload(&self) -> Option<Arc<str>> {
        let payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner);
        payload.clone()
    }
}

//= https://www.rfc-editor.org/rfc/rfc9562#section-5.4
//# UUIDv4 is meant for generating UUIDs from truly random or
//# pseudorandom numbers.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(45);
    text.push_str("urn:uuid:");
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Tells of subscriptions of one subscriber that have begun or ended.
pub(crate) fn tell<'t>(
    hub: &Hub,
    identity: &Identity,
    topics: impl Iterator<Item = &'t TopicSelector>,
    active: bool,
) {
    let payload = identity.payload();
    for topic in topics {
        let subscription = Subscription {
            topic: topic.as_str(),
            subscriber: &identity.subscriber,
            active,
            payload: payload.as_deref(),
        };
        hub.tell(&subscription.id(), |id| {
            let mut document = Vec::new();
            subscription.encode(None, &mut document);
            let document = String::from_utf8(document).unwrap_or_default();
            let mut form = PublishForm::text([id], document);
            form.private = true;
            form.ephemeral = true;
            form
        });
    }
}

/// The answer of the web API.
///
/// # Errors
///
/// It would be too long.
pub(crate) fn document(hub: &Hub, path: &SubscriptionPath<'_>) -> Result<Option<Vec<u8>>, Refusal> {
    // Asked before the subscriptions are looked at: whoever subscribes from there misses nothing.
    let last_event_id = last_event_id(hub.head());
    let selector = path.selector();
    if let (Some(_), None) = (&path.topic, &selector) {
        // Nobody can have subscribed to that.
        let list = SubscriptionList::new(path, &last_event_id);
        return Ok(path.subscriber.is_none().then(|| list.finish()));
    }
    let Some(subscriber) = &path.subscriber else {
        let mut list = SubscriptionList::new(path, &last_event_id);
        hub.fanout.identities(selector.as_ref(), |topic, identity| {
            if list.len() < LONGEST {
                list.push(&Subscription {
                    topic,
                    subscriber: &identity.subscriber,
                    active: true,
                    payload: identity.payload().as_deref(),
                });
            }
        });
        if list.len() >= LONGEST {
            return Err(Refusal::TooMany);
        }
        return Ok(Some(list.finish()));
    };
    let mut document = None;
    hub.fanout.identities(selector.as_ref(), |topic, identity| {
        if identity.subscriber == **subscriber {
            let payload = identity.payload();
            let subscription = Subscription {
                topic,
                subscriber,
                active: true,
                payload: payload.as_deref(),
            };
            let mut out = Vec::new();
            subscription.encode(Some(&last_event_id), &mut out);
            document = Some(out);
        }
    });
    Ok(document)
}

/// Validators of answers, good as long as the hub runs.
#[derive(Debug, Default)]
pub(crate) struct Validators(RandomState);

impl Validators {
    /// The entity tag of a document, in quotes.
    pub(crate) fn tag(&self, document: &[u8]) -> String {
        let mut hasher = self.0.build_hasher();
        hasher.write(document);
        format!("\"{:016x}\"", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_random_uuids() {
        assert_eq!(
            uuid([0xff; 16]),
            "urn:uuid:ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            uuid([0; 16]),
            "urn:uuid:00000000-0000-4000-8000-000000000000"
        );
        let names: std::collections::BTreeSet<_> = (0..100)
            .map(|_| Identity::new(None).unwrap().subscriber)
            .collect();
        assert_eq!(names.len(), 100);
    }
}
