//! The stream's end of a channel.

use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use super::channel::Shared;
use super::{Fill, Source};
use crate::buffer::Batch;
use crate::clock::Timer;

/// What a [`Sender`](super::Sender) sends: the source of a [`Reply`](super::Reply), of a
/// [`Body`](super::Body), or of a stream on the bare socket.
///
/// Dropped, which every server does as soon as it sees that the peer is gone, it tells the sender.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    /// How long the first event of a batch waits; with a timer only if it does.
    batch: Option<Box<Linger>>,
}

#[derive(Debug)]
struct Linger {
    wait: Duration,
    timer: Timer,
}

impl Events {
    pub(super) fn new(shared: Arc<Shared>, batch: Duration) -> Self {
        let linger = |wait| Linger {
            wait,
            timer: Timer::default(),
        };
        Self {
            shared,
            batch: (!batch.is_zero()).then(|| Box::new(linger(batch))),
        }
    }
}

impl Source for Events {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        let mut queue = self.shared.queue();
        if let (Some(linger), Some(since)) = (&mut self.batch, queue.since())
            && queue.has_room()
            && !queue.is_ending()
            && linger.timer.poll(cx, since + linger.wait).is_pending()
        {
            queue.listen(cx.waker());
            return Poll::Pending;
        }
        let filled = queue.fill(batch);
        if filled.is_none() {
            queue.listen(cx.waker());
        }
        let room = queue.has_room();
        drop(queue);
        if room {
            self.shared.room.notify_waiters();
        }
        filled.map_or(Poll::Pending, Poll::Ready)
    }

    fn heartbeat(&mut self, batch: &mut Batch) {
        if !self.shared.queue().say_position(batch) {
            batch.push(b":\n\n");
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.queue().gone();
        self.shared.room.notify_waiters();
        self.shared.gone.notify_waiters();
    }
}
