//! Receiving: the rules of RFC 6455 over the frames of a [`Decoder`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::mask::mask_ascii;
use crate::{
    Client, CloseCode, CloseReason, Config, ConnectionError, ControlPayload, Data, DataKind,
    Decoder, Event, FrameHeader, MaskKey, MaskSource, OpCode, Rsv, Server, Side, State,
    Utf8Validator, mask,
};

/// Text is unmasked and checked in steps of this size, while it lies in the first-level cache.
const STEP: usize = 16 * 1024;

/// One end of an open WebSocket connection, from the first byte after the handshake on.
///
/// The caller owns both byte streams: it hands in what it received, gets events that borrow from
/// it, and writes what was appended to `out`. See the [crate documentation](crate) for the loop.
///
/// # What the driver owes
///
/// - Call [`next_event`](Self::next_event) until it returns `None`, then read more.
/// - Write `out`, after an error too. Pongs are ordinary output: while more than some soft limit of
///   `out` is unwritten, read nothing. Then a peer that sends pings and never reads costs that
///   limit and one pong for each ping of the last input, and no more.
/// - Call [`refill_control_budget`](Self::refill_control_budget) at a steady pace, as every 10
///   seconds: without it a connection ends after [`Limits::control_budget`] control frames.
/// - Bound the time in which a message must end, while
///   [`is_receiving_message`](Self::is_receiving_message), and the time for which
///   [`close_expected`](Self::close_expected) may last.
///
/// [`Limits::control_budget`]: crate::Limits::control_budget
#[derive(Debug)]
pub struct Connection<S> {
    pub(crate) side: S,
    pub(crate) config: Config,
    pub(crate) decoder: Decoder,
    /// Payload bytes that the frames of the message in progress have declared.
    message_len: u64,
    /// Frames of the message in progress.
    pub(crate) fragments: u32,
    pub(crate) control_left: u32,
    /// Largest payload for the straight path.
    pub(crate) whole_max: u16,
    /// Whether the next byte begins both a frame and a message, or a control frame.
    pub(crate) at_rest: bool,
    pub(crate) state: State,
    /// Whether a message is being sent.
    pub(crate) sending: bool,
    /// Whether a message is being received, and which.
    pub(crate) message: Option<DataKind>,
    compressed: bool,
    /// Whether a piece of the message has been lent.
    lent: bool,
    utf8: Utf8Validator,
    /// Whether the piece lent last was the good start of a bad text.
    pub(crate) bad_text: bool,
    /// Opcode and FIN of the current frame.
    opcode: OpCode,
    fin: bool,
    pub(crate) ended: bool,
    /// A control payload that the input cut.
    control: Option<Box<ControlPayload>>,
    pub(crate) received: Option<Box<CloseReason>>,
}

impl Connection<Server> {
    /// The server's end: expects masked frames, sends unmasked ones.
    #[must_use]
    pub fn server(config: Config) -> Self {
        Self::new(config, Server)
    }
}

impl<M: MaskSource> Connection<Client<M>> {
    /// The client's end: expects unmasked frames, masks its own with keys from `masks`.
    #[must_use]
    pub fn client(config: Config, masks: M) -> Self {
        Self::new(config, Client { masks })
    }
}

impl<S: Side> Connection<S> {
    fn new(config: Config, side: S) -> Self {
        let limits = config.limits;
        let whole_max = limits.max_frame().min(limits.max_message());
        Self {
            side,
            config,
            decoder: Decoder::new(),
            message_len: 0,
            fragments: 0,
            control_left: limits.control_budget(),
            whole_max: u16::try_from(whole_max.min(STEP as u64)).unwrap_or(0),
            at_rest: limits.max_fragments() > 0,
            state: State::Open,
            sending: false,
            message: None,
            compressed: false,
            lent: false,
            utf8: Utf8Validator::new(),
            bad_text: false,
            opcode: OpCode::Continuation,
            fin: true,
            ended: false,
            control: None,
            received: None,
        }
    }

    /// Takes the next event off the front of `input`.
    ///
    /// Replies are appended to `out`: the pong of a ping, the answer to a close frame, the close
    /// frame that goes with an error. `None` means that `input` is empty: all of it has been
    /// consumed, at most 13 bytes of a header or 125 of a control payload being kept inside. The
    /// bytes that a [`Data`] lends are the last bytes consumed. Once the state is
    /// [`Closed`](State::Closed), `input` is emptied and the result is `None`.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`] when the peer broke a rule or a limit. The error is final and comes
    /// once: the state is `Closed`, `input` is empty, and `out` ends with the close frame for it
    /// unless one had been sent before. Write `out`, then end the TCP connection.
    #[inline(always)]
    pub fn next_event<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, ConnectionError> {
        if self.at_rest
            && let Some(data) = self.take_whole(input)
        {
            return Ok(Some(Event::Data(data)));
        }
        // Through a slot of its own, so that the compiler keeps the event above in registers.
        let mut event = None;
        self.next_any(input, out, &mut event)?;
        Ok(event)
    }

    #[inline(never)]
    fn next_any<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
        event: &mut Option<Event<'b>>,
    ) -> Result<(), ConnectionError> {
        if self.state == State::Closed {
            *input = &mut [];
            return Ok(());
        }
        match self.advance(input, out) {
            Ok(found) => {
                *event = found;
                self.at_rest = self.state != State::Closed
                    && self.message.is_none()
                    && !self.bad_text
                    && self.decoder.is_between_frames()
                    && self.config.limits.max_fragments() > 0;
                Ok(())
            }
            Err(error) => {
                self.fail(error.close_code(), out);
                *input = &mut [];
                Err(error)
            }
        }
    }

    #[inline(always)]
    fn advance<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'b>>, ConnectionError> {
        if self.bad_text {
            return Err(ConnectionError::InvalidUtf8);
        }
        loop {
            if !self.decoder.is_in_payload() {
                let Some(header) = self.decoder.next_header(input)? else {
                    return Ok(None);
                };
                self.receive_header(&header)?;
            }
            if input.is_empty() && self.decoder.payload_remaining() > 0 {
                return Ok(None);
            }
            if !self.opcode.is_control() {
                if let Some(data) = self.receive_data(input)? {
                    return Ok(Some(Event::Data(data)));
                }
            } else if let Some(payload) = self.receive_control(input) {
                return self.handle_control(payload, out).map(Some);
            }
        }
    }

    /// Checks a header against all rules and limits, before any of its payload is touched.
    fn receive_header(&mut self, header: &FrameHeader) -> Result<(), ConnectionError> {
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.2
        //# MUST be 0 unless an extension is negotiated that defines meanings for non-zero values.
        let first = matches!(header.opcode, OpCode::Text | OpCode::Binary);
        let compressed = header.rsv == Rsv::RSV1;
        if header.rsv != Rsv::NONE && !(compressed && first && self.config.compression) {
            return Err(ConnectionError::ReservedBits);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.1
        //# The server MUST close the connection upon receiving a frame that is not masked.
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.1
        //# A client MUST close a connection if it detects a masked frame.
        match (S::PEER_MASKS, header.mask.is_some()) {
            (true, false) => return Err(ConnectionError::Unmasked),
            (false, true) => return Err(ConnectionError::Masked),
            _ => {}
        }
        self.opcode = header.opcode;
        self.fin = header.fin;
        let limits = &self.config.limits;
        if header.opcode.is_control() {
            let limit = limits.control_budget();
            self.control_left = self
                .control_left
                .checked_sub(1)
                .ok_or(ConnectionError::TooManyControlFrames { limit })?;
            return Ok(());
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-5.4
        //# A fragmented message consists of a single frame with the FIN bit clear and an opcode
        //# other than 0, followed by zero or more frames with the FIN bit clear and the opcode set
        //# to 0, and terminated by a single frame with the FIN bit set and an opcode of 0.
        let kind = match (header.opcode, self.message) {
            (OpCode::Continuation, None) => return Err(ConnectionError::UnexpectedContinuation),
            (OpCode::Continuation, Some(kind)) => kind,
            (_, Some(_)) => return Err(ConnectionError::ExpectedContinuation),
            (opcode, None) => {
                self.compressed = compressed;
                self.lent = false;
                self.message_len = 0;
                self.fragments = 0;
                if opcode == OpCode::Text {
                    DataKind::Text
                } else {
                    DataKind::Binary
                }
            }
        };
        self.message = Some(kind);
        //= https://www.rfc-editor.org/rfc/rfc6455#section-10.4
        //# Such an implementation SHOULD impose a limit on frame sizes and the total message size
        //# after reassembly from multiple frames.
        let limit = limits.max_frame();
        if header.len > limit {
            return Err(ConnectionError::FrameTooLarge { limit });
        }
        let limit = limits.max_message();
        self.message_len = self.message_len.saturating_add(header.len);
        if self.message_len > limit {
            return Err(ConnectionError::MessageTooLarge { limit });
        }
        let limit = limits.max_fragments();
        if self.fragments >= limit {
            return Err(ConnectionError::TooManyFragments { limit });
        }
        self.fragments += 1;
        Ok(())
    }

    /// Takes what `input` has of a data frame; `None` if that is nothing to lend.
    #[inline(always)]
    fn receive_data<'b>(
        &mut self,
        input: &mut &'b mut [u8],
    ) -> Result<Option<Data<'b>>, ConnectionError> {
        let kind = self.message.unwrap_or(DataKind::Binary);
        let (bytes, key, frame_end) = self.decoder.take_payload(input);
        let mut end = frame_end && self.fin;
        let mut good = bytes.len();
        if kind == DataKind::Text && !self.compressed {
            good = self.unmask_text(bytes, key, end);
            self.bad_text = good < bytes.len() || (end && !self.utf8.is_complete());
            if self.bad_text {
                if good == 0 {
                    return Err(ConnectionError::InvalidUtf8);
                }
                end = false;
            }
        } else if S::PEER_MASKS {
            mask(key, 0, bytes);
        }
        if end {
            self.message = None;
        }
        if good == 0 && !end {
            return Ok(None);
        }
        let start = !self.lent;
        self.lent = true;
        let bytes = &bytes[..good];
        Ok(Some(Data {
            kind,
            bytes,
            compressed: self.compressed,
            end,
            start,
            text: "",
        }))
    }

    /// Unmasks and checks a piece of text and returns how many of its bytes come before the one
    /// that makes the text invalid.
    fn unmask_text(&mut self, bytes: &mut [u8], key: MaskKey, end: bool) -> usize {
        let len = bytes.len();
        for (i, step) in bytes.chunks_mut(STEP).enumerate() {
            // The steps are multiples of four bytes, so that each begins at the same phase.
            let ascii = mask_ascii(key, step);
            if (!ascii || !self.utf8.is_complete())
                && let Err(error) = self.utf8.push(step)
            {
                return i * STEP + error.at;
            }
        }
        // A character left open at the end is the fault of the last byte.
        if end && !self.utf8.is_complete() {
            len.saturating_sub(1)
        } else {
            len
        }
    }

    /// Takes what `input` has of a control frame; the payload when it is whole.
    fn receive_control(&mut self, input: &mut &mut [u8]) -> Option<ControlPayload> {
        let (bytes, key, end) = self.decoder.take_payload(input);
        mask(key, 0, bytes);
        let mut payload = match self.control.take() {
            Some(partial) => partial,
            None if end => {
                let mut payload = ControlPayload::EMPTY;
                payload.extend(bytes);
                return Some(payload);
            }
            None => Box::new(ControlPayload::EMPTY),
        };
        payload.extend(bytes);
        if end {
            return Some(*payload);
        }
        self.control = Some(payload);
        None
    }

    fn handle_control<'b>(
        &mut self,
        payload: ControlPayload,
        out: &mut Vec<u8>,
    ) -> Result<Event<'b>, ConnectionError> {
        match self.opcode {
            OpCode::Ping => {
                //= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2
                //# Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response,
                //# unless it already received a Close frame.
                if self.config.auto_pong {
                    self.append_control(OpCode::Pong, &payload, out);
                }
                Ok(Event::Ping(payload))
            }
            OpCode::Pong => Ok(Event::Pong(payload)),
            _ => {
                let reason = CloseReason::parse(&payload)?;
                //= https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
                //# If an endpoint receives a Close frame and did not previously send a Close frame,
                //# the endpoint MUST send a Close frame in response. (When sending a Close frame in
                //# response, the endpoint typically echos the status code it received.)
                self.fail(reason.code(), out);
                self.received = Some(Box::new(reason));
                Ok(Event::Close(reason))
            }
        }
    }

    /// Appends a close frame unless one was sent, and ends both directions.
    fn fail(&mut self, code: CloseCode, out: &mut Vec<u8>) {
        if self.state == State::Open
            && let Ok(payload) = CloseReason::payload(code, "")
        {
            self.append_control(OpCode::Close, &payload, out);
        }
        self.state = State::Closed;
        self.at_rest = false;
    }
}
