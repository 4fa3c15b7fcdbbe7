//! Events for those who are there now: no position, no place in the log.

use serde_json::{Value, json};
use ws_handshake::ClientRequest;

use crate::support::{
    Authority, CARRIERS, Directory, EventStream, Hub, Item, Message, Request, Seen, Subscriber,
    WebSocket, publish, subscribe, target, within,
};

const TYPING: [(&str, &str); 4] = [
    ("topic", "chat"),
    ("type", "typing"),
    ("data", "ada"),
    ("ephemeral", "on"),
];

fn is_typing(seen: &Seen) -> bool {
    matches!(seen, Seen::Event { name, data, .. } if name == "typing" && data == "ada")
}

#[tokio::test]
async fn it_is_acknowledged_without_a_place_and_reaches_those_who_are_there() {
    let directory = Directory::new();
    for hub in [
        Hub::start(&[]).await,
        Hub::on_disk(&directory, &["--fsync", "never"]).await,
    ] {
        let mut subscribers = Vec::new();
        for carrier in CARRIERS {
            for topic in ["chat", "{any}", "*"] {
                subscribers.push(Subscriber::live(carrier, &hub, topic).await);
            }
        }
        let mut others = Vec::new();
        for carrier in CARRIERS {
            others.push(Subscriber::live(carrier, &hub, "/other").await);
        }
        let before = hub.publish_data("chat", "before").await;
        let answer = hub.publish(&TYPING).await;
        assert_eq!((answer.status, answer.text()), (200, ""));
        assert_eq!(answer.header("longwire-position"), None);
        let fields = [("topic", "chat"), ("topic", "/other"), ("data", "after")];
        let after = hub.publish(&fields).await.text().to_owned();
        for subscriber in &mut subscribers {
            // In the order in which they were acknowledged.
            assert_eq!(subscriber.next().await, Seen::event(&before, "before"));
            let typing = subscriber.next().await;
            assert!(is_typing(&typing), "{typing:?}");
            assert_eq!(subscriber.next().await, Seen::event(&after, "after"));
        }
        for other in &mut others {
            assert_eq!(other.next().await, Seen::event(&after, "after"));
        }
        // It is in no log: positions go on as if there had been nothing, and nothing is replayed.
        let position = |id: &str| id.rsplit_once('-').unwrap().1.parse::<u64>().unwrap();
        assert_eq!(position(&after), position(&before) + 1);
        for carrier in CARRIERS {
            let mut late = Subscriber::after(carrier, &hub, "chat", "earliest").await;
            assert_eq!(late.next().await, Seen::event(&before, "before"));
            assert_eq!(late.next().await, Seen::event(&after, "after"));
        }
        hub.stop().await;
    }
}

/// An id would move the cursor of a client, and lead it astray when it comes back.
#[tokio::test]
async fn it_moves_no_cursor() {
    let hub = Hub::start(&[]).await;
    let request = target(&[("topic", "chat")]);
    let mut stream = EventStream::open(hub.connect().await, Request::new("GET", &request)).await;
    let Some(Item::Event(position)) = stream.next().await else {
        panic!("no position")
    };
    // The log is further than what this subscriber was told.
    hub.publish_data("other", "").await;
    hub.publish(&TYPING).await;
    let Some(Item::Event(typing)) = stream.next().await else {
        panic!("no event")
    };
    assert_eq!((&typing.id, typing.data.as_str()), (&position.id, "ada"));

    let url = hub.url("ws", &request);
    let request = ClientRequest::new(&url).unwrap();
    let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
    let open = next(&mut socket).await;
    let binary = [
        ("topic", "chat"),
        ("ephemeral", ""),
        ("encoding", "base64"),
        ("data", "AAE="),
    ];
    hub.publish_data("other", "").await;
    hub.publish(&TYPING).await;
    hub.publish(&binary).await;
    hub.publish_data("chat", "kept").await;
    assert_eq!(
        next(&mut socket).await,
        json!({ "type": "event", "topics": ["chat"], "event": "typing", "data": "ada" })
    );
    let Some(Message::Binary(header, bytes)) = within("bytes", socket.next()).await else {
        panic!("no bytes")
    };
    assert_eq!(header, json!({ "type": "event", "topics": ["chat"] }));
    assert_eq!(bytes, [0, 1]);
    let kept = next(&mut socket).await;
    assert_eq!(
        (&kept["prev"], &kept["data"]),
        (&open["position"], &"kept".into())
    );
}

#[tokio::test]
async fn over_web_socket_it_is_published_and_acknowledged_as_well() {
    let hub = Hub::start(&[]).await;
    let url = hub.url("ws", &target(&[("topic", "chat")]));
    let request = ClientRequest::new(&url).unwrap();
    let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "open");
    let frame = json!({
        "type": "publish", "topics": ["chat"], "data": "ada", "ephemeral": true, "ref": "1",
    });
    socket.send(&frame).await;
    assert_eq!(
        next(&mut socket).await,
        json!({ "type": "ack", "ref": "1" })
    );
    assert_eq!(next(&mut socket).await["data"], "ada");

    let mut named = frame;
    (named["id"], named["ref"]) = ("order-7".into(), "2".into());
    socket.send(&named).await;
    let error = next(&mut socket).await;
    assert_eq!(
        (&error["ref"], &error["code"], &error["message"]),
        (
            &"2".into(),
            &"invalid".into(),
            &"an ephemeral event has no id".into()
        )
    );
    let named = [&TYPING[..], &[("id", "order-7")]].concat();
    assert_eq!(hub.publish(&named).await.status, 400);
}

#[tokio::test]
async fn rights_are_those_of_every_event() {
    let authority = Authority::new();
    let hub = authority.hub(&["--anonymous"]).await;
    let some = authority.token(&["a"], &["a"], 600);
    let ephemeral = |topic, fields: &[_]| {
        let all = [("topic", topic), ("data", topic), ("ephemeral", "")];
        [&all, fields].concat()
    };
    assert_eq!(publish(&hub, &some, &ephemeral("b", &[])).await.status, 403);
    assert_eq!(hub.publish(&ephemeral("a", &[])).await.status, 401);
    let all = authority.token(&["*"], &[], 600);
    for carrier in CARRIERS {
        let mut granted = subscribe(carrier, &hub, &some, &[("topic", "*")]).await;
        let mut anonymous = Subscriber::live(carrier, &hub, "*").await;
        for (topic, private) in [
            ("a", &[("private", "on")][..]),
            ("b", &[("private", "on")]),
            ("c", &[]),
        ] {
            assert_eq!(
                publish(&hub, &all, &ephemeral(topic, private)).await.status,
                200
            );
        }
        assert_eq!(granted.data().await, "a");
        assert_eq!(granted.data().await, "c");
        assert_eq!(anonymous.data().await, "c");
    }
}

/// What is held for those who are slow is bounded, and they are told when something is gone.
#[tokio::test]
async fn a_stalled_subscriber_misses_some_and_is_told() {
    let hub = Hub::start(&[]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        let connection = hub.connect_small().await;
        let parameters = [("topic", "load")];
        let mut subscriber = Subscriber::open_on(connection, carrier, &hub, &parameters).await;
        assert!(matches!(subscriber.next().await, Seen::Position(_)));
        subscribers.push(subscriber);
    }
    // More than the sockets between us hold, and then more than are kept.
    let large = "x".repeat(512 * 1024);
    for _ in 0..20 {
        let fields = [("topic", "load"), ("data", &*large), ("ephemeral", "")];
        assert_eq!(hub.publish(&fields).await.status, 200);
    }
    let end = [("topic", "load"), ("data", "end"), ("ephemeral", "")];
    assert_eq!(hub.publish(&end).await.status, 200);
    // Side by side: neither may read nothing for five seconds.
    let [stream, socket] = &mut subscribers[..] else {
        panic!("one of each")
    };
    let (stream, socket) = tokio::join!(to_the_end(stream), to_the_end(socket));
    for (seen, told) in [stream, socket] {
        assert!(
            told > 0 && seen < 13,
            "{seen} of 13 came, said {told} times"
        );
        // Nothing else is different for it.
        assert!(seen > 0);
    }
    let id = hub.publish_data("load", "kept").await;
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.next().await, Seen::event(&id, "kept"));
    }
}

/// How many events came before the end, and how often it was said that some did not.
async fn to_the_end(subscriber: &mut Subscriber) -> (usize, usize) {
    let (mut seen, mut told) = (0, 0);
    loop {
        match subscriber.next().await {
            Seen::Skipped(skipped) => {
                assert_eq!(skipped, json!({ "reason": "ephemeral" }));
                told += 1;
            }
            Seen::Event { data, .. } if data == "end" => return (seen, told),
            Seen::Event { .. } => seen += 1,
            other => panic!("{other:?}"),
        }
    }
}

async fn next(socket: &mut WebSocket) -> Value {
    match within("a frame", socket.next()).await {
        Some(Message::Json(frame)) => frame,
        other => panic!("{other:?}"),
    }
}
