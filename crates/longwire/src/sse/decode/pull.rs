//! The loop between a source of bytes and the parser.

use core::task::{Context, Poll, ready};

use sse_parse::{Event, Item, LimitError, Limits, Parser};

use super::{Chunks, DecodeError};

/// Chunks without anything to return after which other tasks get their turn.
const CHUNKS_A_TURN: u32 = 64;
/// Room for text that is kept between events.
const KEEP_ROOM: usize = 64 * 1024;

/// A parser, and what it takes to drive it.
#[derive(Debug)]
pub(crate) struct Pull {
    parser: Parser,
}

impl Pull {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            parser: Parser::with_limits(limits),
        }
    }

    /// Begins with this id, as if the stream had said it before.
    pub(crate) fn resume_after(&mut self, id: &str) {
        let block = format!("id: {id}\n\n");
        let mut input = block.as_bytes();
        while let Ok(Some(_)) = self.parser.next_item(&mut input) {}
        self.parser.reset();
    }

    pub(crate) const fn parser(&self) -> &Parser {
        &self.parser
    }

    /// Begins a new stream; id and retry time stay.
    pub(crate) fn reset(&mut self) {
        self.parser.reset();
    }

    /// Reads until `take` makes something of an item; `None` is the end of the bytes.
    pub(crate) fn poll_item<C: Chunks, R>(
        &mut self,
        chunks: &mut C,
        cx: &mut Context<'_>,
        mut take: impl FnMut(Item<'_>) -> Option<R>,
    ) -> Poll<Option<Result<R, DecodeError<C::Error>>>> {
        let mut turn = CHUNKS_A_TURN;
        loop {
            let mut input = chunks.chunk();
            if !input.is_empty() {
                let found = self.first(&mut input, &mut take);
                let left = input.len();
                chunks.keep(left);
                match found {
                    Ok(None) => {}
                    Ok(Some(found)) => return Poll::Ready(Some(Ok(found))),
                    Err(error) => return Poll::Ready(Some(Err(DecodeError::Limit(error)))),
                }
            }
            turn -= 1;
            if turn == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match ready!(chunks.poll_fill(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(())) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(DecodeError::Source(error)))),
            }
        }
    }

    /// The first item that `take` makes something of.
    fn first<R>(
        &mut self,
        input: &mut &[u8],
        take: &mut impl FnMut(Item<'_>) -> Option<R>,
    ) -> Result<Option<R>, LimitError> {
        while let Some(item) = self.parser.next_item(input)? {
            if let Some(found) = take(item) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// A copy of the event that was found last, to lend it without a borrow of the parser: an event is
/// found in a loop, and a borrow cannot leave a loop on one path only.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    name: String,
    data: String,
    id: String,
}

impl Scratch {
    /// Keeps an event.
    #[inline]
    pub(crate) fn keep(&mut self, event: Event<'_>) {
        replace(&mut self.name, event.name);
        replace(&mut self.data, event.data);
        replace(&mut self.id, event.id);
    }

    /// Keeps a text that is no event.
    pub(crate) fn keep_text(&mut self, text: &str) {
        replace(&mut self.data, text);
    }

    pub(crate) fn event(&self) -> Event<'_> {
        Event::new(&self.data)
            .with_name(&self.name)
            .with_id(&self.id)
    }
}

#[inline]
fn replace(kept: &mut String, text: &str) {
    kept.clear();
    if text.is_empty() && kept.capacity() <= KEEP_ROOM {
        return;
    }
    if kept.capacity() > KEEP_ROOM && text.len() <= KEEP_ROOM {
        *kept = String::new();
    }
    kept.push_str(text);
}
