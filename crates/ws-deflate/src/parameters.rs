//! The four parameters of the extension, as one element of `Sec-WebSocket-Extensions` holds them.

use core::fmt;

use crate::{NAME, WindowBits};

/// What an element says, before anybody has judged it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: Option<WindowBits>,
    /// The inner `None` is the parameter without a value.
    pub(crate) client_max_window_bits: Option<Option<WindowBits>>,
}

/// Why an offer must be declined, or a response fails the connection.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterError {
    /// The same parameter twice.
    Duplicate,
    /// A value where there may be none, none where there must be one, or a window size that is
    /// not a decimal number from 8 to 15.
    InvalidValue,
    /// A response does not keep what the offer asked for: `server_no_context_takeover` is
    /// missing, or a window is missing or larger than the offered one.
    NotHonored,
    /// A response limits the client's window and the offer did not allow it.
    NotOffered,
    /// A parameter that RFC 7692 does not define.
    Unknown,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "a permessage-deflate parameter appears twice",
            Self::InvalidValue => "a permessage-deflate parameter has an invalid value",
            Self::NotHonored => "the permessage-deflate response does not keep to the offer",
            Self::NotOffered => "client_max_window_bits was not offered",
            Self::Unknown => "an unknown permessage-deflate parameter",
        })
    }
}

impl core::error::Error for ParameterError {}

impl Parameters {
    /// Reads name and value pairs in any order.
    //= https://www.rfc-editor.org/rfc/rfc7692#section-7
    //# A server MUST decline an extension negotiation offer for this extension if any of the
    //# following conditions are met:
    //= https://www.rfc-editor.org/rfc/rfc7692#section-7
    //# The negotiation offer contains an extension parameter not defined for use in an offer.
    //= https://www.rfc-editor.org/rfc/rfc7692#section-7
    //# The negotiation offer contains an extension parameter with an invalid value.
    //= https://www.rfc-editor.org/rfc/rfc7692#section-7
    //# The negotiation offer contains multiple extension parameters with the same name.
    pub(crate) fn parse<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, Option<V>)>,
    ) -> Result<Self, ParameterError> {
        let mut parameters = Self::default();
        for (name, value) in pairs {
            let value = value.as_ref().map(AsRef::as_ref);
            match name.as_ref() {
                "server_no_context_takeover" => {
                    flag(&mut parameters.server_no_context_takeover, value)?;
                }
                "client_no_context_takeover" => {
                    flag(&mut parameters.client_no_context_takeover, value)?;
                }
                "server_max_window_bits" => {
                    let bits = value.and_then(WindowBits::parse);
                    once(
                        &mut parameters.server_max_window_bits,
                        bits.ok_or(ParameterError::InvalidValue)?,
                    )?;
                }
                "client_max_window_bits" => {
                    let bits = match value.map(WindowBits::parse) {
                        Some(None) => return Err(ParameterError::InvalidValue),
                        Some(bits) => bits,
                        None => None,
                    };
                    once(&mut parameters.client_max_window_bits, bits)?;
                }
                _ => return Err(ParameterError::Unknown),
            }
        }
        Ok(parameters)
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), ParameterError> {
    match slot.replace(value) {
        Some(_) => Err(ParameterError::Duplicate),
        None => Ok(()),
    }
}

fn flag(slot: &mut bool, value: Option<&str>) -> Result<(), ParameterError> {
    match (core::mem::replace(slot, true), value) {
        (_, Some(_)) => Err(ParameterError::InvalidValue),
        (true, None) => Err(ParameterError::Duplicate),
        (false, None) => Ok(()),
    }
}

/// Writes the element for `Sec-WebSocket-Extensions`, the extension's name first.
impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => write!(f, "; client_max_window_bits={bits}"),
            Some(None) => f.write_str("; client_max_window_bits"),
            None => Ok(()),
        }
    }
}
