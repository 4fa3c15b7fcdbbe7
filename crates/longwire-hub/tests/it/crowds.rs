//! Too many, too often, too much.

use core::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use ws_handshake::ClientRequest;

use crate::support::{
    Connection, Directory, ENDPOINT, Hub, Message, Proxy, Request, WebSocket, form, number, target,
    within,
};

const SECRET: &str = "a secret that has thirty-two bytes";

/// A hub whose tokens have subjects.
async fn with_key(options: &[&str]) -> (Hub, Directory) {
    let directory = Directory::new();
    let path = format!("{}/secret", directory.path());
    std::fs::write(&path, SECRET).unwrap();
    let key = format!("HS256:{path}");
    (
        Hub::start(&[&["--key", &key], options].concat()).await,
        directory,
    )
}

fn bearer(subject: Option<&str>) -> String {
    let mut claims = json!({
        "exp": jsonwebtoken::get_current_timestamp() + 600,
        "mercure": { "publish": ["*"], "subscribe": ["*"] },
    });
    if let Some(subject) = subject {
        claims["sub"] = subject.into();
    }
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    format!(
        "Bearer {}",
        encode(&Header::default(), &claims, &key).unwrap()
    )
}

/// The status of the answer to a subscription, and the connection, which must be kept for it.
async fn subscribe(hub: &Hub, headers: &[(&str, &str)]) -> (u16, Connection) {
    let target = target(&[("topic", "t")]);
    let mut request = Request::new("GET", &target);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut connection = hub.connect().await;
    connection.send(&request).await;
    let head = within("a head", connection.head()).await;
    assert_eq!(head.status == 429, head.header("retry-after").is_some());
    (head.status, connection)
}

#[tokio::test]
async fn subscriptions_of_one_subject_are_bounded() {
    let (hub, _key) = with_key(&["--max-per-subject", "2"]).await;
    let (anna, ben) = (bearer(Some("anna")), bearer(Some("ben")));
    fn authorized(token: &str) -> [(&str, &str); 1] {
        [("Authorization", token)]
    }
    let (status, first) = subscribe(&hub, &authorized(&anna)).await;
    assert_eq!(status, 200);
    // Over WebSocket, the other one.
    let url = hub.url("ws", &target(&[("topic", "t")]));
    let open = async || {
        let request = ClientRequest::new(&url).unwrap();
        let request = request.header("Authorization", anna.as_bytes()).unwrap();
        WebSocket::open(hub.connect().await, request).await
    };
    let second = open().await.unwrap();
    assert_eq!(subscribe(&hub, &authorized(&anna)).await.0, 429);
    assert_eq!(open().await.unwrap_err(), 429);
    let _other = subscribe(&hub, &authorized(&ben)).await;
    assert_eq!(_other.0, 200);
    let nobody = bearer(None);
    let many = [
        subscribe(&hub, &authorized(&nobody)).await,
        subscribe(&hub, &authorized(&nobody)).await,
        subscribe(&hub, &authorized(&nobody)).await,
    ];
    assert!(many.iter().all(|(status, _)| *status == 200));
    // Who leaves makes room.
    drop((first, second));
    within("room", async {
        while subscribe(&hub, &authorized(&anna)).await.0 == 429 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_publisher_that_goes_too_fast_is_told_when_to_go_on() {
    // Twice as many at once as a second.
    let (hub, _key) = with_key(&["--publish-rate", "1"]).await;
    let (anna, ben) = (bearer(Some("anna")), bearer(Some("ben")));
    let body = form(&[("topic", "t"), ("data", "x")]);
    let publish = async |token: &str| {
        hub.request(Request::publish(&body).header("Authorization", token))
            .await
    };
    let mut refused = None;
    for _ in 0..100 {
        let response = publish(&anna).await;
        if response.status != 200 {
            refused = Some(response);
            break;
        }
    }
    let refused = refused.expect("a hundred in a moment");
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(publish(&ben).await.status, 200);

    let url = hub.url("ws", &target(&[("topic", "other")]));
    let request = ClientRequest::new(&url).unwrap();
    let request = request.header("Authorization", ben.as_bytes()).unwrap();
    let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
    socket.next().await.unwrap();
    let mut refused = None;
    for n in 0..100 {
        let frame =
            json!({ "type": "publish", "topics": ["t"], "data": "x", "ref": n.to_string() });
        socket.send(&frame).await;
        let Some(Message::Json(answer)) = socket.next().await else {
            panic!("no answer");
        };
        assert_eq!(answer["ref"], n.to_string(), "{answer}");
        if answer["type"] != "ack" {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a hundred in a moment");
    assert_eq!(refused["code"], "rate-limited", "{refused}");
}

#[tokio::test]
async fn behind_nginx_each_client_has_limits_of_its_own() {
    let hub = Hub::start(&[
        "--host",
        "hub.example",
        "--trusted-proxy",
        "127.0.0.1",
        "--max-per-ip",
        "2",
        "--publish-rate",
        "1",
    ])
    .await;
    let Some(proxy) = Proxy::nginx(hub.address()).await else {
        return;
    };
    through(&proxy).await;
    proxy.kill().await;
    let Some(proxy) = Proxy::haproxy(hub.address()).await else {
        return;
    };
    // What a client says about itself is worth nothing there.
    let (status, _kept) = ask(&proxy, "GET", &[("X-Forwarded-For", "192.0.2.1")]).await;
    assert_eq!(status, 200);
    proxy.kill().await;
}

/// nginx appends the address of its own peer, which is loopback here and trusted: so what the peer
/// says counts, and tests can be many.
async fn through(proxy: &Proxy) {
    let from = |address| [("X-Forwarded-For", address)];
    let mut kept = Vec::new();
    for (address, expected) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
        ("2001:db8::1", 200),
        ("2001:db8::2", 200),
        ("2001:db8::3", 429),
        ("2001:db8:1::3", 200),
    ] {
        let (status, connection) = ask(proxy, "GET", &from(address)).await;
        assert_eq!(status, expected, "{address}");
        kept.push(connection);
    }
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(ask(proxy, "POST", &from("192.0.2.7")).await.0);
    }
    assert!(
        statuses.starts_with(&[200]) && statuses.contains(&429),
        "{statuses:?}"
    );
    assert_eq!(ask(proxy, "POST", &from("192.0.2.8")).await.0, 200);
    let page = ask(proxy, "POST", &[("Origin", "http://hub.example")]).await;
    assert_eq!(page.0, 200, "the hub's own page");
    let other = ask(proxy, "POST", &[("Origin", "https://hub.example")]).await;
    assert_eq!(other.0, 403, "nginx says http");
}

async fn ask(proxy: &Proxy, method: &str, headers: &[(&str, &str)]) -> (u16, Connection) {
    let target = target(&[("topic", "t")]);
    let mut request = match method {
        "GET" => Request::new("GET", &target),
        _ => Request::publish("topic=t&data=x"),
    };
    request = request.header("Host", "hub.example");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut connection = Connection::open(proxy.address).await;
    connection.send(&request).await;
    let head = within("a head", connection.head()).await;
    (head.status, connection)
}

#[tokio::test]
async fn without_trust_nobody_is_somebody_else() {
    let hub = Hub::start(&["--max-per-ip", "1"]).await;
    let forwarded = [("X-Forwarded-For", "192.0.2.1")];
    let first = subscribe(&hub, &forwarded).await;
    let second = subscribe(&hub, &forwarded).await;
    assert_eq!((first.0, second.0), (200, 200), "loopback is exempt");
}

/// As many connects as there are descriptors and more, of which none asks for anything.
#[tokio::test]
async fn when_descriptors_run_out_the_hub_still_says_that_it_is_well() {
    const SUBSCRIBERS: usize = 870;
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--memory"];
    let hub = Hub::start_limited(1_024, &arguments).await;
    let mut streams = Vec::new();
    // Real subscribers, as many as there is room for, and then some.
    for _ in 0..SUBSCRIBERS {
        streams.push(subscribe(&hub, &[]).await.1);
    }
    let mut silent = Vec::new();
    for _ in 0..330 {
        silent.push(TcpStream::connect(hub.address()).await.unwrap());
        if silent.len() % 30 == 0 {
            let health = hub.request(Request::new("GET", "/healthz")).await;
            assert_eq!(health.status, 200);
        }
    }
    let target = target(&[("topic", "t")]);
    let mut refused = hub.connect().await;
    refused.send(&Request::new("GET", &target)).await;
    let head = within("an answer", refused.head()).await;
    assert_eq!((head.status, head.header("retry-after")), (503, Some("10")));
    let metrics = hub.request(Request::new("GET", "/metrics")).await;
    let number = |name: &str| number(metrics.text(), name);
    assert_eq!(
        number("longwire_subscribers{carrier=\"sse\"}"),
        Some(SUBSCRIBERS as f64)
    );
    assert_eq!(number("longwire_connections_max"), Some(SUBSCRIBERS as f64));
    assert_eq!(
        number("longwire_connections_failed_total{reason=\"accept\"}"),
        Some(0.0)
    );
    // Once they have gone there is room.
    drop((silent, streams));
    within("room", async {
        loop {
            let mut connection = hub.connect().await;
            connection.send(&Request::new("GET", &target)).await;
            if connection.head().await.status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Sockets that send a byte now and then, and a client that wants an answer meanwhile.
#[tokio::test]
async fn slow_heads_do_not_keep_others_from_being_served() {
    let hub = Hub::start(&["--max-connections", "500"]).await;
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(hub.address()).await.unwrap();
        stream.write_all(b"GET / HT").await.unwrap();
        slow.push(stream);
        if slow.len() % 30 == 0 {
            let answer = hub.request(Request::new("GET", "/")).await;
            assert_eq!(answer.status, 200);
        }
    }
    // A tenth of 500 may wait, the oldest had to go at once and the rest go at their deadline.
    let displaced = "longwire_connections_turned_away_total{reason=\"displaced\"}";
    let displaced = hub.metric(displaced).await.unwrap();
    assert!((250.0..=310.0).contains(&displaced), "{displaced}");
    for mut stream in slow {
        let mut rest = Vec::new();
        let _ = within("the end of a slow one", stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{}", rest.escape_ascii());
    }
}

#[tokio::test]
async fn an_encoded_body_is_refused_unread() {
    let hub = Hub::start(&[]).await;
    let body = form(&[("topic", "t")]);
    for coding in ["gzip", "deflate", "br", "identity"] {
        let request = Request::publish(&body).header("Content-Encoding", coding);
        assert_eq!(hub.request(request).await.status, 415, "{coding}");
    }
}

#[tokio::test]
async fn with_little_memory_left_nobody_more_is_served() {
    let hub = Hub::start(&["--max-memory", "1m"]).await;
    let target = target(&[("topic", "t")]);
    // It looks at its memory once a second.
    within("a refusal", async {
        loop {
            let mut connection = hub.connect().await;
            connection.send(&Request::new("GET", &target)).await;
            if connection.head().await.status == 503 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let page = hub.request(Request::new("GET", "/")).await;
    assert_eq!((page.status, page.header("retry-after")), (503, Some("10")));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(hub.request(Request::new("GET", path)).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let hub = Hub::start(&[]).await;
    let mut slow = hub.connect().await;
    let head = format!(
        "POST {ENDPOINT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\ntopic="
    );
    slow.write(head.as_bytes()).await;
    let answer = within("an answer", slow.head()).await;
    assert_eq!(answer.status, 408);
}
