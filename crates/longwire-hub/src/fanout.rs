//! Who is woken by an event: subscribers by topic.
//!
//! Nothing is queued here. A subscriber that wakes reads the log from its own position, so a burst
//! of events costs it one wake-up.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use core::task::Waker;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hub_protocol::{Selectors, TopicSelector};

use crate::presence::Identity;

/// The task of one subscriber, if it waits.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Whether a waker is there that was not woken yet.
    waits: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// The number of the first ephemeral event that waits for this subscriber; 0 if none does.
    ephemeral: AtomicU64,
    /// Where subscriptions can be seen.
    identity: Option<Box<Identity>>,
}

impl Bell {
    pub(crate) fn new(identity: Option<Identity>) -> Self {
        Self {
            identity: identity.map(Box::new),
            ..Self::default()
        }
    }

    /// The subscriber as others may see it.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// Notes that an ephemeral event waits, unless an earlier one does.
    pub(crate) fn announce(&self, number: u64) {
        let first = |known| (known == 0 || known > number).then_some(number);
        // It fails where there is nothing to change.
        let _ = self
            .ephemeral
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, first);
    }

    /// Whether an ephemeral event waits.
    pub(crate) fn is_announced(&self) -> bool {
        self.ephemeral.load(Ordering::Relaxed) != 0
    }

    /// The number of the first ephemeral event that waits, which is forgotten.
    pub(crate) fn take_announced(&self) -> Option<u64> {
        Some(self.ephemeral.swap(0, Ordering::AcqRel)).filter(|number| *number != 0)
    }

    /// Wakes `waker` at the next event that concerns this subscriber. To miss none, look at the
    /// log only after this call.
    pub(crate) fn listen(&self, waker: &Waker) {
        let mut slot = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        *slot = Some(waker.clone());
        self.waits.store(true, Ordering::Relaxed);
        // Whoever changes what is looked at after this finds it, or else this finds the change:
        // between changing and asking there is a fence, too.
        fence(Ordering::SeqCst);
    }

    /// Wakes the task if it waits; one that was woken already and has not looked yet is left alone.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        self.ring_after_fence();
    }

    fn ring_after_fence(&self) {
        // A burst finds most of them awake.
        if !self.waits.load(Ordering::Relaxed) {
            return;
        }
        let mut slot = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        self.waits.store(false, Ordering::Relaxed);
        let waker = slot.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The subscribers by what they asked for.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    bells: RwLock<Bells>,
    subscribers: AtomicUsize,
}

#[derive(Debug, Default)]
struct Bells {
    by_topic: HashMap<Box<str>, Listeners>,
    /// By the text of a template. The log knows which events match.
    by_template: HashMap<Box<str>, Listeners>,
    any: Vec<Arc<Bell>>,
}

/// The subscribers of one topic or template.
#[derive(Debug)]
struct Listeners {
    bells: Vec<Arc<Bell>>,
    /// No event of these with a greater offset was evicted from the log.
    evicted: AtomicU64,
}

impl Fanout {
    /// Rings `bell` for events that match one of `selectors`, from now on. `evicted` is the
    /// newest offset that the log no longer has; the caller keeps the log from changing meanwhile.
    pub(crate) fn add<'s>(
        &self,
        selectors: impl IntoIterator<Item = &'s TopicSelector>,
        bell: &Arc<Bell>,
        evicted: u64,
    ) {
        let mut bells = self.bells.write().unwrap_or_else(PoisonError::into_inner);
        for selector in selectors {
            let Some((group, text)) = bells.group(selector) else {
                bells.any.push(bell.clone());
                continue;
            };
            let listeners = group.entry(text.into()).or_insert_with(|| Listeners {
                bells: Vec::new(),
                evicted: AtomicU64::new(evicted),
            });
            listeners.bells.push(bell.clone());
        }
    }

    /// Undoes [`add`](Self::add).
    pub(crate) fn remove<'s>(
        &self,
        selectors: impl IntoIterator<Item = &'s TopicSelector>,
        bell: &Arc<Bell>,
    ) {
        let mut bells = self.bells.write().unwrap_or_else(PoisonError::into_inner);
        for selector in selectors {
            let Some((group, text)) = bells.group(selector) else {
                take(&mut bells.any, bell);
                continue;
            };
            if let Some(listeners) = group.get_mut(text) {
                take(&mut listeners.bells, bell);
                if listeners.bells.is_empty() {
                    group.remove(text);
                }
            }
        }
    }

    /// Counts one subscriber more.
    pub(crate) fn enter(&self) {
        self.subscribers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one subscriber less.
    pub(crate) fn leave(&self) {
        self.subscribers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Subscribers at this moment.
    pub(crate) fn count(&self) -> usize {
        self.subscribers.load(Ordering::Relaxed)
    }

    /// Notes that the log no longer has an event of these topics, which these templates match,
    /// before anybody can look.
    pub(crate) fn evicted<'t>(
        &self,
        topics: impl Iterator<Item = &'t str>,
        templates: &[Arc<str>],
        offset: u64,
    ) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        for listeners in bells.of(topics, templates) {
            // The lock of the log puts this before every look at it.
            listeners.evicted.store(offset, Ordering::Relaxed);
        }
    }

    /// Whether the log may have lost events beyond `offset` that match one of `selectors`, which
    /// belong to a subscriber.
    pub(crate) fn lost_after(&self, selectors: &Selectors, offset: u64) -> bool {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        selectors.iter().any(|selector| {
            let listeners = match selector {
                TopicSelector::Exact(topic) => bells.by_topic.get(topic),
                TopicSelector::Template(template) => bells.by_template.get(template.as_str()),
                _ => None,
            };
            let evicted = listeners.map(|listeners| &listeners.evicted);
            evicted.is_none_or(|evicted| evicted.load(Ordering::Relaxed) > offset)
        })
    }

    /// Rings everybody whom an event of these topics concerns, which these templates match.
    pub(crate) fn ring<'t>(&self, topics: impl Iterator<Item = &'t str>, templates: &[Arc<str>]) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        fence(Ordering::SeqCst);
        for listeners in bells.of(topics, templates) {
            listeners
                .bells
                .iter()
                .for_each(|bell| bell.ring_after_fence());
        }
        bells.any.iter().for_each(|bell| bell.ring_after_fence());
    }

    /// Whether an event of this topic, which these templates match, concerns anybody.
    pub(crate) fn concerns(&self, topic: &str, templates: &[Arc<str>]) -> bool {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        !bells.any.is_empty() || bells.of([topic].into_iter(), templates).next().is_some()
    }

    /// Notes that an ephemeral event waits for everybody whom its topics concern, which these
    /// templates match. Nobody is rung for it.
    pub(crate) fn announce<'t>(
        &self,
        topics: impl Iterator<Item = &'t str>,
        templates: &[Arc<str>],
        number: u64,
    ) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        let listeners = bells.of(topics, templates);
        let concerned = listeners.flat_map(|listeners| &listeners.bells);
        for bell in concerned.chain(&bells.any) {
            bell.announce(number);
        }
    }

    /// Shows the active subscriptions to `see`, all or those of one selector: its text, and the
    /// subscriber.
    pub(crate) fn identities(
        &self,
        selector: Option<&TopicSelector>,
        mut see: impl FnMut(&str, &Identity),
    ) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        let mut show = |topic: &str, bells: &[Arc<Bell>]| {
            let identities = bells.iter().filter_map(|bell| bell.identity());
            identities.for_each(|identity| see(topic, identity));
        };
        match selector {
            Some(TopicSelector::Exact(topic)) => {
                if let Some(listeners) = bells.by_topic.get(topic) {
                    show(topic, &listeners.bells);
                }
            }
            Some(TopicSelector::Template(template)) => {
                if let Some(listeners) = bells.by_template.get(template.as_str()) {
                    show(template.as_str(), &listeners.bells);
                }
            }
            Some(_) => show("*", &bells.any),
            None => {
                let groups = [&bells.by_topic, &bells.by_template];
                for (topic, listeners) in groups.into_iter().flatten() {
                    show(topic, &listeners.bells);
                }
                show("*", &bells.any);
            }
        }
    }

    /// Rings everybody.
    pub(crate) fn ring_all(&self) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        let groups = [&bells.by_topic, &bells.by_template];
        groups
            .into_iter()
            .flat_map(HashMap::values)
            .flat_map(|listeners| &listeners.bells)
            .for_each(|bell| bell.ring());
        bells.any.iter().for_each(|bell| bell.ring());
    }
}

impl Bells {
    /// Where the listeners of a selector are, and their key; `None` for those of everything.
    fn group<'s>(
        &mut self,
        selector: &'s TopicSelector,
    ) -> Option<(&mut HashMap<Box<str>, Listeners>, &'s str)> {
        match selector {
            TopicSelector::Exact(topic) => Some((&mut self.by_topic, topic)),
            TopicSelector::Template(template) => Some((&mut self.by_template, template.as_str())),
            _ => None,
        }
    }

    /// The listeners of an event.
    fn of<'b, 't>(
        &'b self,
        topics: impl Iterator<Item = &'t str>,
        templates: &[Arc<str>],
    ) -> impl Iterator<Item = &'b Listeners> {
        let topics = topics.filter_map(|topic| self.by_topic.get(topic));
        topics.chain(
            templates
                .iter()
                .filter_map(|text| self.by_template.get(&**text)),
        )
    }
}

fn take(list: &mut Vec<Arc<Bell>>, bell: &Arc<Bell>) {
    if let Some(at) = list.iter().position(|other| Arc::ptr_eq(other, bell)) {
        list.swap_remove(at);
    }
    // A topic that was popular once should not hold memory for ever.
    if list.capacity() > 4 * list.len().max(16) {
        list.shrink_to(2 * list.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::task::Waker;
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn subscribe(fanout: &Fanout, topics: &[&str]) -> (Selectors, Arc<Bell>, Arc<Count>) {
        let mut selectors = Selectors::new();
        for topic in topics {
            selectors
                .insert(TopicSelector::parse(topic).unwrap())
                .unwrap();
        }
        let (bell, count) = (Arc::<Bell>::default(), Arc::<Count>::default());
        fanout.add(selectors.iter(), &bell, 0);
        (selectors, bell, count)
    }

    #[test]
    fn a_burst_wakes_each_whom_it_concerns_once() {
        let fanout = Fanout::default();
        let waiting = [
            subscribe(&fanout, &["a"]),
            subscribe(&fanout, &["a", "b"]),
            subscribe(&fanout, &["*"]),
            subscribe(&fanout, &["c"]),
            subscribe(&fanout, &["{t}", "b"]),
            subscribe(&fanout, &["{other}"]),
        ];
        for (_, bell, count) in &waiting {
            bell.listen(&Waker::from(count.clone()));
        }
        for _ in 0..100 {
            fanout.ring(["a", "b"].into_iter(), &["{t}".into()]);
        }
        let woken = waiting
            .each_ref()
            .map(|(_, _, count)| count.0.load(Ordering::Relaxed));
        assert_eq!(woken, [1, 1, 1, 0, 1, 0]);
        fanout.ring_all();
        assert_eq!(waiting[3].2.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_was_lost_is_known_for_topics_that_somebody_wants() {
        let fanout = Fanout::default();
        let (a, ..) = subscribe(&fanout, &["a"]);
        let (both, ..) = subscribe(&fanout, &["a", "b"]);
        let (all, ..) = subscribe(&fanout, &["*"]);
        fanout.evicted(["a", "c"].into_iter(), &[], 7);
        fanout.evicted(["c"].into_iter(), &[], 8);
        fanout.evicted(["b"].into_iter(), &[], 9);
        assert!(fanout.lost_after(&a, 6) && !fanout.lost_after(&a, 7));
        assert!(fanout.lost_after(&both, 8) && !fanout.lost_after(&both, 9));
        assert!(fanout.lost_after(&all, 9), "all topics are not counted");
        let (template, ..) = subscribe(&fanout, &["{t}"]);
        fanout.evicted(["c"].into_iter(), &["{t}".into()], 9);
        assert!(fanout.lost_after(&template, 8) && !fanout.lost_after(&template, 9));
        // Nobody wanted `c` when its events went: they may have been lost.
        let mut c = Selectors::new();
        c.insert(TopicSelector::parse("c").unwrap()).unwrap();
        assert!(fanout.lost_after(&c, 9));
        fanout.add(c.iter(), &Arc::default(), 9);
        assert!(fanout.lost_after(&c, 8) && !fanout.lost_after(&c, 9));
    }

    #[test]
    fn who_has_left_leaves_nothing_behind() {
        let fanout = Fanout::default();
        let subscribers: Vec<_> = (0..200)
            .map(|_| subscribe(&fanout, &["a", "b", "*", "{t}"]))
            .collect();
        for (selectors, bell, _) in &subscribers {
            fanout.remove(selectors.iter(), bell);
        }
        let bells = fanout.bells.read().unwrap();
        assert_eq!((bells.by_topic.len(), bells.any.len()), (0, 0));
        assert!(bells.by_template.is_empty());
        assert!(bells.any.capacity() <= 64, "{}", bells.any.capacity());
    }
}
