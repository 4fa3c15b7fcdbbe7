//! What compression leaves of texts that are sent message by message.
//!
//! ```sh
//! cargo run -p book-examples --example compression
//! ```

use http::HeaderMap;
use http::header::{ACCEPT_ENCODING, HeaderValue};
use http_body_util::BodyExt;
use longwire::sse::{Fields, Reply, channel};
use ws_deflate::{Context, Deflater, WindowBits};
use ws_frame::{FrameHeader, OpCode};

/// Prose: the pages of the book.
const PROSE: &str = concat!(
    include_str!("../src/introduction.md"),
    include_str!("../src/quick-start.md"),
    include_str!("../src/resuming/contract.md"),
    include_str!("../src/design/laws.md"),
);
/// Records of JSON: the packages that the tests install.
const RECORDS: &str = include_str!("../../crates/longwire-hub/tests/node/package-lock.json");

/// What was sent, and in how many bytes.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) messages: usize,
    /// The payloads alone.
    pub(crate) payload: usize,
    pub(crate) sse: usize,
    pub(crate) gzip: usize,
    pub(crate) brotli: usize,
    pub(crate) zstd: usize,
    pub(crate) web_socket: usize,
    pub(crate) takeover: usize,
    pub(crate) alone: usize,
}

/// The workloads, each measured.
pub(crate) async fn rows() -> Vec<Row> {
    let tokens = PROSE.split_inclusive(' ').map(|token| {
        let escaped = token.replace('\\', "\\\\").replace('"', "\\\"");
        let escaped = escaped.replace('\n', "\\n");
        format!(
            r#"{{"id":"c-1","object":"chat.completion.chunk","created":1790000000,"model":"m","choices":[{{"index":0,"delta":{{"content":"{escaped}"}},"finish_reason":null}}]}}"#
        )
    });
    let lines = PROSE.lines().filter(|line| !line.is_empty());
    let records = RECORDS.split("\n    },\n").map(|record| {
        let lines = record.lines().map(str::trim_start);
        lines.collect::<String>()
    });
    vec![
        row("tokens in JSON, as LLMs send them", tokens.collect()).await,
        row("records of JSON", records.collect()).await,
        row("lines of prose", lines.map(str::to_owned).collect()).await,
    ]
}

async fn row(name: &'static str, messages: Vec<String>) -> Row {
    let takeover = Context::with_takeover(WindowBits::MAX);
    let alone = Context::without_takeover(WindowBits::MAX);
    Row {
        name,
        messages: messages.len(),
        payload: messages.iter().map(String::len).sum(),
        sse: event_stream(&messages, "identity").await,
        gzip: event_stream(&messages, "gzip").await,
        brotli: event_stream(&messages, "br").await,
        zstd: event_stream(&messages, "zstd").await,
        web_socket: messages.iter().map(|text| frame(text.len())).sum(),
        takeover: web_socket(&messages, takeover),
        alone: web_socket(&messages, alone),
    }
}

/// The bytes of a body, each event flushed by itself.
async fn event_stream(messages: &[String], coding: &'static str) -> usize {
    let mut request = HeaderMap::new();
    request.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding));
    let (sender, events) = channel();
    let mut body = Reply::new(events)
        .compress(&request)
        .into_response()
        .into_body();
    let mut bytes = 0;
    for message in messages {
        if sender.send(&Fields::new(message)).await.is_err() {
            break;
        }
        if let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, |data| data.len());
        }
    }
    bytes
}

/// The bytes of the frames of a server, each message compressed.
fn web_socket(messages: &[String], context: Context) -> usize {
    let mut deflater = Deflater::new(context).with_threshold(0);
    let mut bytes = 0;
    for message in messages {
        let mut compressed = Vec::new();
        // What would grow is sent as it is.
        let shrunk = deflater.deflate_message(message.as_bytes(), &mut compressed);
        bytes += frame(if shrunk {
            compressed.len()
        } else {
            message.len()
        });
    }
    bytes
}

/// The bytes of a frame with a payload of `len` bytes.
fn frame(len: usize) -> usize {
    let header = FrameHeader::new(OpCode::Text, len as u64).encode();
    header.as_ref().len() + len
}

#[tokio::main(flavor = "current_thread")]
#[allow(dead_code, reason = "the tests take the rows")]
async fn main() {
    for row in rows().await {
        let of = |bytes: usize, plain: usize| {
            let saved = 100.0 * (1.0 - bytes as f64 / plain as f64);
            format!("{bytes} ({saved:.0} % less)")
        };
        println!(
            "{}: {} messages, {} bytes",
            row.name, row.messages, row.payload
        );
        println!("  event stream           {}", row.sse);
        println!("    gzip                 {}", of(row.gzip, row.sse));
        println!("    br                   {}", of(row.brotli, row.sse));
        println!("    zstd                 {}", of(row.zstd, row.sse));
        println!("  WebSocket              {}", row.web_socket);
        println!(
            "    deflate              {}",
            of(row.takeover, row.web_socket)
        );
        println!("    deflate, no takeover {}", of(row.alone, row.web_socket));
    }
}
