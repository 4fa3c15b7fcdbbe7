//! How much one client, and all together, may take.

mod bucket;
mod seats;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use crate::client::{Address, Client};
use crate::settings::{Network, Settings};
use bucket::{Buckets, Rate};
use seats::{Seat, Seats};

/// Descriptors that are no connections: the log, listeners, the runtime's own.
const OTHER_DESCRIPTORS: usize = 32;
/// Connections beyond the limit, and beyond those before their first request, that are told so
/// instead of being closed at once; whoever asks whether the hub is well gets an answer there.
const SPARE: usize = 32;
/// Of a connection limit that nobody has set and the system does not give either.
const MOST: usize = 1 << 20;
/// When to come back after a refusal that only others can end.
pub(crate) const CROWDED: Duration = Duration::from_secs(10);

/// What is taken at this moment, and how much may be.
#[derive(Debug)]
pub(crate) struct Limits {
    most: usize,
    connections: AtomicUsize,
    /// Little memory is left.
    tight: AtomicBool,
    most_memory: Option<usize>,
    proxies: Vec<Network>,
    by_address: Arc<Seats<Address>>,
    subscriptions: Arc<Seats<Address>>,
    subjects: Arc<Seats<Arc<str>>>,
    published_by_address: Buckets<Address>,
    published_by_subject: Buckets<Arc<str>>,
}

/// The place of a connection.
#[derive(Debug)]
pub(crate) struct Place {
    limits: Arc<Limits>,
    _seat: Option<Seat<Address>>,
}

/// The places of a subscription.
#[derive(Debug)]
pub(crate) struct Seated {
    /// Whose it is.
    pub(crate) address: Option<Address>,
    _address: Option<Seat<Address>>,
    _subject: Option<Seat<Arc<str>>>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The address has too many.
    Address,
    /// The subject of the token has too many.
    Subject,
    /// All together have too many.
    Total,
}

impl Limits {
    /// `descriptors` is how many the process may have.
    pub(crate) fn new(settings: &Settings, descriptors: Option<usize>) -> Self {
        // Besides a tenth more, which are closed before they are counted on.
        let possible = descriptors.map(|most| {
            let most = most.saturating_sub(OTHER_DESCRIPTORS + SPARE);
            (most / 11 * 10).max(1)
        });
        let most = match (settings.max_connections, possible) {
            (Some(wanted), Some(possible)) => wanted.min(possible),
            (wanted, possible) => wanted.or(possible).unwrap_or(MOST),
        };
        let rate = Rate::new(
            settings.publish_rate,
            settings.publish_rate.saturating_mul(2),
        );
        Self {
            most,
            connections: AtomicUsize::new(0),
            tight: AtomicBool::new(false),
            most_memory: settings.max_memory,
            proxies: settings.trusted_proxies.clone(),
            by_address: Seats::new(settings.max_per_ip),
            subscriptions: Seats::new(settings.max_per_ip),
            subjects: Seats::new(settings.max_per_subject),
            published_by_address: Buckets::new(rate),
            published_by_subject: Buckets::new(rate),
        }
    }

    /// Connections that may be open.
    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    /// Connections that may be before their first request.
    pub(crate) fn most_pending(&self) -> usize {
        (self.most / 10).max(1)
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Proxies whose word about their clients counts.
    pub(crate) fn proxies(&self) -> &[Network] {
        &self.proxies
    }

    /// A place for a connection.
    ///
    /// # Errors
    ///
    /// There is none, not even to say so.
    pub(crate) fn connect(self: &Arc<Self>, peer: SocketAddr) -> Result<Place, Full> {
        let is_proxy = self
            .proxies
            .iter()
            .any(|proxies| proxies.contains(peer.ip()));
        let address = Address::of(peer.ip()).filter(|_| !is_proxy);
        let seat = address.map(|address| self.by_address.take(address).ok_or(Full::Address));
        let seat = seat.transpose()?;
        // Before the check: the place gives it back.
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            limits: self.clone(),
            _seat: seat,
        };
        if before >= self.most + self.most_pending() + SPARE {
            return Err(Full::Total);
        }
        Ok(place)
    }

    /// Whether nobody more can be served.
    pub(crate) fn is_crowded(&self) -> bool {
        self.connections() > self.most || self.tight.load(Ordering::Relaxed)
    }

    /// Takes notice of how much memory the process has.
    pub(crate) fn weigh(&self, bytes: usize) {
        if let Some(most) = self.most_memory {
            self.tight.store(bytes > most / 5 * 4, Ordering::Relaxed);
        }
    }

    /// Places for a subscription, if anybody counts it.
    ///
    /// # Errors
    ///
    /// Whose are all taken.
    pub(crate) fn subscribe(
        &self,
        client: &Client,
        subject: Option<&Arc<str>>,
    ) -> Result<Option<Box<Seated>>, Full> {
        let address = client.address;
        if address.is_none() && subject.is_none() {
            return Ok(None);
        }
        let by_address =
            address.map(|address| self.subscriptions.take(address).ok_or(Full::Address));
        let by_subject = subject.map(|name| self.subjects.take(name.clone()).ok_or(Full::Subject));
        Ok(Some(Box::new(Seated {
            address,
            _address: by_address.transpose()?,
            _subject: by_subject.transpose()?,
        })))
    }

    /// Counts an event that is to be published.
    ///
    /// # Errors
    ///
    /// It comes too soon after others; how long to wait.
    pub(crate) fn publish(
        &self,
        address: Option<Address>,
        subject: Option<&Arc<str>>,
        now: Duration,
    ) -> Result<(), Duration> {
        if let Some(address) = address {
            self.published_by_address.take(address, now)?;
        }
        match subject {
            Some(subject) => self.published_by_subject.take(subject.clone(), now),
            None => Ok(()),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use ws_handshake::Scheme;

    use super::*;
    use crate::settings::Said;

    fn limits(most: usize) -> Arc<Limits> {
        let (mut settings, _) = Settings::choose(&Said::new(), None).unwrap();
        settings.max_connections = Some(most);
        settings.max_per_ip = 2;
        settings.max_per_subject = 1;
        settings.max_memory = Some(1_000);
        settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        Arc::new(Limits::new(&settings, Some(1_024)))
    }

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 9)
    }

    #[test]
    fn connections_of_one_address_are_bounded_and_those_of_loopback_and_proxies_are_not() {
        let limits = limits(100);
        let first = limits.connect(peer("192.0.2.1")).unwrap();
        let _second = limits.connect(peer("192.0.2.1")).unwrap();
        assert_eq!(
            limits.connect(peer("192.0.2.1")).unwrap_err(),
            Full::Address
        );
        let _other = limits.connect(peer("192.0.2.2")).unwrap();
        drop(first);
        let _again = limits.connect(peer("192.0.2.1")).unwrap();
        // One network of 64 bits counts as one.
        let _v6 = [
            limits.connect(peer("2001:db8::1")),
            limits.connect(peer("2001:db8::2")),
        ];
        assert_eq!(
            limits.connect(peer("2001:db8::3")).unwrap_err(),
            Full::Address
        );
        assert!(limits.connect(peer("2001:db8:0:1::1")).is_ok());
        for exempt in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3"] {
            let many: Vec<_> = (0..9).map(|_| limits.connect(peer(exempt))).collect();
            assert!(many.iter().all(Result::is_ok), "{exempt}");
        }
        drop((_second, _other, _again, _v6));
        assert_eq!(limits.connections(), 0);
    }

    #[test]
    fn beyond_the_limit_a_few_are_told_and_the_rest_are_closed() {
        let limits = limits(10);
        let mut places: Vec<_> = (0..10)
            .map(|_| limits.connect(peer("::1")).unwrap())
            .collect();
        assert!(!limits.is_crowded());
        let more = limits.most_pending() + SPARE;
        for _ in 0..more {
            places.push(limits.connect(peer("::1")).unwrap());
            assert!(limits.is_crowded());
        }
        assert_eq!(limits.connect(peer("::1")).unwrap_err(), Full::Total);
        assert_eq!(limits.connections(), 10 + more);
        places.truncate(10);
        assert!(!limits.is_crowded());
    }

    #[test]
    fn what_the_system_does_not_give_cannot_be_promised() {
        let limits = limits(1_000_000);
        let all = limits.most() + limits.most_pending() + SPARE + OTHER_DESCRIPTORS;
        assert!((1_010..=1_024).contains(&all), "{all}");
    }

    #[test]
    fn little_memory_is_a_crowd() {
        let limits = limits(10);
        limits.weigh(801);
        assert!(limits.is_crowded());
        limits.weigh(800);
        assert!(!limits.is_crowded());
    }

    #[test]
    fn subscriptions_are_bounded_by_address_and_by_subject() {
        let limits = limits(10);
        let client = |address: &str| Client {
            address: Address::of(address.parse().unwrap()),
            scheme: Scheme::Http,
        };
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        let _first = limits.subscribe(&client("192.0.2.1"), Some(&one)).unwrap();
        let refused = limits
            .subscribe(&client("192.0.2.1"), Some(&one))
            .unwrap_err();
        assert_eq!(refused, Full::Subject);
        let _second = limits.subscribe(&client("192.0.2.1"), Some(&two)).unwrap();
        let refused = limits.subscribe(&client("192.0.2.1"), None).unwrap_err();
        assert_eq!(refused, Full::Address);
        let many: Vec<_> = (0..9)
            .map(|_| limits.subscribe(&client("::1"), None))
            .collect();
        assert!(many.iter().all(Result::is_ok));
        let refused = limits.subscribe(&client("::1"), Some(&two)).unwrap_err();
        assert_eq!(
            refused,
            Full::Subject,
            "loopback has no subjects of its own"
        );
    }
}
