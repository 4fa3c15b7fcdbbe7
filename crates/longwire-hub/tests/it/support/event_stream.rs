//! A subscriber over Server-Sent Events.

use core::time::Duration;
use std::collections::VecDeque;

use sse_parse::{OwnedEvent, Parser};

use super::http::{Body, Chunks};
use super::{Connection, Request, Response};

/// What a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Event(OwnedEvent),
    Retry(Duration),
}

/// An open event stream.
#[derive(Debug)]
pub(crate) struct EventStream {
    pub(super) connection: Connection,
    pub(crate) response: Response,
    chunks: Chunks,
    parser: Parser,
    items: VecDeque<Item>,
    state: Body,
}

impl EventStream {
    /// Subscribes on `connection`; the answer must be 200.
    pub(crate) async fn open(mut connection: Connection, request: Request<'_>) -> Self {
        connection.send(&request).await;
        let response = connection.head().await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("transfer-encoding"), Some("chunked"));
        Self {
            connection,
            response,
            chunks: Chunks::default(),
            parser: Parser::new(),
            items: VecDeque::new(),
            state: Body::Goes,
        }
    }

    /// The next event or reconnection time; `None` at the end of the stream. Comments are passed
    /// over.
    pub(crate) async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Some(item);
            }
            if self.state != Body::Goes {
                return None;
            }
            let mut body = Vec::new();
            self.state = self.chunks.read(&mut self.connection, &mut body).await;
            let mut input = &body[..];
            while let Some(item) = self.parser.next_item(&mut input).unwrap() {
                self.items.extend(match item {
                    sse_parse::Item::Event(event) => Some(Item::Event(event.to_owned())),
                    sse_parse::Item::Retry(delay) => Some(Item::Retry(delay)),
                    _ => None,
                });
            }
        }
    }

    /// Whether the stream ended as the hub meant it to, not in the middle of something.
    pub(crate) fn ended_whole(&self) -> bool {
        self.state == Body::Ended
    }

    /// Bytes received so far, the response head among them.
    pub(crate) fn received(&self) -> usize {
        self.connection.received
    }
}
