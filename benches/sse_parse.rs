//! `sse-parse` against other parsers and encoders of the same format.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::response::IntoResponse;
use benches::workload::Seeded;
use benches::workload::sse::{self, Stream};
use benches::{Group, run};
use bytes::Bytes;
use http_body::Body;

type Never = std::convert::Infallible;

fn main() {
    const TOTAL: usize = 512 << 10;
    let streams = [
        sse::tokens(TOTAL),
        sse::pairs(TOTAL),
        sse::ticks(TOTAL),
        sse::documents(TOTAL),
        sse::long_lines(),
        sse::heartbeats(TOTAL),
        sse::tokens_crlf(TOTAL),
    ];
    let mut groups = Vec::new();
    for (size, id) in [
        (64, "64"),
        (1 << 10, "1KiB"),
        (16 << 10, "16KiB"),
        (64 << 10, "64KiB"),
    ] {
        groups.extend(streams.iter().map(|stream| parse(stream, size, id)));
    }
    groups.extend(encode());
    run(groups);
}

/// What every parser is asked for: the number of events, each one seen.
fn parse(stream: &Stream, size: usize, id: &str) -> Group<'static> {
    let name = format!("sse-parse/{}/{id}", stream.name);
    // Static: that makes the peers' handles to a chunk free to copy.
    let bytes: &'static [u8] = stream.bytes.clone().leak();
    let chunks: Vec<Bytes> = bytes.chunks(size).map(Bytes::from_static).collect();
    let chunks: &'static [Bytes] = chunks.leak();
    let expected = if stream.name == "heartbeats" {
        0
    } else {
        stream.events
    };
    let check = move |count: u64| assert_eq!(count, expected);
    let mut group = Group::new(name, bytes.len() as u64, stream.events)
        .ours("sse-parse", move || {
            let mut parser = sse_parse::Parser::new();
            let mut events = 0;
            for chunk in bytes.chunks(size) {
                let mut input = chunk;
                while let Some(event) = parser.next_event(&mut input).unwrap() {
                    black_box(event);
                    events += 1;
                }
            }
            check(events);
        })
        .ours("sse-parse, all items", move || {
            let mut parser = sse_parse::Parser::new();
            let mut events = 0;
            for chunk in bytes.chunks(size) {
                let mut input = chunk;
                while let Some(item) = parser.next_item(&mut input).unwrap() {
                    if let sse_parse::Item::Event(_) = black_box(item) {
                        events += 1;
                    }
                }
            }
            check(events);
        })
        .peer("sse-core", move || {
            let mut decoder =
                sse_core::SseDecoder::with_limit((16_usize << 20).try_into().unwrap());
            let mut events = 0;
            for chunk in chunks {
                let mut input = chunk.clone();
                while let Some(event) = decoder.next(&mut input) {
                    black_box(event.unwrap());
                    events += 1;
                }
            }
            check(events);
        })
        .peer("sse-parse 0.1 (other)", move || {
            let mut parser = sse_parse_0_1::SseParser::new();
            let mut events = 0;
            for chunk in bytes.chunks(size) {
                parser.feed(chunk);
                while let Some(event) = parser.next_event() {
                    black_box(event);
                    events += 1;
                }
            }
            check(events);
        })
        .peer("sse-stream", move || {
            check(drain(sse_stream::SseByteStream::new(source(chunks))));
        })
        .peer("sseer", move || {
            check(drain(sseer::event_stream::EventStream::new(source(chunks))));
        });
    // Where a single run takes seconds there is nothing to compare.
    if stream.name != "long-lines" || size > 1 << 10 {
        group = group.peer("eventsource-stream", move || {
            check(drain(eventsource_stream::EventStream::new(source(chunks))));
        });
    }
    let mut copy = Vec::new();
    group
        .limit("memchr2 line walk", move || {
            let mut lines = 0;
            for chunk in bytes.chunks(size) {
                lines += memchr::memchr2_iter(b'\r', b'\n', chunk).count();
            }
            black_box(lines);
        })
        .limit("memcpy", move || {
            copy.clear();
            for chunk in bytes.chunks(size) {
                copy.extend_from_slice(chunk);
            }
            black_box(&copy);
        })
}

fn source(chunks: &'static [Bytes]) -> impl futures_core::Stream<Item = Result<Bytes, Never>> {
    futures_util::stream::iter(chunks.iter().map(|chunk| Ok(chunk.clone())))
}

fn drain<T, E: std::fmt::Debug>(stream: impl futures_core::Stream<Item = Result<T, E>>) -> u64 {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    let mut events = 0;
    while let Poll::Ready(Some(event)) = stream.as_mut().poll_next(&mut context) {
        black_box(event.unwrap());
        events += 1;
    }
    events
}

/// Events per run of an encoder.
const BATCH: usize = 64;

/// The payloads: name, id, data.
fn payloads() -> [(
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    String,
); 4] {
    let mut seeded = Seeded::new(6);
    let lines: Vec<String> = (0..10).map(|_| seeded.ascii(1024)).collect();
    [
        ("json-200", None, None, sse::token_json(&mut seeded)),
        ("tick", Some("tick"), Some("123456"), seeded.ascii(10)),
        ("lines-10KiB", None, None, lines.join("\n")),
        ("line-64KiB", None, None, seeded.ascii(64 << 10)),
    ]
}

fn encode() -> Vec<Group<'static>> {
    payloads()
        .map(|(payload, name, id, data)| encode_one(payload, name, id, data))
        .into()
}

fn encode_one(
    payload: &str,
    name: Option<&'static str>,
    id: Option<&'static str>,
    data: String,
) -> Group<'static> {
    let data: &'static str = data.leak();
    let mut fields = sse_parse::Fields::new(data);
    fields.name = name;
    fields.id = id;
    let mut expected = Vec::new();
    sse_parse::encode(&fields, &mut expected).unwrap();
    let len = expected.len();

    let mut out = Vec::new();
    let mut copy = Vec::new();
    Group::new(
        format!("sse-encode/{payload}"),
        (len * BATCH) as u64,
        BATCH as u64,
    )
    .ours("sse-parse", move || {
        for _ in 0..BATCH {
            out.clear();
            sse_parse::encode(black_box(&fields), &mut out).unwrap();
            black_box(&out);
        }
        assert_eq!(out.len(), len);
    })
    .ours("sse-parse, new buffer", move || {
        for _ in 0..BATCH {
            let mut out = Vec::new();
            sse_parse::encode(black_box(&fields), &mut out).unwrap();
            assert_eq!(out.len(), len);
            black_box(out);
        }
    })
    .peer("axum", move || {
        let events = std::iter::repeat_with(move || {
            let mut event = axum::response::sse::Event::default();
            if let Some(name) = name {
                event = event.event(name);
            }
            if let Some(id) = id {
                event = event.id(id);
            }
            Ok::<_, Never>(event.data(black_box(data)))
        });
        let stream = futures_util::stream::iter(events.take(BATCH));
        assert_eq!(
            frames(axum::response::Sse::new(stream).into_response().into_body()),
            BATCH
        );
    })
    .peer("sse-stream", move || {
        let events = std::iter::repeat_with(move || {
            let mut event = sse_stream::Sse::default();
            if let Some(name) = name {
                event = event.event(name);
            }
            if let Some(id) = id {
                event = event.id(id);
            }
            Ok::<_, Never>(event.data(black_box(data)))
        });
        let stream = futures_util::stream::iter(events.take(BATCH));
        assert_eq!(frames(sse_stream::SseBody::new(stream)), BATCH);
    })
    .peer("warp", move || {
        let events = std::iter::repeat_with(move || {
            let mut event = warp::sse::Event::default();
            if let Some(name) = name {
                event = event.event(name);
            }
            if let Some(id) = id {
                event = event.id(id);
            }
            Ok::<_, Never>(event.data(black_box(data)))
        });
        let stream = futures_util::stream::iter(events.take(BATCH));
        assert_eq!(
            frames(warp::Reply::into_response(warp::sse::reply(stream)).into_body()),
            BATCH
        );
    })
    .limit("memcpy", move || {
        for _ in 0..BATCH {
            copy.clear();
            copy.extend_from_slice(black_box(&expected));
            black_box(&copy);
        }
    })
}

fn frames<B: Body<Error: std::fmt::Debug>>(body: B) -> usize {
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    let mut frames = 0;
    while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut context) {
        black_box(frame.map_err(|e| format!("{e:?}")).unwrap());
        frames += 1;
    }
    frames
}
