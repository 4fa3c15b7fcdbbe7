//! Reading what a source or a server sends.

use core::net::SocketAddr;
use core::time::Duration;

use http_body_util::BodyExt;
use longwire::sse::{Body, Cut, Source};
use sse_parse::{Item, OwnedEvent, Parser};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::within;

/// An event with this data and nothing else.
pub(crate) fn event(name: &str, id: &str, data: &str) -> OwnedEvent {
    sse_parse::Event::new(data)
        .with_name(name)
        .with_id(id)
        .to_owned()
}

/// All events of a whole stream, and the last reconnection time.
pub(crate) fn parse(stream: &[u8]) -> (Vec<OwnedEvent>, Option<Duration>) {
    let (mut parser, mut input, mut events) = (Parser::new(), stream, Vec::new());
    while let Some(item) = parser.next_item(&mut input).unwrap() {
        if let Item::Event(event) = item {
            events.push(event.to_owned());
        }
    }
    (events, parser.retry())
}

/// The bytes of the next frame; `None` at the end.
pub(crate) async fn frame<S: Source>(body: &mut Body<S>) -> Option<Result<Vec<u8>, Cut>> {
    let frame = within("a frame", body.frame()).await?;
    Some(frame.map(|frame| frame.into_data().unwrap().to_vec()))
}

/// Everything until the end.
pub(crate) async fn rest<S: Source>(body: &mut Body<S>) -> Result<Vec<u8>, Cut> {
    let mut all = Vec::new();
    while let Some(frame) = frame(body).await {
        all.extend(frame?);
    }
    Ok(all)
}

/// Sends a request for `path` with these header lines, and reads until the end.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("the whole answer", stream.read_to_string(&mut answer))
        .await
        .unwrap();
    answer
}
