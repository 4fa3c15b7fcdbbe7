use core::time::Duration;
use std::collections::VecDeque;

use resume::{Backoff, BackoffConfig, Epoch, Position};

use super::Outcome;
use crate::{ErrorCode, PublishError, PublishForm};

/// Why an item was not taken to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishRefused {
    /// The client has closed.
    Closed,
    /// Too much waits already: an item was neither sent nor kept.
    Full,
    /// The hub would refuse it.
    Invalid(PublishError),
}

impl core::fmt::Display for PublishRefused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Closed => f.write_str("the client has closed"),
            Self::Full => f.write_str("too much waits to be published"),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PublishRefused {}

/// An item is not repeated later than this after it was first sent: hubs keep ids for longer.
const REPEAT_WITHIN: Duration = Duration::from_secs(120);

/// What waits to be published or acknowledged, in order.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    items: VecDeque<Item>,
    bytes: usize,
    max_items: usize,
    max_bytes: usize,
    /// Beginning of the ids that items get.
    prefix: String,
    issued: u64,
    /// After the hub could not take an item.
    backoff: Backoff,
    paused_until: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Item {
    number: u64,
    form: PublishForm,
    state: ItemState,
    /// When it was first sent, and what epoch the log was in.
    sent: Option<(Duration, Option<Epoch>)>,
    /// It was sent, and no answer came.
    unanswered: bool,
    /// Refused for the token once.
    unauthorized: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ItemState {
    Queued,
    /// On a connection.
    Sent,
    /// By POST.
    Posted,
}

/// What to do after the hub refused an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Tell the application.
    Final(u64, Outcome),
    /// Come back with another token.
    Refresh,
    /// Nothing: it is sent again later.
    Later,
}

impl Outbox {
    pub(super) fn new(max_items: usize, max_bytes: usize, seed: [u8; 12]) -> Self {
        use core::fmt::Write;
        let mut prefix = String::with_capacity(25);
        for byte in seed {
            // Writing to a string does not fail.
            let _ = write!(prefix, "{byte:02x}");
        }
        Self {
            items: VecDeque::new(),
            bytes: 0,
            max_items,
            max_bytes,
            prefix,
            issued: 0,
            backoff: Backoff::new(BackoffConfig::new()),
            paused_until: None,
        }
    }

    /// Takes an item. One without an id gets one, so that it can be repeated without harm.
    pub(super) fn push(&mut self, form: PublishForm) -> Result<u64, PublishRefused> {
        let mut form = form.checked().map_err(PublishRefused::Invalid)?;
        let bytes = form.data.len();
        if self.items.len() >= self.max_items || self.bytes.saturating_add(bytes) > self.max_bytes {
            return Err(PublishRefused::Full);
        }
        self.issued += 1;
        if form.id.is_none() && !form.ephemeral {
            form.id = Some(format!("{}.{}", self.prefix, self.issued));
        }
        self.bytes += bytes;
        self.items.push_back(Item {
            number: self.issued,
            form,
            state: ItemState::Queued,
            sent: None,
            unanswered: false,
            unauthorized: false,
        });
        Ok(self.issued)
    }

    /// The next item to send, if fewer than `in_flight` are under way and the hub takes items.
    pub(super) fn next(
        &mut self,
        in_flight: usize,
        post: bool,
        log: Option<Epoch>,
        now: Duration,
    ) -> Option<(u64, &PublishForm)> {
        if self.paused_until.is_some() {
            return None;
        }
        let under_way = |item: &&Item| item.state != ItemState::Queued;
        if self.items.iter().filter(under_way).count() >= in_flight {
            return None;
        }
        let mut items = self.items.iter_mut();
        let item = items.find(|item| item.state == ItemState::Queued)?;
        item.sent.get_or_insert((now, log));
        item.state = if post {
            ItemState::Posted
        } else {
            ItemState::Sent
        };
        Some((item.number, &item.form))
    }

    /// A new connection: what was sent on the one before has no answer, and is to be sent again.
    /// Returns what must not be.
    pub(super) fn reconnected(&mut self) -> Vec<u64> {
        for item in &mut self.items {
            if item.state == ItemState::Sent && !item.form.ephemeral {
                item.state = ItemState::Queued;
                item.unanswered = true;
            }
        }
        self.remove_all(|item| item.state == ItemState::Sent)
    }

    /// Takes out what was sent before and can no longer be repeated without harm: the hub may have
    /// forgotten its id.
    pub(super) fn expire(&mut self, log: Option<Epoch>, now: Duration) -> Vec<u64> {
        self.remove_all(|item| {
            let harmless = |(at, epoch): (Duration, Option<Epoch>)| {
                epoch == log && now.saturating_sub(at) <= REPEAT_WITHIN
            };
            item.state == ItemState::Queued && !item.sent.is_none_or(harmless)
        })
    }

    fn remove_all(&mut self, which: impl Fn(&Item) -> bool) -> Vec<u64> {
        let gone = self.items.iter().filter(|item| which(item));
        let gone: Vec<u64> = gone.map(|item| item.number).collect();
        for &number in &gone {
            self.remove(number);
        }
        gone
    }

    /// The hub took the item.
    pub(super) fn acknowledged(
        &mut self,
        number: u64,
        id: Option<String>,
        position: Option<Position>,
    ) -> Option<Outcome> {
        self.remove(number)?;
        self.backoff = Backoff::new(BackoffConfig::new());
        Some(Outcome::Acknowledged { id, position })
    }

    /// The hub refused the item.
    pub(super) fn refused(
        &mut self,
        number: u64,
        code: ErrorCode,
        message: &str,
        now: Duration,
        random: u64,
    ) -> Option<Refusal> {
        let item = self.items.iter_mut().find(|item| item.number == number)?;
        match code {
            ErrorCode::Unavailable | ErrorCode::RateLimited => {
                item.state = ItemState::Queued;
                if !item.unanswered {
                    item.sent = None; // it is not in the log
                }
                self.pause(now, random);
                Some(Refusal::Later)
            }
            ErrorCode::Unauthorized if !item.unauthorized => {
                item.unauthorized = true;
                item.state = ItemState::Queued;
                Some(Refusal::Refresh)
            }
            _ => {
                // Rights may have ended after the hub took it.
                let rights = matches!(code, ErrorCode::Unauthorized | ErrorCode::Forbidden);
                let outcome = if item.unanswered && rights {
                    Outcome::Unknown
                } else {
                    let message = message.into();
                    Outcome::Rejected { code, message }
                };
                self.remove(number);
                Some(Refusal::Final(number, outcome))
            }
        }
    }

    /// A POST had no answer: it is repeated, unless that could do harm.
    pub(super) fn unanswered(
        &mut self,
        number: u64,
        now: Duration,
        random: u64,
    ) -> Option<Outcome> {
        let item = self.items.iter_mut().find(|item| item.number == number)?;
        if item.form.ephemeral {
            self.remove(number);
            return Some(Outcome::Unknown);
        }
        item.state = ItemState::Queued;
        item.unanswered = true;
        self.pause(now, random);
        None
    }

    fn pause(&mut self, now: Duration, random: u64) {
        if self.paused_until.is_none() {
            let delay = self
                .backoff
                .next_delay(random)
                .unwrap_or(BackoffConfig::DEFAULT_CAP);
            self.paused_until = Some(now.saturating_add(delay));
        }
    }

    pub(super) const fn paused_until(&self) -> Option<Duration> {
        self.paused_until
    }

    pub(super) fn unpause(&mut self, now: Duration) {
        self.paused_until = self.paused_until.filter(|until| now < *until);
    }

    /// What becomes of the items when the client ends.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (u64, Outcome)> {
        self.bytes = 0;
        core::mem::take(&mut self.items).into_iter().map(|item| {
            let outcome = match item.state {
                ItemState::Queued if !item.unanswered => Outcome::Unsent,
                _ => Outcome::Unknown,
            };
            (item.number, outcome)
        })
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    fn remove(&mut self, number: u64) -> Option<Item> {
        let at = self.items.iter().position(|item| item.number == number)?;
        let item = self.items.remove(at)?;
        self.bytes -= item.form.data.len();
        Some(item)
    }
}
