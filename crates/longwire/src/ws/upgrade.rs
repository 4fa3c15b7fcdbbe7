//! The opening handshake of a request that hyper has read: the upgrade of HTTP/1.1, or the
//! extended CONNECT of HTTP/2 (RFC 8441).

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ws_handshake::{Accept, Carrier, Reject};

use super::{Agreed, Config, Socket};
use crate::Error;
use crate::buffer::ReadBuffer;

/// Bytes handed to an HTTP/2 stream at once: they are copied, and make one DATA frame.
const DATA_LEN: usize = 16 * 1024;

/// A connection that becomes a WebSocket once hyper has sent the response.
#[derive(Debug)]
#[must_use = "without `socket` the connection is closed after the response"]
pub struct Upgrade {
    upgrade: OnUpgrade,
    carrier: Carrier,
    config: Arc<Config>,
    agreed: Agreed,
    #[cfg(feature = "http2")]
    stalled: crate::http::Stalled,
}

/// Answers the WebSocket handshake of a request that hyper has read: send the response, and speak
/// on the [`Upgrade`]'s socket, in a task of its own.
///
/// One call for both carriers: a GET that upgrades its HTTP/1.1 connection, answered with 101, and
/// an extended CONNECT on an HTTP/2 stream, answered with 200. The latter comes only over
/// connections whose server announced it
/// ([`enable_connect_protocol`](hyper::server::conn::http2::Builder::enable_connect_protocol)), as
/// [`http::serve`](crate::http::serve) does with the feature `http2`. The same rules are checked,
/// and `choose`, as for [`accept`](super::accept), sees the same request.
///
/// # Errors
///
/// The response to send instead.
#[expect(
    clippy::result_large_err,
    reason = "both are responses, made once per connection"
)]
pub fn upgrade<B>(
    request: &mut Request<B>,
    config: Arc<Config>,
    choose: impl for<'b> FnOnce(Accept<'b>) -> Result<Accept<'b>, Reject<'b>>,
) -> Result<(Response<()>, Upgrade), Response<Bytes>> {
    let upgrade = hyper::upgrade::on(&mut *request);
    let accept = ws_handshake::Request::from_http(request, protocol(request))
        .map_err(|error| rejected(&error.reject()))?
        .accept();
    let carrier = accept.request().carrier();
    let accept = choose(accept).map_err(|reject| rejected(&reject))?;
    let (accept, agreed) = super::answer(accept, &config);
    let response = accept.to_http().map_err(|_| internal())?;
    let upgrade = Upgrade {
        upgrade,
        carrier,
        config,
        agreed,
        #[cfg(feature = "http2")]
        stalled: request.extensions().get().cloned().unwrap_or_default(),
    };
    Ok((response, upgrade))
}

/// The pseudo-header field `:protocol`. One that is not UTF-8 is not `websocket`.
pub(super) fn protocol<B>(request: &Request<B>) -> Option<&str> {
    #[cfg(feature = "http2")]
    return request
        .extensions()
        .get::<hyper::ext::Protocol>()
        .map(hyper::ext::Protocol::as_str);
    #[cfg(not(feature = "http2"))]
    {
        let _ = request;
        None
    }
}

pub(super) fn rejected(reject: &Reject<'_>) -> Response<Bytes> {
    reject
        .to_http()
        .map_or_else(|_| internal(), |response| response.map(Bytes::from))
}

/// For what only the `http` crate refuses: field names above 64 KiB.
fn internal() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

impl Upgrade {
    /// Waits until hyper has sent the response, and takes the connection or the stream over.
    ///
    /// # Errors
    ///
    /// [`Error::Http`] if the connection ended before.
    pub async fn socket(self) -> Result<Socket<Upgraded>, Error> {
        let upgraded = Upgraded {
            io: TokioIo::new(self.upgrade.await?),
            is_stream: self.carrier == Carrier::ExtendedConnect,
            shut: false,
            #[cfg(feature = "http2")]
            stalled: self.stalled,
        };
        let nothing = ReadBuffer::default();
        let socket = Socket::accepted(upgraded, nothing, b"", self.config);
        Ok(socket.agreed(self.agreed))
    }
}

/// What carries a WebSocket whose handshake came through hyper: an HTTP/1.1 connection, or a
/// stream of an HTTP/2 connection (RFC 8441).
///
/// Of a stream, the orderly end is `END_STREAM` both ways. One that the peer resets ends too
/// (the WebSocket's close code is then 1006), or is an error at the next write.
#[derive(Debug)]
pub struct Upgraded {
    io: TokioIo<hyper::upgrade::Upgraded>,
    is_stream: bool,
    /// Whether our side of a stream has ended.
    shut: bool,
    #[cfg(feature = "http2")]
    stalled: crate::http::Stalled,
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        //= https://www.rfc-editor.org/rfc/rfc9113#section-8.1
        //# A server MAY request that the client abort transmission of a request without error by
        //# sending a RST_STREAM with an error code of NO_ERROR after sending a complete response
        //
        // That is what hyper does with a stream that is dropped. There are proxies that keep a
        // client waiting until then, and unlike TCP it takes nothing from what the client reads.
        if self.shut {
            return Poll::Ready(Ok(()));
        }
        let mut filled = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        // Hyper hands over one DATA frame a call: whatever has come is read at once.
        while self.is_stream && buf.filled().len() > filled && buf.remaining() > 0 {
            filled = buf.filled().len();
            if let Poll::Pending | Poll::Ready(Err(_)) = Pin::new(&mut self.io).poll_read(cx, buf) {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = if self.is_stream { DATA_LEN } else { usize::MAX };
        Pin::new(&mut self.io).poll_write(cx, &buf[..buf.len().min(len)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !self.is_stream {
            return Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        }
        // Nothing is joined in vain.
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        // Each write makes a DATA frame: small pieces go into one.
        let mut joined = Vec::new();
        for buf in bufs {
            let len = buf.len().min(DATA_LEN - joined.len());
            joined.extend_from_slice(&buf[..len]);
        }
        Pin::new(&mut self.io).poll_write(cx, &joined)
    }

    fn is_write_vectored(&self) -> bool {
        self.is_stream || self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(cx));
        // That the peer has reset the stream is for reading and writing to say.
        Poll::Ready(flushed.or_else(|error| if self.is_stream { Ok(()) } else { Err(error) }))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        self.shut = self.is_stream;
        Poll::Ready(shut.or_else(|error| if self.is_stream { Ok(()) } else { Err(error) }))
    }
}

#[cfg(feature = "http2")]
impl Drop for Upgraded {
    /// What is still to be sent waits for the peer, but not for ever.
    fn drop(&mut self) {
        self.stalled.leave();
    }
}
