//! What arrives: pieces taken off the bytes that were read, and joined to messages.

use ws_frame::{Data, DataKind, Event, Side};

use super::Socket;
use super::output::Output;
use crate::Error;
use crate::ws::{Config, Message, Outbox, Received};

/// The pieces of a message joined so far, or what was inflated of one.
#[derive(Debug)]
pub(super) struct Joined {
    kind: DataKind,
    bytes: Vec<u8>,
}

/// What was taken last, and where it lies.
#[derive(Clone, Copy, Debug)]
pub(in crate::ws) struct Lent {
    kind: DataKind,
    /// Whether its message ends with it.
    pub(in crate::ws) end: bool,
    /// In the read buffer this many bytes before the unused ones, or else in [`Joined`].
    len: Option<u32>,
}

/// How what arrives is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ws) enum Take {
    /// As whole messages.
    Messages,
    /// In pieces, as they come.
    Pieces,
}

impl<Io, S: Side> Socket<Io, S> {
    /// Takes events off the bytes that were read, until there is something to hand out.
    pub(super) fn next(&mut self, take: Take) -> Option<Lent> {
        self.forget();
        let mut lent = match take {
            Take::Pieces => self.joined_so_far(),
            Take::Messages => None,
        };
        if lent.is_none() {
            lent = self.next_whole();
            if lent.is_some() {
                return lent;
            }
        }
        // The connection says when it has nothing more: an error may come after the last byte.
        while lent.is_none() && !self.drained {
            lent = self.next_piece(take);
            if lent.is_none() {
                self.read.release();
            }
        }
        self.output.batch.settle();
        lent
    }

    /// Hands out one whole message after the other, with where the answers go, while the bytes
    /// that were read begin with one and less than `limit` bytes wait to be written.
    #[inline(always)]
    pub(super) fn each_whole(
        &mut self,
        limit: usize,
        mut hand_out: impl FnMut(Received<'_>, &mut Outbox<'_, S>),
    ) {
        if self.ready.is_some() {
            return;
        }
        self.forget();
        let Self {
            output,
            read,
            config,
            ..
        } = self;
        let config = &**config;
        let mut input = read.unused_mut();
        let mut passed = false;
        while output.batch.len() < limit
            && let Some(data) = output.connection.next_whole(&mut input)
        {
            passed = true;
            let message = match data.kind {
                DataKind::Binary => Received::Binary(data.bytes),
                DataKind::Text => Received::Text(data.as_str().unwrap_or_default()),
            };
            hand_out(message, &mut Outbox { output, config });
        }
        let left = input.len();
        read.lend(left);
        if passed {
            self.passed();
        }
    }

    /// Takes the next message if the bytes that were read begin with all of it, in one frame.
    #[inline(always)]
    pub(super) fn next_whole(&mut self) -> Option<Lent> {
        let mut input = self.read.unused_mut();
        let data = self.output.connection.next_whole(&mut input);
        let left = input.len();
        let lent = data.map(|data| Lent {
            kind: data.kind,
            end: true,
            len: u32::try_from(data.bytes.len()).ok(),
        });
        self.read.lend(left);
        if lent.is_some() {
            self.passed();
        }
        lent
    }

    /// A message came whole: nothing is left of the one before.
    #[inline]
    pub(super) const fn passed(&mut self) {
        self.skipping = false;
        self.in_pieces = false;
        self.output.active = true;
        self.clock.message_ended();
    }

    /// Gives back the memory of what was handed out last.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.read.release();
        if self.lent_joined {
            self.lent_joined = false;
            self.joined = None;
        }
    }

    /// The start of a message that was to be received whole and now is in pieces.
    fn joined_so_far(&mut self) -> Option<Lent> {
        let kind = self.joined.as_ref()?.kind;
        self.lent_joined = true;
        self.in_pieces = true;
        Some(Lent {
            kind,
            end: false,
            len: None,
        })
    }

    #[inline]
    fn next_piece(&mut self, take: Take) -> Option<Lent> {
        let Self {
            output,
            read,
            config,
            joined,
            ..
        } = self;
        let mut input = read.unused_mut();
        let event = output.connection.next_event(&mut input, output.batch.out());
        let mut left = input.len();
        let mut lent = None;
        match event {
            Ok(Some(Event::Data(data))) => {
                let (kind, end) = (data.kind, data.end);
                self.skipping &= !data.start;
                let skip = self.skipping;
                self.skipping &= !end;
                self.in_pieces = !end && (take == Take::Pieces || skip);
                let one = data.start && end;
                if !data.compressed && (one || skip || take == Take::Pieces) {
                    let len = u32::try_from(data.bytes.len()).ok();
                    lent = (!skip).then_some(Lent { kind, end, len });
                } else {
                    match join(output, joined, config, &data) {
                        Ok(()) if skip => *joined = None,
                        Ok(()) if end || take == Take::Pieces => {
                            self.lent_joined = true;
                            let len = None;
                            lent = Some(Lent { kind, end, len });
                        }
                        Ok(()) => {}
                        Err((code, error)) => {
                            left = 0;
                            output.fail(code);
                            self.failed = Some(Box::new(error));
                        }
                    }
                }
                if end {
                    self.output.active = true;
                    self.clock.message_ended();
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => self.drained = true,
            Err(error) => self.failed = Some(Box::new(error.into())),
        }
        self.read.lend(left);
        lent
    }

    /// Makes what was lent the caller's own.
    pub(in crate::ws) fn take(&mut self, lent: Lent) -> Message {
        if lent.len.is_some() {
            return self.lent(lent).to_owned();
        }
        self.lent_joined = false;
        let joined = self.joined.take().map(|joined| joined.bytes);
        let bytes = joined.unwrap_or_default();
        match lent.kind {
            DataKind::Binary => Message::Binary(bytes.into()),
            DataKind::Text => Message::Text(String::from_utf8(bytes).unwrap_or_default()),
        }
    }

    /// Builds the borrow of what was taken last.
    #[inline]
    pub(in crate::ws) fn lent(&self, lent: Lent) -> Received<'_> {
        Received::new(lent.kind, self.lent_bytes(lent))
    }

    #[inline]
    pub(in crate::ws) fn lent_bytes(&self, lent: Lent) -> &[u8] {
        match (lent.len, &self.joined) {
            (Some(len), _) => self.read.used(len as usize),
            (None, Some(joined)) => &joined.bytes,
            (None, None) => &[],
        }
    }

    /// What was taken last, and where the answer goes.
    #[inline]
    pub(in crate::ws) fn lent_and_output(
        &mut self,
        lent: Lent,
    ) -> (Received<'_>, &mut Output<S>, &Config) {
        let bytes = match (lent.len, &self.joined) {
            (Some(len), _) => self.read.used(len as usize),
            (None, Some(joined)) => &joined.bytes,
            (None, None) => &[],
        };
        let message = Received::new(lent.kind, bytes);
        (message, &mut self.output, &self.config)
    }
}

impl<Io, S> Socket<Io, S> {
    /// Keeps a piece for the next call.
    pub(in crate::ws) const fn put_back(&mut self, lent: Lent) {
        self.ready = Some(lent);
    }

    /// Forgets the message of which the last piece was handed out, and what is still to come of
    /// it.
    pub(in crate::ws) fn skip_rest(&mut self) {
        let ended = self.ready.take().is_some_and(|lent| lent.end);
        self.skipping = !ended;
    }
}

impl Lent {
    pub(in crate::ws) const fn kind(&self) -> DataKind {
        self.kind
    }
}

/// Appends a piece to those joined so far, inflated if it is compressed.
fn join<S: Side>(
    output: &mut Output<S>,
    joined: &mut Option<Box<Joined>>,
    config: &Config,
    data: &Data<'_>,
) -> Result<(), (ws_frame::CloseCode, Error)> {
    let joined = joined.get_or_insert_with(|| {
        Box::new(Joined {
            kind: data.kind,
            bytes: Vec::new(),
        })
    });
    #[cfg(feature = "deflate")]
    if data.compressed
        && let Some(compression) = &mut output.compression
    {
        return compression
            .inflate(config, data, &mut joined.bytes)
            .map_err(|broken| (broken.close_code(), broken.into()));
    }
    #[cfg(not(feature = "deflate"))]
    let _ = (output, config);
    joined.bytes.extend_from_slice(data.bytes);
    Ok(())
}
