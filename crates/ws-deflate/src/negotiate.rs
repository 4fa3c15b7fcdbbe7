//! Offer, answer and what both come to.

use core::fmt;

use crate::parameters::Parameters;
use crate::{ParameterError, WindowBits};

/// How one direction compresses: its window, and whether the window outlives a message.
///
/// Taking the context over makes small similar messages much smaller. It also keeps a codec per
/// connection and direction in memory, and it makes every message's length depend on the ones
/// before it (see [the crate's notes on secrets](crate#secrets)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    window: WindowBits,
    takeover: bool,
}

impl Context {
    /// Each message starts with the window that the message before it left.
    #[must_use]
    pub const fn with_takeover(window: WindowBits) -> Self {
        Self {
            window,
            takeover: true,
        }
    }

    /// Each message starts with an empty window: `no_context_takeover`.
    #[must_use]
    pub const fn without_takeover(window: WindowBits) -> Self {
        Self {
            window,
            takeover: false,
        }
    }

    /// The largest window the compressing side may use.
    #[must_use]
    pub const fn window_bits(self) -> WindowBits {
        self.window
    }

    /// Whether a message may refer back into the messages before it.
    #[must_use]
    pub const fn is_taken_over(self) -> bool {
        self.takeover
    }
}

/// What this endpoint wants, as a client or as a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    own: Context,
    peer: Context,
}

impl Config {
    /// How this endpoint compresses by default: no takeover, a window of 4 KiB.
    pub const DEFAULT_OWN: Context = Context::without_takeover(WindowBits(12));
    /// What this endpoint asks of its peer by default: no takeover, any window.
    pub const DEFAULT_PEER: Context = Context::without_takeover(WindowBits::MAX);

    /// [`DEFAULT_OWN`](Self::DEFAULT_OWN) and [`DEFAULT_PEER`](Self::DEFAULT_PEER).
    #[must_use]
    pub const fn new() -> Self {
        Self {
            own: Self::DEFAULT_OWN,
            peer: Self::DEFAULT_PEER,
        }
    }

    /// The most this endpoint uses to compress; the peer may ask for less. A larger window or
    /// takeover makes messages smaller and a [`Deflater`](crate::Deflater) larger.
    #[must_use]
    pub const fn own(mut self, context: Context) -> Self {
        self.own = context;
        self
    }

    /// The most the peer is asked to use. A server always gets its way about takeover. It gets
    /// its way about the window from clients that offer `client_max_window_bits`; from others it
    /// accepts the full window. A smaller window does not make an
    /// [`Inflater`](crate::Inflater) smaller, which has room for 32 KiB in any case; no takeover
    /// means that it holds memory only during a message.
    #[must_use]
    pub const fn peer(mut self, context: Context) -> Self {
        self.peer = context;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// One offer of the extension: what a client writes into `Sec-WebSocket-Extensions`.
///
/// `Display` writes the element, name included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer(Parameters);

impl Offer {
    /// A client's offer. It always allows the server to limit the client's window.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self(Parameters {
            server_no_context_takeover: !config.peer.takeover,
            //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.2
            //# By including the "client_no_context_takeover" extension parameter in an extension
            //# negotiation offer, a client informs the peer server of a hint that even if the
            //# server doesn't include the "client_no_context_takeover" extension parameter in the
            //# corresponding extension negotiation response to the offer, the client is not going
            //# to use context takeover.
            client_no_context_takeover: !config.own.takeover,
            server_max_window_bits: limit(config.peer.window),
            client_max_window_bits: Some(limit(config.own.window)),
        })
    }

    /// Reads one offer from the parameters of an element named
    /// [`permessage-deflate`](crate::NAME): names and values in their order, a value quoted or
    /// not.
    ///
    /// # Errors
    ///
    /// [`Duplicate`](ParameterError::Duplicate), [`InvalidValue`](ParameterError::InvalidValue)
    /// and [`Unknown`](ParameterError::Unknown): this offer must be declined. The client's next
    /// one may do.
    pub fn parse<N: AsRef<str>, V: AsRef<str>>(
        parameters: impl IntoIterator<Item = (N, Option<V>)>,
    ) -> Result<Self, ParameterError> {
        Parameters::parse(parameters).map(Self)
    }

    /// Answers the offer as a server. Write the returned value into the response; there is no
    /// valid offer that this crate cannot serve.
    pub fn negotiate(&self, config: &Config) -> Agreed {
        let offer = self.0;
        //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.1
        //# A server accepts an extension negotiation offer that includes the
        //# "server_no_context_takeover" extension parameter by including the
        //# "server_no_context_takeover" extension parameter in the corresponding extension
        //# negotiation response to send back to the client.
        let server_no_context_takeover = offer.server_no_context_takeover || !config.own.takeover;
        //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.1.2
        //# A server MAY include the "client_no_context_takeover" extension parameter in an
        //# extension negotiation response.
        let client_no_context_takeover = offer.client_no_context_takeover || !config.peer.takeover;
        //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.1
        //# A server accepts an extension negotiation offer with this parameter by including the
        //# "server_max_window_bits" extension parameter in the extension negotiation response to
        //# send back to the client with the same or smaller value as the offer.
        let server_max_window_bits = match offer.server_max_window_bits {
            Some(bits) => Some(bits.min(config.own.window)),
            None => limit(config.own.window),
        };
        //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.2
        //# If a received extension negotiation offer doesn't have the "client_max_window_bits"
        //# extension parameter, the corresponding extension negotiation response to the offer
        //# MUST NOT include the "client_max_window_bits" extension parameter.
        let client_max_window_bits = offer
            .client_max_window_bits
            .and_then(|hint| limit(hint.unwrap_or_default().min(config.peer.window)))
            .map(Some);
        Agreed(Parameters {
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        })
    }

    /// Judges the server's response as the client that made this offer. Give it the parameters
    /// of the response's element.
    ///
    /// # Errors
    ///
    /// Any [`ParameterError`]: the client must fail the connection.
    //= https://www.rfc-editor.org/rfc/rfc7692#section-7
    //# A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension
    //# negotiation offer for this extension with an extension negotiation response meeting any
    //# of the following conditions
    pub fn verify<N: AsRef<str>, V: AsRef<str>>(
        &self,
        response: impl IntoIterator<Item = (N, Option<V>)>,
    ) -> Result<Agreed, ParameterError> {
        let offer = self.0;
        let response = Parameters::parse(response)?;
        if offer.server_no_context_takeover && !response.server_no_context_takeover {
            return Err(ParameterError::NotHonored);
        }
        if let Some(most) = offer.server_max_window_bits
            && response
                .server_max_window_bits
                .is_none_or(|bits| bits > most)
        {
            return Err(ParameterError::NotHonored);
        }
        let mut agreed = response;
        match (
            offer.client_max_window_bits,
            response.client_max_window_bits,
        ) {
            (_, Some(None)) => return Err(ParameterError::InvalidValue),
            (None, Some(_)) => return Err(ParameterError::NotOffered),
            //= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.2
            //# with a value equal to or smaller than the received value
            (Some(Some(hint)), Some(Some(bits))) if bits > hint => {
                return Err(ParameterError::NotHonored);
            }
            (hint, None) => agreed.client_max_window_bits = hint,
            (Some(_), Some(Some(_))) => {}
        }
        agreed.client_no_context_takeover |= offer.client_no_context_takeover;
        Ok(Agreed(agreed))
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What both sides will do: the agreed parameters.
///
/// On the server, `Display` writes the element of the response, name included.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed(Parameters);

impl Agreed {
    /// How the server compresses: its [`Deflater`](crate::Deflater), the client's
    /// [`Inflater`](crate::Inflater).
    #[must_use]
    pub fn server(&self) -> Context {
        Context {
            window: self.0.server_max_window_bits.unwrap_or_default(),
            takeover: !self.0.server_no_context_takeover,
        }
    }

    /// How the client compresses: its [`Deflater`](crate::Deflater), the server's
    /// [`Inflater`](crate::Inflater).
    #[must_use]
    pub fn client(&self) -> Context {
        Context {
            window: self.0.client_max_window_bits.flatten().unwrap_or_default(),
            takeover: !self.0.client_no_context_takeover,
        }
    }
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The full window needs no parameter.
fn limit(window: WindowBits) -> Option<WindowBits> {
    (window < WindowBits::MAX).then_some(window)
}
