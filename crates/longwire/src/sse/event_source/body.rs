//! The body of a response, its coding taken off.

use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, header};
use http_body::Body as _;

use super::EventSourceError;
use crate::http::Body;
use crate::sse::decode::{Chunks, Coding, Decoder, Step};

/// Chunks of a response's body.
#[derive(Debug)]
pub(super) struct Incoming {
    body: Body,
    /// As it came.
    chunk: Bytes,
    decoding: Option<Box<Decoding>>,
    heard: bool,
}

#[derive(Debug)]
struct Decoding {
    decoder: Decoder,
    /// Whether there is more to decode in what came.
    more: bool,
    out: Vec<u8>,
    /// Where the unused bytes of `out` begin.
    start: usize,
}

impl Incoming {
    /// The body of a response with these headers.
    pub(super) fn new(headers: &HeaderMap, body: Body) -> Result<Self, EventSourceError> {
        let decoding = match coding(headers)? {
            None => None,
            Some(coding) => Some(Box::new(Decoding {
                decoder: coding.decoder().map_err(|_| EventSourceError::Malformed)?,
                more: false,
                out: Vec::new(),
                start: 0,
            })),
        };
        Ok(Self {
            body,
            chunk: Bytes::new(),
            decoding,
            heard: false,
        })
    }

    /// Whether bytes came since this was last asked.
    pub(super) fn take_heard(&mut self) -> bool {
        mem::take(&mut self.heard)
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), EventSourceError>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => None,
            Some(Err(error)) => Some(Err(EventSourceError::Http(error))),
            Some(Ok(frame)) => {
                self.heard = true;
                // Trailers say nothing about events.
                self.chunk = frame.into_data().unwrap_or_default();
                Some(Ok(()))
            }
        })
    }

    /// One step of taking the coding off.
    fn decode(&mut self) -> Result<(), EventSourceError> {
        let Some(decoding) = &mut self.decoding else {
            return Ok(());
        };
        decoding.out.clear();
        decoding.start = 0;
        let mut input = &*self.chunk;
        let step = decoding.decoder.step(&mut input, &mut decoding.out);
        let read = self.chunk.len() - input.len();
        self.chunk.advance(read);
        decoding.more = step.map_err(|_| EventSourceError::Malformed)? == Step::More;
        Ok(())
    }
}

impl Chunks for Incoming {
    type Error = EventSourceError;

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), EventSourceError>>> {
        let Some(decoding) = &self.decoding else {
            return self.poll_chunk(cx);
        };
        if !decoding.more {
            let finished = decoding.decoder.is_finished();
            match ready!(self.poll_chunk(cx)) {
                None if !finished => return Poll::Ready(Some(Err(EventSourceError::Cut))),
                Some(Ok(())) => {}
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(self.decode()))
    }

    fn chunk(&self) -> &[u8] {
        match &self.decoding {
            None => &self.chunk,
            Some(decoding) => &decoding.out[decoding.start..],
        }
    }

    fn keep(&mut self, left: usize) {
        match &mut self.decoding {
            None if left == 0 => self.chunk = Bytes::new(),
            None => self.chunk.advance(self.chunk.len() - left),
            Some(decoding) => {
                decoding.start = decoding.out.len() - left;
                if left == 0 && !decoding.more {
                    // At rest it owns no buffer beside the decoder's.
                    decoding.out = Vec::new();
                    decoding.start = 0;
                }
            }
        }
    }
}

/// The coding of a response with these headers, if it has one.
//= https://www.rfc-editor.org/rfc/rfc9110#section-8.4
//# If one or more encodings have been applied to a representation, the sender that applied the
//# encodings MUST generate a Content-Encoding header field
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, EventSourceError> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        for name in value.as_bytes().split(|&byte| byte == b',') {
            let name = name.trim_ascii();
            if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
                continue;
            }
            match Coding::of(name) {
                Some(coding) if found.is_none() => found = Some(coding),
                _ => return Err(EventSourceError::Coding(value.clone())),
            }
        }
    }
    Ok(found)
}
