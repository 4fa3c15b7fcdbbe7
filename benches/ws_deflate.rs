//! permessage-deflate: messages of JSON through `Inflater` and `Deflater`, against the codecs of
//! other WebSocket crates and the zlib crate alone.
//!
//! A peer is here if its codec can be called without a connection. All of them use zlib-rs, which
//! the build shares; what differs is the work around it.

use benches::workload::{Seeded, json};
use benches::{Group, run};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use sockudo_ws::deflate::{DEFAULT_WINDOW_BITS, DeflateDecoder, DeflateEncoder};
use std::hint::black_box;
use ws_deflate::{Context, Deflater, Inflater, Level, Spare, WindowBits};
use wtx::http::GenericHeader;
use wtx::web_socket::compression::{
    Compression as Offer, DeflateConfig, Flate2, NegotiatedCompression as _, NegotiatedFlate2,
};

const KEPT: Context = Context::with_takeover(WindowBits::MAX);
const FRESH: Context = Context::without_takeover(WindowBits::MAX);
const LIMIT: usize = 4 << 20;
/// The octets that RFC 7692 §7.2.1 removes.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

fn main() {
    let mut groups = Vec::new();
    for (name, len) in [
        ("128B", 128),
        ("1KiB", 1024),
        ("16KiB", 16 << 10),
        ("1MiB", 1 << 20),
    ] {
        let message = json(&mut Seeded::new(6), len);
        groups.push(inflate_fresh(name, &message));
        groups.push(inflate_kept(name, &message));
        for level in [1, 6] {
            groups.push(deflate(name, &message, level));
        }
    }
    run(groups);
}

fn compressed(context: Context, level: u8, message: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let level = Level::new(level).unwrap();
    Deflater::new(context)
        .with_level(level)
        .deflate(message, true, &mut payload);
    payload
}

/// The codecs of wtx, which never takes a context over.
fn wtx(level: u8) -> NegotiatedFlate2 {
    struct Offered;
    impl GenericHeader for Offered {
        fn name(&self) -> &[u8] {
            b"sec-websocket-extensions"
        }
        fn value(&self) -> &[u8] {
            b"permessage-deflate"
        }
    }
    let config = DeflateConfig {
        client_max_window_bits: 15_u8.try_into().unwrap(),
        compression_level: level.try_into().unwrap(),
        server_max_window_bits: 15_u8.try_into().unwrap(),
    };
    let codecs = Offer::<false>::negotiate(Flate2::from(config), [Offered].iter());
    codecs.unwrap().unwrap()
}

fn inflate_fresh(name: &str, message: &[u8]) -> Group<'static> {
    let len = message.len();
    let payload = compressed(FRESH, 6, message);
    let with_tail = [&payload[..], &TAIL].concat();
    let group = Group::new(
        format!("ws-deflate/inflate/no-takeover/{name}"),
        len as u64,
        1,
    );

    let (mut inflater, mut out) = (Inflater::new(FRESH, LIMIT), Vec::new());
    let (mut alone, mut alone_out) = (Inflater::new(FRESH, LIMIT), Vec::new());
    let mut spare = Spare::new(1);
    let mut sockudo = DeflateDecoder::new(DEFAULT_WINDOW_BITS, true);
    let mut wtx = wtx(6);
    let mut wtx_out = vec![0; len * 2];
    let (mut raw, mut raw_out) = (Decompress::new(false), vec![0; len + 300]);
    let payloads = [(); 4].map(|()| payload.clone());
    let [ours, ours_alone, for_sockudo, mut for_wtx] = payloads;
    for_wtx.extend(TAIL);
    group
        .ours("ws-deflate", move || {
            out.clear();
            inflater
                .inflate_with(&mut spare, black_box(&ours), true, &mut out)
                .unwrap();
            assert_eq!(out.len(), len);
        })
        .ours("ws-deflate, no spare", move || {
            alone_out.clear();
            alone
                .inflate(black_box(&ours_alone), true, &mut alone_out)
                .unwrap();
            assert_eq!(alone_out.len(), len);
        })
        .peer("sockudo-ws", move || {
            let out = sockudo.decompress(black_box(&for_sockudo), LIMIT).unwrap();
            assert_eq!(out.len(), len);
        })
        .peer("wtx", move || {
            let n = wtx
                .decompress(
                    black_box(&for_wtx),
                    &mut wtx_out,
                    |out| Ok(&mut out[..]),
                    |out, written| Ok(&mut out[written..]),
                )
                .unwrap();
            assert_eq!(n, len);
        })
        .limit("flate2", move || {
            raw.reset(false);
            raw.decompress(black_box(&with_tail), &mut raw_out, FlushDecompress::None)
                .unwrap();
            assert_eq!(raw.total_out(), len as u64);
        })
}

fn inflate_kept(name: &str, message: &[u8]) -> Group<'static> {
    let len = message.len();
    // Takes over a context and refers to none of it, so that every message can be the next one.
    let payload = compressed(FRESH, 6, message);
    let with_tail = [&payload[..], &TAIL].concat();
    let group = Group::new(format!("ws-deflate/inflate/takeover/{name}"), len as u64, 1);

    let (mut inflater, mut out) = (Inflater::new(KEPT, LIMIT), Vec::new());
    let mut sockudo = DeflateDecoder::new(DEFAULT_WINDOW_BITS, false);
    let (mut raw, mut raw_out) = (Decompress::new(false), vec![0; len + 300]);
    let for_sockudo = payload.clone();
    group
        .ours("ws-deflate", move || {
            out.clear();
            inflater
                .inflate(black_box(&payload), true, &mut out)
                .unwrap();
            assert_eq!(out.len(), len);
        })
        .peer("sockudo-ws", move || {
            let out = sockudo.decompress(black_box(&for_sockudo), LIMIT).unwrap();
            assert_eq!(out.len(), len);
        })
        .limit("flate2", move || {
            raw.decompress(black_box(&with_tail), &mut raw_out, FlushDecompress::None)
                .unwrap();
        })
}

fn deflate(name: &str, message: &[u8], level: u8) -> Group<'static> {
    let len = message.len();
    let size = compressed(FRESH, level, message).len();
    println!(
        "{name} at level {level}: {size} bytes, {} with a window of 4 KiB",
        {
            let small = Context::without_takeover(WindowBits::new(12).unwrap());
            compressed(small, level, message).len()
        }
    );
    let title = format!("ws-deflate/deflate/no-takeover/level-{level}/{name}");
    let group = Group::new(title, len as u64, 1);

    let deflater = || {
        Deflater::new(FRESH)
            .with_level(Level::new(level).unwrap())
            .with_threshold(0)
    };
    let (mut ours, mut out) = (deflater(), Vec::new());
    let (mut alone, mut alone_out) = (deflater(), Vec::new());
    let mut spare = Spare::new(1);
    let mut sockudo = DeflateEncoder::new(DEFAULT_WINDOW_BITS, true, level.into(), 0);
    let mut raw = Compress::new(Compression::new(level.into()), false);
    let mut raw_out = vec![0; len * 2 + 100];
    let mut wtx = wtx(level);
    let mut wtx_out = vec![0; len * 2 + 100];
    let messages = [(); 5].map(|()| message.to_vec());
    let [for_ours, for_alone, for_sockudo, for_wtx, for_raw] = messages;
    group
        .ours("ws-deflate", move || {
            out.clear();
            assert!(ours.deflate_message_with(&mut spare, black_box(&for_ours), &mut out));
        })
        .ours("ws-deflate, no spare", move || {
            alone_out.clear();
            assert!(alone.deflate_message(black_box(&for_alone), &mut alone_out));
        })
        .peer("sockudo-ws", move || {
            black_box(sockudo.compress(black_box(&for_sockudo)).unwrap());
        })
        .peer("wtx", move || {
            let n = wtx.compress(
                black_box(&for_wtx),
                &mut wtx_out,
                |out| Ok(&mut out[..]),
                |out, written| Ok(&mut out[written..]),
            );
            black_box(n.unwrap());
        })
        .limit("flate2", move || {
            raw.reset();
            raw.compress(black_box(&for_raw), &mut raw_out, FlushCompress::Sync)
                .unwrap();
        })
}
