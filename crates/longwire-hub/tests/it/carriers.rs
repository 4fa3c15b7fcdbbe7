//! One event, published with curl, over every carrier, to clients that are not ours.

use serde_json::Value;
use ws_handshake::ClientRequest;

use crate::support::{
    ENDPOINT, EventStream, Hub, Item, Message, Program, Request, Seen, Subscriber, Tool, WebSocket,
    target,
};

#[tokio::test]
async fn curl_publishes_and_other_clients_receive() {
    let tools = [Tool::Curl, Tool::Node, Tool::Python];
    let Some([curl, node, python]) = Tool::find(tools) else {
        return;
    };
    let hub = Hub::start(&[]).await;
    let subscription = target(&[("topic", "greetings")]);
    let url = hub.url("http", &subscription);

    let mut streams = Vec::new();
    for (version, status) in [
        ("--http1.1", "HTTP/1.1 200 OK"),
        ("--http2-prior-knowledge", "HTTP/2 200 "),
    ] {
        let arguments = [
            "-sSN",
            "--noproxy",
            "*",
            version,
            "--dump-header",
            "-",
            &url,
        ];
        let mut stream = Program::start(&curl, arguments);
        let head = stream.lines_until(|line| line.trim().is_empty()).await;
        assert_eq!(head[0].trim_end_matches('\r'), status);
        let opening = stream.lines_until(str::is_empty).await;
        assert_eq!(opening[0], "event: longwire-position", "{opening:?}");
        streams.push(stream);
    }
    let url = hub.url("ws", &subscription);
    let mut sockets = [
        Program::script(&node, "node/subscribe.mjs", [&url, "ws"]),
        Program::script(&node, "node/subscribe.mjs", [&url, "undici"]),
        Program::script(&python, "python/subscribe.py", [&url]),
    ];
    let mut open = Value::Null;
    for socket in &mut sockets {
        open = serde_json::from_str(&socket.line().await.unwrap()).unwrap();
        assert_eq!(open["type"], "open");
    }

    let endpoint = hub.url("http", ENDPOINT);
    let publish = [
        "-sS",
        "--noproxy",
        "*",
        &endpoint,
        "-d",
        "topic=greetings",
        "-d",
        "type=hello",
    ];
    let data = ["--data-urlencode", "data=Grüße & more,\nin two lines"];
    let mut publisher = Program::start(&curl, publish.iter().chain(&data));
    let id = publisher.line().await.unwrap();
    assert!(publisher.finish().await.1);
    assert!(id.starts_with('#') && id.ends_with("-1"), "{id}");

    for stream in &mut streams {
        let event = stream.lines_until(str::is_empty).await;
        let id = format!("id: {id}");
        let expected = [
            "event: hello",
            &id,
            "data: Grüße & more,",
            "data: in two lines",
            "",
        ];
        assert_eq!(event, expected);
    }
    let expected = serde_json::json!({
        "type": "event", "prev": open["position"], "position": id, "topics": ["greetings"],
        "event": "hello", "data": "Grüße & more,\nin two lines",
    });
    for socket in &mut sockets {
        let event: Value = serde_json::from_str(&socket.line().await.unwrap()).unwrap();
        assert_eq!(event, expected);
    }

    // Bytes go as a binary frame, and over Server-Sent Events as base64.
    let response = hub
        .publish(&[
            ("topic", "greetings"),
            ("encoding", "base64"),
            ("data", "AP8K"),
        ])
        .await;
    assert_eq!(response.status, 200);
    for stream in &mut streams {
        let event = stream.lines_until(str::is_empty).await;
        assert_eq!(event[1], "data: AP8K", "{event:?}");
    }
    for socket in &mut sockets {
        let event: Value = serde_json::from_str(&socket.line().await.unwrap()).unwrap();
        assert_eq!(
            (&event["bytes"], &event["header"]["type"]),
            (&"AP8K".into(), &"event".into())
        );
        assert_eq!(event["header"]["prev"], id.as_str());
    }

    // The hub stops, and everybody hears it in their way.
    hub.signal(rustix::process::Signal::TERM);
    for socket in &mut sockets {
        let closed: Value = serde_json::from_str(&socket.line().await.unwrap()).unwrap();
        assert_eq!(closed, serde_json::json!({"type": "closed", "code": 1012}));
    }
}

#[tokio::test]
async fn a_connection_that_served_the_page_serves_an_event_stream() {
    let hub = Hub::start(&[]).await;
    let mut connection = hub.connect().await;
    let page = connection.request(Request::new("GET", "/")).await;
    assert_eq!(page.status, 200);
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );

    let subscription = target(&[("topic", "later")]);
    let mut stream = EventStream::open(connection, Request::new("GET", &subscription)).await;
    assert_eq!(
        stream.response.header("content-type"),
        Some("text/event-stream")
    );
    assert!(matches!(stream.next().await, Some(Item::Event(e)) if e.name == "longwire-position"));
    let id = hub.publish_data("later", "over hyper").await;
    let Some(Item::Event(event)) = stream.next().await else {
        panic!("no event")
    };
    assert_eq!((event.id, event.data.as_str()), (id, "over hyper"));
}

#[tokio::test]
async fn a_connection_that_served_the_page_becomes_a_web_socket() {
    let hub = Hub::start(&[]).await;
    let mut connection = hub.connect().await;
    assert_eq!(
        connection.request(Request::new("GET", "/")).await.status,
        200
    );

    let url = hub.url("ws", &target(&[("topic", "later")]));
    let request = ClientRequest::new(&url)
        .unwrap()
        .protocol("longwire.v1")
        .unwrap();
    let socket = WebSocket::open(connection, request).await.unwrap();
    assert_eq!(socket.protocol.as_deref(), Some("longwire.v1"));
    let mut subscriber = Subscriber::WebSocket(socket);
    assert!(matches!(subscriber.next().await, Seen::Position(_)));
    let id = hub.publish_data("later", "over hyper").await;
    assert_eq!(subscriber.next().await, Seen::event(&id, "over hyper"));
}

#[tokio::test]
async fn a_subscriber_publishes_over_its_web_socket() {
    let hub = Hub::start(&[]).await;
    let url = hub.url("ws", &target(&[("topic", "a")]));
    let request = ClientRequest::new(&url)
        .unwrap()
        .protocol("longwire.v1")
        .unwrap();
    let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
    let mut stream = Subscriber::live(crate::support::Carrier::EventStream, &hub, "*").await;
    let Some(Message::Json(open)) = socket.next().await else {
        panic!("no open frame")
    };
    assert_eq!(open["type"], "open");

    let frame = serde_json::json!({
        "type": "publish", "topics": ["b"], "data": "not for the sender", "ref": "first",
    });
    socket.send(&frame).await;
    let Some(Message::Json(ack)) = socket.next().await else {
        panic!("no ack")
    };
    assert_eq!(
        (&ack["type"], &ack["ref"]),
        (&"ack".into(), &"first".into()),
        "{ack}"
    );
    let position = ack["position"].as_str().unwrap();
    assert_eq!(
        stream.next().await,
        Seen::event(position, "not for the sender")
    );
}
