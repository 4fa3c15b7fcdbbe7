//! Conversions with the types of the `http` crate (feature `http`).

use crate::grammar::trim;
use crate::known::{Known, Once};
use crate::{Accept, Carrier, ClientRequest, ConnectParts, HandshakeError, HeaderError, Headers};
use crate::{Nonce, Reject, Request, RequestHead};
use ::http::{HeaderMap, HeaderValue, Method, Response, Version, header};
use alloc::string::String;
use alloc::vec::Vec;

fn known(headers: &HeaderMap) -> (Headers<'_>, Known<'_>) {
    let mut known = Known::default();
    for (name, value) in headers {
        known.add(name.as_str(), trim(value.as_bytes()));
    }
    (Headers::map(headers), known)
}

impl<'b> RequestHead<'b> {
    /// The head of a request that a HTTP library has read. Feature `http`.
    ///
    /// The authority of the URI, where it has one (HTTP/2, absolute targets), goes before `Host`.
    ///
    /// # Errors
    ///
    /// As [`from_parts`](Self::from_parts).
    pub fn from_http<B>(request: &'b ::http::Request<B>) -> Result<Self, HandshakeError> {
        let (headers, mut known) = known(request.headers());
        if let Some(authority) = request.uri().authority() {
            known.host = Once::Value(authority.as_str().as_bytes());
        }
        let minor = u8::from(request.version() > Version::HTTP_10);
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        Self::checked(request.method().as_str(), target, minor, headers, known)
    }
}

impl<'b> Request<'b> {
    /// A handshake that a HTTP library has read. Feature `http`.
    ///
    /// `protocol` is the `:protocol` pseudo-header field of an extended CONNECT, which the `http`
    /// crate does not carry (hyper: the extension `hyper::ext::Protocol`); `None` for HTTP/1.1.
    ///
    /// # Errors
    ///
    /// As [`from_head`](Self::from_head), or [`from_connect`](Self::from_connect) if `protocol` is
    /// given; [`Method`](HandshakeError::Method) for a `protocol` without CONNECT.
    pub fn from_http<B>(
        request: &'b ::http::Request<B>,
        protocol: Option<&'b str>,
    ) -> Result<Self, HandshakeError> {
        let Some(protocol) = protocol else {
            return Self::from_head(RequestHead::from_http(request)?);
        };
        if request.method() != Method::CONNECT {
            return Err(HandshakeError::Method);
        }
        let uri = request.uri();
        let parts = ConnectParts {
            protocol,
            scheme: uri.scheme_str(),
            authority: uri.authority().map(|authority| authority.as_str()),
            path: uri.path_and_query().map(|path| path.as_str()),
        };
        let (headers, known) = known(request.headers());
        Self::from_connect_head(parts, headers, known)
    }
}

impl Accept<'_> {
    /// The response for a HTTP library to send. Feature `http`.
    ///
    /// # Errors
    ///
    /// [`http::Error`](::http::Error) for what only the `http` crate refuses: names above 64 KiB.
    pub fn to_http(&self) -> Result<Response<()>, ::http::Error> {
        let mut response = Response::new(());
        let headers = response.headers_mut();
        if matches!(self.request.carrier(), Carrier::Upgrade) {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(
                header::SEC_WEBSOCKET_ACCEPT,
                HeaderValue::from_bytes(&self.key)?,
            );
        }
        if let Some(protocol) = self.protocol {
            headers.insert(
                header::SEC_WEBSOCKET_PROTOCOL,
                HeaderValue::from_str(protocol)?,
            );
        }
        for extension in self.extensions() {
            headers.append(
                header::SEC_WEBSOCKET_EXTENSIONS,
                HeaderValue::from_str(extension)?,
            );
        }
        for (name, value) in &self.headers {
            let name = header::HeaderName::from_bytes(name.as_bytes())?;
            headers.try_append(name, HeaderValue::from_bytes(value)?)?;
        }
        *response.status_mut() = ::http::StatusCode::from_u16(self.status())?;
        Ok(response)
    }
}

impl Reject<'_> {
    /// The response for a HTTP library to send, `Connection: close` included (HTTP/2 libraries
    /// take it out). Feature `http`.
    ///
    /// # Errors
    ///
    /// As [`Accept::to_http`].
    pub fn to_http(&self) -> Result<Response<Vec<u8>>, ::http::Error> {
        let mut response = Response::builder().status(self.status());
        for (name, value) in self.fields() {
            response = response.header(name, value);
        }
        response = response.header(header::CONNECTION, self.connection());
        if let Some(content_type) = self.content_type() {
            response = response.header(header::CONTENT_TYPE, content_type);
        }
        response
            .header(header::CONTENT_LENGTH, self.content().len())
            .body(self.content().to_vec())
    }
}

impl Headers<'_> {
    /// The fields as a map. Feature `http`.
    ///
    /// # Errors
    ///
    /// As [`Accept::to_http`].
    pub fn to_http(&self) -> Result<HeaderMap, ::http::Error> {
        let mut map = HeaderMap::new();
        for (name, value) in self {
            map.try_append(
                header::HeaderName::from_bytes(name.as_bytes())?,
                HeaderValue::from_bytes(value)?,
            )?;
        }
        Ok(map)
    }
}

impl<'a> ClientRequest<'a> {
    /// Takes over the fields of a map, each as [`header`](Self::header) does; `Origin`,
    /// `Sec-WebSocket-Protocol` and `Sec-WebSocket-Extensions` as the methods of their names do.
    /// Feature `http`.
    ///
    /// # Errors
    ///
    /// [`HeaderError`], as those methods; [`Reserved`](HeaderError::Reserved) for what the
    /// handshake writes itself: `Host`, `Upgrade`, `Connection`, key and version.
    pub fn headers(mut self, headers: &'a HeaderMap) -> Result<Self, HeaderError> {
        for (name, value) in headers {
            let text = || value.to_str().map_err(|_| HeaderError::Value);
            self = match name.as_str() {
                "origin" => self.origin(text()?)?,
                "sec-websocket-extensions" => self.extension(text()?)?,
                "sec-websocket-protocol" => {
                    let mut request = self;
                    for protocol in text()?.split(',') {
                        request = request.protocol(protocol.trim())?;
                    }
                    request
                }
                name => self.header(name, value.as_bytes())?,
            };
        }
        Ok(self)
    }

    /// The request for a HTTP/1.1 library to send, with the key that belongs to `nonce`; go on
    /// with the answer of [`ClientHandshake::start`](crate::ClientHandshake::start) for the same
    /// nonce. Feature `http`.
    ///
    /// # Errors
    ///
    /// As [`Accept::to_http`].
    pub fn to_http(&self, nonce: Nonce) -> Result<::http::Request<()>, ::http::Error> {
        let mut request = ::http::Request::get(self.target().as_ref())
            .header(header::HOST, self.authority())
            .header(header::UPGRADE, "websocket")
            .header(header::CONNECTION, "Upgrade")
            .header(header::SEC_WEBSOCKET_KEY, &nonce.key()[..]);
        for (name, value) in self.connect_fields() {
            request = request.header(name.as_ref(), value.as_ref());
        }
        request.body(())
    }

    /// The extended CONNECT for a HTTP/2 library to send, which adds `:protocol = websocket`
    /// itself; go on with [`ClientHandshake::start_connect`](crate::ClientHandshake). Feature
    /// `http`.
    ///
    /// # Errors
    ///
    /// As [`Accept::to_http`].
    pub fn to_http_connect(&self) -> Result<::http::Request<()>, ::http::Error> {
        //= https://www.rfc-editor.org/rfc/rfc8441#section-5
        //# The scheme of the target URI (Section 5.1 of [RFC7230]) MUST be "https" for
        //# "wss"-schemed WebSockets and "http" for "ws"-schemed WebSockets.
        let scheme = if self.is_secure() {
            "https://"
        } else {
            "http://"
        };
        let uri: String = [scheme, &self.authority(), &self.target()].concat();
        let mut request = ::http::Request::builder()
            .method(Method::CONNECT)
            .version(Version::HTTP_2)
            .uri(uri);
        for (name, value) in self.connect_fields() {
            request = request.header(name.as_ref(), value.as_ref());
        }
        request.body(())
    }
}
