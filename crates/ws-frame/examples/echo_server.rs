//! A WebSocket echo server on blocking sockets, a thread per connection: the cores need no
//! runtime.
//!
//! ```text
//! cargo run -p ws-frame --example echo_server -- [--deflate] [ADDRESS]
//! ```

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{env, thread};

use session::{Codecs, Echo};
use ws_deflate::{Agreed, Offer};
use ws_frame::Connection;
use ws_handshake::{Limits, Request};

#[path = "echo/session.rs"]
mod session;

fn main() -> io::Result<()> {
    let mut deflate = false;
    let mut address = String::from("127.0.0.1:9001");
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--deflate" => deflate = true,
            _ => address = argument,
        }
    }
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for socket in listener.incoming() {
        let socket = socket?;
        thread::spawn(move || match serve(socket, deflate) {
            Ok(()) => {}
            Err(error) => eprintln!("{error}"),
        });
    }
    Ok(())
}

fn serve(mut socket: TcpStream, deflate: bool) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let Some((agreed, rest)) = shake_hands(&mut socket, deflate)? else {
        return Ok(());
    };
    let codecs = agreed.map(|agreed| Codecs::new(agreed.server(), agreed.client()));
    let connection = Connection::server(session::config(agreed.as_ref()));
    let mut echo = Echo::new(connection, codecs);
    echo.run(&mut socket, &rest)?;
    //= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
    //# the server MUST close the WebSocket connection immediately
    socket.shutdown(Shutdown::Write)?;
    session::drain(&mut socket);
    println!("closed with {}", echo.receive_eof().code().get());
    Ok(())
}

/// What was agreed about compression, and what was read behind the head; `None` for a request
/// that was refused or never came.
fn shake_hands(
    socket: &mut TcpStream,
    deflate: bool,
) -> io::Result<Option<(Option<Agreed>, Vec<u8>)>> {
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut received, mut searched) = (Vec::new(), 0);
    let mut buffer = [0; 4096];
    loop {
        let n = socket.read(&mut buffer)?;
        if n == 0 {
            return Ok(None);
        }
        received.extend_from_slice(&buffer[..n]);
        let mut out = Vec::new();
        match Request::parse(&received, &mut searched, &Limits::default()) {
            Ok(None) => {}
            Ok(Some(head)) => {
                // The first offer that makes sense: the client's order is its preference.
                let agreed = head
                    .value
                    .extensions()
                    .filter(|extension| deflate && extension.name() == ws_deflate::NAME)
                    .find_map(|extension| Offer::parse(extension.params()).ok())
                    .map(|offer| offer.negotiate(&session::deflate_config()));
                let chosen = agreed.map(|agreed| agreed.to_string());
                let mut accept = head.value.accept();
                if let Some(chosen) = &chosen {
                    accept = accept.extension(chosen).map_err(io::Error::other)?;
                }
                accept.encode(&mut out);
                socket.write_all(&out)?;
                return Ok(Some((agreed, received.split_off(head.len))));
            }
            Err(error) => {
                error.reject().encode(&mut out);
                socket.write_all(&out)?;
                return Ok(None);
            }
        }
    }
}
