//! The one timer of a connection.

use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that mostly moves away: it is set again when it fires too early or would fire too
/// late, so that pushing it off costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// Who is woken when `sleep` ends.
    waker: Option<Waker>,
}

impl Timer {
    /// Whether it runs, and wakes whoever polls now: then polling it again would change nothing,
    /// unless it is due earlier.
    pub(crate) fn is_set(&self, cx: &Context<'_>) -> bool {
        let runs = self.sleep.as_ref().is_some_and(|sleep| !sleep.is_elapsed());
        runs && self
            .waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
    }

    /// Ready once `due` has come.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        if !self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
    }
}
