//! The upgrade of a request that hyper has read.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ws_handshake::{Accept, Reject};

use super::{Agreed, Config, Socket};
use crate::Error;
use crate::buffer::ReadBuffer;

/// A connection that becomes a WebSocket once hyper has sent the response.
#[derive(Debug)]
#[must_use = "without `socket` the connection is closed after the response"]
pub struct Upgrade {
    upgrade: OnUpgrade,
    config: Arc<Config>,
    agreed: Agreed,
}

/// Answers an HTTP/1.1 upgrade that hyper has read: send the response, and speak on the
/// [`Upgrade`]'s socket, in a task of its own.
///
/// `choose` is as for [`accept`](super::accept).
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
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let fields = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let accept = ws_handshake::Request::from_parts(request.method().as_str(), target, fields)
        .map_err(|error| rejected(&error.reject()))?
        .accept();
    let accept = choose(accept).map_err(|reject| rejected(&reject))?;
    let (accept, agreed) = super::answer(accept, &config);
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    append(&mut response, accept.fields());
    let upgrade = Upgrade {
        upgrade,
        config,
        agreed,
    };
    Ok((response, upgrade))
}

fn rejected(reject: &Reject<'_>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(reject.content()));
    // A `Reject` has a status of 300 to 599.
    *response.status_mut() =
        StatusCode::from_u16(reject.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    append(&mut response, reject.fields());
    response
        .headers_mut()
        .insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Adds fields that the handshake has checked.
fn append<'a, B>(response: &mut Response<B>, fields: impl Iterator<Item = (&'a str, &'a [u8])>) {
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_bytes(value),
        ) {
            response.headers_mut().append(name, value);
        }
    }
}

impl Upgrade {
    /// Waits until hyper has sent the response, and takes the connection over.
    ///
    /// # Errors
    ///
    /// [`Error::Http`] if the connection ended before.
    pub async fn socket(self) -> Result<Socket<TokioIo<Upgraded>>, Error> {
        let upgraded = self.upgrade.await?;
        let nothing = ReadBuffer::default();
        let socket = Socket::accepted(TokioIo::new(upgraded), nothing, b"", self.config);
        Ok(socket.agreed(self.agreed))
    }
}
