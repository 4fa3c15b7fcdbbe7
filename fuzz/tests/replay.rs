//! Every committed seed through the oracle of its target.

use std::fs;
use std::path::Path;

#[track_caller]
fn replay(target: &str, oracle: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(folder).unwrap() {
        oracle(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0);
}

/// A test per target, by its name.
macro_rules! replay {
    ($($target:ident: $oracle:path,)*) => {
        $(#[test] fn $target() { replay(stringify!($target), $oracle); })*
    };
}

replay! {
    chunked: fuzz::runtime::chunked,
    deflate: fuzz::deflate::round_trip,
    deflate_params: fuzz::deflate::params,
    extensions: fuzz::handshake::extensions,
    handshake_pair: fuzz::handshake::pair,
    handshake_request: fuzz::handshake::request,
    handshake_response: fuzz::handshake::response,
    hub_client: fuzz::client::client,
    hub_form: fuzz::hub::form,
    hub_frames: fuzz::hub::frames,
    hub_query: fuzz::hub::query,
    hub_block: fuzz::log::block,
    hub_journal: fuzz::log::journal,
    hub_record: fuzz::log::record,
    hub_session: fuzz::hub::session,
    hub_subscription: fuzz::hub::subscription,
    hub_template: fuzz::template::template,
    inflate: fuzz::deflate::inflate,
    origin: fuzz::handshake::origin,
    resume_position: fuzz::resume::position,
    resume_reconnect: fuzz::resume::reconnect,
    resume_tracker: fuzz::resume::tracker,
    resume_window: fuzz::resume::window,
    socks5: fuzz::runtime::socks5,
    sse_limits: fuzz::sse::limits,
    sse_parse: fuzz::sse::parse,
    sse_roundtrip: fuzz::sse::round_trip,
    ws_connection: fuzz::frame::connection,
    ws_connection_whole: fuzz::frame::connection_whole,
    ws_decoder: fuzz::frame::decoder,
    ws_header: fuzz::frame::header,
    ws_masking: fuzz::frame::masking,
    ws_pair: fuzz::frame::pair,
    ws_utf8: fuzz::frame::utf8,
}

#[cfg(feature = "peers")]
replay! {
    ws_tungstenite: fuzz::peers::tungstenite,
}
