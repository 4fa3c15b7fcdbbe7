//! The response to an event-stream request, for hyper and axum.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use super::{Body, Source, Timing};

/// The response to an event-stream request: 200, the headers of an event stream, and what a
/// [`Source`] yields.
///
/// With the feature `axum` a handler may return it, or the [`Events`](super::Events) themselves.
/// Answer HEAD with the same reply, [told](Self::method) so: the peer gets its headers, and the
/// sender learns of the end as of any other.
///
/// # Example
///
/// ```
/// use longwire::sse::{self, Fields, Reply};
///
/// async fn clock() -> http::Response<sse::Body<sse::Events>> {
///     let (sender, events) = sse::channel();
///     tokio::spawn(async move {
///         let mut ticks = tokio::time::interval(core::time::Duration::from_secs(1));
///         while sender.send(&Fields::new("tick")).await.is_ok() {
///             ticks.tick().await;
///         }
///     });
///     Reply::new(events).into_response()
/// }
/// ```
#[derive(Debug)]
pub struct Reply<S> {
    source: S,
    headers: HeaderMap,
    timing: Timing,
    head_only: bool,
}

impl<S: Source> Reply<S> {
    /// Answers with the events of `source`.
    #[must_use]
    pub fn new(source: S) -> Self {
        Self {
            source,
            headers: HeaderMap::new(),
            timing: Timing::default(),
            head_only: false,
        }
    }

    /// Adds a header field. Those of an event stream cannot be replaced.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Adds these header fields. Those of an event stream cannot be replaced.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        if self.headers.is_empty() {
            self.headers = headers;
        } else {
            self.headers.extend(headers);
        }
        self
    }

    /// Sets the method of the request: the body of the answer to HEAD is empty. axum sees to it
    /// by itself; hyper does not over HTTP/2, where the peer takes a body for an error.
    #[must_use]
    pub fn method(mut self, method: &Method) -> Self {
        self.head_only = method == Method::HEAD;
        self
    }

    /// Sets when a quiet stream has a heartbeat.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// The same reply from another source.
    #[cfg(any(feature = "brotli", feature = "gzip", feature = "zstd"))]
    pub(super) fn map<T>(mut self, change: impl FnOnce(S, &mut HeaderMap) -> T) -> Reply<T> {
        Reply {
            source: change(self.source, &mut self.headers),
            headers: self.headers,
            timing: self.timing,
            head_only: self.head_only,
        }
    }

    /// Makes the response for hyper.
    #[must_use]
    pub fn into_response(self) -> Response<Body<S>> {
        let mut body = Body::new(self.source, self.timing);
        if self.head_only {
            body = body.head_only();
        }
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        *headers = self.headers;
        for (name, value) in super::HEADERS {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl<S: Source> From<Reply<S>> for Response<Body<S>> {
    fn from(reply: Reply<S>) -> Self {
        reply.into_response()
    }
}

#[cfg(feature = "axum")]
impl<S: Source + 'static> axum_core::response::IntoResponse for Reply<S> {
    fn into_response(self) -> axum_core::response::Response {
        Self::into_response(self).map(axum_core::body::Body::new)
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for super::Events {
    fn into_response(self) -> axum_core::response::Response {
        axum_core::response::IntoResponse::into_response(Reply::new(self))
    }
}
