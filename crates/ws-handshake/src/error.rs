//! What can be wrong: the client's request, the server's response, or what our caller wants sent.

use crate::Reject;
use core::fmt;

/// Why a request is refused. [`status`](Self::status) is the HTTP status to answer with and
/// [`reject`](Self::reject) the whole answer; then close the connection: nothing that follows a
/// refused head may be read as a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The handshake has a body: `Content-Length` above zero or `Transfer-Encoding`.
    Body,
    /// `Connection` does not list `upgrade`.
    Connection,
    /// An extended CONNECT lacks `:scheme`, `:authority` or `:path`, or has fields that HTTP/2
    /// forbids.
    ConnectFields,
    /// An extended CONNECT asks for another protocol than `websocket`.
    ConnectProtocol,
    /// `Content-Length` is not one number, is repeated, or stands beside `Transfer-Encoding`.
    ContentLength,
    /// `Sec-WebSocket-Extensions` breaks its grammar.
    Extensions,
    /// A field name is empty, has a character that no token has, or is followed by a space.
    HeaderName,
    /// A field value has a control character.
    HeaderValue,
    /// The head is longer than [`Limits::head`](crate::Limits::head).
    HeadTooLarge,
    /// `Host` is missing, repeated or not `host[:port]`.
    Host,
    /// The HTTP version is neither 1.0 nor 1.1, or is 1.0 where 1.1 is needed.
    HttpVersion,
    /// `Sec-WebSocket-Key` is missing, repeated or not the base64 form of 16 bytes.
    Key,
    /// A CR without LF or an LF without CR.
    LineEnd,
    /// The method of a handshake is not `GET`.
    Method,
    /// The request line is not `method SP target SP HTTP-version`.
    RequestLine,
    /// The request line is longer than [`Limits::line`](crate::Limits::line).
    RequestLineTooLong,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    Subprotocols,
    /// The request target has characters that none has, or a fragment.
    Target,
    /// More fields than [`Limits::headers`](crate::Limits::headers).
    TooManyHeaders,
    /// `Transfer-Encoding` is not `chunked`, is repeated, or is sent with HTTP/1.0.
    TransferEncoding,
    /// `Upgrade` does not list `websocket`.
    Upgrade,
    /// `Sec-WebSocket-Version` is missing, repeated or not 13.
    Version,
}

impl HandshakeError {
    /// The HTTP status that says it: 400, 405, 414, 426, 431, 501 or 505.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::RequestLineTooLong => 414,
            //= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
            //# If this version does not match a version understood by the server, the server MUST
            //# abort the WebSocket handshake described in this section and instead send an
            //# appropriate HTTP error code (such as 426 Upgrade Required)
            Self::Connection | Self::Upgrade | Self::Version => 426,
            Self::HeadTooLarge | Self::TooManyHeaders => 431,
            // RFC 9220 §3 asks for this status where :protocol is not known.
            Self::ConnectProtocol => 501,
            Self::HttpVersion => 505,
            _ => 400,
        }
    }

    /// The answer to send: the status, the fields that go with it (`Allow`, `Upgrade`,
    /// `Sec-WebSocket-Version`), `Connection: close`, and the reason as plain text.
    pub fn reject(self) -> Reject<'static> {
        Reject::because(self)
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Body => "the handshake has a body",
            Self::Connection => "Connection does not list upgrade",
            Self::ConnectFields => "fields of the extended CONNECT are missing or forbidden",
            Self::ConnectProtocol => ":protocol is not websocket",
            Self::ContentLength => "Content-Length is ambiguous or not a number",
            Self::Extensions => "Sec-WebSocket-Extensions is malformed",
            Self::HeaderName => "a field name is malformed",
            Self::HeaderValue => "a field value has a control character",
            Self::HeadTooLarge => "the head is too large",
            Self::Host => "Host is missing, repeated or malformed",
            Self::HttpVersion => "the HTTP version is not supported",
            Self::Key => "Sec-WebSocket-Key is not 16 bytes in base64",
            Self::LineEnd => "a line does not end with CR LF",
            Self::Method => "the method of a WebSocket handshake is GET",
            Self::RequestLine => "the request line is malformed",
            Self::RequestLineTooLong => "the request line is too long",
            Self::Subprotocols => "Sec-WebSocket-Protocol is malformed",
            Self::Target => "the request target is malformed",
            Self::TooManyHeaders => "too many header fields",
            Self::TransferEncoding => "Transfer-Encoding is not chunked",
            Self::Upgrade => "Upgrade does not list websocket",
            Self::Version => "Sec-WebSocket-Version is not 13",
        }
    }
}

/// Why a server's answer fails the connection. Close it; there is nothing to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseError {
    /// `Sec-WebSocket-Accept` is missing, repeated or not the digest of our key.
    Accept,
    /// `Connection` does not list `upgrade`.
    Connection,
    /// `Sec-WebSocket-Extensions` breaks its grammar.
    Extensions,
    /// An extension that was not offered, or is chosen twice.
    ExtensionNotOffered,
    /// A field name or value, or the end of a line, is malformed.
    Header,
    /// The head is longer than [`Limits::head`](crate::Limits::head).
    HeadTooLarge,
    /// A 101 of another HTTP version than 1.1.
    HttpVersion,
    /// More than [`MAX_INTERIM`](crate::MAX_INTERIM) interim (1xx) responses.
    Interim,
    /// The status line is malformed or longer than [`Limits::line`](crate::Limits::line).
    StatusLine,
    /// A subprotocol that was not offered, or more than one.
    SubprotocolNotOffered,
    /// More fields than [`Limits::headers`](crate::Limits::headers).
    TooManyHeaders,
    /// `Upgrade` is not `websocket`.
    Upgrade,
}

/// Why something that our caller wants sent is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is not a token.
    Name,
    /// The client did not offer it.
    NotOffered,
    /// The same subprotocol, or extension of an answer, twice.
    Repeated,
    /// The handshake writes this field itself.
    Reserved,
    /// The value has CR, LF, NUL or another control character, spaces at an end, or breaks the
    /// grammar of its field.
    Value,
}

/// Why a text is not the URL of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UrlError {
    /// A character that no URL has: controls, spaces, `"<>\^{|}` and a backtick, or bytes beyond
    /// ASCII (write a host in its `xn--` form, and a path percent-encoded).
    Character,
    /// There is a fragment.
    Fragment,
    /// The host is missing or malformed, or the port is not a number up to 65535.
    Host,
    /// The scheme is not `ws`, `wss`, `http` or `https`, or `//` is missing.
    Scheme,
    /// User information that HTTP's Basic scheme cannot carry.
    UserInfo,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "Sec-WebSocket-Accept does not belong to our key",
            Self::Connection => "Connection does not list upgrade",
            Self::Extensions => "Sec-WebSocket-Extensions is malformed",
            Self::ExtensionNotOffered => "the server chose an extension that was not offered",
            Self::Header => "a header field of the response is malformed",
            Self::HeadTooLarge => "the head of the response is too large",
            Self::HttpVersion => "the HTTP version of the response is not 1.1",
            Self::Interim => "too many interim responses",
            Self::StatusLine => "the status line is malformed or too long",
            Self::SubprotocolNotOffered => "the server chose a subprotocol that was not offered",
            Self::TooManyHeaders => "too many header fields in the response",
            Self::Upgrade => "Upgrade is not websocket",
        })
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the field name is not a token",
            Self::NotOffered => "the client did not offer it",
            Self::Repeated => "it is already there",
            Self::Reserved => "the handshake writes this field itself",
            Self::Value => "the field value is malformed",
        })
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Character => "the URL has a character that must be percent-encoded",
            Self::Fragment => "the URL of a WebSocket has no fragment",
            Self::Host => "the host or port of the URL is malformed",
            Self::Scheme => "the scheme of the URL is not ws or wss",
            Self::UserInfo => "the user information of the URL is malformed",
        })
    }
}

impl core::error::Error for HandshakeError {}
impl core::error::Error for ResponseError {}
impl core::error::Error for HeaderError {}
impl core::error::Error for UrlError {}
