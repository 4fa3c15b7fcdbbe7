//! What was published arrives, byte for byte, over both carriers.

use crate::support::{CARRIERS, Hub, Seen, Subscriber, form};

/// Data, and what of it arrives.
fn payloads() -> Vec<(&'static str, String, String)> {
    let same = |name, data: &str| (name, data.to_owned(), data.to_owned());
    let lines = "one\ntwo\n\nfour";
    // Under 8,192 lines, which is what our own parser takes unless it is told otherwise.
    let large: String = (0..1 << 12).map(|n| format!("{n:0255}\n")).collect();
    assert_eq!(large.len(), 1 << 20);
    let mut large_line = "x".repeat((1 << 20) - "end".len());
    large_line.push_str("end");
    vec![
        same("lines", lines),
        same("empty", ""),
        same("a line feed", "\n"),
        same("line feeds around", "\n\nmiddle\n\n"),
        same("a leading space", " a"),
        same("leading spaces", "  a\n  b\n \n"),
        same("a leading colon", ":a"),
        same(
            "what looks like fields",
            "data: a\nid: 1\nevent: b\n: c\nretry: 1\n\ndata: d",
        ),
        same("U+0000", "a\u{0}b\u{0}"),
        same("U+2028 and U+2029", "a\u{2028}b\u{2029}c\u{85}d"),
        same("U+FEFF", "\u{feff}a\n\u{feff}b"),
        same("controls", "\u{1}\u{8}\t\u{b}\u{c}\u{1b}\u{7f}"),
        same("quotes and braces", r#"{"data":"\"\\u0041\""}"#),
        same("beyond the basic plane", "Grüße, 世界 🌍 \u{10ffff}"),
        same("a percent and a plus", "100 % + 1%41"),
        same("1 MiB in lines", &large),
        same("1 MiB in one line", &large_line),
        ("CRLF", "one\r\ntwo\r\n".to_owned(), "one\ntwo\n".to_owned()),
        ("CR", "one\rtwo\r".to_owned(), "one\ntwo\n".to_owned()),
        (
            "all line ends",
            "a\r\rb\n\rc\r\n\nd".to_owned(),
            "a\n\nb\n\nc\n\nd".to_owned(),
        ),
        (
            "an injection",
            "x\revent: admin\rdata: 1\r\r".to_owned(),
            "x\nevent: admin\ndata: 1\n\n".to_owned(),
        ),
    ]
}

#[tokio::test]
async fn data_arrives_equal_over_both_carriers() {
    let hub = Hub::start(&[]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push((carrier, Subscriber::live(carrier, &hub, "data").await));
    }
    for (name, data, arrives) in payloads() {
        let id = hub.publish_data("data", &data).await;
        for (carrier, subscriber) in &mut subscribers {
            let expected = Seen::event(&id, &arrives);
            // Not `assert_eq`, which would print a megabyte.
            assert!(
                subscriber.next().await == expected,
                "{name} over {carrier:?}"
            );
        }
    }
}

#[tokio::test]
async fn data_is_replayed_equal_over_both_carriers() {
    let hub = Hub::start(&[]).await;
    let mut published = Vec::new();
    for (name, data, arrives) in payloads() {
        published.push((name, hub.publish_data("data", &data).await, arrives));
    }
    for carrier in CARRIERS {
        let mut subscriber = Subscriber::after(carrier, &hub, "data", "earliest").await;
        for (name, id, arrives) in &published {
            let expected = Seen::event(id, arrives);
            assert!(
                subscriber.next().await == expected,
                "{name} over {carrier:?}"
            );
        }
    }
}

#[tokio::test]
async fn names_and_ids_arrive_equal_over_both_carriers() {
    let hub = Hub::start(&[]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push((carrier, Subscriber::live(carrier, &hub, "data").await));
    }
    let longest = "n".repeat(255);
    let names = [
        "tick", " spaced ", ":colon", "\u{feff}", "\u{2028}", "Größe", &longest,
    ];
    for (n, name) in names.into_iter().enumerate() {
        // An id of the same shape, and different from all others.
        let id = format!("{}{n}", &name[..name.len().min(254)]);
        let response = hub
            .publish(&[
                ("topic", "data"),
                ("type", name),
                ("id", &id),
                ("data", "x"),
            ])
            .await;
        assert_eq!((response.status, response.text()), (200, id.as_str()));
        for (carrier, subscriber) in &mut subscribers {
            let (id, name) = (id.clone(), name.to_owned());
            let expected = Seen::Event {
                id,
                name,
                data: "x".into(),
            };
            assert_eq!(subscriber.next().await, expected, "{carrier:?}");
        }
    }
}

#[tokio::test]
async fn more_than_the_limit_is_refused() {
    let hub = Hub::start(&[]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push(Subscriber::live(carrier, &hub, "data").await);
    }
    let response = hub
        .publish(&[("topic", "data"), ("data", &"x".repeat((1 << 20) + 1))])
        .await;
    assert_eq!(response.status, 413);
    assert!(response.text().contains("1048576"), "{}", response.text());

    // A body too large to be read: the answer comes although not all of it was sent.
    let body = form(&[("topic", "data"), ("data", &"x".repeat(5 << 20))]);
    let mut connection = hub.connect().await;
    let head = format!(
        "POST /.well-known/mercure HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n",
        hub.address(),
        body.len()
    );
    connection.write(head.as_bytes()).await;
    connection.write(&body.as_bytes()[..1 << 10]).await;
    assert_eq!(connection.response(false).await.status, 413);

    let id = hub.publish_data("data", "small").await;
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.next().await, Seen::event(&id, "small"));
    }
}
