//! Appending: decides what becomes of each event that is published, in order.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use hub_protocol::PublishForm;
use resume::Position;

use crate::event::Event;
use crate::log::Log;
use crate::publishing::Refusal;
use crate::store::{Store, StoreError};

/// Events that are appended together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The new ones.
    pub(crate) events: Vec<Arc<Event>>,
    /// Those of them that have an id.
    ids: HashMap<String, Arc<Event>>,
    head: Position,
    now: Duration,
}

impl Batch {
    /// To be appended to a log that ends at `head`; `now` is the hub's time.
    pub(crate) fn new(head: Position, now: Duration) -> Self {
        Self {
            events: Vec::new(),
            ids: HashMap::new(),
            head,
            now,
        }
    }

    /// Gives an event its place; one that is there already, with the same id, keeps it.
    ///
    /// # Errors
    ///
    /// Another event has the id, or the store cannot say whether it is another.
    pub(crate) fn add(
        &mut self,
        form: PublishForm,
        kept: Option<Arc<Event>>,
    ) -> Result<Arc<Event>, Refusal> {
        let in_batch = || form.id.as_ref().and_then(|id| self.ids.get(id)).cloned();
        if let Some(kept) = kept.or_else(in_batch) {
            return repeated(kept, &form);
        }
        self.head.offset += 1;
        let event = Arc::new(Event::new(self.head, form).taken_at(self.now));
        if let Some(id) = &event.form.id {
            self.ids.insert(id.clone(), event.clone());
        }
        self.events.push(event.clone());
        Ok(event)
    }
}

/// The event that a form with its id repeats.
///
/// # Errors
///
/// It is another event.
pub(crate) fn repeated(kept: Arc<Event>, form: &PublishForm) -> Result<Arc<Event>, Refusal> {
    if kept.form == *form {
        Ok(kept)
    } else {
        Err(Refusal::Conflict)
    }
}

/// The event of the log that has the id of a form.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    No,
    Recent(Arc<Event>),
    /// It must be read from the store.
    Stored(u64),
}

impl Known {
    pub(crate) fn find(form: &PublishForm, log: &Log) -> Self {
        let Some(offset) = form.id.as_deref().and_then(|id| log.by_id(id)) else {
            return Self::No;
        };
        log.recent(offset)
            .cloned()
            .map_or(Self::Stored(offset), Self::Recent)
    }

    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn read(self, store: &dyn Store) -> Result<Option<Arc<Event>>, StoreError> {
        match self {
            Self::No => Ok(None),
            Self::Recent(event) => Ok(Some(event)),
            Self::Stored(offset) => Ok(store.read(&[offset], 0)?.pop()),
        }
    }
}
