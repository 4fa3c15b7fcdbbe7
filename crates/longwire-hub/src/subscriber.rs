//! A subscriber: a position in the log, and what its carrier makes of the steps of its session.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::Arc;

use hub_protocol::{
    Ack, ClientFrame, ErrorCode, ErrorFrame, GapFrame, Open, PositionFrame, SSE_GAP, SSE_POSITION,
    Selectors, ServerFrame, Session, Step, SubscribeQuery,
};
use longwire::Batch;
use longwire::sse::{Fill, Source};
use longwire::ws::{Outbox, Received};
use resume::{Bounds, Gap, Position, Start};
use sse_parse::Fields;
use tokio::sync::oneshot;
use tracing::error;
use ws_frame::{CloseCode, SendError};

use crate::event::Event;
use crate::fanout::{Bell, Fanout};
use crate::hub::Hub;
use crate::log::Log;
use crate::publishing::{Outcome, Publishing, Refusal};
use crate::reader::{Ahead, MOST_EVENTS};
use crate::store::StoreError;

/// One subscription. It is its own registration: dropped, nobody rings for it any more.
#[derive(Debug)]
pub(crate) struct Subscriber {
    hub: Arc<Hub>,
    bell: Arc<Bell>,
    session: Session,
    greeting: Greeting,
    /// Older events on their way from the disk.
    ahead: Option<Box<Ahead>>,
    /// The log could not be read.
    failed: bool,
}

/// What is said before the first event.
#[derive(Debug)]
enum Greeting {
    /// Where the subscription begins, so that it can be resumed before any event has come.
    Position,
    /// The log cannot continue from where the client asked; the text if that was no position.
    Gap(Box<(Gap, Start)>),
    /// It was said, or the client knows: it gave the position.
    Said,
}

/// What a carrier makes of the steps of a session.
trait Carrier {
    fn is_full(&self) -> bool;
    fn event(&mut self, event: &Event, prev: Position);
    fn gap(&mut self, gap: &Gap, text: Option<&str>);
    fn position(&mut self, position: Position, prev: Position);
}

impl Subscriber {
    /// Begins a subscription at the position that the query names.
    pub(crate) fn open(hub: Arc<Hub>, query: SubscribeQuery) -> Self {
        let bell = Arc::default();
        let open = |log: &Log| {
            let evicted = log.bounds().earliest().offset - 1;
            hub.fanout.add(&query.selectors, &bell, evicted);
            let start = log.resolve(query.start);
            let opened = Session::open(query.selectors.clone(), &start, &log.bounds(), hub.now());
            (opened, start)
        };
        let ((session, gap), start) = if query.selectors.templates().next().is_some() {
            hub.rearrange(|log| {
                log.watch(query.selectors.templates());
                open(log)
            })
        } else {
            open(&hub.log())
        };
        let greeting = match (gap, start) {
            (Some(gap), start) => Greeting::Gap(Box::new((gap, start))),
            (None, Start::After(_)) => Greeting::Said,
            (None, _) => Greeting::Position,
        };
        Self {
            hub,
            bell,
            session,
            greeting,
            ahead: None,
            failed: false,
        }
    }

    /// The position before the first event that will be sent.
    pub(crate) fn position(&self) -> Position {
        self.session.cursor()
    }

    /// Says what is due. A subscriber whose carrier is full is at rest: it is a position.
    fn fill(&mut self, carrier: &mut impl Carrier) {
        match core::mem::replace(&mut self.greeting, Greeting::Said) {
            Greeting::Position => carrier.position(self.session.cursor(), self.session.cursor()),
            Greeting::Gap(gap) => carrier.gap(&gap.0, gap.1.text()),
            Greeting::Said => {}
        }
        let now = self.hub.now();
        let log = self.hub.log();
        pass_evicted(&mut self.session, &log.bounds(), &self.hub.fanout);
        while !carrier.is_full() {
            match self.session.next(&log.bounds(), now) {
                Step::Gap(gap) => carrier.gap(&gap, None),
                Step::Read { after } => {
                    let Some(offset) = log.next(self.session.selectors(), after.offset) else {
                        self.session.read_to(log.bounds().head());
                        continue;
                    };
                    let read;
                    let event = match log.recent(offset) {
                        Some(event) => event,
                        None => {
                            let (from, what) =
                                ((&*self.hub, &self.bell), (&*log, self.session.selectors()));
                            match older(&mut self.ahead, from, what, offset) {
                                Ok(Some(event)) => {
                                    read = event;
                                    &read
                                }
                                Ok(None) => break,
                                Err(error) => {
                                    error!(%error, "the log cannot be read");
                                    self.failed = true;
                                    break;
                                }
                            }
                        }
                    };
                    if let Some(prev) = self.session.offer(event.position, event.topics(), now) {
                        carrier.event(event, prev);
                    }
                }
                Step::Position { position, prev } => carrier.position(position, prev),
                _ => break,
            }
        }
    }
}

/// An event that the log has on disk, once it was read; the subscriber's bell rings then.
fn older(
    ahead: &mut Option<Box<Ahead>>,
    (hub, bell): (&Hub, &Arc<Bell>),
    (log, selectors): (&Log, &Selectors),
    offset: u64,
) -> Result<Option<Arc<Event>>, StoreError> {
    let Some(readers) = hub.readers() else {
        return Ok(None);
    };
    let offsets = || {
        let next = |after: &u64| log.next(selectors, *after);
        core::iter::successors(Some(offset), next)
            .take(MOST_EVENTS)
            .collect()
    };
    ahead
        .get_or_insert_default()
        .get(offset, readers, bell, offsets)
}

/// Moves the cursor over events of other topics that were evicted while nothing woke the
/// subscriber: that it is behind them is no gap.
fn pass_evicted(session: &mut Session, log: &Bounds, fanout: &Fanout) {
    let cursor = session.cursor();
    let evicted = Position::new(cursor.epoch, log.earliest().offset - 1);
    if cursor.offset < evicted.offset && !fanout.lost_after(session.selectors(), cursor.offset) {
        session.read_to(evicted);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let selectors = self.session.selectors();
        self.hub.fanout.remove(selectors, &self.bell);
        if selectors.templates().next().is_some() {
            self.hub.rearrange(|log| log.unwatch(selectors.templates()));
        }
    }
}

/// Server-Sent Events.
impl Source for Subscriber {
    fn poll_fill(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Fill> {
        self.bell.listen(cx.waker());
        // Asked before the log is read: what was acknowledged until then is sent first.
        let draining = self.hub.is_draining();
        self.fill(batch);
        if draining && !batch.is_full() || self.failed {
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
    fn is_full(&self) -> bool {
        Self::is_full(self)
    }

    fn event(&mut self, event: &Event, _: Position) {
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
}

/// Appends a block of ours: positions and fixed names have nothing that could be refused.
fn encode(fields: &Fields<'_>, batch: &mut Batch) {
    let encoded = sse_parse::encode(fields, batch.out());
    debug_assert_eq!(encoded, Ok(()));
}

/// A subscriber over WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketSubscriber {
    subscriber: Subscriber,
    opened: bool,
    /// Events of this client that are being written, in order.
    waiting: VecDeque<(Option<String>, oneshot::Receiver<Outcome>)>,
}

impl From<Subscriber> for WebSocketSubscriber {
    fn from(subscriber: Subscriber) -> Self {
        Self {
            subscriber,
            opened: false,
            waiting: VecDeque::new(),
        }
    }
}

impl longwire::ws::Session for WebSocketSubscriber {
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut Outbox<'_>) -> Poll<()> {
        let subscriber = &mut self.subscriber;
        subscriber.bell.listen(cx.waker());
        let mut frames = Frames { out, sent: 0 };
        if !self.opened {
            self.opened = true;
            let heartbeat = HEARTBEAT.as_millis().try_into().unwrap_or(u64::MAX);
            let open = Open::new(subscriber.position(), heartbeat);
            frames.send(&ServerFrame::Open(open));
            // The open frame has the position.
            if let Greeting::Position = subscriber.greeting {
                subscriber.greeting = Greeting::Said;
            }
        }
        let draining = subscriber.hub.is_draining();
        while let Some((_, outcome)) = self.waiting.front_mut()
            && let Poll::Ready(outcome) = Pin::new(outcome).poll(cx)
            && let Some((reference, _)) = self.waiting.pop_front()
        {
            let outcome = outcome.unwrap_or(Err(Refusal::Unwritten));
            frames.answer(reference.as_deref(), outcome);
        }
        // Whoever sent an event hears what became of it before the end.
        let draining = draining && self.waiting.is_empty();
        subscriber.fill(&mut frames);
        if draining && !frames.is_full() || subscriber.failed {
            let (code, reason) = if subscriber.failed {
                (CloseCode::INTERNAL_ERROR, "the log cannot be read")
            } else {
                (CloseCode::SERVICE_RESTART, "the hub restarts")
            };
            // Refused only if closing has begun, and then nothing is left to say.
            let _ = frames.out.close(code, reason);
            return Poll::Ready(());
        }
        if frames.sent == 0 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    fn receive(&mut self, message: Received<'_>, out: &mut Outbox<'_>) {
        let decoded = match message {
            Received::Text(text) => ClientFrame::decode(text.as_bytes()),
            Received::Binary(bytes) => ClientFrame::decode_binary(bytes),
        };
        let mut frames = Frames { out, sent: 0 };
        match decoded {
            Ok(ClientFrame::Publish(publish)) => {
                let reference = publish.reference.as_deref();
                match self.subscriber.hub.publish(publish.form) {
                    Publishing::Done(outcome) => frames.answer(reference, outcome),
                    Publishing::Waits(outcome) => {
                        self.waiting.push_back((publish.reference, outcome));
                    }
                }
            }
            Ok(frame) => {
                let reference = match &frame {
                    ClientFrame::Subscribe(frame) => frame.reference.as_deref(),
                    ClientFrame::Unsubscribe(frame) => frame.reference.as_deref(),
                    ClientFrame::Token(frame) => frame.reference.as_deref(),
                    _ => None,
                };
                let message = "only publish is supported so far; topics stand in the URL";
                let error = ErrorFrame::new(reference, ErrorCode::Unsupported, message);
                frames.send(&ServerFrame::Error(error));
            }
            Err(error) => {
                let error = ErrorFrame::new(error.reference(), error.code(), error.message());
                frames.send(&ServerFrame::Error(error));
            }
        }
    }

    fn quiet(&mut self, out: &mut Outbox<'_>) {
        self.subscriber.fill(&mut Frames { out, sent: 0 });
    }
}

/// After this long without a byte from the client, it is pinged.
const HEARTBEAT: core::time::Duration = core::time::Duration::from_secs(25);

/// Frames of `longwire.v1` on their way out.
struct Frames<'a, 'o> {
    out: &'a mut Outbox<'o>,
    sent: usize,
}

impl Frames<'_, '_> {
    fn send(&mut self, frame: &ServerFrame<'_>) {
        let mut json = Vec::with_capacity(256);
        frame.encode(&mut json);
        let sent = self.out.text(str::from_utf8(&json).unwrap_or_default());
        self.count(sent);
    }

    /// Tells the client what became of an event that it published.
    fn answer(&mut self, reference: Option<&str>, outcome: Outcome) {
        match outcome {
            Ok(event) => {
                let id = event.id();
                let ack = Ack::published(reference, Some(&id), Some(event.position));
                self.send(&ServerFrame::Ack(ack));
            }
            Err(refusal) => {
                let error = ErrorFrame::new(reference, refusal.code(), refusal.reason());
                self.send(&ServerFrame::Error(error));
            }
        }
    }

    /// Sending fails only once closing has begun; the client then resumes from what it has.
    fn count(&mut self, sent: Result<(), SendError>) {
        self.sent += usize::from(sent.is_ok());
    }
}

impl Carrier for Frames<'_, '_> {
    fn is_full(&self) -> bool {
        self.out.is_full()
    }

    fn event(&mut self, event: &Event, prev: Position) {
        let sent = event.send_to_web_socket(prev, self.out);
        self.count(sent);
    }

    fn gap(&mut self, gap: &Gap, text: Option<&str>) {
        self.send(&ServerFrame::Gap(GapFrame::new(gap, text)));
    }

    fn position(&mut self, position: Position, prev: Position) {
        self.send(&ServerFrame::Position(PositionFrame::new(position, prev)));
    }
}
