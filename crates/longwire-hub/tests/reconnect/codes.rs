//! Another people's server that closes with each code.

use std::process::Stdio;

use longwire::hub::{Carrier, Event};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{End, Finished, next, quick, within};

const SERVER: &str = r##"
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({
  port: 0, host: "127.0.0.1", handleProtocols: () => "longwire.v1",
});
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket, request) => {
  socket.send(JSON.stringify({
    type: "open", position: "#000000000000000000000000-0", heartbeat: 25000,
  }));
  const code = Number(new URL(request.url, "http://x").searchParams.get("code"));
  if (code === 1006) socket.terminate();
  else if (code === 1005) socket.close();
  else socket.close(code, "because");
});
"##;

#[tokio::test]
async fn each_code_ends_the_client_or_brings_it_back() {
    let packages = std::env::var_os("LONGWIRE_NPM").unwrap_or_default();
    let packages = std::path::absolute(packages).unwrap_or_default();
    if !packages.join("ws").exists() {
        assert!(
            std::env::var_os("LONGWIRE_SKIP_MISSING_TOOLS").is_some(),
            "the npm package ws is missing"
        );
        return eprintln!("skipped: the npm package ws is missing");
    }
    let mut server = tokio::process::Command::new("node")
        .args(["-e", SERVER])
        .env("NODE_PATH", packages)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = within("the server listens", lines.next_line())
        .await
        .unwrap()
        .unwrap();
    for code in [
        1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000,
        3003, 4000, 4001, 4003, 4008, 4999,
    ] {
        let url = format!("ws://127.0.0.1:{port}/?code={code}");
        let mut client = quick(url).only(Carrier::WebSocket).open().unwrap();
        let terminal = match code {
            1000 | 1002 | 1003 | 1007..=1010 | 3003 | 4003 => Some(Finished::Stopped),
            _ => None,
        };
        let mut ends = 0;
        if let Some(why) = terminal {
            within("the end", async { while client.next().await.is_some() {} }).await;
            let ended = client.finished().unwrap();
            assert_eq!(ended, (why, Some(End::Closed(code))));
            continue;
        }
        next(&mut client, "it comes back twice", |event| {
            if let Event::Interrupted(end) = event {
                assert_eq!(end, End::Closed(code));
                ends += 1;
            }
            (ends == 2).then_some(())
        })
        .await;
        client.close().await.unwrap();
    }
    server.kill().await.unwrap();
}
