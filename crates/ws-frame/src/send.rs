//! Sending: every frame that a connection appends to `out`.

use alloc::vec::Vec;

use crate::{
    CloseCode, CloseReason, Connection, ControlPayload, DataKind, FrameHeader, OpCode, Rsv,
    SendError, Side, State, mask,
};

/// A message, or a fragment of one, to be sent.
///
/// ```
/// use ws_frame::{Config, Connection, OutboundData};
///
/// let mut server = Connection::server(Config::default());
/// let mut out = Vec::new();
/// server.send(OutboundData::text("Hello"), &mut out)?;
/// assert_eq!(out, b"\x81\x05Hello");
///
/// // A message whose length is not known when it begins.
/// out.clear();
/// server.send(OutboundData::text("Hel").more(), &mut out)?;
/// server.send(OutboundData::continuation(b"lo"), &mut out)?;
/// assert_eq!(out, b"\x01\x03Hel\x80\x02lo");
/// # Ok::<(), ws_frame::SendError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct OutboundData<'a> {
    opcode: OpCode,
    rsv: Rsv,
    fin: bool,
    bytes: &'a [u8],
}

impl<'a> OutboundData<'a> {
    /// A whole message of `kind`. The bytes of an uncompressed text message must be UTF-8, which
    /// is not checked: [`text`](Self::text) cannot go wrong.
    #[inline]
    pub const fn new(kind: DataKind, bytes: &'a [u8]) -> Self {
        Self {
            opcode: kind.opcode(),
            rsv: Rsv::NONE,
            fin: true,
            bytes,
        }
    }

    /// A whole text message.
    #[inline]
    pub const fn text(text: &'a str) -> Self {
        Self::new(DataKind::Text, text.as_bytes())
    }

    /// A whole binary message.
    #[inline]
    pub const fn binary(bytes: &'a [u8]) -> Self {
        Self::new(DataKind::Binary, bytes)
    }

    /// The last fragment of the message begun with [`more`](Self::more). Fragments of text may be
    /// cut inside a character.
    #[inline]
    pub const fn continuation(bytes: &'a [u8]) -> Self {
        Self {
            opcode: OpCode::Continuation,
            rsv: Rsv::NONE,
            fin: true,
            bytes,
        }
    }

    /// The same, with more fragments of its message to follow.
    #[inline]
    pub const fn more(mut self) -> Self {
        self.fin = false;
        self
    }

    /// The same, marked as compressed: its bytes, with those of the continuations that follow, are
    /// what RFC 7692 §7.2.1 makes of the message.
    #[inline]
    pub const fn compressed(mut self) -> Self {
        self.rsv = Rsv::RSV1;
        self
    }

    /// Appends the frame as every server sends it: unmasked. Encoded once, it can be written to
    /// any number of clients whose [`Connection::check_send`] allows it.
    pub fn encode_unmasked(&self, out: &mut Vec<u8>) {
        let header = self.header().encode();
        out.reserve(header.len() + self.bytes.len());
        out.extend_from_slice(&header);
        out.extend_from_slice(self.bytes);
    }

    #[inline]
    const fn header(&self) -> FrameHeader {
        FrameHeader {
            fin: self.fin,
            rsv: self.rsv,
            opcode: self.opcode,
            mask: None,
            len: self.bytes.len() as u64,
        }
    }
}

impl<S: Side> Connection<S> {
    /// Appends `data` to `out` as one frame, masked if this is a client.
    ///
    /// Control frames may be sent between the fragments of a message, other messages may not.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], [`MessageInProgress`](SendError::MessageInProgress),
    /// [`NoMessage`](SendError::NoMessage), [`NotNegotiated`](SendError::NotNegotiated).
    #[inline(always)]
    pub fn send(&mut self, data: OutboundData<'_>, out: &mut Vec<u8>) -> Result<(), SendError> {
        let header = self.send_header(data)?;
        match header.encode_short() {
            Some(short) => append_short(short, data.bytes, out),
            None => append(&header, data.bytes, out),
        }
        Ok(())
    }

    /// Counts `data` as sent and returns the header of its frame, so that the payload need not be
    /// copied.
    ///
    /// The caller writes [`FrameHeader::encode`] and then the payload; as a client, the payload
    /// [`mask`]ed with the header's key.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    ///
    /// # Example
    ///
    /// ```
    /// use std::io::{IoSlice, Write};
    /// use ws_frame::{Config, Connection, OutboundData};
    ///
    /// let mut socket = Vec::new();
    /// let payload = vec![7; 70_000];
    /// let mut server = Connection::server(Config::default());
    /// let header = server.send_header(OutboundData::binary(&payload))?.encode();
    /// socket.write_vectored(&[IoSlice::new(&header), IoSlice::new(&payload)])?;
    /// assert_eq!(socket.len(), 10 + 70_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(always)]
    pub fn send_header(&mut self, data: OutboundData<'_>) -> Result<FrameHeader, SendError> {
        self.check_send(&data)?;
        self.sending = !data.fin;
        Ok(FrameHeader {
            mask: self.side.next_mask(),
            ..data.header()
        })
    }

    /// Whether `data` may be sent now, without sending it.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send).
    #[inline(always)]
    pub fn check_send(&self, data: &OutboundData<'_>) -> Result<(), SendError> {
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
        //# The application MUST NOT send any more data frames after sending a Close frame.
        if self.state != State::Open {
            return Err(SendError::Closed);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
        //# The fragments of one message MUST NOT be interleaved between the fragments of another
        //# message
        let continues = matches!(data.opcode, OpCode::Continuation);
        match (self.sending, continues) {
            (true, false) => return Err(SendError::MessageInProgress),
            (false, true) => return Err(SendError::NoMessage),
            _ => {}
        }
        if data.rsv != Rsv::NONE && (continues || !self.config.compression) {
            return Err(SendError::NotNegotiated);
        }
        Ok(())
    }

    /// Appends a ping with `payload`, at most 125 bytes, to `out`. The peer answers with a pong
    /// that carries the same payload.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], [`ControlTooLong`](SendError::ControlTooLong).
    pub fn send_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.send_heartbeat(OpCode::Ping, payload, out)
    }

    /// Appends a pong with `payload`, at most 125 bytes, to `out`: the answer to a ping where
    /// [`Config::auto_pong`](crate::Config::auto_pong) is off, or a heartbeat that asks for no
    /// answer.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], [`ControlTooLong`](SendError::ControlTooLong).
    pub fn send_pong(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.send_heartbeat(OpCode::Pong, payload, out)
    }

    fn send_heartbeat(
        &mut self,
        opcode: OpCode,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.state != State::Open {
            return Err(SendError::Closed);
        }
        if payload.len() > ControlPayload::MAX_LEN {
            return Err(SendError::ControlTooLong);
        }
        self.append_control(opcode, payload, out);
        Ok(())
    }

    /// Appends a close frame to `out`: nothing more is sent, and the peer is to answer with its
    /// own close frame.
    ///
    /// `reason` is cut at the last character that ends within 123 bytes. With
    /// [`CloseCode::NO_STATUS`] the frame is empty. The caller goes on reading, until
    /// [`state`](Self::state) is `Closed`, for a time of its own choice.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] if a close frame was sent before,
    /// [`UnsendableCode`](SendError::UnsendableCode) for 1006 and 1015.
    pub fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        if self.state != State::Open {
            return Err(SendError::Closed);
        }
        let payload = CloseReason::payload(code, reason)?;
        self.append_control(OpCode::Close, &payload, out);
        self.state = State::CloseSent;
        Ok(())
    }

    /// Appends a control frame, whatever the state.
    pub(crate) fn append_control(&mut self, opcode: OpCode, payload: &[u8], out: &mut Vec<u8>) {
        let mask = self.side.next_mask();
        let header = FrameHeader {
            mask,
            ..FrameHeader::new(opcode, payload.len() as u64)
        };
        append(&header, payload, out);
    }
}

#[inline(never)]
fn append(header: &FrameHeader, payload: &[u8], out: &mut Vec<u8>) {
    let encoded = header.encode();
    out.reserve(encoded.len() + payload.len());
    out.extend_from_slice(&encoded);
    let start = out.len();
    out.extend_from_slice(payload);
    //= https://www.rfc-editor.org/rfc/rfc6455#section-6.1
    //# If the data is being sent by the client, the frame(s) MUST be masked as defined in Section
    //# 5.3.
    if let Some(key) = header.mask {
        mask(key, 0, &mut out[start..]);
    }
}

/// Appends an unmasked frame, a small payload in two pieces of fixed length that overlap: a copy
/// whose length is not known before costs a call, and it reads wider than [`mask`] writes.
#[inline(always)]
fn append_short(header: [u8; 2], payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(header.len() + payload.len());
    out.extend_from_slice(&header);
    match payload.len() {
        16..=32 => extend_by::<16>(out, payload),
        // A call of its own: side by side, the compiler makes one copy of variable length of both.
        _ => extend(out, payload),
    }
}

#[inline(never)]
fn extend(out: &mut Vec<u8>, payload: &[u8]) {
    match payload.len() {
        8..16 => extend_by::<8>(out, payload),
        33..=64 => extend_by::<32>(out, payload),
        _ => out.extend_from_slice(payload),
    }
}

#[inline(always)]
fn extend_by<const N: usize>(out: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        let end = out.len() + bytes.len();
        out.extend_from_slice(first);
        out.truncate(end - N);
        out.extend_from_slice(last);
    }
}
