//! The examples of `deploy`.

use tokio::process::Command;
use ws_handshake::ClientRequest;

use crate::support::{
    Connection, Directory, EventStream, Hub, Item, Message, Proxy, Request, Tool, WebSocket, form,
    run, target, within,
};

const UNIT: &str = include_str!("../../deploy/longwire.service");
const DOCKERFILE: &str = include_str!("../../deploy/Dockerfile");

#[tokio::test]
async fn the_unit_is_one_that_systemd_takes_and_calls_safe() {
    let Some([analyze]) = Tool::find([Tool::SystemdAnalyze]) else {
        return;
    };
    let directory = Directory::new();
    let path = format!("{}/longwire.service", directory.path());
    let program = env!("CARGO_BIN_EXE_longwire");
    assert!(UNIT.contains("/usr/local/bin/longwire"));
    std::fs::write(&path, UNIT.replace("/usr/local/bin/longwire", program)).unwrap();
    let threshold = ["security", "--offline=true", "--threshold=16", "--no-pager"];
    for arguments in [&["verify", "--man=no"][..], &threshold] {
        let mut command = Command::new(&analyze);
        command
            .args(arguments)
            .arg(&path)
            .env("SYSTEMD_COLORS", "0");
        let output = within("its answer", command.output()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{report}");
        assert!(arguments[0] != "verify" || said.is_empty(), "{said}");
    }
}

/// A name that is wrong in an example is wrong in every place that copies it.
#[tokio::test]
async fn the_variables_in_the_examples_are_settings() {
    let mut variables = Vec::new();
    for text in [UNIT, DOCKERFILE] {
        for word in text
            .split([' ', '=', '\n'])
            .filter(|word| word.starts_with("LONGWIRE_"))
        {
            variables.push(word);
        }
    }
    assert!(variables.len() > 4, "{variables:?}");
    let (_, example, _) = run(&["config", "example"]).await;
    for variable in variables {
        let name = variable["LONGWIRE_".len()..]
            .to_lowercase()
            .replace('_', "-");
        assert!(example.contains(&format!("\n#{name} = ")), "{variable}");
    }
}

#[test]
fn the_image_is_built_with_the_oldest_rust_that_will_do() {
    let manifest = include_str!("../../../../Cargo.toml");
    let (_, version) = manifest.split_once("rust-version = \"").unwrap();
    let (version, _) = version.split_once('"').unwrap();
    assert!(DOCKERFILE.contains(&format!("FROM rust:{version}-")));
}

/// Both carriers, with events at once and a large publish, as a client has them.
async fn works_through(proxy: &Proxy, hub: &Hub) {
    let host = "hub.example";
    let target = target(&[("topic", "t")]);
    let request = Request::new("GET", &target).header("Host", host);
    let connection = Connection::open(proxy.address).await;
    let mut stream = within("a stream", EventStream::open(connection, request)).await;
    let url = format!("ws://{host}{target}");
    let request = ClientRequest::new(&url)
        .unwrap()
        .protocol("longwire.v1")
        .unwrap();
    let connection = Connection::open(proxy.address).await;
    let mut socket = within("a socket", WebSocket::open(connection, request))
        .await
        .unwrap();
    assert!(matches!(stream.next().await, Some(Item::Event(_))));
    assert!(matches!(socket.next().await, Some(Message::Json(_))));
    for data in ["small".to_owned(), "x".repeat(1 << 20)] {
        let body = form(&[("topic", "t"), ("data", &data)]);
        let mut connection = Connection::open(proxy.address).await;
        let request = Request::publish(&body).header("Host", host);
        let published = within("an answer", connection.request(request)).await;
        assert_eq!(published.status, 200, "{}", published.text());
        let Some(Item::Event(event)) = within("the event", stream.next()).await else {
            panic!("no event");
        };
        assert_eq!(event.data, data);
        let Some(Message::Json(frame)) = within("the frame", socket.next()).await else {
            panic!("no frame");
        };
        assert_eq!(frame["data"], data);
    }
    let mut connection = Connection::open(proxy.address).await;
    let request = Request::new("GET", "/metrics").header("Host", host);
    assert_eq!(
        within("an answer", connection.request(request))
            .await
            .status,
        404
    );
    assert_eq!(hub.metric("longwire_events_in_total").await, Some(2.0));
}

async fn hub() -> Hub {
    Hub::start(&["--host", "hub.example", "--trusted-proxy", "127.0.0.1"]).await
}

#[tokio::test]
async fn behind_nginx() {
    let hub = hub().await;
    if let Some(proxy) = Proxy::nginx(hub.address()).await {
        works_through(&proxy, &hub).await;
        proxy.kill().await;
    }
}

#[tokio::test]
async fn behind_haproxy() {
    let hub = hub().await;
    if let Some(proxy) = Proxy::haproxy(hub.address()).await {
        works_through(&proxy, &hub).await;
        proxy.kill().await;
    }
}
