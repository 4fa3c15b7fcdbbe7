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
    /// [`poll`](Self::poll), known to be `now`: most often nothing is to be done, for the timer is
    /// set, it ends before `due`, and it has not ended.
    pub(crate) fn poll_at(&mut self, cx: &mut Context<'_>, now: Instant, due: Instant) -> Poll<()> {
        if let (Some(sleep), Some(waker)) = (&self.sleep, &self.waker)
            && now < sleep.deadline()
            && sleep.deadline() <= due
            && waker.will_wake(cx.waker())
        {
            return Poll::Pending;
        }
        self.poll(cx, due)
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
