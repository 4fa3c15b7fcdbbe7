//! The client's side: the answer that comes back.

use crate::grammar::ascii;
use crate::key::{self, Nonce};
use crate::known::{Known, Once, content_length};
use crate::{
    ClientRequest, Extension, Extensions, Head, Headers, Limits, ResponseError, ResponseHead,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Interim (1xx) responses that are skipped before the answer.
pub const MAX_INTERIM: usize = 8;

/// A handshake whose answer is awaited.
#[derive(Clone)]
#[must_use = "the connection is not open before `finish`"]
pub struct ClientHandshake {
    accept: [u8; 28],
    /// What was offered: subprotocols, and names of extensions.
    protocols: Vec<String>,
    extensions: Vec<String>,
    limits: Limits,
    /// Bytes of interim responses at the front of the caller's buffer, and how many they are.
    skipped: usize,
    interim: usize,
    searched: usize,
}

/// What the server said.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer<'b> {
    /// The connection is open; the bytes after the head are the server's first frames.
    Accepted(Accepted<'b>),
    /// Another status. The bytes after the head are the body, as far as it was read.
    Refused(Refused<'b>),
}

/// The server's side of an open connection.
#[derive(Clone, Debug)]
pub struct Accepted<'b> {
    headers: Headers<'b>,
    protocol: Option<&'b str>,
}

/// An answer that is not an acceptance: 401, 3xx, 503 and so on. The connection is not a
/// WebSocket.
#[derive(Clone, Debug)]
pub struct Refused<'b> {
    status: u16,
    headers: Headers<'b>,
    body: &'b [u8],
}

impl ClientHandshake {
    /// Appends the request to `out`, to be written to the server, and returns what reads the
    /// answer. `nonce` is 16 bytes from a cryptographic generator, fresh for each attempt.
    pub fn start(request: &ClientRequest<'_>, nonce: Nonce, out: &mut Vec<u8>) -> Self {
        let key = nonce.key();
        request.encode(&key, out);
        Self::expecting(request, key::accept_key(&key))
    }

    /// For an extended CONNECT, which a HTTP/2 library sends with
    /// [`ClientRequest::connect_fields`]: goes on with [`finish_connect`](Self::finish_connect).
    pub fn start_connect(request: &ClientRequest<'_>) -> Self {
        Self::expecting(request, [0; 28])
    }

    fn expecting(request: &ClientRequest<'_>, accept: [u8; 28]) -> Self {
        let names = |list: &&str| {
            Extensions::parse(list.as_bytes())
                .unwrap_or_default()
                .map(|extension| String::from(extension.name()))
                .collect::<Vec<_>>()
        };
        Self {
            accept,
            protocols: request
                .protocols()
                .iter()
                .map(|&protocol| protocol.into())
                .collect(),
            extensions: request.extensions().iter().flat_map(names).collect(),
            limits: request.answer_limits(),
            skipped: 0,
            interim: 0,
            searched: 0,
        }
    }

    /// Reads the answer from the front of `buf`. `None` means that it is not complete: read more
    /// bytes behind those in `buf` and call again; no byte is looked at twice.
    ///
    /// Consumes nothing: [`Head::len`] bytes belong to the answer (and to interim responses before
    /// it), `buf[len..]` to the frame layer or to the body of a refusal.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] names the rule that the server broke. The same bytes give the same error
    /// however they were split. Close the connection.
    ///
    /// # Example
    ///
    /// ```
    /// use ws_handshake::{Answer, ClientHandshake, ClientRequest, Nonce};
    ///
    /// let request = ClientRequest::new("ws://example.com/chat")?;
    /// let mut out = Vec::new();
    /// let mut handshake =
    ///     ClientHandshake::start(&request, Nonce::new(*b"the sample nonce"), &mut out);
    /// let buf = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\0";
    /// let head = handshake.finish(buf)?.expect("complete");
    /// match head.value {
    ///     Answer::Accepted(accepted) => assert_eq!(accepted.protocol(), None),
    ///     other => panic!("{other:?}"),
    /// }
    /// assert_eq!(&buf[head.len..], b"\x81\0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish<'b>(&mut self, buf: &'b [u8]) -> Result<Option<Head<Answer<'b>>>, ResponseError> {
        loop {
            let rest = buf.get(self.skipped..).unwrap_or_default();
            let Some(Head {
                value: response,
                len,
            }) = ResponseHead::parse(rest, &mut self.searched, &self.limits)?
            else {
                return Ok(None);
            };
            //= https://www.rfc-editor.org/rfc/rfc9110#section-15.2
            //# A client MUST be able to parse one or more 1xx responses received prior to a final
            //# response, even if the client does not expect one.
            if matches!(response.status, 100 | 102..=199) {
                self.interim += 1;
                self.skipped += len;
                if self.interim > MAX_INTERIM {
                    return Err(ResponseError::Interim);
                }
                continue;
            }
            //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
            //# If the status code received from the server is not 101, the client handles the
            //# response per HTTP [RFC2616] procedures.
            let value = if response.status == 101 {
                Answer::Accepted(self.check_upgrade(response)?)
            } else {
                let ResponseHead {
                    status, headers, ..
                } = response;
                Answer::Refused(Refused {
                    status,
                    headers,
                    body: &rest[len..],
                })
            };
            return Ok(Some(Head {
                value,
                len: self.skipped + len,
            }));
        }
    }

    /// Checks the answer to an extended CONNECT, which a HTTP/2 library has read: its status and
    /// fields. Any status of 200..=299 opens the connection.
    ///
    /// # Errors
    ///
    /// [`SubprotocolNotOffered`](ResponseError::SubprotocolNotOffered),
    /// [`ExtensionNotOffered`](ResponseError::ExtensionNotOffered),
    /// [`Extensions`](ResponseError::Extensions), and [`Header`](ResponseError::Header) for fields
    /// that no library should have let pass.
    pub fn finish_connect<'b>(
        &self,
        status: u16,
        headers: impl IntoIterator<Item = (&'b str, &'b [u8])>,
    ) -> Result<Answer<'b>, ResponseError> {
        let (headers, known) =
            crate::RequestHead::collect(headers).map_err(|_| ResponseError::Header)?;
        //= https://www.rfc-editor.org/rfc/rfc9113#section-8.5
        //# Once this connection is successfully established, the proxy sends a HEADERS frame
        //# containing a 2xx-series status code to the client
        if matches!(status, 200..=299) {
            Ok(Answer::Accepted(self.check_choice(headers, &known)?))
        } else {
            Ok(Answer::Refused(Refused {
                status,
                headers,
                body: b"",
            }))
        }
    }

    fn check_upgrade<'b>(&self, response: ResponseHead<'b>) -> Result<Accepted<'b>, ResponseError> {
        let ResponseHead {
            minor,
            headers,
            known,
            ..
        } = response;
        if minor != 1 {
            return Err(ResponseError::HttpVersion);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
        //# If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a
        //# value that is not an ASCII case-insensitive match for the value "websocket", the client
        //# MUST _Fail the WebSocket Connection_.
        if !known
            .upgrade
            .value()
            .is_some_and(|v| v.eq_ignore_ascii_case(b"websocket"))
        {
            return Err(ResponseError::Upgrade);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
        //# If the response lacks a |Connection| header field or the |Connection| header field
        //# doesn't contain a token that is an ASCII case-insensitive match for the value "Upgrade",
        //# the client MUST _Fail the WebSocket Connection_.
        if !known.connection_upgrade {
            return Err(ResponseError::Connection);
        }
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
        //# If the response lacks a |Sec-WebSocket-Accept| header field or the
        //# |Sec-WebSocket-Accept| contains a value other than the base64-encoded SHA-1 of the
        //# concatenation of the |Sec-WebSocket-Key| (as a string, not base64-decoded) with the
        //# string "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" but ignoring any leading and trailing
        //# whitespace, the client MUST _Fail the WebSocket Connection_.
        if !known
            .accept
            .value()
            .is_some_and(|accept| key::same(&self.accept, accept))
        {
            return Err(ResponseError::Accept);
        }
        self.check_choice(headers, &known)
    }

    fn check_choice<'b>(
        &self,
        headers: Headers<'b>,
        known: &Known<'b>,
    ) -> Result<Accepted<'b>, ResponseError> {
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
        //# If the response includes a |Sec-WebSocket-Protocol| header field and this header field
        //# indicates the use of a subprotocol that was not present in the client's handshake (the
        //# server has indicated a subprotocol not requested by the client), the client MUST _Fail
        //# the WebSocket Connection_.
        let protocol = match known.protocols {
            Once::Never => None,
            Once::Value(value) if self.protocols.iter().any(|p| p.as_bytes() == value) => {
                Some(ascii(value))
            }
            _ => return Err(ResponseError::SubprotocolNotOffered),
        };
        //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
        //# If the response includes a |Sec-WebSocket-Extensions| header field and this header field
        //# indicates the use of an extension that was not present in the client's handshake (the
        //# server has indicated an extension not requested by the client), the client MUST _Fail
        //# the WebSocket Connection_.
        if known.extensions != Once::Never {
            // At most as long as the offer, since none stands twice.
            let mut chosen = Vec::new();
            for value in headers.get_all("sec-websocket-extensions") {
                let list = Extensions::parse(value).map_err(|_| ResponseError::Extensions)?;
                for name in list.map(|extension| extension.name()) {
                    let is_offered = self.extensions.iter().any(|offered| offered == name);
                    if !is_offered || chosen.contains(&name) {
                        return Err(ResponseError::ExtensionNotOffered);
                    }
                    chosen.push(name);
                }
            }
        }
        Ok(Accepted { headers, protocol })
    }
}

impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("protocols", &self.protocols)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}

impl<'b> Accepted<'b> {
    /// The subprotocol that the server chose, one of those offered.
    #[must_use]
    pub const fn protocol(&self) -> Option<&'b str> {
        self.protocol
    }

    /// The extensions in use, in the order in which they work on outgoing data. Each name was
    /// offered; whether the parameters may be, the extension says.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'b>> + use<'_, 'b> {
        self.headers
            .get_all("sec-websocket-extensions")
            .flat_map(|value| Extensions::parse(value).unwrap_or_default())
    }

    /// The header fields, `Set-Cookie` among them.
    #[must_use]
    pub const fn headers(&self) -> &Headers<'b> {
        &self.headers
    }
}

impl<'b> Refused<'b> {
    /// The status, never 1xx.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header fields: `Location`, `Retry-After`, `WWW-Authenticate` and so on.
    #[must_use]
    pub const fn headers(&self) -> &Headers<'b> {
        &self.headers
    }

    /// The body, as far as it was in the buffer, chunked coding not taken off.
    #[must_use]
    pub const fn body(&self) -> &'b [u8] {
        self.body
    }

    /// `Content-Length` in bytes, if it is one number.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        let mut values = self.headers.get_all("content-length");
        let length = content_length(values.next()?)?;
        values.next().is_none().then_some(length)
    }
}
