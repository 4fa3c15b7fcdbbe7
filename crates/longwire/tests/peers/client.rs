//! Other people's clients, all driven in one way: they take actions and tell events, both JSON
//! arrays. Which actions a client can do is up to its library.
//!
//! | action | |
//! |---|---|
//! | `["open", url, [subprotocol…]]` | connects |
//! | `["text", text]` | sends a text message |
//! | `["binary", length]` | sends that many bytes, 0 to 250 over and over |
//! | `["fragments", text…]` | sends one text message in as many frames |
//! | `["ping", payload]` | sends a ping |
//! | `["close", code, reason]`, `["close"]` | begins the closing handshake |
//!
//! | event | |
//! |---|---|
//! | `["open", subprotocol, extensions]` | connected |
//! | `["text", text]` | a text message came |
//! | `["binary", length, intact]` | a binary message came, the bytes above or not |
//! | `["ping", payload]`, `["pong", payload]` | came, where the library tells |
//! | `["refused", status]` | the answer to `open` was another one, where the library tells |
//! | `["close", code, reason]` | it is over: what the library says of the end |

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Page, Program, Tool};
use crate::tungstenite_client::Tungstenite;

/// Whose client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Chromium,
    Tungstenite,
    Undici,
    Websockets,
    Ws,
}

impl Library {
    /// Whether it can send a message in fragments.
    pub(crate) fn fragments(self) -> bool {
        matches!(self, Self::Tungstenite | Self::Websockets | Self::Ws)
    }

    /// Whether it can send a ping.
    pub(crate) fn pings(self) -> bool {
        matches!(self, Self::Tungstenite | Self::Websockets | Self::Ws)
    }
}

/// A client that runs.
pub(crate) struct Client {
    pub(crate) library: Library,
    driver: Driver,
}

enum Driver {
    Page(Page),
    Script(Program),
    Thread(Tungstenite),
}

impl Client {
    /// Starts a client, which trusts the authority whose certificate is at `ca`; `None` if a tool
    /// is missing.
    pub(crate) async fn start(library: Library, ca: Option<&Path>) -> Option<Self> {
        let driver = match library {
            Library::Chromium => {
                let mut page = Page::start().await?;
                page.evaluate(include_str!("node/web_socket_api.js")).await;
                Driver::Page(page)
            }
            Library::Tungstenite => Driver::Thread(Tungstenite::start()),
            Library::Undici => Driver::Script(node("peers/node/undici_client.mjs", ca)?),
            Library::Ws => Driver::Script(node("peers/node/ws_client.mjs", ca)?),
            Library::Websockets => Driver::Script(python("peers/python/websockets_client.py", ca)?),
        };
        Some(Self { library, driver })
    }

    pub(crate) async fn act(&mut self, action: Value) {
        match &mut self.driver {
            Driver::Page(page) => {
                page.evaluate(&format!("peer.act({action})")).await;
            }
            Driver::Script(program) => program.write_line(&action.to_string()).await,
            Driver::Thread(tungstenite) => tungstenite.act(action),
        }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Value {
        match &mut self.driver {
            Driver::Page(page) => page.evaluate("peer.next()").await,
            Driver::Script(program) => {
                let line = program.line().await.expect("an event");
                serde_json::from_str(&line).unwrap()
            }
            Driver::Thread(tungstenite) => tungstenite.next().await,
        }
    }

    /// The next event that is no ping: our pings come when they come.
    pub(crate) async fn next_but_pings(&mut self) -> Value {
        loop {
            let event = self.next().await;
            if event[0] != "ping" {
                return event;
            }
        }
    }

    /// Connects, and says which subprotocol and extensions were chosen.
    pub(crate) async fn open(&mut self, url: &str, protocols: &[&str]) -> (String, String) {
        self.act(json!(["open", url, protocols])).await;
        let event = self.next().await;
        assert_eq!(event[0], "open", "{:?}: {event}", self.library);
        let text = |at: usize| event[at].as_str().unwrap().to_owned();
        (text(1), text(2))
    }

    /// Acts and expects this event next, pings left out.
    pub(crate) async fn expect(&mut self, action: Value, event: Value) {
        self.act(action.clone()).await;
        let seen = self.next_but_pings().await;
        assert_eq!(seen, event, "{:?} did {action}", self.library);
    }

    /// Ends the program, and fails if it complains.
    pub(crate) async fn finish(self) {
        match self.driver {
            Driver::Page(page) => page.close().await,
            Driver::Script(program) => {
                let (rest, content) = program.finish().await;
                let pings = |event: &String| event.starts_with("[\"ping\"");
                assert!(content && rest.iter().all(pings), "{rest:?}");
            }
            Driver::Thread(_) => {}
        }
    }
}

fn node(script: &str, ca: Option<&Path>) -> Option<Program> {
    let [node] = Tool::find([Tool::Node])?;
    Some(trusting("NODE_EXTRA_CA_CERTS", ca, node.into(), script))
}

fn python(script: &str, ca: Option<&Path>) -> Option<Program> {
    let [python] = Tool::find([Tool::Python])?;
    Some(trusting("LONGWIRE_TEST_CA", ca, python.into(), script))
}

/// Starts a script with `variable` set to the path of the authority's certificate.
fn trusting(variable: &str, ca: Option<&Path>, interpreter: OsString, script: &str) -> Program {
    let Some(ca) = ca else {
        return Program::script(interpreter, script, [""; 0]);
    };
    let mut set = OsString::from(format!("{variable}="));
    set.push(ca);
    let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
    Program::start("env", [set, interpreter, script.into()])
}
