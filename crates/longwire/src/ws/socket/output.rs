//! What leaves a socket: the batch that is being written, and the messages behind it.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use ws_frame::{
    CloseCode, Connection, DataKind, FrameHeader, OutboundData, SendError, Side, State, mask,
};

use crate::Error;
use crate::buffer::Batch;
#[cfg(feature = "deflate")]
use crate::ws::deflate::Compression;
use crate::ws::{Agreed, Config, Outbound, WhenFull};

/// Messages of more bytes leave in fragments of as many, so that a pong goes out in between.
const FRAGMENT: usize = 64 * 1024;
/// Nothing more is taken without waiting when this much is unsent.
const HARD_LIMIT: usize = 256 * 1024;
/// A client masks payloads of at least this size where they lie, if nobody else holds them.
const IN_PLACE: usize = 8 * 1024;

#[derive(Debug)]
pub(in crate::ws) struct Output<S> {
    pub(in crate::ws) connection: Connection<S>,
    pub(in crate::ws) batch: Batch,
    queue: Option<Box<Queue>>,
    #[cfg(feature = "deflate")]
    pub(super) compression: Option<Box<Compression>>,
    /// Messages dropped because there was no room.
    pub(super) dropped: u32,
    /// Whether a message passed since the clock last looked.
    pub(super) active: bool,
}

/// What waits behind the batch.
#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Queued>,
    /// The newest message for which there was no room.
    latest: Option<Outbound<'static>>,
    close: Option<(CloseCode, String)>,
}

/// A message, or the rest of one, or a piece of one.
#[derive(Debug)]
struct Queued {
    kind: DataKind,
    /// Whether a frame of its message has gone out.
    begun: bool,
    /// Whether its message ends with it.
    end: bool,
    compressed: bool,
    payload: Payload,
}

#[derive(Debug)]
enum Payload {
    Shared(Bytes),
    /// Held by nobody else: masked where it lies.
    Own(BytesMut),
}

impl Payload {
    fn new(bytes: Bytes, is_client: bool) -> Self {
        if is_client {
            bytes.try_into_mut().map_or_else(Self::Shared, Self::Own)
        } else {
            Self::Shared(bytes)
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Shared(bytes) => bytes.len(),
            Self::Own(bytes) => bytes.len(),
        }
    }

    fn split_to(&mut self, len: usize) -> Self {
        match self {
            Self::Shared(bytes) => Self::Shared(bytes.split_to(len)),
            Self::Own(bytes) => Self::Own(bytes.split_to(len)),
        }
    }
}

impl<S: Side> Output<S> {
    pub(super) fn new(connection: Connection<S>) -> Self {
        Self {
            connection,
            batch: Batch::new(),
            queue: None,
            #[cfg(feature = "deflate")]
            compression: None,
            dropped: 0,
            active: false,
        }
    }

    /// Bytes that wait to be written.
    pub(in crate::ws) fn len(&self) -> usize {
        let queued = self.queue.as_ref().map_or(0, |queue| {
            let latest = queue.latest.as_ref().map_or(0, |l| l.bytes().len());
            queue
                .messages
                .iter()
                .map(|m| m.payload.len())
                .sum::<usize>()
                + latest
        });
        self.batch.len() + queued
    }

    /// Whether a message may be added without waiting.
    pub(in crate::ws) fn has_room(&self) -> bool {
        self.queue.is_none() && !self.batch.is_full()
    }

    /// Whether messages may be sent: both ends are open, and no message is half sent.
    fn check(&self) -> Result<(), Error> {
        self.check_open()?;
        if self.is_amid_message() {
            return Err(Error::Unfinished);
        }
        Ok(())
    }

    pub(in crate::ws) fn check_open(&self) -> Result<(), Error> {
        let closing = self.queue.as_ref().is_some_and(|q| q.close.is_some());
        if self.connection.state() != State::Open || closing {
            return Err(Error::Closed);
        }
        Ok(())
    }

    /// Whether the piece added last was not the end of its message.
    fn is_amid_message(&self) -> bool {
        let last = self.queue.as_ref().and_then(|q| q.messages.back());
        last.map_or_else(|| self.connection.is_sending_message(), |last| !last.end)
    }

    /// Adds a message, or does what the policy has for it where there is no room.
    #[inline]
    pub(in crate::ws) fn send(
        &mut self,
        config: &Config,
        message: Outbound<'_>,
    ) -> Result<(), Error> {
        if self.has_room() || config.when_full == WhenFull::Wait {
            return self.add(config, message);
        }
        self.check()?;
        match config.when_full {
            WhenFull::Wait => {}
            WhenFull::Fail => return Err(Error::Full),
            WhenFull::Drop => self.dropped = self.dropped.saturating_add(1),
            WhenFull::Latest => {
                let message = message.into_owned();
                if self.queue().latest.replace(message).is_some() {
                    self.dropped = self.dropped.saturating_add(1);
                }
            }
        }
        Ok(())
    }

    /// Adds a message unless that exceeds the hard limit.
    pub(super) fn try_send(&mut self, config: &Config, message: Outbound<'_>) -> Result<(), Error> {
        self.check()?;
        if self.len() >= HARD_LIMIT {
            return Err(Error::Full);
        }
        self.push(config, message)
    }

    /// Adds a message, whatever waits.
    #[inline]
    pub(in crate::ws) fn add(
        &mut self,
        config: &Config,
        message: Outbound<'_>,
    ) -> Result<(), Error> {
        if self.queue.is_none() && message.bytes().len() < IN_PLACE && !self.may_compress(&message)
        {
            let data = OutboundData::new(message.kind(), message.bytes());
            self.connection.send(data, self.batch.out()).map_err(from)?;
            self.active = true;
            return Ok(());
        }
        self.check()?;
        self.push(config, message)
    }

    /// Adds a small message if there is room and nothing speaks against it; else it is for
    /// [`send`](Self::send) to say what does.
    #[inline(always)]
    pub(super) fn add_small(&mut self, message: &Outbound<'_>) -> bool {
        // Asked for once: else there is one copy of the rest for each kind of message, and the
        // compiler makes them share a call that copies any length.
        let bytes = message.bytes();
        if !self.has_room() || bytes.len() >= IN_PLACE || self.may_compress(message) {
            return false;
        }
        let data = OutboundData::new(message.kind(), bytes);
        let sent = self.connection.send(data, self.batch.out()).is_ok();
        self.active |= sent;
        sent
    }

    /// Adds a message of two parts, the second of which others hold too.
    pub(in crate::ws) fn add_shared(
        &mut self,
        config: &Config,
        kind: DataKind,
        own: &[u8],
        shared: &Bytes,
    ) -> Result<(), Error> {
        self.check()?;
        let len = own.len() + shared.len();
        if self.queue.is_some() || self.connection.is_client() || len > FRAGMENT {
            let own = Bytes::copy_from_slice(own);
            self.push_piece(config, kind, false, false, own)?;
            return self.push_piece(config, kind, true, true, shared.clone());
        }
        self.active = true;
        self.header(&FrameHeader::new(kind.opcode(), len as u64));
        self.batch.push(own);
        self.batch.push_shared(shared);
        Ok(())
    }

    fn push(&mut self, config: &Config, message: Outbound<'_>) -> Result<(), Error> {
        self.active = true;
        let bytes = message.bytes();
        let copied = if message.is_shared() {
            IN_PLACE
        } else {
            FRAGMENT + 1
        };
        if self.queue.is_none() && bytes.len() < copied && !self.may_compress(&message) {
            let data = OutboundData::new(message.kind(), bytes);
            return self.connection.send(data, self.batch.out()).map_err(from);
        }
        let message = self.encode(config, message);
        if self.queue.is_none() && message.payload.len() <= FRAGMENT {
            return self.frame(message).map_err(from);
        }
        self.queue().messages.push_back(message);
        self.pump(config)
    }

    #[cfg(feature = "deflate")]
    const fn may_compress(&self, message: &Outbound<'_>) -> bool {
        message.compress && self.compression.is_some()
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "there is a feature for that")]
    const fn may_compress(&self, message: &Outbound<'_>) -> bool {
        let _ = message.compress;
        false
    }

    /// Compresses a message if that was agreed and is worth it.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(clippy::needless_pass_by_ref_mut, reason = "there is no codec")
    )]
    fn encode(&mut self, config: &Config, message: Outbound<'_>) -> Queued {
        let kind = message.kind();
        #[cfg(feature = "deflate")]
        let compressed = match &mut self.compression {
            Some(compression) if message.compress => compression.deflate(config, message.bytes()),
            _ => None,
        };
        #[cfg(not(feature = "deflate"))]
        let (compressed, _): (Option<Vec<u8>>, _) = (None, config);
        Queued {
            kind,
            begun: false,
            end: true,
            compressed: compressed.is_some(),
            payload: Payload::new(
                compressed.map_or_else(|| message.into_bytes(), Bytes::from),
                self.connection.is_client(),
            ),
        }
    }

    /// Adds a piece of a message of which `begun` says whether it is the first.
    pub(in crate::ws) fn push_piece(
        &mut self,
        config: &Config,
        kind: DataKind,
        begun: bool,
        end: bool,
        payload: Bytes,
    ) -> Result<(), Error> {
        self.check_open()?;
        if begun != self.is_amid_message() {
            return Err(Error::Unfinished);
        }
        self.active = true;
        let payload = Payload::new(payload, self.connection.is_client());
        self.queue().messages.push_back(Queued {
            kind,
            begun,
            end,
            compressed: false,
            payload,
        });
        self.pump(config)
    }

    /// Begins the closing handshake behind what waits.
    pub(in crate::ws) fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.check_open()?;
        if self.queue.is_none() {
            return self
                .connection
                .close(code, reason, self.batch.out())
                .map_err(from);
        }
        if !code.is_sendable() && code != CloseCode::NO_STATUS {
            return Err(Error::Closed);
        }
        self.queue().close = Some((code, reason.to_owned()));
        Ok(())
    }

    /// Fails the connection: its last frame says why.
    pub(super) fn fail(&mut self, code: CloseCode) {
        let _ = self.connection.close(code, "", self.batch.out());
        let _ = self.connection.receive_eof();
    }

    pub(in crate::ws) fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.connection
            .send_ping(payload, self.batch.out())
            .map_err(from)
    }

    /// Forgets all that waits.
    pub(super) fn clear(&mut self) {
        self.queue = None;
        self.batch.clear();
    }

    fn queue(&mut self) -> &mut Queue {
        self.queue.get_or_insert_default()
    }

    /// Goes by what the handshake agreed on.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(clippy::needless_pass_by_ref_mut, reason = "there is no codec")
    )]
    pub(super) fn agreed(&mut self, agreed: Agreed) {
        #[cfg(feature = "deflate")]
        {
            let is_client = self.connection.is_client();
            self.compression = agreed
                .deflate
                .map(|agreed| Box::new(Compression::new(&agreed, is_client)));
        }
        #[cfg(not(feature = "deflate"))]
        let Agreed {} = agreed;
    }

    /// Drops what can no longer be sent; returns whether there was any.
    pub(super) fn abandon(&mut self) -> bool {
        self.queue
            .take()
            .is_some_and(|queue| !queue.messages.is_empty() || queue.latest.is_some())
    }

    /// Moves frames into the batch while it has room: one fragment of a large message at a time.
    pub(super) fn pump(&mut self, config: &Config) -> Result<(), Error> {
        while let Some(queue) = &mut self.queue {
            let Some(front) = queue.messages.front_mut() else {
                if queue.latest.is_some() && self.batch.is_full() {
                    return Ok(());
                }
                if let Some(latest) = queue.latest.take() {
                    let latest = self.encode(config, latest);
                    self.queue().messages.push_back(latest);
                    continue;
                }
                let close = queue.close.take();
                self.queue = None;
                if let Some((code, reason)) = close {
                    self.close(code, &reason)?;
                }
                return Ok(());
            };
            let large = front.payload.len() > FRAGMENT;
            if self.batch.is_full() || (large && !self.batch.is_empty()) {
                return Ok(());
            }
            let next = if large {
                let fragment = Queued {
                    end: false,
                    payload: front.payload.split_to(FRAGMENT),
                    ..*front
                };
                front.begun = true;
                Some(fragment)
            } else {
                queue.messages.pop_front()
            };
            if let Some(next) = next {
                self.frame(next).map_err(from)?;
            }
        }
        Ok(())
    }

    /// Adds one frame to the batch.
    fn frame(&mut self, piece: Queued) -> Result<(), SendError> {
        let outbound = |bytes| {
            let data = if piece.begun {
                OutboundData::continuation(bytes)
            } else if piece.compressed {
                OutboundData::new(piece.kind, bytes).compressed()
            } else {
                OutboundData::new(piece.kind, bytes)
            };
            if piece.end { data } else { data.more() }
        };
        match piece.payload {
            Payload::Own(mut bytes) if bytes.len() >= IN_PLACE => {
                let header = self.connection.send_header(outbound(&bytes))?;
                self.header(&header);
                if let Some(key) = header.mask {
                    mask(key, 0, &mut bytes);
                }
                self.batch.push_shared(&bytes.freeze());
            }
            Payload::Shared(bytes) if bytes.len() >= IN_PLACE && !self.connection.is_client() => {
                let header = self.connection.send_header(outbound(&bytes))?;
                self.header(&header);
                self.batch.push_shared(&bytes);
            }
            Payload::Own(bytes) => self.connection.send(outbound(&bytes), self.batch.out())?,
            Payload::Shared(bytes) => self.connection.send(outbound(&bytes), self.batch.out())?,
        }
        Ok(())
    }

    fn header(&mut self, header: &FrameHeader) {
        self.batch.push(header.encode().as_ref());
    }
}

fn from(error: SendError) -> Error {
    match error {
        SendError::MessageInProgress | SendError::NoMessage => Error::Unfinished,
        _ => Error::Closed,
    }
}
