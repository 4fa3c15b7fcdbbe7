//! Compressed streams: each batch can be read at once, by decoders of other libraries.

use std::io::Read;

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, VARY};
use longwire::sse::{Body, Compressed, Encoding, Events, Fields, Reply, channel};

use super::reading::{frame, parse};

fn asking(accept: &'static str) -> HeaderMap {
    let mut request = HeaderMap::new();
    request.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
    request
}

/// As much as can be decoded of a stream that goes on.
fn decode(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read> = match encoding {
        Encoding::Gzip => Box::new(flate2::read::GzDecoder::new(bytes)),
        Encoding::Brotli => Box::new(brotli::Decompressor::new(bytes, 1)),
        _ => Box::new(zstd::stream::read::Decoder::with_buffer(bytes).unwrap()),
    };
    let (mut decoded, mut chunk) = (Vec::new(), [0; 4096]);
    // The end of what there is of an unfinished stream is an error to these decoders.
    while let Ok(len @ 1..) = reader.read(&mut chunk) {
        decoded.extend_from_slice(&chunk[..len]);
    }
    decoded
}

#[tokio::test]
async fn every_batch_can_be_read_as_soon_as_it_is_there() {
    for (name, encoding) in [
        ("gzip", Encoding::Gzip),
        ("br", Encoding::Brotli),
        ("zstd", Encoding::Zstd),
    ] {
        let (sender, events) = channel();
        let response = Reply::new(events).compress(&asking(name)).into_response();
        assert_eq!(response.headers()[CONTENT_ENCODING], name);
        assert_eq!(response.headers()[VARY], "accept-encoding");
        assert_eq!(
            response.headers()["cache-control"],
            "no-cache, no-transform"
        );
        let mut body: Body<Compressed<Events>> = response.into_body();
        let (mut received, mut plain) = (Vec::new(), 0);
        for n in 0..100 {
            let data = format!("{{\"n\":{n},\"text\":\"the same words again and again\"}}");
            plain += data.len() + "data: \n\n".len();
            sender.send(&Fields::new(&data)).await.unwrap();
            received.extend(frame(&mut body).await.unwrap().unwrap());
            let (events, _) = parse(&decode(encoding, &received));
            assert_eq!((events.len(), &*events[n].data), (n + 1, &*data), "{name}");
        }
        assert!(
            received.len() * 2 < plain,
            "{name}: {} of {plain}",
            received.len()
        );
        drop(sender);
        while let Some(frame) = frame(&mut body).await {
            received.extend(frame.unwrap());
        }
        assert_eq!(decode(encoding, &received).len(), plain, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_compressed_too() {
    let (sender, events) = channel();
    let response = Reply::new(events).compress(&asking("gzip")).into_response();
    let mut body = response.into_body();
    let mut received = frame(&mut body).await.unwrap().unwrap();
    sender.send(&Fields::new("event")).await.unwrap();
    received.extend(frame(&mut body).await.unwrap().unwrap());
    assert_eq!(decode(Encoding::Gzip, &received), b":\n\ndata: event\n\n");
}

#[tokio::test]
async fn nothing_is_compressed_unless_it_is_asked_for() {
    for accept in ["identity", "gzip;q=0", "deflate"] {
        let (sender, events) = channel();
        let response = Reply::new(events).compress(&asking(accept)).into_response();
        assert_eq!(response.headers().get(CONTENT_ENCODING), None);
        assert_eq!(response.headers()[VARY], "accept-encoding");
        sender.send(&Fields::new("plain")).await.unwrap();
        let first = frame(&mut response.into_body()).await.unwrap().unwrap();
        assert_eq!(first, b"data: plain\n\n");
    }
    let (_sender, events) = channel();
    let response = Reply::new(events).into_response();
    assert_eq!(response.headers().get(VARY), None);
}
