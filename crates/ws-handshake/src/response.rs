//! The head of a response, as far as its grammar goes.

use crate::known::Known;
use crate::scan::{self, Scan};
use crate::{Head, Headers, Limits, ResponseError};
use alloc::vec;

/// Status and fields of a response, borrowed. What they mean is decided elsewhere:
/// [`ClientHandshake`](crate::ClientHandshake) reads the answer to a handshake itself.
#[derive(Clone, Debug)]
pub struct ResponseHead<'b> {
    pub(crate) status: u16,
    pub(crate) minor: u8,
    pub(crate) headers: Headers<'b>,
    pub(crate) known: Known<'b>,
}

impl<'b> ResponseHead<'b> {
    /// Reads the head of a response from the front of `buf`. `None` means that it is not complete:
    /// read more bytes behind those in `buf` and call again with the same `searched` (at first 0);
    /// no byte is looked at twice.
    ///
    /// Consumes nothing: [`Head::len`] bytes belong to the head, `buf[len..]` to what follows.
    ///
    /// # Errors
    ///
    /// [`StatusLine`](ResponseError::StatusLine), [`Header`](ResponseError::Header),
    /// [`HeadTooLarge`](ResponseError::HeadTooLarge),
    /// [`TooManyHeaders`](ResponseError::TooManyHeaders).
    pub fn parse(
        buf: &'b [u8],
        searched: &mut usize,
        limits: &Limits,
    ) -> Result<Option<Head<Self>>, ResponseError> {
        let (start, end) = match scan::scan(buf, searched, limits) {
            Scan::Partial => return Ok(None),
            Scan::LineTooLong => return Err(ResponseError::StatusLine),
            Scan::TooLarge => return Err(ResponseError::HeadTooLarge),
            Scan::Complete { start, end } => (start, end),
        };
        let head = &buf[start..end];
        if !scan::has_clean_line_ends(head) {
            return Err(ResponseError::Header);
        }
        if !head.starts_with(b"HTTP/") {
            return Err(ResponseError::StatusLine);
        }
        let mut fields = vec![httparse::EMPTY_HEADER; limits.max_headers().min(head.len() / 4)];
        let mut response = httparse::Response::new(&mut fields);
        response.parse(head).map_err(|error| match error {
            httparse::Error::TooManyHeaders => ResponseError::TooManyHeaders,
            httparse::Error::Status | httparse::Error::Token | httparse::Error::Version => {
                ResponseError::StatusLine
            }
            _ => ResponseError::Header,
        })?;
        let status = response.code.ok_or(ResponseError::StatusLine)?;
        let minor = response.version.ok_or(ResponseError::StatusLine)?;
        if status < 100 {
            return Err(ResponseError::StatusLine);
        }
        let mut known = Known::default();
        for field in &*response.headers {
            known.add(field.name, field.value);
        }
        let line = head
            .iter()
            .position(|&b| b == b'\n')
            .map_or(head.len(), |lf| lf + 1);
        let headers = Headers::block(&head[line..head.len() - 2], known.names);
        Ok(Some(Head {
            value: Self {
                status,
                minor,
                headers,
                known,
            },
            len: end,
        }))
    }

    /// The status, 100..=999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers<'b> {
        &self.headers
    }
}
