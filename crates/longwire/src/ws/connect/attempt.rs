//! One connection and one request on it.

use std::io;
use std::sync::Arc;

use http::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use ws_handshake::{Answer, ClientHandshake, ClientRequest, Head, Headers, Nonce};

use super::Connect;
use super::answer::{Refusal, Rest};
use crate::Error;
use crate::buffer::ReadBuffer;
use crate::net::{ConnectError, Endpoint, Stream};
use crate::ws::{Client, Offer, Socket};

/// What the server answered.
#[expect(
    clippy::large_enum_variant,
    reason = "taken apart where it is returned to"
)]
pub(super) enum Answered {
    Open(Socket<Stream, Client>, Response<()>),
    Refused(Refusal),
}

/// Connects, sends the request and reads the head of the answer.
pub(super) async fn attempt(connect: &Connect) -> Result<Answered, Error> {
    let offer = Offer::new(&connect.config);
    let extensions = offer.field();
    let request = connect.request(extensions.as_deref())?;
    let endpoint = if request.is_secure() {
        Endpoint::tls(request.host(), request.port()).alpn(&["http/1.1"])
    } else {
        Endpoint::tcp(request.host(), request.port())
    };
    let stream = connect.connector.dial(endpoint).await?;
    let deadline = Instant::now() + connect.config.handshake_within.get();
    let secure = connect.connector.secure(endpoint, stream);
    let stream = timeout_at(deadline, secure)
        .await
        .map_err(|_| ConnectError::TlsDeadline)??;
    timeout_at(deadline, shake(connect, offer, &request, stream, deadline))
        .await
        .map_err(|_| Error::HeadDeadline)?
}

async fn shake(
    connect: &Connect,
    offer: Offer,
    request: &ClientRequest<'_>,
    mut stream: Stream,
    deadline: Instant,
) -> Result<Answered, Error> {
    let mut buf = Vec::new();
    let mut handshake = ClientHandshake::start(request, nonce()?, &mut buf);
    stream.write_all(&buf).await?;
    stream.flush().await?;
    buf.clear();
    loop {
        if stream.read_buf(&mut buf).await? == 0 {
            return Err(Error::Eof);
        }
        let Some(Head { value, len }) = handshake.finish(&buf)? else {
            continue;
        };
        return Ok(match value {
            Answer::Accepted(accepted) => {
                let response = response(101, accepted.headers())?;
                let agreed = offer.judge(accepted.extensions())?;
                let unused = ReadBuffer::from(buf.split_off(len));
                let config = Arc::new(connect.config);
                let socket = Socket::connected(stream, unused, config, agreed);
                Answered::Open(socket, response)
            }
            Answer::Refused(refused) => Answered::Refused(Refusal::new(
                response(refused.status(), refused.headers())?,
                Rest::of(&refused),
                refused.body(),
                stream,
                deadline,
            )),
            _ => return Err(Error::Eof),
        });
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//# The nonce MUST be selected randomly for each connection.
fn nonce() -> io::Result<Nonce> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Nonce::new(bytes))
}

/// The head as the `http` crate has it. The fields have passed the grammar, so that only numbers
/// which that crate does not know can fail.
fn response(status: u16, headers: &Headers<'_>) -> Result<Response<()>, Error> {
    let malformed = |_| Error::Answer(ws_handshake::ResponseError::Header);
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status)
        .map_err(|_| Error::Answer(ws_handshake::ResponseError::StatusLine))?;
    *response.headers_mut() = headers.to_http().map_err(malformed)?;
    Ok(response)
}
