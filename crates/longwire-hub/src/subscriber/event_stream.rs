//! A subscriber over Server-Sent Events.

use core::task::{Context, Poll};

use hub_protocol::{GapFrame, SSE_EXPIRED, SSE_GAP, SSE_POSITION, SSE_SKIPPED, Skipped};
use longwire::Batch;
use longwire::sse::{Fill, Source};
use resume::{Gap, Position};
use sse_parse::Fields;

use super::{Carrier, Subscriber};
use crate::event::Event;

impl Source for Subscriber {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        self.bell.listen(cx.waker());
        // Asked before the log is read: what was acknowledged until then is sent first.
        let draining = self.hub.is_draining();
        self.fill(batch);
        if self.over {
            encode(&Fields::new("").with_name(SSE_EXPIRED), batch);
            return Poll::Ready(Fill::End);
        }
        if draining && !Carrier::is_full(batch) || self.failed {
            encode(&Fields::empty().with_retry(self.hub.spread()), batch);
            return Poll::Ready(Fill::End);
        }
        if batch.is_empty() {
            Poll::Pending
        } else {
            Poll::Ready(Fill::More)
        }
    }

    fn heartbeat(&mut self, batch: &mut Batch) {
        self.fill(batch);
        if batch.is_empty() {
            batch.push(b":\n\n");
        }
    }
}

impl Carrier for Batch {
    fn unsent(&self) -> usize {
        self.len()
    }

    /// Firefox shows a page no answer before the first byte of its body.
    fn begin(&mut self) {
        self.push(b":\n\n");
    }

    fn event(&mut self, event: &Event, _: Option<Position>) {
        event.push_to_event_stream(self);
    }

    fn gap(&mut self, gap: &Gap, text: Option<&str>) {
        let mut data = Vec::new();
        GapFrame::new(gap, text).encode_data(&mut data);
        let data = String::from_utf8_lossy(&data);
        let id = gap.resumed().to_string();
        encode(&Fields::new(&data).with_name(SSE_GAP).with_id(&id), self);
    }

    fn position(&mut self, position: Position, _: Position) {
        let id = position.to_string();
        encode(&Fields::new("").with_name(SSE_POSITION).with_id(&id), self);
    }

    fn skipped(&mut self, skipped: &Skipped) {
        let mut data = Vec::new();
        skipped.encode_data(&mut data);
        let data = String::from_utf8_lossy(&data);
        encode(&Fields::new(&data).with_name(SSE_SKIPPED), self);
    }
}

/// Appends a block of ours: positions and fixed names have nothing that could be refused.
fn encode(fields: &Fields<'_>, batch: &mut Batch) {
    let encoded = sse_parse::encode(fields, batch.out());
    debug_assert_eq!(encoded, Ok(()));
}
