//! Prints a live stream, over a plain blocking socket:
//! `cargo run --example watch -- 127.0.0.1:8080 /events`
//!
//! It reconnects as the Standard asks: after the delay the server named, from the last event ID.
#![allow(clippy::std_instead_of_core, reason = "a program for std")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use std::{env, thread};

use sse_parse::{Item, Parser, Verdict};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(address), Some(path)) = (args.next(), args.next()) else {
        return Err("usage: watch HOST:PORT PATH".into());
    };
    let mut parser = Parser::new();
    loop {
        match read(&address, &path, &mut parser) {
            Ok(Verdict::Open) => eprintln!("the stream ended"),
            Ok(verdict) => return Err(format!("not an event stream: {verdict:?}").into()),
            Err(error) => eprintln!("{error}"),
        }
        parser.reset();
        thread::sleep(parser.retry().unwrap_or(Duration::from_secs(3)));
    }
}

/// One connection, to its end.
fn read(address: &str, path: &str, parser: &mut Parser) -> Result<Verdict, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    // HTTP/1.0: the body ends with the connection, without chunks to take apart.
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: text/event-stream\r\n"
    )?;
    if !parser.last_event_id().is_empty() {
        write!(stream, "Last-Event-ID: {}\r\n", parser.last_event_id())?;
    }
    stream.write_all(b"\r\n")?;

    let mut body = BufReader::new(stream);
    let verdict = head(&mut body)?;
    if verdict != Verdict::Open {
        return Ok(verdict);
    }
    let mut buffer = [0; 16 * 1024];
    loop {
        let len = body.read(&mut buffer)?;
        if len == 0 {
            return Ok(verdict);
        }
        let mut input = &buffer[..len];
        while let Some(item) = parser.next_item(&mut input)? {
            match item {
                Item::Event(event) => println!("{} [{}] {}", event.name, event.id, event.data),
                Item::Comment(text) => eprintln!(": {text}"),
                other => eprintln!("{other:?}"),
            }
        }
    }
}

/// Reads the response's head.
fn head(body: &mut impl BufRead) -> Result<Verdict, Box<dyn Error>> {
    let mut line = String::new();
    body.take(8 * 1024).read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no status line"))?;
    let mut content_type = None;
    loop {
        line.clear();
        if body.take(8 * 1024).read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(Verdict::of(
                status,
                content_type.as_deref().map(str::as_bytes),
            ));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-type")
        {
            content_type = Some(value.trim().to_owned());
        }
    }
}
