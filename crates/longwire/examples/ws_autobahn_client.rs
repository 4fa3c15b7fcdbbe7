//! Echoes what the servers send: `ws_autobahn_client [--deflate] URL...`.
//!
//! Opens each URL in turn and echoes until the connection ends: the client that the Autobahn test
//! suite asks for. `--deflate` offers compression with any parameters that the server may choose.

use core::time::Duration;

use longwire::Error;
use longwire::ws::{self, Config, Deflate};
use ws_deflate::{Context, WindowBits};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let limits = ws_frame::Limits::default()
        .with_max_message(16 << 20)
        .with_max_frame(16 << 20)
        .with_max_fragments(65_537);
    let mut config = Config::default()
        .frames(ws_frame::Config::default().with_limits(limits))
        .message_within(Duration::from_secs(600));
    for argument in std::env::args().skip(1) {
        if argument == "--deflate" {
            let context = Context::with_takeover(WindowBits::MAX);
            let negotiable = ws_deflate::Config::new().own(context).peer(context);
            config = config.deflate(Some(Deflate::new().negotiable(negotiable).threshold(0)));
        } else if let Err(error) = echo(&argument, config).await {
            eprintln!("{argument}: {error}");
        }
    }
}

async fn echo(url: &str, config: Config) -> Result<(), Error> {
    let mut socket = ws::connect(url).config(config).await?;
    while let Some(message) = socket.recv().await {
        socket.feed(message?).await?;
    }
    Ok(())
}
