//! `longwire pub`, against the real hub.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{
    Authority, CARRIERS, Client, Directory, EventStream, Hub, Item, Request, Seen, Subscriber,
    Terminal, free_address, run, target,
};

/// Everything that the hub keeps of a topic.
async fn kept(hub: &Hub, topic: &str) -> Vec<(String, String)> {
    let end = hub.publish_data(topic, "end of the test").await;
    let mut subscriber = Subscriber::after(CARRIERS[0], hub, topic, "earliest").await;
    let mut events = Vec::new();
    loop {
        let Seen::Event { id, data, .. } = subscriber.next().await else {
            panic!("not an event")
        };
        if id == end {
            return events;
        }
        events.push((id, data));
    }
}

#[tokio::test]
async fn an_event_is_published_and_its_id_printed() {
    let hub = Hub::start(&[]).await;
    let target = target(&[("topic", "a")]);
    let mut stream = EventStream::open(hub.connect().await, Request::new("GET", &target)).await;
    let arguments = ["-t", "a", "--type", "tick", "--retry", "1500", "--id", "x"];
    let ended = Client::start("pub", &hub, &[&arguments[..], &["grüße"]].concat())
        .ended()
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        (&ended.lines[..], ended.stderr.as_str()),
        (&["x".to_owned()][..], "")
    );
    let mut items = Vec::new();
    while items.len() < 3 {
        items.push(stream.next().await.unwrap());
    }
    assert!(items.contains(&Item::Retry(core::time::Duration::from_millis(1_500))));
    let event = items.iter().find_map(|item| match item {
        Item::Event(event) if event.name == "tick" => Some(event),
        _ => None,
    });
    let event = event.expect("an event of this name");
    assert_eq!((event.id.as_str(), event.data.as_str()), ("x", "grüße"));
    // The same again is there already, other data is refused.
    let again = Client::start("pub", &hub, &[&arguments[..], &["grüße"]].concat());
    let again = again.ended().await;
    assert_eq!(
        (again.code, &again.lines[..]),
        (Some(0), &["x".to_owned()][..])
    );
    let other = Client::start("pub", &hub, &[&arguments[..], &["other"]].concat());
    let other = other.ended().await;
    assert_eq!(other.code, Some(1));
    assert!(
        other.stderr.contains("another event has this id"),
        "{}",
        other.stderr
    );
    assert_eq!(kept(&hub, "a").await.len(), 1);
}

#[tokio::test]
async fn lines_are_published_in_order_and_so_are_their_ids() {
    const LINES: usize = 5_000;
    let hub = Hub::start(&[]).await;
    let mut client = Client::start("pub", &hub, &["--topic", "lines", "--lines"]);
    let text: String = (0..LINES).map(|n| format!("line {n}\n")).collect();
    let mut input = client.input.take().unwrap();
    let writing = tokio::spawn(async move {
        input.write_all(text.as_bytes()).await.unwrap();
        input.write_all(b"\r\nwithout an end").await.unwrap();
    });
    let ended = client.ended().await;
    writing.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let kept = kept(&hub, "lines").await;
    let expected = (0..LINES).map(|n| format!("line {n}"));
    let expected = expected.chain([String::new(), "without an end".into()]);
    let expected: Vec<(String, String)> = ended.lines.into_iter().zip(expected).collect();
    assert_eq!(kept.len(), LINES + 2);
    assert!(kept == expected, "ids or data are not in order");
}

#[tokio::test]
async fn files_are_published_as_a_whole_and_bytes_as_bytes() {
    let hub = Hub::start(&[]).await;
    let directory = Directory::new();
    let path = |name: &str| format!("{}/{name}", directory.path());
    std::fs::write(path("text"), "two\nlines\n").unwrap();
    std::fs::write(path("bytes"), [0, 255, 10]).unwrap();
    let (text, bytes) = (path("text"), path("bytes"));
    let files = ["-t", "f", "--id", "v1", "--json", "--file", &text, &bytes];
    let ended = Client::start("pub", &hub, &[&files[..], &["--binary"]].concat());
    let ended = ended.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let records: Vec<Value> = ended
        .lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (record, number) in records.iter().zip(1..) {
        let position = record["position"].as_str().unwrap();
        assert!(position.ends_with(&format!("-{number}")), "{position}");
        assert_eq!(
            *record,
            json!({
                "type": "acknowledged", "number": number, "id": format!("v1-{number}"),
                "position": position,
            })
        );
    }
    // Server-Sent Events carry them as base64.
    let kept = kept(&hub, "f").await;
    let data: Vec<_> = kept.iter().map(|(_, data)| data.as_str()).collect();
    assert_eq!(data, ["dHdvCmxpbmVzCg==", "AP8K"]);

    // As text, what is not UTF-8 or not there is refused, and the rest is published.
    let missing = path("missing");
    let files = ["-t", "g", "--json", "-f", &text, &bytes, &missing];
    let ended = Client::start("pub", &hub, &files).ended().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--binary"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&missing), "{}", ended.stderr);
    let refused = ended
        .lines
        .iter()
        .filter(|line| line.contains("\"refused\""));
    assert_eq!(refused.count(), 2, "{:?}", ended.lines);
    assert_eq!(self::kept(&hub, "g").await[0].1, "two\nlines\n");
}

#[tokio::test]
async fn a_hub_that_is_killed_again_and_again_gets_each_line_once() {
    const LINES: usize = 3_000;
    // Without the last of them, which come after the last restart.
    const BEFORE: usize = LINES - LINES / 6;
    let directory = Directory::new();
    let data = ["--data", directory.path()];
    let mut hub = Hub::start(&data).await;
    let address = hub.address().to_string();
    let mut client = Client::start("pub", &hub, &["-t", "lines", "--lines"]);
    let mut input = client.input.take().unwrap();
    let (restarted, was_restarted) = tokio::sync::oneshot::channel();
    let writing = tokio::spawn(async move {
        let mut write = async |range| {
            for n in range {
                input.write_all(format!("{n}\n").as_bytes()).await.unwrap();
            }
        };
        write(0..BEFORE).await;
        was_restarted.await.unwrap();
        write(BEFORE..LINES).await;
    });
    let mut ids = Vec::new();
    for _ in 0..4 {
        for _ in 0..LINES / 6 {
            ids.push(client.line().await);
        }
        hub.kill().await;
        hub = Hub::start_on(&address, &data).await;
    }
    restarted.send(()).unwrap();
    let ended = client.ended().await;
    writing.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("trying again"), "{}", ended.stderr);
    ids.extend(ended.lines);
    let kept = kept(&hub, "lines").await;
    let expected: Vec<_> = ids
        .into_iter()
        .zip((0..LINES).map(|n| n.to_string()))
        .collect();
    assert_eq!(kept.len(), LINES);
    assert!(kept == expected, "a line was lost, repeated or moved");
}

#[tokio::test]
async fn the_exit_code_says_what_went_wrong() {
    // Nobody listens.
    let url = format!("http://{}", free_address());
    let arguments = ["-t", "a", "--timeout", "300ms", "data"];
    let ended = Client::start_at("pub", &url, &arguments).ended().await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot be reached"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(&url), "{}", ended.stderr);

    // Somebody else listens. That is final, however long it takes to be heard.
    let hub = Hub::start(&[]).await;
    let url = hub.url("http", "/nothing-here");
    let ended = Client::start_at("pub", &url, &["-t", "a", "data"]);
    let ended = ended.ended().await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("404"), "{}", ended.stderr);

    // Mistakes.
    for bad in [
        &["data"][..],
        &["-t", "a"],
        &["-t", "a", "--lines", "data"],
        &["-t", "a", "--url", "hub", "data"],
        &["-t", "a", "--token-file", "/nonexistent", "data"],
    ] {
        let (status, _, stderr) = run(&[&["pub"], bad].concat()).await;
        assert_eq!(status.code(), Some(2), "{bad:?}: {stderr}");
    }
    // What the hub would refuse is refused here.
    let ended = Client::start("pub", &hub, &["-t", "a", "--id", "#1", "data"]);
    let ended = ended.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);

    let (status, help, _) = run(&["pub", "--help"]).await;
    assert_eq!(status.code(), Some(0));
    for part in [
        "Exit codes",
        "--topic",
        "--lines",
        "--file",
        "--token-file",
        "LONGWIRE_TOKEN",
    ] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[tokio::test]
async fn a_token_is_needed_where_the_hub_has_a_key() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let token = authority.token(&["a"], &[], 60);
    let directory = Directory::new();
    let file = format!("{}/token", directory.path());
    std::fs::write(&file, format!("{token}\n")).unwrap();
    for (credentials, topic, code) in [
        (&["--token", token.as_str()][..], "a", 0),
        (&["--token-file", &file], "a", 0),
        (&["--token", &token], "b", 4),
        (&["--token", "x.y.z"], "a", 4),
        (&[], "a", 4),
    ] {
        let arguments = [credentials, &["-t", topic, "data"]].concat();
        let ended = Client::start("pub", &hub, &arguments).ended().await;
        assert_eq!(ended.code, Some(code), "{credentials:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains(&token), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_hub_that_speaks_nothing_but_the_protocol_of_mercure_will_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hub = tokio::spawn(async move {
        let mut streams = Vec::new();
        let mut posted = String::new();
        while posted.is_empty() {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 4096];
            let len = stream.read(&mut bytes).await.unwrap();
            let mut request = String::from_utf8_lossy(&bytes[..len]).into_owned();
            // It ignores `Upgrade`, as servers do that do not know it.
            let answer = if request.starts_with("GET ") {
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:\n\n"
            } else {
                while !request.contains("topic=") {
                    let len = stream.read(&mut bytes).await.unwrap();
                    request.push_str(&String::from_utf8_lossy(&bytes[..len]));
                }
                posted = request;
                "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nurn:uuid"
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            streams.push(stream);
        }
        posted
    });
    let ended = Client::start_at("pub", &url, &["-t", "a", "data"])
        .ended()
        .await;
    assert_eq!(
        (ended.code, &ended.lines[..]),
        (Some(0), &["urn:uuid".to_owned()][..])
    );
    let posted = hub.await.unwrap();
    assert!(posted.contains("topic=a&data=data"), "{posted}");
}

#[tokio::test]
async fn a_terminal_shows_a_counter_that_fits() {
    let hub = Hub::start(&[]).await;
    let terminal = Terminal::new(40);
    let mut client = Client::on(&terminal, "pub", &hub, &["-t", "a", "--lines"]);
    client.write("one\ntwo\nthree\n").await;
    terminal.shows("\r\x1b[2K3 acknowledged · ").await;
    let ended = client.ended().await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 3));
    // It does not stay.
    terminal.ends_with("\r\x1b[2K").await;
    let seen = terminal.seen();
    for line in seen.split("\r\x1b[2K") {
        assert!(
            line.chars().count() < 40 && !line.contains('\n'),
            "{line:?}"
        );
    }
    // Whoever wants none gets none.
    let quiet = Terminal::new(40);
    let mut client = Client::on(&quiet, "pub", &hub, &["-t", "a", "--lines", "--quiet"]);
    client.write("one\n").await;
    assert_eq!(client.ended().await.code, Some(0));
    assert_eq!(quiet.seen(), "");
}
