//! An HTTP/2 connection on which WebSockets are opened.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use http::Response;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use ws_handshake::{Answer, ClientHandshake, HeaderError};

use super::Stream;
use crate::Error;
use crate::buffer::ReadBuffer;
use crate::net::Endpoint;
#[cfg(doc)]
use crate::ws::Config;
use crate::ws::{Client, Connect, Offer, Socket};

/// Bytes that the server may send ahead of being read, on one WebSocket.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for all: as many as servers allow as a rule, none of which, unread, stops the others.
const CONNECTION_WINDOW: u32 = 100 * STREAM_WINDOW;
/// Bytes of the header list of a response.
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// Bytes that a WebSocket may have buffered below its own buffer.
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// Bytes of a refusal's body that are kept.
const MAX_BODY: usize = 64 * 1024;

/// An HTTP/2 connection to a server that speaks WebSocket over it.
///
/// It may be cloned; its task ends, and with it the connection, when the last clone and the last
/// socket are gone.
#[derive(Clone, Debug)]
pub struct Connection {
    requests: SendRequest<Bytes>,
}

impl Connection {
    /// Connects to the host of a URL: over TLS for `wss`, with prior knowledge of HTTP/2 for `ws`.
    /// Opens no WebSocket yet.
    ///
    /// Of a [`ws::connect`](crate::ws::connect) that is given instead of a URL, the connector
    /// counts, and [`Config::handshake_within`].
    ///
    /// # Errors
    ///
    /// [`Error::Url`], [`Error::Connect`]; [`Error::NotHttp2`] if the server did not choose HTTP/2
    /// during the TLS handshake; else as [`handshake`](Self::handshake).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn connect(to: impl Into<Connect>) -> Result<Self, Error> {
        let to = to.into();
        let request = to.request(None)?;
        let (host, port) = (request.host(), request.port());
        let endpoint = if request.is_secure() {
            Endpoint::tls(host, port).alpn(&["h2"])
        } else {
            Endpoint::tcp(host, port)
        };
        let stream = to.connector.connect(endpoint).await?;
        if stream.is_secure() && stream.alpn() != Some(b"h2") {
            return Err(Error::NotHttp2);
        }
        Self::handshake(stream, to.config.handshake_within.get()).await
    }

    /// Begins HTTP/2 on a connection that is there already, and waits until the server has said
    /// that it speaks WebSocket over HTTP/2, `within` at most.
    ///
    /// # Errors
    ///
    /// [`Error::NotAnnounced`] if the server's first SETTINGS do not say so, [`Error::H2`],
    /// [`Error::Eof`], [`Error::HeadDeadline`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `io`.
    pub async fn handshake<Io>(io: Io, within: Duration) -> Result<Self, Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let settled = async {
            let (requests, mut connection) = Builder::new()
                // No stream can be opened before the server's SETTINGS are there.
                .initial_max_send_streams(0)
                .initial_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_header_list_size(MAX_HEADER_LIST)
                .max_send_buffer_size(MAX_SEND_BUFFER)
                .enable_push(false)
                .handshake::<_, Bytes>(io)
                .await?;
            poll_fn(|cx| {
                if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
                    return Poll::Ready(ended.map_err(Error::from).and(Err(Error::Eof)));
                }
                //= https://www.rfc-editor.org/rfc/rfc8441#section-3
                //# Upon receipt of SETTINGS_ENABLE_CONNECT_PROTOCOL with a value of 1, a client MAY
                //# use the Extended CONNECT as defined in this document when creating new streams.
                if requests.is_extended_connect_protocol_enabled() {
                    return Poll::Ready(Ok(()));
                }
                if connection.max_concurrent_send_streams() > 0 {
                    return Poll::Ready(Err(Error::NotAnnounced));
                }
                Poll::Pending
            })
            .await?;
            Ok::<_, Error>((requests, connection))
        };
        let (requests, connection) = timeout(within, settled)
            .await
            .map_err(|_| Error::HeadDeadline)??;
        tokio::spawn(async move {
            // Every socket hears of it from its own stream.
            let _ = connection.await;
        });
        Ok(Self { requests })
    }

    /// Opens a WebSocket: `to` is a URL, or a [`ws::connect`](crate::ws::connect) with
    /// subprotocols, an origin, header fields and the [`Config`] of the socket. It is sent to the
    /// server at the other end of this connection, whatever host it names; redirects are not
    /// followed.
    ///
    /// Waits while the server allows no further stream; [`Config::handshake_within`] bounds that
    /// and the wait for the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] and [`Error::Header`] for what cannot be sent; [`Error::Status`] with the
    /// answer if the server refused; [`Error::Answer`] if it broke the rules of the handshake;
    /// [`Error::H2`], [`Error::HeadDeadline`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future resets the stream.
    pub async fn open(&self, to: impl Into<Connect>) -> Result<Socket<Stream, Client>, Error> {
        self.open_with_response(to).await.map(|(socket, _)| socket)
    }

    /// As [`open`](Self::open), and gives the server's response too: the subprotocol that it chose.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// As [`open`](Self::open).
    pub async fn open_with_response(
        &self,
        to: impl Into<Connect>,
    ) -> Result<(Socket<Stream, Client>, Response<()>), Error> {
        let mut to = to.into();
        to.take_userinfo()?;
        timeout(to.config.handshake_within.get(), self.ask(&to))
            .await
            .map_err(|_| Error::HeadDeadline)?
    }

    async fn ask(&self, to: &Connect) -> Result<(Socket<Stream, Client>, Response<()>), Error> {
        let offer = Offer::new(&to.config);
        let field = offer.field();
        let request = to.request(field.as_deref())?;
        let handshake = ClientHandshake::start_connect(&request);
        let mut connect = request
            .to_http_connect()
            .map_err(|_| Error::header(":path", HeaderError::Value))?;
        //= https://www.rfc-editor.org/rfc/rfc8441#section-5
        //# The :protocol pseudo-header field MUST be included in the CONNECT request, and it MUST
        //# have a value of "websocket" to initiate a WebSocket connection on an HTTP/2 stream.
        connect
            .extensions_mut()
            .insert(Protocol::from_static("websocket"));
        let mut requests = self.requests.clone().ready().await?;
        let (response, send) = requests.send_request(connect, false)?;
        let (response, mut receive) = response.await?.into_parts();
        let fields = response
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        let agreed = match handshake.finish_connect(response.status.as_u16(), fields)? {
            Answer::Accepted(accepted) => offer.judge(accepted.extensions())?,
            _ => {
                let mut body = BytesMut::new();
                while let Some(Ok(data)) = receive.data().await {
                    let len = data.len().min(MAX_BODY - body.len());
                    body.extend_from_slice(&data[..len]);
                    if body.len() == MAX_BODY {
                        break;
                    }
                    let _ = receive.flow_control().release_capacity(data.len());
                }
                let refused = Response::from_parts(response, body.freeze());
                return Err(Error::Status(Box::new(refused)));
            }
        };
        let stream = Stream::new(send, receive);
        let nothing = ReadBuffer::default();
        let socket = Socket::connected(stream, nothing, Arc::new(to.config), agreed);
        Ok((socket, Response::from_parts(response, ())))
    }
}
