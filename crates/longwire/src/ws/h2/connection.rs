//! An HTTP/2 connection on which WebSockets are opened.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use http::Response;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use ws_handshake::{Answer, ClientHandshake, ClientRequest, HeaderError};

use super::Stream;
use crate::Error;
use crate::buffer::ReadBuffer;
use crate::net::{Connector, Endpoint};
use crate::ws::{Client, Config, Offer, Socket};

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
    config: Arc<Config>,
}

impl Connection {
    /// Connects to the host of `url`: over TLS for `wss`, with prior knowledge of HTTP/2 for `ws`.
    /// Opens no WebSocket yet.
    ///
    /// # Errors
    ///
    /// [`Error::Url`], [`Error::Connect`]; [`Error::NotHttp2`] if the server did not choose HTTP/2
    /// during the TLS handshake; else as [`handshake`](Self::handshake).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the connection.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::connect_with(&Connector::new(), url, Config::default()).await
    }

    /// As [`connect`](Self::connect), with a connector and with limits and clocks of one's own.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with(
        connector: &Connector,
        url: &str,
        config: Config,
    ) -> Result<Self, Error> {
        let request = ClientRequest::new(url)?;
        let (host, port) = (request.host(), request.port());
        let endpoint = if request.is_secure() {
            Endpoint::tls(host, port).alpn(&["h2"])
        } else {
            Endpoint::tcp(host, port)
        };
        let stream = connector.connect(endpoint).await?;
        if stream.is_secure() && stream.alpn() != Some(b"h2") {
            return Err(Error::NotHttp2);
        }
        Self::handshake(stream, config).await
    }

    /// Begins HTTP/2 on a connection that is there already, and waits until the server has said
    /// that it speaks WebSocket over HTTP/2. `config` is that of every socket;
    /// [`Config::handshake_within`] bounds the wait.
    ///
    /// # Errors
    ///
    /// [`Error::NotAnnounced`] if the server's first SETTINGS do not say so, [`Error::H2`],
    /// [`Error::HeadDeadline`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `io`.
    pub async fn handshake<Io>(io: Io, config: Config) -> Result<Self, Error>
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
        let (requests, connection) = timeout(config.handshake_within, settled)
            .await
            .map_err(|_| Error::HeadDeadline)??;
        tokio::spawn(async move {
            // Every socket hears of it from its own stream.
            let _ = connection.await;
        });
        Ok(Self {
            requests,
            config: Arc::new(config),
        })
    }

    /// Opens a WebSocket. `url` says what to ask for; it is sent to the server at the other end of
    /// this connection, whatever host it names.
    ///
    /// # Errors
    ///
    /// [`Error::Url`]; else as [`open_with`](Self::open_with).
    ///
    /// # Cancel safety
    ///
    /// As [`open_with`](Self::open_with).
    pub async fn open(&self, url: &str) -> Result<Socket<Stream, Client>, Error> {
        let (socket, _) = self.open_with(ClientRequest::new(url)?).await?;
        Ok(socket)
    }

    /// Opens a WebSocket with subprotocols, an origin and header fields; gives the server's
    /// response too, whose `Sec-WebSocket-Protocol` is one of those asked for. Waits while the
    /// server allows no further stream; [`Config::handshake_within`] bounds that, and the wait for
    /// the answer.
    ///
    /// # Errors
    ///
    /// [`Error::Status`] with the answer if the server refused; [`Error::Answer`] if it broke the
    /// rules of the handshake; [`Error::H2`], [`Error::HeadDeadline`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future resets the stream.
    pub async fn open_with(
        &self,
        request: ClientRequest<'_>,
    ) -> Result<(Socket<Stream, Client>, Response<()>), Error> {
        timeout(self.config.handshake_within, self.ask(request))
            .await
            .map_err(|_| Error::HeadDeadline)?
    }

    async fn ask(
        &self,
        mut request: ClientRequest<'_>,
    ) -> Result<(Socket<Stream, Client>, Response<()>), Error> {
        let offer = Offer::new(&self.config);
        let field = offer.field();
        if let Some(field) = &field {
            request = request
                .extension(field)
                .map_err(|error| Error::header("Sec-WebSocket-Extensions", error))?;
        }
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
        let socket = Socket::connected(stream, nothing, self.config.clone(), agreed);
        Ok((socket, Response::from_parts(response, ())))
    }
}
