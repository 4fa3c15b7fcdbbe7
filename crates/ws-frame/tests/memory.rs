//! What connections allocate, and what they weigh: counted by the allocator.

#![allow(clippy::unwrap_used, reason = "a failing helper fails the test")]

use ws_frame::{
    Assembler, Client, Config, Connection, ConnectionError, Event, FrameHeader, Limits, MaskKey,
    OpCode, OutboundData, Server, mask,
};

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

/// What test runners ask a test program for: its tests, or to run them.
fn main() {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    match (has("--list"), has("--ignored")) {
        (false, _) => what_is_allocated_and_held_by_hostile_input_too(),
        (true, false) => println!("what_is_allocated_and_held_by_hostile_input_too: test"),
        (true, true) => {}
    }
}

/// The allocator counts for the whole process: nothing runs beside it, not even a test harness.
fn what_is_allocated_and_held_by_hostile_input_too() {
    the_way_of_messages_allocates_nothing();
    a_cut_control_frame_is_kept_in_one_block_and_given_back();
    a_connection_is_small();
    a_declared_length_reserves_nothing();
    floods_of_fragments_are_bounded();
    a_driver_whose_peer_never_reads_stays_small();
}

/// How much of the attack's own size is tried: all of it, or a hundredth.
fn scaled(size: usize) -> usize {
    let full = std::env::var("LONGWIRE_HOSTILE").is_ok_and(|size| size == "full");
    if full { size } else { size / 100 }
}

const KEY: MaskKey = MaskKey::new([0x37, 0xfa, 0x21, 0x3d]);

fn frame(opcode: OpCode, fin: bool, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader::new(opcode, payload.len() as u64);
    let mut bytes = FrameHeader {
        fin,
        mask: Some(KEY),
        ..header
    }
    .encode()
    .to_vec();
    let start = bytes.len();
    bytes.extend_from_slice(payload);
    mask(KEY, 0, &mut bytes[start..]);
    bytes
}

/// Runs `work` and returns the blocks it allocated and the most bytes it held at once.
fn measured(work: impl FnOnce()) -> (u64, usize) {
    let _profiler = dhat::Profiler::builder().testing().build();
    work();
    let stats = dhat::HeapStats::get();
    (stats.total_blocks, stats.max_bytes)
}

/// Hands `input` to a server; events are counted, replies appended.
fn drain(
    server: &mut Connection<Server>,
    mut input: &mut [u8],
    out: &mut Vec<u8>,
) -> Result<usize, ConnectionError> {
    let mut events = 0;
    while server.next_event(&mut input, out)?.is_some() {
        events += 1;
    }
    Ok(events)
}

fn the_way_of_messages_allocates_nothing() {
    let mut bytes = [
        frame(OpCode::Text, true, "Grüße, 世界".as_bytes()),
        frame(OpCode::Binary, true, &[7; 1000]),
        frame(OpCode::Text, false, &[b'a'; 300]),
        frame(OpCode::Ping, true, b"alive?"),
        frame(OpCode::Continuation, true, &[b'b'; 70_000]),
    ]
    .concat();
    let mut out = Vec::with_capacity(1024);
    let mut server = Connection::server(Config::default());
    let (blocks, _) = measured(|| {
        assert_eq!(drain(&mut server, &mut bytes, &mut out), Ok(5));
        server.send(OutboundData::text("answer"), &mut out).unwrap();
    });
    assert_eq!(blocks, 0);
}

fn a_cut_control_frame_is_kept_in_one_block_and_given_back() {
    let mut ping = frame(OpCode::Ping, true, &[1; 125]);
    let mut server = Connection::server(Config::default());
    let mut out = Vec::with_capacity(1024);
    let (first, second) = ping.split_at_mut(60);
    let (blocks, _) = measured(|| {
        drain(&mut server, first, &mut out).unwrap();
        drain(&mut server, second, &mut out).unwrap();
        assert!(dhat::HeapStats::get().curr_bytes == 0);
    });
    assert_eq!(blocks, 1);
}

fn a_connection_is_small() {
    // Beside a task and a socket: what an idle connection weighs.
    assert!(
        size_of::<Connection<Server>>() <= 128,
        "{}",
        size_of::<Connection<Server>>()
    );
    assert_eq!(
        size_of::<Connection<Client<()>>>(),
        size_of::<Connection<Server>>()
    );
    assert!(size_of::<Event<'_>>() <= 136, "{}", size_of::<Event<'_>>());
}

/// W1: a reserved opcode with a huge length, and lengths beyond the limit.
fn a_declared_length_reserves_nothing() {
    for declared in [
        b"\x83\xff\0\0\0\0\x80\0\0\0\0\0\0\0",
        b"\x82\xff\0\0\0\0\x80\0\0\0\0\0\0\0",
        b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0",
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    ] {
        let mut bytes = *declared;
        let (_, most) = measured(|| {
            let mut server = Connection::server(Config::default());
            let mut out = Vec::new();
            assert!(drain(&mut server, &mut bytes, &mut out).is_err());
        });
        assert!(most <= 4096, "{most}");
    }
    // One byte of a message that declares 1 MiB: what an assembler takes is what came.
    let mut bytes = *b"\x82\xff\0\0\0\0\0\x10\0\0\0\0\0\0\x55";
    let (_, most) = measured(|| {
        let mut server = Connection::server(Config::default());
        let mut assembler = Assembler::new(1 << 20);
        let mut input = &mut bytes[..];
        let mut out = Vec::new();
        while let Some(event) = server.next_event(&mut input, &mut out).unwrap() {
            let Event::Data(data) = event else { continue };
            assert!(!assembler.push(data).unwrap());
        }
    });
    assert!(most <= 4096, "{most}");
}

/// W3: 10^7 empty fragments at full size, and 10^6 of one byte.
fn floods_of_fragments_are_bounded() {
    let mut empty = frame(OpCode::Text, false, b"");
    let next = frame(OpCode::Continuation, false, b"");
    empty.extend(next.repeat(scaled(10_000_000)));
    let (_, most) = measured(|| {
        let mut server = Connection::server(Config::default());
        let mut out = Vec::new();
        let limit = Limits::DEFAULT_MAX_FRAGMENTS;
        assert_eq!(
            drain(&mut server, &mut empty, &mut out),
            Err(ConnectionError::TooManyFragments { limit })
        );
        assert_eq!(out, [0x88, 2, 0x03, 0xf0]);
    });
    assert!(most <= 4096, "{most}");

    let mut bytes = frame(OpCode::Binary, false, b"");
    let next = frame(OpCode::Continuation, false, b"x");
    bytes.extend(next.repeat(scaled(1_000_000)));
    let limits = Limits::default()
        .with_max_message(4096)
        .with_max_fragments(1 << 20);
    let (_, most) = measured(|| {
        let mut server = Connection::server(Config::default().with_limits(limits));
        let mut assembler = Assembler::new(4096);
        let mut input = &mut bytes[..];
        let mut out = Vec::new();
        let error = loop {
            match server.next_event(&mut input, &mut out) {
                Ok(Some(Event::Data(data))) => assert!(!assembler.push(data).unwrap()),
                Ok(_) => continue,
                Err(error) => break error,
            }
        };
        assert_eq!(error, ConnectionError::MessageTooLarge { limit: 4096 });
    });
    assert!(most <= 4096 + 64 * 1024, "{most}");
}

/// W4, 512 MiB at full size: pings to a driver whose peer never reads. The driver keeps
/// its contract: nothing is read while more than the soft limit is unwritten.
fn a_driver_whose_peer_never_reads_stays_small() {
    const SOFT: usize = 64 * 1024;
    const READ: usize = 16 * 1024;
    let ping = frame(OpCode::Ping, true, &[0; 125]);
    let (_, most) = measured(|| {
        // Without a budget, so that the contract alone bounds the memory.
        let limits = Limits::default().with_control_budget(u32::MAX);
        let mut server = Connection::server(Config::default().with_limits(limits));
        let mut out = Vec::new();
        let mut stream = ping.iter().copied().cycle();
        let mut read = 0;
        while read < scaled(512 << 20) && out.len() <= SOFT {
            let mut buffer: Vec<u8> = stream.by_ref().take(READ).collect();
            read += READ;
            drain(&mut server, &mut buffer, &mut out).unwrap();
        }
        assert!(
            out.len() <= SOFT + READ,
            "the last read is answered, and no more"
        );
    });
    assert!(most <= 2 << 20, "{most}");

    // With the budget, the connection is over at the limit, however fast the driver reads.
    let mut pings = ping.repeat(1000);
    let (_, most) = measured(|| {
        let mut server = Connection::server(Config::default());
        let mut out = Vec::new();
        let limit = Limits::DEFAULT_CONTROL_BUDGET;
        assert_eq!(
            drain(&mut server, &mut pings, &mut out),
            Err(ConnectionError::TooManyControlFrames { limit })
        );
        assert_eq!(out.len(), 100 * 127 + 4);
    });
    assert!(most <= 64 * 1024, "{most}");
}
