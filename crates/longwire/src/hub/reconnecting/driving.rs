//! What the machine says, done.

use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;

use futures_core::Stream;
use futures_sink::Sink;
use hub_protocol::{Attempt, ClientAction, ClientEvent, End};
use resume::Start;
use sse_parse::Item;
use tokio::time::Instant;

use super::{Job, Reconnecting, random};
use crate::http::Body;
use crate::hub::attempt::{Opened, ended};
use crate::hub::{Ask, NoTarget, Target};
use crate::net;
use crate::sse::decode::{DecodeError, FromBody, Pull};
use crate::ws::{self, Message, Socket};

/// The attempt or connection.
pub(super) enum Live {
    None,
    Attempt(u64, Job<Result<(Opened, Target), End>>),
    WebSocket(u64, Box<Socket<net::Stream, ws::Client>>, VecDeque<Message>),
    EventStream(u64, Box<(FromBody<Body>, Pull)>),
}

/// What came of an item of an event stream.
enum Heard {
    Beat,
    Event(String, String, String),
    Retry(Duration),
}

impl Reconnecting {
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// What was given last is handled, unless the application says so itself.
    pub(super) fn settle(&mut self) {
        if let Some(receipt) = self.given.take()
            && !self.by_hand
        {
            self.client.handled(&receipt);
        }
    }

    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<ClientEvent>> {
        self.settle();
        if self.poll_opening(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            while let Some(action) = self.client.next_action() {
                if let Some(event) = self.act(action) {
                    self.given = match &event {
                        ClientEvent::Message(message) => Some(message.receipt.clone()),
                        ClientEvent::Missed(missed) => Some(missed.receipt.clone()),
                        _ => None,
                    };
                    return Poll::Ready(Some(event));
                }
            }
            let kept = self.poll_keeping(cx);
            if self.finished.is_some() {
                return kept.map(|()| None);
            }
            // What has arrived is read before time is looked at: after the process was suspended
            // it may be all that is needed.
            if self.poll_live(cx).is_ready() || self.poll_posts(cx).is_ready() {
                continue;
            }
            let keeping = self.keeping.as_ref();
            let save = keeping.and_then(|keeping| keeping.wakes(self.client.resume_from()));
            let due = self.client.deadline().map(|due| self.started + due);
            let Some(due) = due.into_iter().chain(save).min() else {
                return Poll::Pending;
            };
            if self.timer.poll(cx, due).is_pending() {
                return Poll::Pending;
            }
            let now = self.now();
            self.client.timer(now, random());
        }
    }

    /// Loads the position, then starts.
    pub(super) fn poll_opening(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.begun {
            return Poll::Ready(());
        }
        if let Some(keeping) = &mut self.keeping {
            let loading = self.loading.get_or_insert_with(|| keeping.store.load());
            let Poll::Ready(loaded) = loading.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.loading = None;
            match loaded {
                Ok(Start::Live) => {}
                Ok(start) => {
                    keeping.kept = start.clone();
                    self.client.begin_at(start);
                }
                // A place that cannot be read is a gap, not a beginning.
                Err(error) => {
                    keeping.failed = Some(error);
                    self.client.begin_at(Start::parse(b"#unreadable"));
                }
            }
        }
        self.begun = true;
        let now = self.now();
        self.client.start(now);
        Poll::Ready(())
    }

    /// Does what the machine says; gives what is for the application.
    pub(super) fn act(&mut self, action: ClientAction) -> Option<ClientEvent> {
        match action {
            ClientAction::Connect(attempt) => self.attempt(attempt),
            ClientAction::Text { generation, frame } => {
                self.send(generation, Message::Text(frame));
            }
            ClientAction::Binary { generation, frame } => {
                self.send(generation, Message::Binary(frame.into()));
            }
            ClientAction::Post { number, body } => {
                if let Some(target) = self.target.clone() {
                    let post = self.reach.clone().post(target, body);
                    self.posts.push((number, Box::pin(post)));
                }
            }
            ClientAction::Deliver(event) => return Some(event),
            ClientAction::Drop { .. } | ClientAction::Close { .. } => self.live = Live::None,
            ClientAction::Finish { why, end } => {
                self.live = Live::None;
                self.posts.clear();
                self.finished = Some((why, end));
            }
            _ => {}
        }
        None
    }

    fn attempt(&mut self, attempt: Attempt) {
        let generation = attempt.generation;
        let target = self.hook.ask(Ask::new(generation, attempt.refresh));
        let reach = self.reach.clone();
        let future = async move {
            let target = match target.await {
                Ok(target) => target,
                Err(NoTarget::Later) => return Err(End::Unreachable),
                Err(NoTarget::Never) => return Err(End::NoCredentials),
            };
            let opened = reach.open(attempt, target.clone()).await?;
            Ok((opened, target))
        };
        self.live = Live::Attempt(generation, Box::pin(future));
    }

    fn send(&mut self, at: u64, message: Message) {
        if let Live::WebSocket(generation, _, out) = &mut self.live
            && *generation == at
        {
            out.push_back(message);
        }
    }

    /// Moves bytes; ready if something happened.
    pub(super) fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.live {
            Live::None => Poll::Pending,
            Live::Attempt(generation, future) => {
                let generation = *generation;
                let Poll::Ready(opened) = future.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                let now = self.now();
                match opened {
                    Ok((Opened::WebSocket(socket), target)) => {
                        self.target = Some(target);
                        self.live = Live::WebSocket(generation, Box::new(socket), VecDeque::new());
                        self.client.reached(generation);
                        self.client.connected(generation, None, now);
                    }
                    Ok((Opened::EventStream(body, begins), target)) => {
                        self.target = Some(target);
                        let pull = Pull::new(sse_parse::Limits::default());
                        self.live = Live::EventStream(generation, Box::new((body, pull)));
                        self.client.connected(generation, begins.as_deref(), now);
                    }
                    Err(end) => self.ended(generation, end),
                }
                Poll::Ready(())
            }
            Live::WebSocket(generation, socket, out) => {
                let generation = *generation;
                let mut socket = Pin::new(&mut **socket);
                while !out.is_empty() {
                    match socket.as_mut().poll_ready(cx) {
                        Poll::Pending => break,
                        Poll::Ready(Ok(())) => {
                            let sent = out.pop_front().map(|next| socket.as_mut().start_send(next));
                            if let Some(Err(_)) = sent {
                                break; // receiving says why
                            }
                        }
                        Poll::Ready(Err(_)) => break,
                    }
                }
                // Receiving writes what waits.
                let Poll::Ready(received) = socket.as_mut().poll_next(cx) else {
                    return Poll::Pending;
                };
                let closed = socket.closed().code().get();
                let now = self.now();
                match received {
                    Some(Ok(Message::Text(text))) => {
                        self.client.text(generation, &text, now, random());
                    }
                    Some(Ok(Message::Binary(bytes))) => {
                        self.client.binary(generation, &bytes, now, random());
                    }
                    Some(Err(error)) => self.ended(generation, ended(&error)),
                    None => self.ended(generation, End::Closed(closed)),
                }
                Poll::Ready(())
            }
            Live::EventStream(generation, stream) => {
                let generation = *generation;
                let (body, pull) = &mut **stream;
                let item = pull.poll_item(body, cx, |item| match item {
                    Item::Event(event) => Some(Heard::Event(
                        event.name.into(),
                        event.id.into(),
                        event.data.into(),
                    )),
                    Item::Retry(time) => Some(Heard::Retry(time)),
                    _ => Some(Heard::Beat),
                });
                let Poll::Ready(item) = item else {
                    return Poll::Pending;
                };
                let now = self.now();
                match item {
                    Some(Ok(Heard::Event(name, id, data))) => {
                        self.client
                            .event(generation, &name, &id, &data, now, random());
                    }
                    Some(Ok(Heard::Retry(time))) => self.client.retry(generation, time),
                    Some(Ok(Heard::Beat)) => self.client.heard(generation, now),
                    Some(Err(DecodeError::Limit(_))) => self.ended(generation, End::Protocol),
                    Some(Err(DecodeError::Source(_))) | None => {
                        self.ended(generation, End::Closed(1006));
                    }
                }
                Poll::Ready(())
            }
        }
    }

    fn ended(&mut self, generation: u64, end: End) {
        self.live = Live::None;
        let now = self.now();
        self.client.ended(generation, end, now, random());
    }

    pub(super) fn poll_posts(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for at in 0..self.posts.len() {
            let (number, post) = &mut self.posts[at];
            if let Poll::Ready(answer) = post.as_mut().poll(cx) {
                let number = *number;
                drop(self.posts.swap_remove(at));
                let now = self.now();
                let answer = answer.as_ref().map(|answer| {
                    (
                        answer.status,
                        answer.body.as_str(),
                        answer.position.as_deref(),
                    )
                });
                self.client.posted(number, answer.ok_or(()), now, random());
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Saves the position when it is time; ready when there is nothing to save.
    pub(super) fn poll_keeping(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(keeping) = &mut self.keeping else {
            return Poll::Ready(());
        };
        let due = Instant::now() >= keeping.due || self.finished.is_some();
        keeping.poll(cx, self.client.resume_from(), due)
    }
}
