//! A WebSocket on the command line: lines go out as messages, messages come in as lines.
//!
//! ```text
//! cargo run --example ws_client --all-features -- wss://example.com/chat --subprotocol chat
//! ```
//!
//! The end of the input, or Ctrl-C, closes with 1000. The exit code is 0 if the connection was
//! closed with 1000, 1001 or no code, 1 if it failed or ended otherwise, 2 for wrong arguments.

use core::error::Error;
use std::process;

use longwire::net::{Connector, Proxies, Proxy, Roots, Tls};
use longwire::ws::{self, Client, CloseCode, Config, Connect, Deflate, Message, Sender};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};
use tokio::signal::ctrl_c;

const USAGE: &str = "usage: ws_client URL [OPTION...]
  --header 'NAME: VALUE'  send this header field; may be repeated
  --subprotocol NAME      offer this subprotocol; may be repeated
  --origin ORIGIN         send this Origin
  --deflate               offer compression
  --ca FILE               trust the certificates in this PEM file, and no others
  --native-roots          trust what the system trusts
  --cert FILE --key FILE  show this certificate, PEM
  --proxy URL             connect through this proxy, whatever the environment says
  --redirects N           follow so many redirects";

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let code = run(std::env::args().skip(1)).await;
    // Not by returning: a thread may still be waiting for a line of input.
    process::exit(code);
}

/// Does what the command line says; the exit code.
pub(crate) async fn run(args: impl Iterator<Item = String>) -> i32 {
    let connect = match arguments(args) {
        Ok(connect) => connect,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return 2;
        }
    };
    match talk(connect).await {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

/// Reads the command line.
fn arguments(mut arguments: impl Iterator<Item = String>) -> Result<Connect, Failure> {
    let mut connect = ws::connect(arguments.next().ok_or("the URL is missing")?);
    let mut config = Config::default();
    let mut connector = Connector::new();
    let (mut tls, mut certificate, mut key) = (Tls::new(), None, None);
    while let Some(option) = arguments.next() {
        if option == "--deflate" {
            config = config.deflate(Some(Deflate::new()));
            continue;
        }
        if option == "--native-roots" {
            tls = Tls::with_roots(Roots::native()?);
            continue;
        }
        let value = arguments.next();
        let value = value.ok_or_else(|| format!("{option} is unknown or has no value"))?;
        match option.as_str() {
            "--header" => {
                let (name, value) = value.split_once(':').ok_or("a header is NAME: VALUE")?;
                connect = connect.header(name, value.trim());
            }
            "--subprotocol" => connect = connect.protocol(value),
            "--origin" => connect = connect.origin(value),
            "--ca" => tls = Tls::with_roots(Roots::none().add_pem(&read(&value)?)?),
            "--cert" => certificate = Some(read(&value)?),
            "--key" => key = Some(read(&value)?),
            "--proxy" => connector = connector.proxies(Proxies::all(Proxy::parse(&value)?)),
            "--redirects" => connect = connect.max_redirects(value.parse()?),
            _ => return Err(format!("{option} is unknown").into()),
        }
    }
    match (certificate, key) {
        (Some(certificate), Some(key)) => tls = tls.client_certificate(&certificate, &key)?,
        (None, None) => {}
        _ => return Err("--cert and --key go together".into()),
    }
    Ok(connect.config(config).connector(connector.tls(tls)))
}

fn read(file: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| format!("{file}: {error}").into())
}

/// Whether the connection was closed as it should be.
async fn talk(connect: Connect) -> Result<bool, Failure> {
    let (socket, response) = match connect.with_response().await {
        Ok(opened) => opened,
        Err(longwire::Error::Status(response)) => {
            let body = String::from_utf8_lossy(response.body()).into_owned();
            return Err(format!("{}\n{:#?}\n{body}", response.status(), response.headers()).into());
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(protocol) = response.headers().get("sec-websocket-protocol") {
        eprintln!("open, subprotocol {protocol:?}");
    } else {
        eprintln!("open");
    }
    let (mut receiver, sender) = socket.into_split();
    let sending = tokio::spawn(send_lines(sender));
    let mut out = stdout();
    while let Some(message) = receiver.recv().await {
        match message? {
            Message::Text(text) => out.write_all(text.as_bytes()).await?,
            Message::Binary(bytes) => {
                let shown = format!("({} bytes) {}", bytes.len(), bytes.escape_ascii());
                out.write_all(shown.as_bytes()).await?;
            }
        }
        out.write_all(b"\n").await?;
        out.flush().await?;
    }
    sending.abort();
    let closed = receiver.closed();
    eprintln!("closed, {} {}", closed.code(), closed.reason());
    let fine = [
        CloseCode::NORMAL,
        CloseCode::GOING_AWAY,
        CloseCode::NO_STATUS,
    ];
    Ok(fine.contains(&closed.code()))
}

async fn send_lines<Io>(mut sender: Sender<Io, Client>) -> Result<(), longwire::Error>
where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line?,
            _ = ctrl_c() => None,
        };
        let Some(line) = line else {
            sender.close(CloseCode::NORMAL, "")?;
            return sender.flush().await;
        };
        sender.send(line).await?;
    }
}
