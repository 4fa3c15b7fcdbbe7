//! The fields that the rules speak of, picked out in the pass that sees every field anyway.

use crate::grammar::{has_element, trim};
use crate::headers::Names;
use crate::{BodyLength, HandshakeError};

/// How often a field stands, and its value if once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Once<'b> {
    #[default]
    Never,
    Value(&'b [u8]),
    Repeated,
}

impl<'b> Once<'b> {
    fn add(&mut self, value: &'b [u8]) {
        *self = match self {
            Self::Never => Self::Value(value),
            _ => Self::Repeated,
        };
    }

    /// The value, if the field stands exactly once.
    pub(crate) const fn value(self) -> Option<&'b [u8]> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'b> {
    pub(crate) accept: Once<'b>,
    pub(crate) content_length: Once<'b>,
    pub(crate) extensions: Once<'b>,
    pub(crate) fetch_site: Once<'b>,
    pub(crate) host: Once<'b>,
    pub(crate) key: Once<'b>,
    pub(crate) names: Names,
    pub(crate) origin: Once<'b>,
    pub(crate) protocols: Once<'b>,
    pub(crate) transfer_encoding: Once<'b>,
    pub(crate) upgrade: Once<'b>,
    pub(crate) version: Once<'b>,
    /// `Connection` is there, and lists `upgrade`.
    pub(crate) connection: bool,
    pub(crate) connection_upgrade: bool,
    /// `Upgrade` lists `websocket`.
    pub(crate) upgrade_websocket: bool,
}

impl<'b> Known<'b> {
    /// Looks at one field. The length decides before any comparison.
    pub(crate) fn add(&mut self, name: &str, value: &'b [u8]) {
        self.names.add(name);
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is("host") => self.host.add(value),
            6 if is("origin") => self.origin.add(value),
            7 if is("upgrade") => {
                self.upgrade.add(value);
                self.upgrade_websocket |= has_element(value, b"websocket");
            }
            10 if is("connection") => {
                self.connection = true;
                self.connection_upgrade |= has_element(value, b"upgrade");
            }
            14 if is("content-length") => self.content_length.add(value),
            14 if is("sec-fetch-site") => self.fetch_site.add(value),
            17 if is("sec-websocket-key") => self.key.add(value),
            17 if is("transfer-encoding") => self.transfer_encoding.add(value),
            20 if is("sec-websocket-accept") => self.accept.add(value),
            21 if is("sec-websocket-version") => self.version.add(value),
            22 if is("sec-websocket-protocol") => self.protocols.add(value),
            24 if is("sec-websocket-extensions") => self.extensions.add(value),
            _ => {}
        }
    }

    /// The length of the body, if the fields leave no doubt about it.
    pub(crate) fn body(&self, minor: u8) -> Result<BodyLength, HandshakeError> {
        //= https://www.rfc-editor.org/rfc/rfc9112#section-6.1
        //# A server MAY reject a request that contains both Content-Length and Transfer-Encoding
        //# or process such a request in accordance with the Transfer-Encoding alone.
        match (self.content_length, self.transfer_encoding) {
            (Once::Never, Once::Never) => Ok(BodyLength::Bytes(0)),
            //= https://www.rfc-editor.org/rfc/rfc9112#section-6.1
            //# A server or client that receives an HTTP/1.0 message containing a
            //# Transfer-Encoding header field MUST treat the message as if the framing is faulty
            (Once::Never, Once::Value(coding))
                if minor >= 1 && coding.eq_ignore_ascii_case(b"chunked") =>
            {
                Ok(BodyLength::Chunked)
            }
            (Once::Never, _) => Err(HandshakeError::TransferEncoding),
            (Once::Value(digits), Once::Never) => content_length(digits)
                .map(BodyLength::Bytes)
                .ok_or(HandshakeError::ContentLength),
            //= https://www.rfc-editor.org/rfc/rfc9112#section-6.3
            //# If a message is received without Transfer-Encoding and with an invalid Content-Length
            //# header field, then the message framing is invalid and the recipient MUST treat it as
            //# an unrecoverable error
            _ => Err(HandshakeError::ContentLength),
        }
    }
}

/// `1*DIGIT` that fits: no sign, no list, no hexadecimal.
pub(crate) fn content_length(value: &[u8]) -> Option<u64> {
    let digits = trim(value);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}
