//! Echoes every message: `ws_echo [--deflate] [--tls | --h2] ADDRESS`.
//!
//! Prints `listening on ADDRESS`. `--deflate` accepts compression with any parameters that the
//! client asks for; `--tls` shows a certificate made for the occasion; `--h2` speaks HTTP/2 with
//! prior knowledge, each WebSocket on a stream of it (RFC 8441).
//!
//! The limits are those that the Autobahn test suite needs: messages of 16 MiB, in 65,537 frames.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use http::Request;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use longwire::net::{self, ServerTls};
use longwire::ws::{self, Config, Deflate, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use ws_deflate::{Context, WindowBits};

#[derive(Clone, Default)]
struct Options {
    config: Config,
    tls: Option<ServerTls>,
    h2: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut options = Options::default();
    let mut address = String::from("127.0.0.1:9001");
    let limits = ws_frame::Limits::default()
        .with_max_message(16 << 20)
        .with_max_frame(16 << 20)
        .with_max_fragments(65_537);
    options.config = options
        .config
        .frames(ws_frame::Config::default().with_limits(limits))
        .message_within(Duration::from_secs(600));
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--deflate" => options.config = options.config.deflate(Some(any_parameters())),
            "--tls" => options.tls = Some(certificate()?),
            "--h2" => options.h2 = true,
            _ => address = argument,
        }
    }
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (io, peer) = listener.accept().await?;
        let options = options.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(io, options).await {
                report(peer, &*error);
            }
        });
    }
}

/// Context takeover and full windows, unless the client asks for less.
fn any_parameters() -> Deflate {
    let context = Context::with_takeover(WindowBits::MAX);
    let negotiable = ws_deflate::Config::new().own(context).peer(context);
    Deflate::new().negotiable(negotiable).threshold(0)
}

fn certificate() -> Result<ServerTls, Box<dyn core::error::Error>> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = made.signing_key.serialize_pem();
    Ok(ServerTls::from_pem(
        made.cert.pem().as_bytes(),
        key.as_bytes(),
    )?)
}

async fn serve(
    io: TcpStream,
    options: Options,
) -> Result<(), Box<dyn core::error::Error + Send + Sync>> {
    net::tune(&io)?;
    if let Some(tls) = &options.tls {
        let io = tls.accept(io, Duration::from_secs(10)).await?;
        return Ok(upgraded(io, options.config).await?);
    }
    if options.h2 {
        return Ok(streams(io, options.config).await?);
    }
    Ok(upgraded(io, options.config).await?)
}

/// One WebSocket on a connection.
async fn upgraded<Io>(io: Io, config: Config) -> Result<(), longwire::Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    echo(ws::accept(io, config, |accept| Ok(accept)).await?).await
}

/// One WebSocket on each stream of a connection.
async fn streams(io: TcpStream, config: Config) -> hyper::Result<()> {
    let config = Arc::new(config);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let answer = ws::upgrade(&mut request, config.clone(), |accept| Ok(accept));
        async move {
            Ok::<_, Infallible>(match answer {
                Ok((response, upgrade)) => {
                    tokio::spawn(async move { echo(upgrade.socket().await?).await });
                    response.map(|()| Full::default())
                }
                Err(response) => response.map(Full::<Bytes>::from),
            })
        }
    });
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // Half of the connection's window is what the framing of small DATA frames may cost until they
    // are read: a stream full of them is to stay below it.
    builder
        .enable_connect_protocol()
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(100 * 64 * 1024);
    builder.serve_connection(TokioIo::new(io), service).await
}

/// Goes on until the stream has ended: answers to messages that came together leave together.
async fn echo<Io>(mut socket: Socket<Io>) -> Result<(), longwire::Error>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = socket.recv().await {
        socket.feed(message?).await?;
    }
    Ok(())
}

fn report(peer: SocketAddr, error: &dyn core::error::Error) {
    eprintln!("{peer}: {error}");
}
