//! The one timer of a connection.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep};

/// Whether `due` has come. The sleep is reset when it fires too early, or would fire too late:
/// a deadline that only ever moves away costs no timer.
pub(crate) fn poll_deadline(
    mut sleep: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
    due: Instant,
) -> Poll<()> {
    if sleep.deadline() > due {
        sleep.as_mut().reset(due);
    }
    loop {
        ready!(sleep.as_mut().poll(cx));
        if Instant::now() >= due {
            return Poll::Ready(());
        }
        sleep.as_mut().reset(due);
    }
}
