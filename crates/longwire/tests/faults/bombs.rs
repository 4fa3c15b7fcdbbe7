//! Small messages that stand for large ones.

use longwire::ws::{Config, Deflate};
use tokio::io::AsyncWriteExt;
use ws_deflate::{Context, Deflater, Level, WindowBits};
use ws_frame::{OpCode, Rsv};

use crate::process::Server;
use crate::raw::{Bystander, close_code, masked, open_with};
use crate::size;

const MIB: usize = 1 << 20;
/// What a message may be.
const LIMIT: usize = 4 * MIB;

/// A gigabyte of zeros in a megabyte, in one frame and in many: each is refused at the limit of
/// what it stands for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_refused_at_the_limit_hostile() {
    let config = Config::default().deflate(Some(Deflate::new()));
    let test = "bombs::are_refused_at_the_limit_hostile";
    let mut server = Server::start(test, config).await;
    let somebody = Bystander::start(server.address).await;
    // What a server needs once, as its code in memory, is there.
    somebody.is_served().await;
    let context = Context::without_takeover(WindowBits::MAX);
    let mut deflater = Deflater::new(context).with_level(Level::BEST);
    let mut bomb = Vec::new();
    let block = vec![0; MIB];
    for _ in 0..size(1024, 10) {
        deflater.deflate(&block, false, &mut bomb);
    }
    deflater.deflate(&[], true, &mut bomb);
    let before = server.descriptors();
    for frames in [1, 1000] {
        server.forget_peak();
        let resident = server.resident();
        let extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        let (mut io, answer) = open_with(server.address, extension).await;
        assert!(answer.contains("permessage-deflate"), "{answer}");
        let mut parts = bomb.chunks(bomb.len().div_ceil(frames)).peekable();
        let mut first = true;
        while let Some(part) = parts.next() {
            let (opcode, rsv) = match first {
                true => (OpCode::Binary, Rsv::RSV1),
                false => (OpCode::Continuation, Rsv::NONE),
            };
            first = false;
            let frame = masked(parts.peek().is_none(), rsv, opcode, part);
            // It may have been refused by now.
            if io.write_all(&frame).await.is_err() {
                break;
            }
        }
        assert_eq!(close_code(&mut io).await, Some(1009));
        drop(io);
        let how = server.ended().await;
        assert!(how.contains("TooLarge"), "{how}");
        let grown = server.peak().saturating_sub(resident);
        // A vector that grows to the limit was up to twice as large while it grew.
        assert!(grown <= 3 * LIMIT, "{grown} bytes in {frames} frames");
        somebody.is_served().await;
        server.has_descriptors(before).await;
    }
    somebody.finish().await;
}
