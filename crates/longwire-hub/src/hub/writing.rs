//! Writing to a store that must be waited for: by a thread, or by who publishes alone.

use core::net::SocketAddr;
use core::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use hub_protocol::PublishForm;
use tokio::runtime::RuntimeFlavor;
use tokio::sync::oneshot;
use tokio::task::{block_in_place, yield_now};
use tracing::error;

use super::Hub;
use crate::appender::{Batch, Known};
use crate::event::Event;
use crate::publishing::{Outcome, Publishing, Refusal};
use crate::store::Gone;
use crate::writer::{Alone, Pending, Work, Writing};

impl Hub {
    /// As [`publish`](Self::publish). Who publishes alone may have to wait for the disk in the
    /// [outcome](Posting::outcome), instead of for another thread to do so: of a runtime with
    /// several threads, another one goes on with its tasks meanwhile. `from` is the address of a
    /// client that publishes one event at a time.
    pub(crate) fn publish_here(
        self: &Arc<Self>,
        form: PublishForm,
        from: Option<SocketAddr>,
    ) -> Posting {
        let runtime = tokio::runtime::Handle::try_current();
        let several = runtime.is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
        let waits = several && !form.ephemeral && !self.is_draining();
        let disk = self.disk.as_ref().filter(|_| waits);
        let Some(alone) = disk.and_then(|disk| disk.queue.ask(from)) else {
            return Posting::Decided(self.publish(form));
        };
        let asked = Asked(self.clone());
        Posting::Asks(Asking {
            form,
            from,
            alone,
            asked,
        })
    }

    /// Publishes for who asks.
    fn decide(&self, form: PublishForm, from: Option<SocketAddr>) -> Publishing {
        let disk = self.disk.as_ref().filter(|_| !self.is_draining());
        let Some(mut writing) = disk.and_then(|disk| disk.queue.alone(from)) else {
            return self.publish(form);
        };
        let (done, mut outcome) = oneshot::channel();
        block_in_place(|| self.append(vec![Pending { form, done }], &mut writing));
        Publishing::Done(outcome.try_recv().unwrap_or(Err(Refusal::Unwritten)))
    }

    /// What the writing thread does until the hub is closed.
    pub(super) fn write(&self) {
        let Some(disk) = &self.disk else { return };
        loop {
            let (work, mut writing) = disk.queue.take();
            let done = match work {
                Work::Append(pending) => {
                    self.append(pending, &mut writing);
                    // Without waiting for each, it may be due, however much more comes.
                    self.store.sync()
                }
                Work::Expire => self.store.expire().map(|gone| {
                    let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
                    self.forget(&mut log, &gone);
                }),
                Work::Tick => self.store.sync(),
                Work::Close => {
                    if let Err(error) = self.store.close() {
                        error!(%error, "the log was not closed");
                    }
                    return;
                }
            };
            // One that failed before was said before.
            if let Err(error) = done {
                self.unwritable.store(true, Ordering::Relaxed);
                tracing::debug!(%error, "the log cannot be written");
            }
        }
    }

    /// Appends events together, and answers each publisher once all are as durable as they are to
    /// be.
    fn append(&self, pending: Vec<Pending>, writing: &mut Writing<'_>) {
        let head = self.head();
        let mut batch = Batch::new(head, self.now());
        let mut outcomes = Vec::with_capacity(pending.len());
        for Pending { form, done } in pending {
            let known = match &form.id {
                Some(_) => Known::find(&form, &self.log()).read(&*self.store),
                None => Ok(None),
            };
            let known = known.map_err(|_| Refusal::Unwritten);
            outcomes.push((done, known.and_then(|known| batch.add(form, known))));
        }
        let appended = if batch.events.is_empty() {
            Ok(Gone::new())
        } else {
            let started = Instant::now();
            let appended = self.store.append(&batch.events);
            self.metrics.commit.observe(started.elapsed());
            appended
        };
        let mut matched = None;
        let failed = match appended {
            Ok(gone) => {
                let mut log = self.log.write().unwrap_or_else(PoisonError::into_inner);
                matched = Some(self.show(&mut log, &batch.events, &gone));
                false
            }
            Err(error) => {
                self.unwritable.store(true, Ordering::Relaxed);
                error!(%error, "the log cannot be written: nothing more is acknowledged until the \
                                hub is started again");
                true
            }
        };
        for (done, outcome) in outcomes {
            let new = |event: &Arc<Event>| event.position.offset > head.offset;
            let outcome = match outcome {
                Ok(event) if failed && new(&event) => Err(Refusal::Unwritten),
                Ok(event) if !new(&event) => {
                    self.metrics.events_repeated.add(1);
                    Ok(event)
                }
                outcome => outcome,
            };
            // Nobody may wait for it any more.
            let _ = done.send(outcome);
        }
        writing.answered();
        // After the answers: the next events of those who get them are to come soon.
        if let Some(matched) = matched {
            self.ring(&batch.events, &matched);
        }
    }
}

/// What becomes of an event that is published over HTTP.
#[derive(Debug)]
#[must_use = "who published waits for an answer"]
pub(crate) enum Posting {
    Decided(Publishing),
    /// It may be written by who published it.
    Asks(Asking),
}

impl Posting {
    /// Waits for the outcome.
    pub(crate) async fn outcome(self) -> Outcome {
        match self {
            Self::Decided(publishing) => publishing.outcome().await,
            Self::Asks(asking) => asking.outcome().await,
        }
    }
}

/// An event of somebody who may publish alone.
#[derive(Debug)]
pub(crate) struct Asking {
    form: PublishForm,
    from: Option<SocketAddr>,
    alone: Alone,
    asked: Asked,
}

impl Asking {
    async fn outcome(self) -> Outcome {
        // Whoever is ready asks first: each would be alone for a moment, and those of one thread
        // would wait for the disk one after the other.
        if self.alone == Alone::Perhaps {
            yield_now().await;
        }
        let publishing = self.asked.0.decide(self.form, self.from);
        drop(self.asked);
        publishing.outcome().await
    }
}

/// That somebody asks, until this is dropped.
#[derive(Debug)]
struct Asked(Arc<Hub>);

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(disk) = &self.0.disk {
            disk.queue.ask_no_more();
        }
    }
}
