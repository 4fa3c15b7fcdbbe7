//! Compressed messages: permessage-deflate, RFC 7692.

use core::cell::RefCell;

use ws_deflate::{Agreed, Context, Deflater, InflateError, Inflater, Level, Spare};
use ws_frame::{CloseCode, ConnectionError, Data, DataKind, Utf8Validator};

use super::Config;
use crate::Error;

/// Codecs of each kind that a thread keeps for its connections' next messages.
const SPARE: usize = 2;

thread_local! {
    static POOL: RefCell<Spare> = const { RefCell::new(Spare::new(SPARE)) };
}

/// How messages are compressed, if the peer agrees.
///
/// Without context takeover a connection holds no codec between messages: each thread keeps two
/// for all its connections. With takeover it holds up to 45 KiB to inflate and 400 KiB to deflate.
///
/// Messages that are [sent in pieces](super::Socket::send_streamed) are not compressed.
///
/// ```
/// use longwire::ws::{Config, Deflate};
///
/// let config = Config::default().deflate(Some(Deflate::new().threshold(4096)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Deflate {
    pub(super) negotiable: ws_deflate::Config,
    level: Level,
    threshold: usize,
}

impl Deflate {
    /// No context takeover, level 1, messages of 1 KiB or more.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            negotiable: ws_deflate::Config::new(),
            level: Deflater::DEFAULT_LEVEL,
            threshold: Deflater::DEFAULT_THRESHOLD,
        }
    }

    /// Windows, and whether they outlive a message; default [`ws_deflate::Config::new`]: they do
    /// not.
    #[must_use]
    pub const fn negotiable(mut self, negotiable: ws_deflate::Config) -> Self {
        self.negotiable = negotiable;
        self
    }

    /// How hard to look for repetitions; default [`Deflater::DEFAULT_LEVEL`].
    #[must_use]
    pub const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Messages of fewer bytes go out as they are; default 1,024.
    #[must_use]
    pub const fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}

/// The compression of one connection. Holds a codec only while a message is half done, unless
/// contexts are taken over.
#[derive(Debug)]
pub(super) struct Compression {
    own: Context,
    peer: Context,
    codec: Option<Box<Codec>>,
}

#[derive(Debug)]
struct Codec {
    inflater: Inflater,
    deflater: Deflater,
    utf8: Utf8Validator,
}

impl Compression {
    pub(super) fn new(agreed: &Agreed, is_client: bool) -> Self {
        let (own, peer) = if is_client {
            (agreed.client(), agreed.server())
        } else {
            (agreed.server(), agreed.client())
        };
        Self {
            own,
            peer,
            codec: None,
        }
    }

    fn codec(&mut self, config: &Config) -> &mut Codec {
        let Self { own, peer, codec } = self;
        codec.get_or_insert_with(|| {
            let deflate = config.deflate.unwrap_or_default();
            let limit = config.frames.limits().max_message();
            Box::new(Codec {
                inflater: Inflater::new(*peer, usize::try_from(limit).unwrap_or(usize::MAX)),
                deflater: Deflater::new(*own)
                    .with_level(deflate.level)
                    .with_threshold(deflate.threshold),
                utf8: Utf8Validator::new(),
            })
        })
    }

    /// Frees what only a message that is half done needs.
    fn settle(&mut self) {
        self.codec
            .take_if(|codec| !codec.inflater.has_codec() && !codec.deflater.has_codec());
    }

    /// Inflates a piece of a message and appends it to `out`.
    pub(super) fn inflate(
        &mut self,
        config: &Config,
        data: &Data<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let codec = self.codec(config);
        let start = out.len();
        let inflater = &mut codec.inflater;
        POOL.with_borrow_mut(|spare| inflater.inflate_with(spare, data.bytes, data.end, out))
            .map_err(Broken::Inflate)?;
        if data.kind == DataKind::Text {
            let text = &mut codec.utf8;
            if text.push(&out[start..]).is_err() || (data.end && !text.is_complete()) {
                return Err(Broken::Text);
            }
        }
        if data.end {
            self.settle();
        }
        Ok(())
    }

    /// The compressed form of a message, if that is worth it.
    pub(super) fn deflate(&mut self, config: &Config, message: &[u8]) -> Option<Vec<u8>> {
        if message.len() < config.deflate.unwrap_or_default().threshold {
            return None;
        }
        let deflater = &mut self.codec(config).deflater;
        let mut out = Vec::new();
        let smaller =
            POOL.with_borrow_mut(|spare| deflater.deflate_message_with(spare, message, &mut out));
        self.settle();
        smaller.then_some(out)
    }
}

/// Why a compressed message cannot be had.
#[derive(Clone, Copy, Debug)]
pub(super) enum Broken {
    Inflate(InflateError),
    Text,
}

impl Broken {
    pub(super) fn close_code(self) -> CloseCode {
        match self {
            Self::Inflate(error) => {
                CloseCode::new(error.close_code()).unwrap_or(CloseCode::INVALID_PAYLOAD)
            }
            Self::Text => CloseCode::INVALID_PAYLOAD,
        }
    }
}

impl From<Broken> for Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Inflate(error) => Self::Inflate(error),
            Broken::Text => ConnectionError::InvalidUtf8.into(),
        }
    }
}
