//! The server's end on any byte stream.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use ws_handshake::{Accept, Limits, Reject, Request, RequestHead};

use super::{Agreed, Config, Socket};
use crate::Error;
use crate::http::{First, after, read_first, refuse};

/// Reads the opening handshake from `io`, lets `choose` answer it, and speaks WebSocket from there.
///
/// The options of a TCP socket are its caller's to set: see [`net::tune`](crate::net).
///
/// A `config` in an [`Arc`] is shared; else each connection holds one of its own, and the task that
/// waits for this another.
///
/// `choose` sees the request ([`Accept::request`]), may add a subprotocol and header fields, or
/// reject it.
///
/// # Errors
///
/// [`Error::Handshake`] and [`Error::Refused`] (the answer was sent, and the end of what the client
/// sends was awaited for [`Config::close_within`] at most), [`Error::HeadDeadline`],
/// [`Error::Eof`], [`Error::Io`]. `io` is dropped.
///
/// # Cancel safety
///
/// Dropping the future drops `io`.
pub fn accept<Io>(
    io: Io,
    config: impl Into<Arc<Config>>,
    choose: impl for<'b> FnOnce(Accept<'b>) -> Result<Accept<'b>, Reject<'b>>,
) -> impl Future<Output = Result<Socket<Io>, Error>>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    // A task is as large as the largest thing that it waits for: this one is over soon, and its
    // room is given back.
    Box::pin(shake(io, config.into(), choose))
}

async fn shake<Io>(
    mut io: Io,
    config: Arc<Config>,
    choose: impl for<'b> FnOnce(Accept<'b>) -> Result<Accept<'b>, Reject<'b>>,
) -> Result<Socket<Io>, Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let limits = Limits::default();
    let first = read_first(&mut io, &limits, |head| answer(head, &config, choose));
    let first = timeout(config.handshake_within.get(), first)
        .await
        .map_err(|_| Error::HeadDeadline)??;
    let (response, error) = match first {
        First::Head {
            value: (response, Ok(agreed)),
            bytes,
            len,
        } => {
            let unused = after(bytes, len);
            let socket = Socket::accepted(io, unused, &response, config);
            return Ok(socket.agreed(agreed));
        }
        First::Head {
            value: (response, Err(error)),
            ..
        } => (response, error),
        First::Refused(error) => (refusal(&error.reject()), error.into()),
        First::Http2 { .. } => return Err(Error::Http2),
        First::Eof => return Err(Error::Eof),
    };
    refuse(io, &response, config.close_within.get()).await?;
    Err(error)
}

/// The answer to a handshake, and what was agreed, or the error if it is a refusal.
fn answer(
    head: &RequestHead<'_>,
    config: &Config,
    choose: impl for<'b> FnOnce(Accept<'b>) -> Result<Accept<'b>, Reject<'b>>,
) -> (Vec<u8>, Result<Agreed, Error>) {
    match Request::from_head(head.clone()).map(|request| choose(request.accept())) {
        Ok(Ok(accept)) => {
            let (accept, agreed) = super::answer(accept, config);
            let mut response = Vec::new();
            accept.encode(&mut response);
            (response, Ok(agreed))
        }
        Ok(Err(reject)) => (refusal(&reject), Err(Error::Refused)),
        Err(error) => (refusal(&error.reject()), Err(error.into())),
    }
}

fn refusal(reject: &Reject<'_>) -> Vec<u8> {
    let mut response = Vec::new();
    reject.encode(&mut response);
    response
}
