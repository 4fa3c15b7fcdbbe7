//! Tickets: what stands for a token in a URL, once and for a minute.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::rights::Grant;

/// How long a ticket can be used.
const LIFETIME: Duration = Duration::from_secs(60);
/// Most tickets that are not used yet.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Tickets {
    /// By their text: 256 random bits, found by a keyed hash.
    issued: Mutex<HashMap<String, (Arc<Grant>, Instant)>>,
}

impl Tickets {
    /// A ticket for a grant; `None` if there are too many, or no random numbers.
    pub(crate) fn issue(&self, grant: &Arc<Grant>, now: Instant) -> Option<String> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        let ticket = URL_SAFE_NO_PAD.encode(bytes);
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if issued.len() == MOST {
            issued.retain(|_, (_, until)| now < *until);
        }
        if issued.len() == MOST {
            return None;
        }
        issued.insert(ticket.clone(), (grant.clone(), now + LIFETIME));
        Some(ticket)
    }

    /// The grant of a ticket, which cannot be used again.
    pub(crate) fn redeem(&self, ticket: &str, now: Instant) -> Option<Arc<Grant>> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let (grant, until) = issued.remove(ticket)?;
        (now < until).then_some(grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hub_protocol::Selectors;

    #[test]
    fn a_ticket_is_good_once_and_for_a_minute() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let grant = Arc::new(Grant {
            publish: Selectors::new(),
            subscribe: Selectors::new(),
            payload: None,
            expires: 1,
            subject: None,
        });
        let first = tickets.issue(&grant, now).unwrap();
        let late = tickets.issue(&grant, now).unwrap();
        assert!(first.len() == 43 && first != late);
        assert_eq!(tickets.redeem("", now), None);
        assert_eq!(
            tickets.redeem(&first, now + Duration::from_secs(59)),
            Some(grant)
        );
        assert_eq!(tickets.redeem(&first, now), None);
        assert_eq!(tickets.redeem(&late, now + LIFETIME), None);
        assert_eq!(tickets.redeem(&late, now), None);
    }

    #[test]
    fn tickets_are_bounded() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let (publish, subscribe) = (Selectors::new(), Selectors::new());
        let grant = Arc::new(Grant {
            publish,
            subscribe,
            payload: None,
            expires: 1,
            subject: None,
        });
        for _ in 0..MOST {
            assert!(tickets.issue(&grant, now).is_some());
        }
        assert_eq!(tickets.issue(&grant, now), None);
        assert!(tickets.issue(&grant, now + LIFETIME).is_some());
    }
}
