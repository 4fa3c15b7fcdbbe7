//! What waits in a channel: encoded events, bounded, of which some give way to later ones.

use core::task::Waker;
use core::time::Duration;
use std::collections::VecDeque;

use sse_parse::{EncodeError, Fields, encode};
use tokio::time::Instant;

use super::{Channel, Fill, SendError, encode_missed, encode_position};
use crate::buffer::Batch;

/// What to do with an event for which there is no room, and with one it replaces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Admit<'k> {
    IfRoom,
    OrDrop,
    /// In place of an unsent one with this key.
    Latest(&'k str),
}

#[derive(Debug)]
pub(super) struct Queue {
    limits: Channel,
    pieces: VecDeque<Piece>,
    /// Bytes in `pieces`.
    len: usize,
    /// Of something waiting: when it began to, or was last asked for.
    since: Option<Instant>,
    pub(super) senders: usize,
    reader: Option<Waker>,
    state: State,
    dropped: u64,
    /// Of `dropped`, what the client has not been told of.
    missed: u64,
    position: Option<Box<str>>,
}

/// Events that leave together: one with a key, or any number without.
#[derive(Debug)]
struct Piece {
    key: Option<Box<str>>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Ends, once what waits has gone.
    Ending,
    Cut,
    Stalled,
    /// The stream is gone.
    Gone,
}

impl Queue {
    pub(super) fn new(limits: Channel) -> Self {
        Self {
            limits,
            pieces: VecDeque::new(),
            len: 0,
            since: None,
            senders: 1,
            reader: None,
            state: State::Open,
            dropped: 0,
            missed: 0,
            position: None,
        }
    }

    pub(super) fn push(
        &mut self,
        fields: &Fields<'_>,
        admit: Admit<'_>,
        now: impl FnOnce() -> Instant,
    ) -> Result<(), SendError> {
        match self.state {
            State::Open => {}
            State::Stalled => return Err(SendError::Stalled),
            State::Ending | State::Cut | State::Gone => return Err(SendError::Closed),
        }
        let key = match admit {
            Admit::Latest(key) => Some(key),
            _ => None,
        };
        let old = key.and_then(|key| {
            let same = |piece: &Piece| piece.key.as_deref() == Some(key);
            self.pieces.iter().position(same)
        });
        let freed = old.map_or(0, |at| self.pieces[at].bytes.len());
        if self.len - freed >= self.limits.capacity.max(1) {
            let stalled = self.stalled_at() <= now();
            return self.no_room(fields, admit, stalled);
        }
        let mut bytes = match self.pieces.back_mut() {
            Some(last) if key.is_none() && last.key.is_none() => core::mem::take(&mut last.bytes),
            _ => Vec::new(),
        };
        let before = bytes.len();
        if self.missed > 0 {
            encode_missed(self.missed, &mut bytes);
        }
        let encoded = encode(fields, &mut bytes);
        if encoded.is_err() {
            bytes.truncate(before);
        } else {
            self.missed = 0;
        }
        let added = bytes.len() - before;
        if before > 0 {
            // Taken from the last piece above.
            if let Some(last) = self.pieces.back_mut() {
                last.bytes = bytes;
            }
        } else if added > 0 {
            let key = key.map(Box::from);
            self.pieces.push_back(Piece { key, bytes });
        }
        encoded?;
        if let Some(old) = old {
            self.pieces.remove(old);
            self.len -= freed;
            self.dropped += 1;
        }
        if fields.id.is_some() {
            self.position = None;
        }
        self.len += added;
        self.since.get_or_insert_with(now);
        Ok(())
    }

    fn no_room(
        &mut self,
        fields: &Fields<'_>,
        admit: Admit<'_>,
        stalled: bool,
    ) -> Result<(), SendError> {
        if stalled {
            self.clear();
            self.state = State::Stalled;
            return Err(SendError::Stalled);
        }
        let Admit::OrDrop = admit else {
            return Err(SendError::Full);
        };
        // What could never be sent is the caller's error whether there is room or not.
        encode(fields, &mut Vec::new())?;
        self.dropped += 1;
        self.missed += 1;
        Ok(())
    }

    /// When the stream counts as stalled, if nothing is asked for until then.
    pub(super) fn stalled_at(&self) -> Instant {
        let since = self.since.unwrap_or_else(Instant::now);
        // Beyond what the clock can say: in a year.
        since
            .checked_add(self.limits.stall)
            .unwrap_or_else(|| since + Duration::from_secs(365 * 86_400))
    }

    /// When something that waits began to, or was last asked for.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Moves what waits to `batch`, until that is full, and says whether more follows; `None`
    /// when nothing waits but may come.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> Option<Fill> {
        if matches!(self.state, State::Cut | State::Stalled) {
            return Some(Fill::Cut);
        }
        let waited = self.len > 0;
        while !batch.is_full()
            && let Some(piece) = self.pieces.pop_front()
        {
            self.len -= piece.bytes.len();
            batch.push_shared(&piece.bytes.into());
        }
        if self.pieces.is_empty() {
            // Nothing is held for a stream at rest.
            self.pieces = VecDeque::new();
            self.since = None;
            if self.state == State::Ending {
                return Some(Fill::End);
            }
        } else {
            self.since = Some(Instant::now());
        }
        waited.then_some(Fill::More)
    }

    pub(super) fn has_room(&self) -> bool {
        self.len < self.limits.capacity.max(1)
    }

    pub(super) fn is_ending(&self) -> bool {
        self.state != State::Open
    }

    pub(super) fn listen(&mut self, waker: &Waker) {
        if !self
            .reader
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            self.reader = Some(waker.clone());
        }
    }

    /// The stream's task, if something waits for it.
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        if self.len > 0 || self.is_ending() {
            self.reader.take()
        } else {
            None
        }
    }

    pub(super) fn wake_always(&mut self) -> Option<Waker> {
        self.reader.take()
    }

    pub(super) fn position(&mut self, id: &str) -> Result<(), EncodeError> {
        encode(&Fields::empty().with_id(id), &mut Vec::new())?;
        self.position = Some(id.into());
        Ok(())
    }

    /// Appends the position that has not been said yet.
    pub(super) fn say_position(&mut self, batch: &mut Batch) -> bool {
        let position = self.position.take();
        if let Some(id) = &position {
            encode_position(id, batch.out());
        }
        position.is_some()
    }

    pub(super) fn end(&mut self, retry: Option<Duration>) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Ending;
        let mut bytes = Vec::new();
        if self.missed > 0 {
            encode_missed(self.missed, &mut bytes);
        }
        if let Some(retry) = retry {
            let encoded = encode(&Fields::empty().with_retry(retry), &mut bytes);
            debug_assert_eq!(encoded, Ok(()));
        }
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.pieces.push_back(Piece { key: None, bytes });
        }
    }

    pub(super) fn cut(&mut self) {
        if matches!(self.state, State::Open | State::Ending) {
            self.clear();
            self.state = State::Cut;
        }
    }

    /// The stream is gone, and what waits for it with it.
    pub(super) fn gone(&mut self) {
        self.clear();
        self.reader = None;
        if self.state != State::Stalled {
            self.state = State::Gone;
        }
    }

    fn clear(&mut self) {
        self.pieces = VecDeque::new();
        self.len = 0;
        self.since = None;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state != State::Open
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}
