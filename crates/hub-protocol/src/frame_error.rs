use core::fmt;
use std::borrow::Cow;

use serde::Deserialize;

use crate::limits::MAX_REF;

/// What an `error` frame says to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The id is taken by another event.
    Conflict,
    /// The rights do not suffice.
    Forbidden,
    /// The frame broke a rule; the message says which.
    Invalid,
    /// Come back later, slower.
    RateLimited,
    /// The frame or the data is too large.
    TooLarge,
    /// Rights are needed, or have ended.
    Unauthorized,
    /// The hub cannot write its log at the moment.
    Unavailable,
    /// The type of the frame is not known.
    Unsupported,
    /// A code that this version does not know.
    Other,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Conflict,
        Self::Forbidden,
        Self::Invalid,
        Self::RateLimited,
        Self::TooLarge,
        Self::Unauthorized,
        Self::Unavailable,
        Self::Unsupported,
        Self::Other,
    ];

    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::Invalid => "invalid",
            Self::RateLimited => "rate-limited",
            Self::TooLarge => "too-large",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Other => "other",
        }
    }

    /// The code that a word of the wire stands for; [`ErrorCode::Other`] if it is not known.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|code| code.as_str() == word)
            .unwrap_or(Self::Other)
    }

    /// The HTTP status that says the same over POST.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid | Self::Unsupported => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Other => 500,
            Self::Unavailable => 503,
        }
    }

    /// The code that says the same as an HTTP status.
    #[must_use]
    pub const fn from_status(status: u16) -> Self {
        match status {
            400 => Self::Invalid,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            409 => Self::Conflict,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            503 => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// A frame that cannot be used. Displayed, it is the message to answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    code: ErrorCode,
    reference: Option<Box<str>>,
    message: Cow<'static, str>,
}

impl FrameError {
    pub(crate) const fn new(code: ErrorCode, message: &'static str) -> Self {
        Self {
            code,
            reference: None,
            message: Cow::Borrowed(message),
        }
    }

    /// What went wrong, for a program.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// The `ref` of the frame, if it could be read: the answer's `ref`.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// What went wrong, for a person.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for FrameError {}

/// What every frame has.
#[derive(Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow, default, rename = "ref")]
    pub(crate) reference: Option<Cow<'a, str>>,
}

impl Envelope<'_> {
    pub(crate) fn unsupported(&self) -> FrameError {
        FrameError {
            code: ErrorCode::Unsupported,
            reference: self.reference.as_deref().map(Into::into),
            message: Cow::Borrowed("the type of the frame is not known"),
        }
    }

    /// The `ref`, owned.
    pub(crate) fn into_ref(self) -> Option<String> {
        self.reference.map(Cow::into_owned)
    }

    /// An error that answers this frame.
    pub(crate) fn refuse(&self, code: ErrorCode, message: impl fmt::Display) -> FrameError {
        FrameError {
            code,
            reference: self.reference.as_deref().map(Into::into),
            message: Cow::Owned(message.to_string()),
        }
    }
}

/// Reads what every frame has, and checks the length of its `ref`.
pub(crate) fn envelope(json: &[u8]) -> Result<Envelope<'_>, FrameError> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(json).map_err(|error| invalid(None, &error))?;
    if envelope
        .reference
        .as_ref()
        .is_some_and(|reference| reference.len() > MAX_REF)
    {
        return Err(FrameError::new(
            ErrorCode::Invalid,
            "ref is longer than 64 bytes",
        ));
    }
    Ok(envelope)
}

/// What serde found wrong.
pub(crate) fn invalid(envelope: Option<&Envelope<'_>>, error: &serde_json::Error) -> FrameError {
    FrameError {
        code: ErrorCode::Invalid,
        reference: envelope
            .and_then(|e| e.reference.as_deref())
            .map(Into::into),
        message: Cow::Owned(error.to_string()),
    }
}

/// The JSON header and the payload of a binary frame.
pub(crate) fn split_binary(frame: &[u8]) -> Result<(&[u8], &[u8]), FrameError> {
    let short = FrameError::new(
        ErrorCode::Invalid,
        "a binary frame is shorter than its header",
    );
    let Some((len, rest)) = frame.split_first_chunk::<2>() else {
        return Err(short);
    };
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
        .ok_or(short)
}
