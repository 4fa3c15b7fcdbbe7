//! A subscriber over WebSocket: frames of `longwire.v1`, in both directions.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::Arc;

use hub_protocol::{
    Ack, CaughtUp, ClientFrame, ErrorCode, ErrorFrame, GapFrame, Open, PositionFrame, PublishForm,
    ServerFrame, Skipped,
};
use longwire::ws::{Outbox, Received};
use resume::{Gap, Position};
use tokio::sync::oneshot;
use ws_frame::{CloseCode, SendError};

use super::{Carrier, Greeting, Subscriber};
use crate::access::Access;
use crate::event::Event;
use crate::limits::Limits;
use crate::publishing::{Outcome, Publishing, Refusal};
use crate::token::unix_time;

/// A subscriber over WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketSubscriber {
    subscriber: Subscriber,
    access: Arc<Access>,
    limits: Arc<Limits>,
    opened: bool,
    /// Events of this client that are being written, in order.
    waiting: VecDeque<(Option<String>, oneshot::Receiver<Outcome>)>,
}

impl WebSocketSubscriber {
    pub(crate) const fn new(
        subscriber: Subscriber,
        access: Arc<Access>,
        limits: Arc<Limits>,
    ) -> Self {
        Self {
            subscriber,
            access,
            limits,
            opened: false,
            waiting: VecDeque::new(),
        }
    }

    /// Replaces the token.
    fn refresh(&mut self, token: &str) -> Result<(), Refusal> {
        let grant = self
            .access
            .verify(token)
            .map_err(|_| Refusal::Unauthorized)?;
        self.subscriber.renew(grant);
        Ok(())
    }

    fn publish(&self, form: PublishForm) -> Publishing {
        let Subscriber { hub, seated, .. } = &self.subscriber;
        let grant = self.subscriber.grant.as_deref();
        let subject = grant.and_then(|grant| grant.subject.as_ref());
        let address = seated.as_ref().and_then(|seated| seated.address);
        if let Err(after) = self.limits.publish(address, subject, hub.now()) {
            hub.metrics.rate_limited.add(1);
            return Publishing::Done(Err(Refusal::TooSoon(after)));
        }
        match self.access.policy.publish(&form, grant, unix_time()) {
            Ok(()) => self.subscriber.hub.publish(form),
            Err(refusal) => Publishing::Done(Err(refusal)),
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
        if draining && !frames.is_full() || subscriber.failed || subscriber.over {
            let (code, reason) = if subscriber.over {
                let code = CloseCode::new(TOKEN_ENDED).unwrap_or(CloseCode::POLICY_VIOLATION);
                (code, "the token has ended")
            } else if subscriber.failed {
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
                match self.publish(publish.form) {
                    Publishing::Done(outcome) => frames.answer(reference, outcome),
                    Publishing::Waits(outcome) => {
                        self.waiting.push_back((publish.reference, outcome));
                    }
                }
            }
            Ok(ClientFrame::Subscribe(frame)) => {
                let reference = frame.reference.clone();
                let reference = reference.as_deref();
                frames.send(&match self.subscriber.subscribe(frame) {
                    Ok(()) => ServerFrame::Ack(Ack::new(reference)),
                    Err(error) => {
                        let (code, message) = (ErrorCode::Invalid, error.to_string());
                        ServerFrame::Error(ErrorFrame::new(reference, code, message))
                    }
                });
            }
            Ok(ClientFrame::Unsubscribe(frame)) => {
                self.subscriber.unsubscribe(&frame.topics);
                let ack = Ack::new(frame.reference.as_deref());
                frames.send(&ServerFrame::Ack(ack));
            }
            Ok(ClientFrame::Token(frame)) => {
                let reference = frame.reference.as_deref();
                frames.send(&match self.refresh(&frame.token) {
                    Ok(()) => ServerFrame::Ack(Ack::new(reference)),
                    Err(refusal) => ServerFrame::Error(ErrorFrame::new(
                        reference,
                        refusal.code(),
                        "the token is not valid, or not any more",
                    )),
                });
            }
            // The type is one of a later version of the protocol.
            Ok(_) => {}
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

/// The connection is closed because its token has ended.
const TOKEN_ENDED: u16 = 4001;

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
                let ack = if event.form.ephemeral {
                    Ack::new(reference)
                } else {
                    Ack::published(reference, Some(&id), Some(event.position))
                };
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
    fn unsent(&self) -> usize {
        self.out.unsent()
    }

    fn event(&mut self, event: &Event, prev: Option<Position>) {
        let sent = event.send_to_web_socket(prev, self.out);
        self.count(sent);
    }

    fn replayed(&mut self, event: &Event, reference: &str) {
        let sent = event.send_replayed(reference, self.out);
        self.count(sent);
    }

    fn replay_gap(&mut self, gap: &Gap, reference: &str) {
        let gap = GapFrame::new(gap, None).in_replay(reference);
        self.send(&ServerFrame::Gap(gap));
    }

    fn caught_up(&mut self, reference: Option<&str>) {
        self.send(&ServerFrame::CaughtUp(CaughtUp::new(reference)));
    }

    fn gap(&mut self, gap: &Gap, text: Option<&str>) {
        self.send(&ServerFrame::Gap(GapFrame::new(gap, text)));
    }

    fn position(&mut self, position: Position, prev: Position) {
        self.send(&ServerFrame::Position(PositionFrame::new(position, prev)));
    }

    fn skipped(&mut self, skipped: &Skipped) {
        self.send(&ServerFrame::Skipped(*skipped));
    }
}
