//! Tokens: who may publish and receive what, and for how long.

use serde_json::{Value, json};
use ws_handshake::ClientRequest;

use crate::support::{
    Authority, CARRIERS, Carrier, ENDPOINT, Hub, Message, Program, Request, Seen, Subscriber,
    TICKET, Tool, WebSocket, form, now, publish, subscribe as subscribe_with, target, ticket,
    within,
};

async fn subscribe(carrier: Carrier, hub: &Hub, token: &str, id: &str) -> Subscriber {
    subscribe_with(carrier, hub, token, &[("topic", "*"), ("lastEventID", id)]).await
}

#[tokio::test]
async fn without_a_token_nothing_is_published_or_received() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let body = form(&[("topic", "a"), ("data", "x")]);
    let subscription = target(&[("topic", "a")]);
    let upgrade = |request: Request<'static>| {
        request
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    let subscription: &'static str = subscription.leak();
    let ended = format!("Bearer {}", authority.token(&["*"], &["*"], 0));
    for credentials in [
        None,
        Some("Bearer nonsense"),
        Some("Basic YTpi"),
        Some(ended.as_str()),
    ] {
        for request in [
            Request::publish(&body),
            Request::new("GET", subscription),
            Request::new("HEAD", subscription),
            upgrade(Request::new("GET", subscription)),
            Request::new("POST", TICKET),
        ] {
            let request = match credentials {
                Some(value) => request.header("Authorization", value),
                None => request,
            };
            let mut connection = hub.connect().await;
            connection.send(&request).await;
            let response = connection.head().await;
            assert_eq!(response.status, 401, "{request:?}");
            assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        }
    }
    let some = authority.token(&["a"], &[], 600);
    assert_eq!(publish(&hub, &some, &[("topic", "a")]).await.status, 200);
    assert_eq!(
        publish(&hub, &some, &[("topic", "a"), ("topic", "b")])
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn private_events_are_for_those_with_a_grant_live_and_replayed() {
    let authority = Authority::new();
    let hub = authority.hub(&["--anonymous"]).await;
    let publisher = authority.token(&["*"], &[], 600);
    let before = publish(&hub, &publisher, &[("topic", "begin")])
        .await
        .text()
        .to_owned();
    let one = authority.token(&[], &["/users/1"], 600);
    let all = authority.token(&[], &["/users/{id}"], 600);
    for carrier in CARRIERS {
        let mut live = Vec::new();
        for token in [&one, &all] {
            live.push(subscribe(carrier, &hub, token, &before).await);
        }
        let anonymous = [("topic", "*"), ("lastEventID", before.as_str())];
        live.push(Subscriber::open(carrier, &hub, &anonymous).await);
        if carrier == Carrier::WebSocket {
            assert!(matches!(live[2].next().await, Seen::Position(_)));
        }
        if carrier == CARRIERS[0] {
            for (topic, private) in [("/users/1", true), ("/users/2", true), ("end", false)] {
                let mut fields = vec![("topic", topic), ("data", topic)];
                fields.extend(private.then_some(("private", "on")));
                assert_eq!(publish(&hub, &publisher, &fields).await.status, 200);
            }
        }
        // The second carrier gets the same as a replay.
        for (subscriber, expected) in live.iter_mut().zip([
            &["/users/1", "end"][..],
            &["/users/1", "/users/2", "end"],
            &["end"],
        ]) {
            for topic in expected {
                let seen = subscriber.next().await;
                assert!(
                    matches!(&seen, Seen::Event { data, .. } if data == topic),
                    "{seen:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_connection_ends_with_its_token_unless_that_is_replaced() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let publisher = authority.token(&["*"], &[], 600);
    let short = authority.token(&["a"], &["*"], 8);
    let mut stream = subscribe(Carrier::EventStream, &hub, &short, "earliest").await;
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let ticket = ticket(&hub, &short).await;
        let url = hub.url("ws", &target(&[("topic", "*"), ("ticket", &ticket)]));
        let request = ClientRequest::new(&url).unwrap();
        let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
        assert_eq!(next(&mut socket).await["type"], "open");
        sockets.push(socket);
    }
    let longer = authority.token(&["b"], &["*"], 600);
    let kept = &mut sockets[0];
    kept.send(&json!({ "type": "token", "token": "nonsense", "ref": "1" }))
        .await;
    let error = next(kept).await;
    assert_eq!(
        (&error["code"], &error["ref"]),
        (&"unauthorized".into(), &"1".into())
    );
    kept.send(&json!({ "type": "token", "token": longer, "ref": "2" }))
        .await;
    assert_eq!(next(kept).await, json!({ "type": "ack", "ref": "2" }));
    // Its rights are those of the new token.
    kept.send(&json!({ "type": "publish", "topics": ["a"], "ref": "3" }))
        .await;
    assert_eq!(next(kept).await["code"], "forbidden");

    assert_eq!(stream.next().await, Seen::Expired);
    assert_eq!(within("the end", stream.try_next()).await, None);
    assert!(within("the end", sockets[1].next()).await.is_none());
    assert_eq!(sockets[1].close_code(), Some(4001));
    publish(&hub, &publisher, &[("topic", "c"), ("data", "later")]).await;
    assert_eq!(next(&mut sockets[0]).await["data"], "later");
}

/// What was published after the end of a token is not for its holder, whatever carries it, and also
/// if much else is still to be replayed.
#[tokio::test]
async fn nothing_comes_after_the_end_of_a_token() {
    let authority = Authority::new();
    let hub = authority.hub(&["--query-tokens"]).await;
    let publisher = authority.token(&["*"], &[], 600);
    let Some([curl]) = Tool::find([Tool::Curl]) else {
        return;
    };
    let large = "x".repeat(64 * 1024);
    for _ in 0..100 {
        publish(&hub, &publisher, &[("topic", "old"), ("data", &large)]).await;
    }
    let end = now() + 8;
    let short = authority.sign(&json!({ "exp": end, "mercure": { "subscribe": ["*"] } }));

    let over_http2 = format!("{}&authorization={short}", target(&[("topic", "live")]));
    let arguments = ["-sSN", "--noproxy", "*", "--http2-prior-knowledge"];
    let url = hub.url("http", &over_http2);
    let mut curl = Program::start(curl, arguments.iter().copied().chain([url.as_str()]));
    let mut live = Vec::new();
    let mut replays = Vec::new();
    for carrier in CARRIERS {
        let topic = [("topic", "live"), ("authorization", &*short)];
        let mut subscriber = Subscriber::open(carrier, &hub, &topic).await;
        assert!(matches!(subscriber.next().await, Seen::Position(_)));
        live.push(subscriber);
        let old = [
            ("topic", "*"),
            ("authorization", &*short),
            ("lastEventID", "earliest"),
        ];
        let small = hub.connect_small().await;
        replays.push((Subscriber::open_on(small, carrier, &hub, &old).await, 0));
    }
    // When it was published.
    while now() < end + 1 {
        let at = now().to_string();
        publish(&hub, &publisher, &[("topic", "live"), ("data", &at)]).await;
        for (replay, events) in &mut replays {
            // Slow, but not so slow that it is sent away.
            let seen = within("an event", replay.try_next()).await;
            *events += usize::from(matches!(seen, Some(Seen::Event { .. })));
            if let Some(seen) = seen {
                assert!(matches!(
                    seen,
                    Seen::Position(_) | Seen::Event { .. } | Seen::Expired
                ));
            }
        }
        tokio::time::sleep(core::time::Duration::from_millis(200)).await;
    }
    for (carrier, mut subscriber) in CARRIERS.into_iter().zip(live) {
        let mut events = 0;
        loop {
            match within("the end", subscriber.try_next()).await {
                Some(Seen::Event { data, .. }) => {
                    events += 1;
                    assert!(data.parse::<u64>().unwrap() < end, "{carrier:?}");
                }
                Some(Seen::Expired) => assert_eq!(carrier, Carrier::EventStream),
                None => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(events > 0, "{carrier:?}");
        if let Subscriber::WebSocket(socket) = &subscriber {
            assert_eq!(socket.close_code(), Some(4001));
        }
    }
    for (mut replay, mut events) in replays {
        while let Some(seen) = within("the end", replay.try_next()).await {
            events += usize::from(matches!(seen, Seen::Event { .. }));
        }
        assert!(events < 100, "the replay went on to its end");
    }
    let lines = curl
        .lines_until(|line| line == "event: longwire-auth-expired")
        .await;
    let data = lines.iter().filter_map(|line| line.strip_prefix("data: "));
    let times: Vec<u64> = data.filter_map(|data| data.parse().ok()).collect();
    assert!(
        !times.is_empty() && times.iter().all(|at| *at < end),
        "{times:?}"
    );
}

async fn next(socket: &mut WebSocket) -> Value {
    match within("a frame", socket.next()).await {
        Some(Message::Json(frame)) => frame,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn where_a_token_may_stand() {
    let authority = Authority::new();
    let token = authority.token(&["*"], &["*"], 600);
    let hub = authority.hub(&["--origin", "https://app.example"]).await;
    let cookie = format!("other=1; mercureAuthorization={token}");
    let subscription = target(&[("topic", "a")]);
    let body = form(&[("topic", "a")]);

    let get = Request::new("GET", &subscription).header("Cookie", &cookie);
    assert_eq!(hub.status(get).await, 200);
    // A request that does something must say which page it comes from.
    let post = || Request::publish(&body).header("Cookie", &cookie);
    assert_eq!(hub.status(post()).await, 403);
    assert_eq!(
        hub.status(post().header("Origin", "https://evil.example"))
            .await,
        403
    );
    assert_eq!(
        hub.status(post().header("Origin", "https://app.example"))
            .await,
        200
    );

    let ticket = ticket(&hub, &token).await;
    let once = target(&[("topic", "a"), ("ticket", &ticket)]);
    assert_eq!(hub.status(Request::new("GET", &once)).await, 200);
    assert_eq!(hub.status(Request::new("GET", &once)).await, 401);

    let in_url = format!("{subscription}&authorization={token}");
    assert_eq!(hub.status(Request::new("GET", &in_url)).await, 401);
    let publishing = format!("{ENDPOINT}?authorization={token}");
    let post = || Request::publish(&body).to(&publishing);
    assert_eq!(hub.status(post()).await, 401);
    let hub = authority.hub(&["--query-tokens"]).await;
    assert_eq!(hub.status(post()).await, 200);
    assert_eq!(hub.status(Request::new("GET", &in_url)).await, 200);
}

#[tokio::test]
async fn no_secret_is_ever_logged() {
    let authority = Authority::new();
    let hub = authority.hub(&["--query-tokens"]).await;
    let token = authority.token(&["*"], &["*"], 600);
    let canary = "canary-in-a-bad-token";
    let ticket = ticket(&hub, &token).await;
    for value in [canary, &token] {
        let bearer = format!("Bearer {value}");
        let cookie = format!("mercureAuthorization={value}");
        let in_url = format!(
            "{}&authorization={value}&ticket={ticket}",
            target(&[("topic", "a")])
        );
        for request in [
            Request::new("GET", &in_url),
            Request::new("GET", ENDPOINT).header("Authorization", &bearer),
            Request::new("GET", ENDPOINT).header("Cookie", &cookie),
            Request::new("GET", ENDPOINT).header("Sec-WebSocket-Protocol", value),
        ] {
            hub.status(request).await;
        }
        // Not a request at all.
        let mut connection = hub.connect().await;
        connection
            .write(format!("{value} {value}\r\n\r\n").as_bytes())
            .await;
        while connection.read().await > 0 {}
    }
    hub.signal(rustix::process::Signal::TERM);
    let (_, text) = hub.ended().await;
    let signature = token.rsplit_once('.').unwrap().1;
    for secret in [canary, "canary", signature, &ticket] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_stops_the_start() {
    let (status, _, stderr) = crate::support::run(&["--memory", "--key", "HS256:/nowhere"]).await;
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("/nowhere"), "{stderr}");
}
