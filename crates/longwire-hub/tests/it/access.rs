//! Who may ask: other people's pages may not, programs may.

use serde_json::Value;
use ws_handshake::ClientRequest;

use crate::support::{
    CARRIERS, ENDPOINT, EventStream, Hub, Item, Message, Program, Request, Seen, Subscriber, Tool,
    WebSocket, form, target,
};

const LISTED: &str = "https://app.example";

/// Origins of pages that are neither the hub's nor listed.
fn foreign(hub: &Hub) -> Vec<String> {
    let port = hub.address().port();
    let other_port = if port == 65_535 { 1 } else { port + 1 };
    vec![
        "null".into(),
        "http://evil.example".into(),
        "https://app.example.evil.example".into(),
        "https://evil.example/app.example".into(),
        "http://app.example".into(),
        "https://app.example:444".into(),
        "https://app.example@evil.example".into(),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{other_port}"),
        format!("http://127.0.0.1:{port}.evil.example"),
    ]
}

#[tokio::test]
async fn publishing_is_for_programs_and_for_pages_that_are_listed() {
    let hub = Hub::start(&["--origin", LISTED]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push(Subscriber::live(carrier, &hub, "*").await);
    }
    let publish = async |data: &str, headers: &[(&str, &str)]| {
        let body = form(&[("topic", "t"), ("data", data)]);
        let mut request = Request::publish(&body);
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        hub.request(request).await
    };

    for origin in foreign(&hub) {
        let response = publish(&origin, &[("Origin", &origin)]).await;
        assert_eq!(response.status, 403, "{origin}");
        assert!(response.text().contains("origin"), "{}", response.text());
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
    let cross_site = publish("cross-site", &[("Sec-Fetch-Site", "cross-site")]).await;
    assert_eq!(cross_site.status, 403);

    let own = hub.url("http", "");
    let localhost = format!("http://localhost:{}", hub.address().port());
    let localhost_host = format!("localhost:{}", hub.address().port());
    let passes: [&[(&str, &str)]; 6] = [
        &[],
        &[("Origin", &own)],
        &[("Origin", LISTED)],
        &[("Origin", LISTED), ("Sec-Fetch-Site", "cross-site")],
        &[("Origin", &own), ("Sec-Fetch-Site", "same-origin")],
        &[("Origin", &localhost), ("Host", &localhost_host)],
    ];
    for headers in passes {
        let response = publish("passes", headers).await;
        assert_eq!(response.status, 200, "{headers:?}: {}", response.text());
        for subscriber in &mut subscribers {
            assert_eq!(
                subscriber.next().await,
                Seen::event(response.text(), "passes")
            );
        }
    }
}

#[tokio::test]
async fn a_web_socket_is_not_for_foreign_pages() {
    let hub = Hub::start(&["--origin", LISTED]).await;
    let url = hub.url("ws", &target(&[("topic", "t")]));
    let open = async |origin: &str| {
        let request = ClientRequest::new(&url)
            .unwrap()
            .protocol("longwire.v1")
            .unwrap();
        WebSocket::open(hub.connect().await, request.origin(origin).unwrap()).await
    };
    for origin in foreign(&hub) {
        assert_eq!(open(&origin).await.err(), Some(403), "{origin}");
    }
    for origin in [&hub.url("http", ""), LISTED] {
        let mut socket = open(origin).await.unwrap();
        assert!(matches!(socket.next().await, Some(Message::Json(f)) if f["type"] == "open"));
    }
}

#[tokio::test]
async fn an_event_stream_can_be_read_by_pages_that_are_listed() {
    let hub = Hub::start(&["--origin", LISTED]).await;
    let target = target(&[("topic", "t")]);
    for origin in foreign(&hub) {
        let request = Request::new("GET", &target).header("Origin", &origin);
        assert_eq!(hub.status(request).await, 403, "{origin}");
    }
    let request = Request::new("GET", &target).header("Origin", LISTED);
    let stream = EventStream::open(hub.connect().await, request).await;
    assert_eq!(
        stream.response.header("access-control-allow-origin"),
        Some(LISTED)
    );
    assert_eq!(stream.response.header("vary"), Some("origin"));
}

#[tokio::test]
async fn a_name_that_is_not_the_hubs_gets_nothing() {
    let hub = Hub::start(&[]).await;
    let mut subscriber = Subscriber::live(CARRIERS[0], &hub, "*").await;
    let subscription = target(&[("topic", "t")]);
    let body = form(&[("topic", "t"), ("data", "rebound")]);
    let port = hub.address().port();
    for host in [
        format!("evil.example:{port}"),
        "evil.example".into(),
        "127.0.0.1.evil.example".into(),
    ] {
        // As the page of a name with the address 127.0.0.1 asks: of one origin with the hub.
        let origin = format!("http://{host}");
        let upgrade = Request::new("GET", &subscription)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Protocol", "longwire.v1");
        for request in [
            Request::publish(&body),
            Request::new("GET", &subscription),
            upgrade,
        ] {
            let request = request.header("Host", &host).header("Origin", &origin);
            assert_eq!(hub.status(request).await, 421, "{host}");
        }
    }
    let id = hub.publish_data("t", "good").await;
    assert_eq!(subscriber.next().await, Seen::event(&id, "good"));
}

#[tokio::test]
async fn the_rules_are_the_same_over_http_2() {
    let Some([curl]) = Tool::find([Tool::Curl]) else {
        return;
    };
    let hub = Hub::start(&["--origin", LISTED]).await;
    let mut subscriber = Subscriber::live(CARRIERS[0], &hub, "*").await;
    let endpoint = hub.url("http", ENDPOINT);
    let subscription = hub.url("http", &target(&[]));
    let ask = async |arguments: &[&str]| {
        let quiet = [
            "-sS",
            "--noproxy",
            "*",
            "--http2-prior-knowledge",
            "-o",
            "/dev/null",
        ];
        let status = ["-w", "%{http_version} %{http_code}\n"];
        let arguments = quiet.iter().chain(&status).chain(arguments);
        Program::start(&curl, arguments).line().await.unwrap()
    };
    let publish = ["-d", "topic=t", "-d", "data=x", &endpoint];
    let listed = format!("Origin: {LISTED}");
    for (header, status) in [
        ("Origin: http://evil.example", "2 403"),
        ("Sec-Fetch-Site: cross-site", "2 403"),
        ("Host: evil.example", "2 421"),
        (&listed, "2 200"),
        ("X-Nothing: to see", "2 200"),
    ] {
        // Often enough to see an answer that overtakes the body, which curl would lose.
        let times = if status == "2 403" { 20 } else { 1 };
        for _ in 0..times {
            let answer = ask(&[&publish[..], &["-H", header]].concat()).await;
            assert_eq!(answer, status, "{header}");
        }
    }
    for header in ["Origin: http://evil.example", "Host: evil.example"] {
        let answer = ask(&["-G", "-d", "topic=t", &endpoint, "-H", header]).await;
        assert!(answer == "2 403" || answer == "2 421", "{header}: {answer}");
    }
    assert_eq!(ask(&[&subscription]).await, "2 400");
    // Those that passed, and no other.
    for _ in 0..2 {
        assert!(matches!(subscriber.next().await, Seen::Event { data, .. } if data == "x"));
    }
    let id = hub.publish_data("t", "end").await;
    assert_eq!(subscriber.next().await, Seen::event(&id, "end"));
}

#[tokio::test]
async fn a_preflight_is_answered_for_pages_that_are_listed() {
    let hub = Hub::start(&["--origin", LISTED]).await;
    let preflight = |origin| {
        Request::new("OPTIONS", ENDPOINT)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "last-event-id")
    };
    let response = hub.request(preflight(LISTED)).await;
    assert_eq!(response.status, 204);
    assert_eq!(response.header("access-control-allow-origin"), Some(LISTED));
    let headers = response.header("access-control-allow-headers").unwrap();
    assert!(headers.contains("last-event-id"), "{headers}");
    assert_eq!(
        hub.request(preflight("http://evil.example")).await.status,
        403
    );
}

#[tokio::test]
async fn the_headers_of_an_event_stream() {
    let hub = Hub::start(&[]).await;
    let seen = hub.publish_data("t", "seen").await;
    let later = hub.publish_data("t", "later").await;
    let target = target(&[("topic", "t"), ("lastEventID", &seen)]);
    let mut stream = EventStream::open(hub.connect().await, Request::new("GET", &target)).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache, no-transform"),
        ("x-accel-buffering", "no"),
        ("last-event-id", &seen),
    ] {
        assert_eq!(stream.response.header(name), Some(value), "{name}");
    }
    let Some(Item::Event(event)) = stream.next().await else {
        panic!("no event")
    };
    assert_eq!((event.id, event.data.as_str()), (later, "later"));
}

#[tokio::test]
async fn head_gets_the_headers_of_get_and_ends() {
    let hub = Hub::start(&[]).await;
    let target = target(&[("topic", "t")]);
    for target in [&target, "/", "/page.js", "/page.css", "/nothing", ENDPOINT] {
        let mut get = hub.connect().await;
        get.send(&Request::new("GET", target)).await;
        let get = get.head().await;
        // Twice on one connection: a body after the first answer would be read as the second.
        let mut connection = hub.connect().await;
        for _ in 0..2 {
            let head = connection.request(Request::new("HEAD", target)).await;
            assert_eq!(head.status, get.status, "{target}");
            let names = |headers: &[(String, String)]| {
                let mut kept: Vec<_> = headers.to_vec();
                // Of how the body is sent, HEAD may leave out what it would have to make up.
                kept.retain(|(name, _)| {
                    !["date", "transfer-encoding", "connection"].contains(&name.as_str())
                });
                kept.sort();
                kept
            };
            assert_eq!(names(&head.headers), names(&get.headers), "{target}");
        }
    }
}

#[tokio::test]
async fn the_page_may_load_nothing_from_elsewhere() {
    let hub = Hub::start(&[]).await;
    for (path, content_type) in [
        ("/", "text/html"),
        ("/page.js", "text/javascript"),
        ("/page.css", "text/css"),
    ] {
        let response = hub.request(Request::new("GET", path)).await;
        assert_eq!(response.status, 200);
        assert!(
            response
                .header("content-type")
                .unwrap()
                .starts_with(content_type),
            "{path}"
        );
        let policy = response.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        // An address of another server, but for those in names of XML.
        let text = response.text().replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("https://") && !text.contains("http://"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_paths_methods_and_subprotocols_are_refused() {
    let hub = Hub::start(&[]).await;
    assert_eq!(
        hub.request(Request::new("GET", "/nothing")).await.status,
        404
    );
    let response = hub.request(Request::new("DELETE", ENDPOINT)).await;
    assert_eq!(
        (response.status, response.header("allow").is_some()),
        (405, true)
    );
    let no_topic = hub.request(Request::new("GET", ENDPOINT)).await;
    assert_eq!(
        (no_topic.status, no_topic.text().trim_end()),
        (400, "there is no topic")
    );
    let template = target(&[("topic", "/books/{id:3}")]);
    assert_eq!(
        hub.request(Request::new("GET", &template)).await.status,
        400
    );

    let url = hub.url("ws", &target(&[("topic", "t")]));
    let other = ClientRequest::new(&url).unwrap().protocol("chat").unwrap();
    assert_eq!(
        WebSocket::open(hub.connect().await, other).await.err(),
        Some(400)
    );
    // Without any, as from a program that knows none, the frames are those of longwire.v1.
    let none = ClientRequest::new(&url).unwrap();
    let mut socket = WebSocket::open(hub.connect().await, none).await.unwrap();
    assert_eq!(socket.protocol, None);
    let Some(Message::Json(open)) = socket.next().await else {
        panic!("no open frame")
    };
    assert_eq!(open["type"], Value::from("open"));
}
