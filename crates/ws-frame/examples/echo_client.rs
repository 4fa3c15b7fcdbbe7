//! A WebSocket client on blocking sockets that sends back what servers send: to each URL in turn,
//! until the server ends the connection.
//!
//! ```text
//! cargo run -p ws-frame --example echo_client -- [--deflate] URL...
//! ```

use core::iter;
use core::time::Duration;
use std::env;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use session::{Codecs, Echo};
use ws_deflate::{Agreed, Offer};
use ws_frame::{Connection, MaskKey};
use ws_handshake::{Answer, ClientHandshake, ClientRequest, Nonce};

#[path = "echo/session.rs"]
mod session;

fn main() -> ExitCode {
    let (flags, urls): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|a| a == "--deflate");
    let mut outcome = ExitCode::SUCCESS;
    for url in urls {
        match visit(&url, !flags.is_empty()) {
            Ok(code) => println!("{url}: closed with {code}"),
            Err(error) => {
                eprintln!("{url}: {error}");
                outcome = ExitCode::FAILURE;
            }
        }
    }
    outcome
}

fn visit(url: &str, deflate: bool) -> io::Result<u16> {
    let offer = deflate.then(|| Offer::new(&session::deflate_config()));
    let text = offer.map(|offer| offer.to_string());
    let mut request = ClientRequest::new(url).map_err(io::Error::other)?;
    if let Some(text) = &text {
        request = request.extension(text).map_err(io::Error::other)?;
    }
    let mut socket = TcpStream::connect((request.host(), request.port()))?;
    socket.set_nodelay(true)?;
    let (agreed, rest) = shake_hands(&mut socket, &request, offer)?;

    let codecs = agreed.map(|agreed| Codecs::new(agreed.client(), agreed.server()));
    let config = session::config(agreed.as_ref());
    let mut keys = MaskKeys::default();
    let connection = Connection::client(config, move || keys.next());
    let mut echo = Echo::new(connection, codecs);
    echo.run(&mut socket, &rest)?;
    //= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
    //# the client SHOULD wait for the server to close the connection
    session::drain(&mut socket);
    Ok(echo.receive_eof().code().get())
}

/// What was agreed about compression, and what was read behind the head.
fn shake_hands(
    socket: &mut TcpStream,
    request: &ClientRequest<'_>,
    offer: Option<Offer>,
) -> io::Result<(Option<Agreed>, Vec<u8>)> {
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let mut out = Vec::new();
    let mut handshake = ClientHandshake::start(request, Nonce::new(nonce), &mut out);
    socket.write_all(&out)?;
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = socket.read(&mut buffer)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        received.extend_from_slice(&buffer[..n]);
        let Some(head) = handshake.finish(&received).map_err(io::Error::other)? else {
            continue;
        };
        let Answer::Accepted(accepted) = head.value else {
            return Err(io::Error::other("the server refused"));
        };
        // The handshake has checked that nothing is in the response that was not offered.
        let mut chosen = accepted.extensions();
        let agreed = match (offer, chosen.next(), chosen.next()) {
            (_, None, _) => None,
            (Some(offer), Some(chosen), None) => {
                Some(offer.verify(chosen.params()).map_err(io::Error::other)?)
            }
            _ => return Err(io::Error::other("an extension twice")),
        };
        drop(chosen);
        return Ok((agreed, received.split_off(head.len)));
    }
}

/// Masking keys from the system, 256 at a time.
#[derive(Default)]
struct MaskKeys(Vec<u8>);

impl MaskKeys {
    fn next(&mut self) -> MaskKey {
        if self.0.is_empty() {
            self.0.extend(iter::repeat_n(0, 1024));
            getrandom::fill(&mut self.0).expect("the system's generator");
        }
        let key = self.0.split_off(self.0.len() - 4);
        MaskKey::new(key.try_into().expect("4 bytes"))
    }
}
