//! The position, kept in the application's store.

use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use resume::Start;
use tokio::time::Instant;

use crate::hub::{PositionStore, StoreFuture};

/// The store, and what it does.
pub(super) struct Keeping {
    pub(super) store: Box<dyn PositionStore>,
    pub(super) every: Duration,
    pub(super) kept: Start,
    pub(super) saving: Option<(Start, StoreFuture<()>)>,
    /// When the next save may begin.
    pub(super) due: Instant,
    pub(super) failed: Option<io::Error>,
}

impl Keeping {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, start: &Start, due: bool) -> Poll<()> {
        loop {
            if let Some((saved, saving)) = &mut self.saving {
                let Poll::Ready(done) = saving.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                match done {
                    Ok(()) => {
                        self.kept = saved.clone();
                        self.failed = None;
                    }
                    Err(error) => self.failed = Some(error),
                }
                self.saving = None;
                self.due = Instant::now() + self.every;
                return Poll::Ready(());
            }
            if !due || *start == self.kept {
                return Poll::Ready(());
            }
            self.saving = Some((start.clone(), self.store.save(start)));
        }
    }

    /// When there is something to save, and it is allowed.
    pub(super) fn wakes(&self, start: &Start) -> Option<Instant> {
        (self.saving.is_none() && *start != self.kept).then_some(self.due)
    }

    /// Saves what is not saved yet.
    pub(super) async fn flush(&mut self, start: &Start) -> io::Result<()> {
        if let Some((saved, saving)) = self.saving.take()
            && saving.await.is_ok()
        {
            self.kept = saved;
        }
        if self.kept != *start {
            self.store.save(start).await?;
        }
        Ok(())
    }
}
