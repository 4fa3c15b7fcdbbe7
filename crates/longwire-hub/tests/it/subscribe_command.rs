//! `longwire sub`, against the real hub.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Authority, Client, Directory, Hub, Terminal, run};

const TRANSPORTS: [&str; 2] = ["sse", "websocket"];

fn record(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// A client that prints JSON, once it is connected.
async fn connected(hub: &Hub, arguments: &[&str]) -> Client {
    let mut client = Client::start("sub", hub, &[&["--json"], arguments].concat());
    let line = client.line().await;
    assert_eq!(record(&line)["type"], "connected", "{line}");
    client
}

/// Publishes these numbers, and the client prints them next.
async fn numbers(hub: &Hub, client: &mut Client, range: core::ops::RangeInclusive<usize>) {
    hub.publish_numbers("numbers", range.clone()).await;
    for number in range {
        assert_eq!(record(&client.line().await)["data"], number.to_string());
    }
}

#[tokio::test]
async fn data_is_printed_as_it_comes() {
    for transport in TRANSPORTS {
        let hub = Hub::start(&[]).await;
        hub.publish_numbers("numbers", 1..=5).await;
        let arguments = [
            "--transport",
            transport,
            "--after",
            "earliest",
            "--count",
            "7",
        ];
        let mut client = Client::start("sub", &hub, &[&arguments[..], &["{any}"]].concat());
        for number in 1..=5 {
            assert_eq!(client.line().await, number.to_string());
        }
        hub.publish_data("others", "grüße").await;
        assert_eq!(client.line().await, "grüße");
        hub.publish_data("others", "the last").await;
        hub.publish_data("others", "one more").await;
        let ended = client.ended().await;
        assert_eq!(ended.code, Some(0));
        assert_eq!(
            (&ended.lines[..], &*ended.stderr),
            (&["the last".to_owned()][..], "")
        );
    }
}

#[tokio::test]
async fn json_says_all_that_is_known() {
    let hub = Hub::start(&[]).await;
    let fields = [
        ("topic", "a"),
        ("topic", "b"),
        ("data", "x\ny"),
        ("type", "tick"),
    ];
    let first = hub.publish(&fields).await;
    let second = [
        ("topic", "a"),
        ("data", "AP8K"),
        ("encoding", "base64"),
        ("id", "mine"),
    ];
    let second = hub.publish(&second).await;
    let position = |response: &crate::support::Response| {
        response.header("longwire-position").unwrap().to_owned()
    };
    for (transport, carrier) in TRANSPORTS
        .into_iter()
        .zip(["Server-Sent Events", "WebSocket"])
    {
        let arguments = [
            "--transport",
            transport,
            "--after",
            "earliest",
            "--count",
            "2",
        ];
        let client = Client::start("sub", &hub, &[&["--json"], &arguments[..], &["*"]].concat());
        let ended = client.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let records: Vec<Value> = ended.lines.iter().map(|line| record(line)).collect();
        let mut expected = [
            json!({ "type": "connected", "carrier": carrier }),
            json!({ "type": "event", "position": position(&first), "event": "tick",
                    "data": "x\ny", "topics": ["a", "b"] }),
            json!({ "type": "event", "position": position(&second), "id": "mine",
                    "base64": "AP8K", "topics": ["a"] }),
        ];
        if transport == "sse" {
            // It says neither topics nor the position beside an id, and bytes are text.
            for event in &mut expected[1..] {
                event.as_object_mut().unwrap().remove("topics");
            }
            let second = expected[2].as_object_mut().unwrap();
            second.remove("position");
            let text = second.remove("base64").unwrap();
            second.insert("data".into(), text);
        }
        assert_eq!(records, expected);
    }
}

#[tokio::test]
async fn bytes_are_printed_as_they_are_where_that_is_wanted() {
    let hub = Hub::start(&[]).await;
    for data in ["AP8K", "AA=="] {
        hub.publish(&[("topic", "a"), ("data", data), ("encoding", "base64")])
            .await;
    }
    hub.publish_data("a", "text").await;
    let arguments = [
        "sub",
        "--url",
        &hub.url("ws", "/"),
        "--after",
        "earliest",
        "--count",
        "3",
    ];
    for (more, printed) in [
        (&["--binary", "a"][..], &b"\x00\xff\x0a\x00text"[..]),
        (&["a"], b"AP8K\nAA==\ntext\n"),
        (&["--transport", "sse", "a"], b"AP8K\nAA==\ntext\n"),
    ] {
        let mut command = crate::support::longwire(&[&arguments[..], more].concat());
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{more:?}");
        assert_eq!(output.stdout, printed, "{more:?}");
    }
}

#[tokio::test]
async fn a_killed_hub_is_waited_for_and_nothing_is_missed_or_repeated() {
    for transport in TRANSPORTS {
        let directory = Directory::new();
        let data = ["--data", directory.path()];
        let mut hub = Hub::start(&data).await;
        let address = hub.address().to_string();
        let mut client = connected(&hub, &["--transport", transport, "numbers"]).await;
        for round in 0..4 {
            numbers(&hub, &mut client, round * 10 + 1..=round * 10 + 10).await;
            hub.kill().await;
            hub = Hub::start_on(&address, &data).await;
            hub.publish_data("numbers", "while away").await;
            let interrupted = record(&client.line().await);
            assert_eq!(interrupted["type"], "interrupted", "{interrupted}");
            let connected = record(&client.line().await);
            assert_eq!(connected["type"], "connected", "{connected}");
            assert_eq!(record(&client.line().await)["data"], "while away");
        }
        client.signal(Signal::INT);
        let ended = client.ended().await;
        assert_eq!(
            (ended.code, ended.lines.len()),
            (Some(0), 0),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("may be missing"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn what_may_be_missing_is_said() {
    for transport in TRANSPORTS {
        // Its log ends with it.
        let mut hub = Hub::start(&[]).await;
        let address = hub.address().to_string();
        let mut client = connected(&hub, &["--transport", transport, "numbers"]).await;
        numbers(&hub, &mut client, 1..=3).await;
        hub.kill().await;
        hub = Hub::start_on(&address, &[]).await;
        for kind in ["interrupted", "connected"] {
            assert_eq!(record(&client.line().await)["type"], kind);
        }
        let gap = record(&client.line().await);
        assert_eq!(
            (&gap["type"], &gap["reason"]),
            (&json!("gap"), &json!("epoch"))
        );
        assert!(gap["requested"].as_str().unwrap().ends_with("-3"), "{gap}");
        assert!(gap["resumed"].as_str().unwrap().ends_with("-0"), "{gap}");
        numbers(&hub, &mut client, 4..=5).await;
        client.signal(Signal::TERM);
        let ended = client.ended().await;
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.stderr.contains("events may be missing (epoch)"),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn the_next_process_goes_on_where_the_last_one_was() {
    for transport in TRANSPORTS {
        let hub = Hub::start(&[]).await;
        let directory = Directory::new();
        let state = format!("{}/position", directory.path());
        let arguments = ["--transport", transport, "--state", &state, "numbers"];
        // It saw nothing, but knows where it stood.
        let client = connected(&hub, &arguments).await;
        client.signal(Signal::INT);
        assert_eq!(client.ended().await.code, Some(0));
        hub.publish_numbers("numbers", 1..=10).await;
        for first in [1, 4, 7] {
            let count = [&["--count", "3"], &arguments[..]].concat();
            let ended = Client::start("sub", &hub, &count).ended().await;
            assert_eq!(ended.code, Some(0), "{}", ended.stderr);
            let expected: Vec<_> = (first..first + 3).map(|n: u32| n.to_string()).collect();
            assert_eq!(ended.lines, expected);
        }
        // Killed, it may repeat what it printed last, and misses nothing.
        let mut client = Client::start("sub", &hub, &arguments);
        assert_eq!(client.line().await, "10");
        hub.publish_numbers("numbers", 11..=20).await;
        assert_eq!(client.line().await, "11");
        client.signal(Signal::KILL);
        let printed = client.ended().await.lines;
        let last: usize = printed.last().map_or(11, |last| last.parse().unwrap());
        // Something is left if it printed, and saved, all of them.
        hub.publish_numbers("numbers", 21..=21).await;
        let mut client = Client::start("sub", &hub, &arguments);
        let first: usize = client.line().await.parse().unwrap();
        assert!(first <= last + 1, "{first}, and {last} was the last");
        for number in first + 1..=21 {
            assert_eq!(client.line().await, number.to_string());
        }
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_kept_is_said() {
    let hub = Hub::start(&[]).await;
    let ended = Client::start("sub", &hub, &["--state", "/nonexistent/position", "a"]);
    let ended = ended.ended().await;
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    // Nothing can be renamed over a folder that is not empty.
    let directory = Directory::new();
    std::fs::create_dir(format!("{}/folder", directory.path())).unwrap();
    std::fs::write(format!("{}/folder/file", directory.path()), "").unwrap();
    let state = format!("{}/folder", directory.path());
    let client = Client::start("sub", &hub, &["--state", &state, "--count", "1", "a"]);
    let publisher = Client::start("pub", &hub, &["-t", "a", "--lines"]);
    let publishing = tokio::spawn(async move {
        let mut publisher = publisher;
        loop {
            publisher.write("x\n").await;
            publisher.line().await;
        }
    });
    let ended = client.ended().await;
    publishing.abort();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.lines, ["x"]);
    assert!(ended.stderr.contains(&state), "{}", ended.stderr);
}

#[tokio::test]
async fn an_output_that_nobody_reads_is_the_end_and_no_failure() {
    let hub = Hub::start(&[]).await;
    let mut client = connected(&hub, &["numbers"]).await;
    // As in `longwire sub … | head -1`, with nothing published afterwards.
    drop(client.output.take());
    let ended = client.ended().await;
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
}

#[tokio::test]
async fn the_exit_code_says_what_happened() {
    let hub = Hub::start(&[]).await;
    let authority = Authority::new();
    let closed = authority.hub(&[]).await;
    let token = authority.token(&[], &["a"], 60);
    // Whose time runs out, side by side: they must be connected before that.
    let timed = ["--timeout", "5", "a"];
    let let_in = ["--token", &token];
    let timed = [
        (&hub, &[][..], 0),
        (&hub, &["--count", "1"], 5),
        (&closed, &let_in, 0),
    ]
    .map(|(hub, more, code)| {
        let client = Client::start("sub", hub, &[more, &timed].concat());
        (client, more, code)
    });
    for (client, arguments, code) in timed {
        let ended = client.ended().await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    }
    for (arguments, code) in [
        (&["--count", "0", "a"][..], 2),
        (&[], 2),
        (&["--binary", "--transport", "sse", "a"], 2),
        (&["{broken"], 2),
    ] {
        let ended = Client::start("sub", &hub, arguments).ended().await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    }
    let nowhere = hub.url("http", "/nothing-here");
    let ended = Client::start_at("sub", &nowhere, &["a"]).ended().await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let url = hub.url("http", "");
    hub.kill().await;
    let ended = Client::start_at("sub", &url, &["--timeout", "500ms", "a"]);
    let ended = ended.ended().await;
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot be reached"),
        "{}",
        ended.stderr
    );

    for credentials in [&[][..], &["--token", "x.y.z"]] {
        let arguments = [credentials, &["--timeout", "30", "a"]].concat();
        let ended = Client::start("sub", &closed, &arguments).ended().await;
        assert_eq!(ended.code, Some(4), "{credentials:?}: {}", ended.stderr);
    }

    let (status, help, _) = run(&["sub", "--help"]).await;
    assert_eq!(status.code(), Some(0));
    for part in [
        "Exit codes",
        "--after",
        "--state",
        "--count",
        "--json",
        "earliest",
    ] {
        assert!(help.contains(part), "{part} is not in {help}");
    }
}

#[tokio::test]
async fn a_terminal_shows_a_counter_and_what_happens() {
    let mut hub = Hub::start(&[]).await;
    let address = hub.address().to_string();
    let terminal = Terminal::new(100);
    let mut client = Client::on(&terminal, "sub", &hub, &["numbers"]);
    terminal
        .shows("\r\x1b[2K0 events · 0/s · WebSocket · 0 reconnects · 0 gaps")
        .await;
    hub.publish_numbers("numbers", 1..=3).await;
    terminal.shows("\r\x1b[2K3 events · ").await;
    assert_eq!(client.line().await, "1");
    hub.kill().await;
    terminal.shows("; connecting again\r\n").await;
    terminal.shows(" · not connected · ").await;
    hub = Hub::start_on(&address, &[]).await;
    terminal.shows("connected again over WebSocket\r\n").await;
    terminal.shows("events may be missing (epoch)").await;
    terminal.shows(" · WebSocket · 1 reconnects · 1 gaps").await;
    client.signal(Signal::INT);
    assert_eq!(client.ended().await.code, Some(0));
    // The counter does not stay.
    terminal.ends_with("\r\x1b[2K").await;
    drop(hub);
}
