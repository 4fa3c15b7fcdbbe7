//! Compressed streams: every coding, cut anywhere, and what a few bytes can become (hazards S3).

use std::fs;
use std::io::Write;

use longwire::sse::decode::Coding;
use longwire::sse::{EventSource, EventSourceError, Update};
use sse_parse::{LimitError, Limits};
use tokio::join;

use crate::client::{data, eager, failure, get};
use crate::site::Site;
use crate::support::within;

/// Compresses pieces, each flushed, as servers do for each event.
fn compress(coding: Coding, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    fn flushed<W: Write>(
        mut encoder: W,
        pieces: &[&[u8]],
        out: impl Fn(&mut W) -> &mut Vec<u8>,
        finish: impl FnOnce(W) -> Vec<u8>,
    ) -> Vec<Vec<u8>> {
        let mut done = Vec::new();
        for piece in pieces {
            encoder.write_all(piece).unwrap();
            encoder.flush().unwrap();
            done.push(core::mem::take(out(&mut encoder)));
        }
        done.push(finish(encoder));
        done
    }
    match coding {
        Coding::Gzip => flushed(
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()),
            pieces,
            |encoder| encoder.get_mut(),
            |encoder| encoder.finish().unwrap(),
        ),
        Coding::Zstd => flushed(
            zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap(),
            pieces,
            |encoder| encoder.get_mut(),
            |encoder| encoder.finish().unwrap(),
        ),
        Coding::Brotli => flushed(
            brotli::CompressorWriter::new(Vec::new(), 4096, 1, 18),
            pieces,
            |encoder| encoder.get_mut(),
            |encoder| encoder.into_inner(),
        ),
        _ => unreachable!("a coding without a test"),
    }
}

fn head(coding: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: {coding}\r\n\r\n"
    )
}

#[tokio::test]
async fn each_event_arrives_when_it_is_flushed() {
    for &coding in Coding::ALL {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager().compressed());
        let pieces = compress(coding, &[b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"]);
        let server = async {
            let mut exchange = site.request().await;
            exchange.send(head(coding.name())).await;
            exchange
        };
        let first = async {
            let update = within("the head", source.next_update()).await;
            assert!(matches!(update, Some(Ok(Update::Opened(_)))), "{update:?}");
        };
        let (mut exchange, ()) = join!(server, first);
        assert_eq!(
            exchange.header("accept-encoding").unwrap(),
            "br, gzip, zstd"
        );
        for (n, piece) in pieces.iter().take(3).enumerate() {
            exchange.send(piece).await;
            assert_eq!(data(&mut source).await, (n + 1).to_string(), "{coding:?}");
        }
    }
}

#[tokio::test]
async fn byte_by_byte_and_all_at_once() {
    for &coding in Coding::ALL {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let bytes = compress(coding, &[b"id: 1\ndata: \xc3\xbc\r", b"\n\r\ndata: 2\n\n"]).concat();
        let server = async {
            let mut exchange = site.request().await;
            assert_eq!(exchange.header("accept-encoding"), None, "only if asked");
            exchange.send(head(coding.name())).await;
            for byte in &bytes {
                exchange.send([*byte]).await;
                tokio::task::yield_now().await;
            }
            drop(exchange);
            let named = format!("{}, identity", coding.name().to_ascii_uppercase());
            let whole = [head(&named).into_bytes(), bytes.clone()].concat();
            site.answer(whole).await
        };
        let client = async {
            for expected in ["ü", "2", "ü", "2"] {
                assert_eq!(data(&mut source).await, expected, "{coding:?}");
            }
        };
        let (exchange, ()) = join!(server, client);
        assert_eq!(exchange.header("last-event-id").unwrap(), "1");
    }
}

/// Why the connection was lost after these bytes.
async fn lost(source: &mut EventSource) -> String {
    loop {
        match within("the loss", source.next_update()).await {
            Some(Ok(Update::Lost { error, .. })) => return error.to_string(),
            Some(Ok(_)) => {}
            end => panic!("{end:?}"),
        }
    }
}

#[tokio::test]
async fn a_stream_cut_off_or_malformed_is_lost_and_tried_again() {
    for &coding in Coding::ALL {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager().stop_at_end());
        let bytes = compress(coding, &[b"data: 1\n\n"]).concat();
        let answer = |body: &[u8]| [head(coding.name()).as_bytes(), body].concat();
        let cut = answer(&bytes[..bytes.len() - 1]);
        let (_, why) = join!(site.answer(cut), lost(&mut source));
        assert_eq!(why, EventSourceError::Cut.to_string(), "{coding:?}");
        let nonsense = answer(&[0xff; 64]);
        let (_, why) = join!(site.answer(nonsense), lost(&mut source));
        assert_eq!(why, EventSourceError::Malformed.to_string(), "{coding:?}");
        let behind = answer(&[&bytes[..], b"\xff\xff\xff\xff\xff\xff\xff\xff"].concat());
        let (_, why) = join!(site.answer(behind), lost(&mut source));
        assert_eq!(why, EventSourceError::Malformed.to_string(), "{coding:?}");
    }
}

#[tokio::test]
async fn a_coding_that_nobody_knows_ends_it() {
    for coding in ["compress", "gzip, br", "x"] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let (_, error) = join!(site.answer(head(coding)), failure(&mut source));
        assert!(matches!(error, EventSourceError::Coding(_)), "{error}");
    }
}

/// Peak of the memory of this process, in bytes. Each test has a process of its own.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// What `block`, repeated to 12 MiB and compressed, is said to be.
async fn bomb(coding: Coding, start: &[u8], block: &[u8]) -> LimitError {
    let big = block.repeat((1 << 20) / block.len());
    let pieces: Vec<&[u8]> = core::iter::once(start).chain([&*big; 12]).collect();
    let bytes = compress(coding, &pieces).concat();
    let site = Site::start().await;
    let limits = Limits::default().with_max_line(256 << 10);
    let mut source = get(&site.url("/"), eager().limits(limits));
    let answer = [head(coding.name()).into_bytes(), bytes].concat();
    let before = peak();
    let (_, error) = join!(site.answer(answer), async {
        within("the limit", source.next())
            .await
            .unwrap()
            .unwrap_err()
    });
    let grown = peak() - before;
    assert!(grown < 8 << 20, "{coding:?}: {grown} bytes for one event");
    let EventSourceError::Limit(limit) = error else {
        panic!("{error}");
    };
    // The rest is skipped without keeping it, and the stream is over.
    lost(&mut source).await;
    let grown = peak() - before;
    assert!(grown < 8 << 20, "{coding:?}: {grown} bytes for the rest");
    limit
}

#[tokio::test]
async fn limits_hold_on_what_is_decoded() {
    for &coding in Coding::ALL {
        let line = bomb(coding, b"data: ", &[b'x'; 4096]).await;
        assert!(matches!(line, LimitError::Line { .. }), "{line}");
        let lines = bomb(coding, b"", b"data:\n\0\n").await;
        assert!(
            matches!(lines, LimitError::Lines { limit: 8_192 }),
            "{lines}"
        );
    }
}

#[tokio::test]
async fn a_bomb_lets_others_have_their_turn() {
    let coding = Coding::Gzip;
    let bytes = compress(coding, &[&vec![b'\n'; 8 << 20]]).concat();
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let answer = [head(coding.name()).into_bytes(), bytes].concat();
    let turns = core::cell::Cell::new(0u32);
    let others = async {
        loop {
            turns.set(turns.get() + 1);
            tokio::task::yield_now().await;
        }
    };
    let client = async { join!(site.answer(answer), lost(&mut source)) };
    tokio::select! {
        _ = client => {}
        () = others => unreachable!("it goes on for ever"),
    }
    // 8 MiB in steps of 16 KiB, and at most 64 steps a turn.
    assert!(turns.get() >= 8, "{}", turns.get());
}
