//! Section 8: Active Subscriptions.

use serde_json::{Value, json};
use ws_handshake::ClientRequest;

use crate::get;
use crate::support::{
    Authority, CARRIERS, Carrier, Hub, Message, Request, Seen, Subscriber, WebSocket, now, publish,
    subscribe, target, ticket, within,
};

const LIST: &str = "/.well-known/mercure/subscriptions";
const EVENTS: &str = "/.well-known/mercure/subscriptions/{topic}/{subscriber}";

/// A hub that shows subscriptions, and a token that may see all of them and publish.
async fn hub() -> (Authority, Hub, String) {
    let authority = Authority::new();
    let hub = authority.hub(&["--subscriptions"]).await;
    let token = authority.token(&["*"], &["*"], 600);
    (authority, hub, token)
}

/// A document that a token may see.
async fn document(hub: &Hub, token: &str, path: &str) -> Value {
    let response = get(hub, token, path).await;
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    //= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-8.2
    //= type=test
    //# The web API MUST set the Content-Type HTTP header to application/ld+json.
    assert_eq!(response.header("content-type"), Some("application/ld+json"));
    let document: Value = serde_json::from_str(response.text()).unwrap();
    assert_eq!(document["@context"], "https://mercure.rocks/");
    assert_eq!(document["id"], path);
    document
}

/// The next subscription event.
async fn event(watcher: &mut Subscriber) -> Value {
    let data = watcher.data().await;
    let document: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(document["@context"], "https://mercure.rocks/");
    assert_eq!(document["type"], "Subscription");
    document
}

/// Waits until the watcher hears that a subscription has ended.
async fn ended(watcher: &mut Subscriber, id: &Value) {
    loop {
        let event = event(watcher).await;
        if event["active"] == false {
            assert_eq!(&event["id"], id);
            return;
        }
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-8.1
//= type=test
//# If the hub supports the active subscriptions feature, it MUST publish an update when a
//# subscription is created or terminated.
//# If this feature is implemented by the hub, an update MUST be dispatched every time a subscription is
//# created or terminated.
//# The topic of these updates MUST be an expansion of
//# /.well-known/mercure/subscriptions/{topic}/{subscriber}.
//# Per [RFC6570], these characters are reserved. They MUST be percent encoded during the expansion
//# process.
//# If a subscriber has several subscriptions, it SHOULD be identified by the same identifier.
//# {subscriber} SHOULD be an IRI [RFC3987].
//# The content of the update MUST be a JSON-LD document containing at least the following properties:
//# id: the identifier of this update, it MUST be the same value as the subscription update's topic
//# subscriber: the topic identifier of the subscriber. It SHOULD be an IRI.
//# In order to only allow authorized subscribers to receive subscription events, the subscription
//# update MUST be marked as private.
#[tokio::test]
async fn a_subscription_is_told_of_when_it_begins_and_when_it_ends() {
    for watching in CARRIERS {
        // A hub of its own: who watched before may leave late, which would be told here.
        let (authority, hub, token) = hub().await;
        let claims = json!({
            "exp": now() + 600,
            "mercure": { "subscribe": [], "payload": { "foo": "bar" } },
        });
        let with_payload = authority.sign(&claims);
        let stranger = authority.token(&[], &["https://example.com/{selector}"], 600);
        let events = [("topic", EVENTS)];
        let mut watcher = subscribe(watching, &hub, &token, &events).await;
        // Itself.
        let own = event(&mut watcher).await;
        assert_eq!(
            (&own["topic"], &own["active"]),
            (&EVENTS.into(), &true.into())
        );
        assert_eq!(own.get("payload"), None);
        // Somebody who asked for the same, and may not see it.
        let mut blind = subscribe(watching, &hub, &stranger, &[("topic", "*")]).await;
        assert_eq!(event(&mut watcher).await["topic"], "*");

        for carrier in CARRIERS {
            let selector = "https://example.com/{selector}";
            let both = [("topic", selector), ("topic", "a topic")];
            let subscriber = subscribe(carrier, &hub, &with_payload, &both).await;
            let mut begun = [event(&mut watcher).await, event(&mut watcher).await];
            begun.sort_by_key(|event| event["topic"].as_str().unwrap().to_owned());
            let [first, second] = &begun;
            let name = first["subscriber"].as_str().unwrap();
            assert!(name.starts_with("urn:uuid:"), "{name}");
            assert_eq!(second["subscriber"], name, "one name for both");
            let escaped = name.replace(':', "%3A");
            let id = format!("{LIST}/https%3A%2F%2Fexample.com%2F%7Bselector%7D/{escaped}");
            assert_eq!(
                second,
                &json!({
                    "@context": "https://mercure.rocks/",
                    "id": id,
                    "type": "Subscription",
                    "topic": selector,
                    "subscriber": name,
                    "active": true,
                    "payload": { "foo": "bar" },
                })
            );
            assert_eq!(first["id"], format!("{LIST}/a%20topic/{escaped}"));
            drop(subscriber);
            let mut ends = [event(&mut watcher).await, event(&mut watcher).await];
            ends.sort_by_key(|event| event["topic"].as_str().unwrap().to_owned());
            for (begin, mut end) in begun.into_iter().zip(ends) {
                assert_eq!(end["active"], false);
                end["active"] = true.into();
                assert_eq!(end, begin);
            }
        }
        publish(&hub, &token, &[("topic", "urn:public"), ("data", "end")]).await;
        assert_eq!(blind.data().await, "end", "and nothing before it");
        drop((watcher, blind));
    }
}

/// Presence is of the moment: it is in no log, moves no cursor and is not replayed.
#[tokio::test]
async fn subscription_events_are_in_no_log() {
    let (_authority, hub, token) = hub().await;
    let before = publish(&hub, &token, &[("topic", "foo")])
        .await
        .text()
        .to_owned();
    for carrier in CARRIERS {
        drop(subscribe(carrier, &hub, &token, &[("topic", "foo")]).await);
    }
    let after = publish(&hub, &token, &[("topic", "foo")])
        .await
        .text()
        .to_owned();
    let offset = |id: &str| id.rsplit_once('-').unwrap().1.parse::<u64>().unwrap();
    assert_eq!(offset(&after), offset(&before) + 1);
    let all = [("topic", "*"), ("lastEventID", "earliest")];
    let mut late = subscribe(Carrier::WebSocket, &hub, &token, &all).await;
    let mut ids = Vec::new();
    while ids.len() < 2 {
        match late.next().await {
            Seen::Event { id, .. } if id.is_empty() => {} // of those who come and go now
            Seen::Event { id, .. } => ids.push(id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids, [before, after]);
}

#[tokio::test]
async fn nobody_else_tells_of_subscriptions() {
    let (_authority, hub, token) = hub().await;
    let forged = format!("{LIST}/a/urn%3Auuid%3A1");
    for topics in [[&*forged, "b"], ["b", &*forged]] {
        let fields = [("topic", topics[0]), ("topic", topics[1]), ("private", "")];
        assert_eq!(publish(&hub, &token, &fields).await.status, 403);
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-8.2
//= type=test
//# If the hub supports subscription events, it SHOULD also expose active subscriptions through a web
//# API.
//# The web API MUST expose endpoints following these patterns:
//# Collection endpoints MUST return JSON-LD documents containing at least the following properties:
//# URLs returning a single subscription MUST expose the same JSON-LD document as described in
//# subscription-events. If the requested subscription does not exist, a 404 status code MUST be
//# returned.
#[tokio::test]
async fn the_list_the_list_of_a_topic_and_one_subscription() {
    let (authority, hub, token) = hub().await;
    assert_eq!(
        document(&hub, &token, LIST).await["subscriptions"],
        json!([])
    );
    let claims = json!({
        "exp": now() + 600,
        "mercure": { "subscribe": ["a"], "payload": ["x", 1] },
    });
    let with_payload = authority.sign(&claims);
    let selector = "https://example.com/{selector}";
    let path = format!("{LIST}/https%3A%2F%2Fexample.com%2F%7Bselector%7D");
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        for token in [&token, &with_payload] {
            let both = [("topic", selector), ("topic", "a")];
            subscribers.push(subscribe(carrier, &hub, token, &both).await);
        }
    }
    subscribers.push(subscribe(CARRIERS[0], &hub, &token, &[("topic", "*")]).await);

    let all = document(&hub, &token, LIST).await;
    assert_eq!(all["type"], "Subscriptions");
    let all = all["subscriptions"].as_array().unwrap();
    assert_eq!(all.len(), 9);
    let mut ids: Vec<_> = all.iter().map(|one| one["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9);

    let some = document(&hub, &token, &path).await;
    let some = some["subscriptions"].as_array().unwrap();
    assert_eq!(some.len(), 4);
    for one in some {
        assert!(all.contains(one));
        assert_eq!(
            (&one["topic"], &one["type"]),
            (&selector.into(), &"Subscription".into())
        );
        let mut alone = document(&hub, &token, one["id"].as_str().unwrap()).await;
        let members = alone.as_object_mut().unwrap();
        assert_eq!(
            members.remove("@context").unwrap(),
            "https://mercure.rocks/"
        );
        assert_eq!(members.remove("lastEventID").unwrap(), "earliest");
        assert_eq!(&alone, one);
    }
    let payloads = some.iter().filter(|one| one["payload"] == json!(["x", 1]));
    assert_eq!(payloads.count(), 2);
    let any = document(&hub, &token, &format!("{LIST}/%2A")).await;
    assert_eq!(any["subscriptions"].as_array().unwrap().len(), 1);

    for (path, status) in [
        (format!("{LIST}/nobody"), 200),
        (format!("{LIST}/a/urn%3Auuid%3Anobody"), 404),
        (format!("{LIST}/nobody/urn%3Auuid%3Anobody"), 404),
        (format!("{LIST}/{{broken/x"), 404),
        (format!("{LIST}/a/b/c"), 404),
        (format!("{LIST}/"), 404),
        (format!("{LIST}ish"), 404),
    ] {
        assert_eq!(get(&hub, &token, &path).await.status, status, "{path}");
    }
    let method = Request::new("DELETE", LIST);
    assert_eq!(hub.status(method).await, 405);

    // One that has ended is not there.
    let gone = some[0]["id"].clone();
    let events = [("topic", EVENTS)];
    let mut watcher = subscribe(Carrier::WebSocket, &hub, &token, &events).await;
    subscribers.clear();
    for _ in 0..9 {
        while event(&mut watcher).await["active"] != false {}
    }
    assert_eq!(get(&hub, &token, gone.as_str().unwrap()).await.status, 404);
    let left = document(&hub, &token, LIST).await;
    assert_eq!(
        left["subscriptions"].as_array().unwrap().len(),
        1,
        "the watcher"
    );
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-8.2
//= type=test
//# In addition, all endpoints MUST set the lastEventID property at the root of the returned JSON-LD
//# document: the identifier of the last event dispatched by the hub at the time of this request. The
//# value MUST be earliest if no events have been dispatched yet.
//# As data returned by this web API is volatile, clients SHOULD validate that a response coming from
//# cache is still valid before using it.
#[tokio::test]
async fn the_last_event_and_a_validator() {
    let (_authority, hub, token) = hub().await;
    assert_eq!(
        document(&hub, &token, LIST).await["lastEventID"],
        "earliest"
    );
    let id = publish(&hub, &token, &[("topic", "foo")])
        .await
        .text()
        .to_owned();
    assert_eq!(document(&hub, &token, LIST).await["lastEventID"], *id);

    let bearer = format!("Bearer {token}");
    let ask = async |tags: Option<&str>| {
        let mut request = Request::new("GET", LIST).header("Authorization", &bearer);
        if let Some(tags) = tags {
            request = request.header("If-None-Match", tags);
        }
        hub.request(request).await
    };
    let first = ask(None).await;
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let tag = first.header("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
    for tags in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let same = ask(Some(&tags)).await;
        assert_eq!((same.status, same.text()), (304, ""), "{tags}");
        assert_eq!(same.header("etag"), Some(&*tag));
    }
    let _subscriber = subscribe(CARRIERS[0], &hub, &token, &[("topic", "foo")]).await;
    let other = ask(Some(&tag)).await;
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), Some(&*tag));
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-8.2
//= type=test
//# To access to the URLs exposed by the web API, clients MUST be authorized according to the rules
//# defined in authorization. The requested URL MUST match at least one of the topic selectors provided
//# in the mercure.subscribe key of the JWS.
#[tokio::test]
async fn who_may_see_the_list() {
    let authority = Authority::new();
    let hub = authority.hub(&["--subscriptions", "--anonymous"]).await;
    let all = authority.token(&[], &["*"], 600);
    let _subscriber = subscribe(CARRIERS[0], &hub, &all, &[("topic", "a*b")]).await;
    let topic = format!("{LIST}/a%2Ab");
    let list = document(&hub, &all, &topic).await;
    let one = list["subscriptions"][0]["id"].as_str().unwrap().to_owned();

    for path in [LIST, &topic, &one] {
        assert_eq!(hub.status(Request::new("GET", path)).await, 401, "{path}");
        let nonsense = Request::new("GET", path).header("Authorization", "Bearer nonsense");
        assert_eq!(hub.status(nonsense).await, 401, "{path}");
    }
    for (selector, may) in [
        ("*", [true, true, true]),
        (
            "/.well-known/mercure/subscriptions{/topic}{/subscriber}",
            [true, true, true],
        ),
        (
            "/.well-known/mercure/subscriptions/{topic}/{subscriber}",
            [false, false, true],
        ),
        (LIST, [true, false, false]),
        (&topic, [false, true, false]),
        (&one, [false, false, true]),
        ("/.well-known/mercure/subscriptions/other", [false; 3]),
        ("a*b", [false; 3]),
    ] {
        let token = authority.token(&["*"], &[selector], 600);
        for (path, may) in [LIST, &topic, &one].into_iter().zip(may) {
            let status = if may { 200 } else { 403 };
            assert_eq!(
                get(&hub, &token, path).await.status,
                status,
                "{selector} {path}"
            );
        }
    }
    // However it is escaped, it is the same resource.
    let exact = authority.token(&[], &[&topic], 600);
    assert_eq!(get(&hub, &exact, &format!("{LIST}/a*b")).await.status, 200);
    assert_eq!(
        get(&hub, &exact, &format!("{LIST}/%61%2ab")).await.status,
        200
    );
}

/// Topics that come and go on a WebSocket are subscriptions as well; a token that is replaced
/// brings another payload.
#[tokio::test]
async fn in_flight_they_begin_and_end_as_well() {
    let (authority, hub, token) = hub().await;
    let mut watcher = subscribe(Carrier::WebSocket, &hub, &token, &[("topic", EVENTS)]).await;
    event(&mut watcher).await;
    let once = ticket(&hub, &token).await;
    let url = hub.url("ws", &target(&[("topic", "a"), ("ticket", &once)]));
    let request = ClientRequest::new(&url).unwrap();
    let mut socket = WebSocket::open(hub.connect().await, request).await.unwrap();
    let mut ask = async |frame: Value| {
        socket.send(&frame).await;
        loop {
            match within("an answer", socket.next()).await {
                Some(Message::Json(answer)) if answer["type"] == "ack" => break,
                Some(Message::Json(answer)) if answer["type"] == "open" => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let first = event(&mut watcher).await;
    assert_eq!(first["topic"], "a");
    ask(json!({ "type": "subscribe", "topics": ["a", "b", "{c}"], "ref": "1" })).await;
    for topic in ["b", "{c}"] {
        let event = event(&mut watcher).await;
        assert_eq!(
            (&event["topic"], &event["active"]),
            (&topic.into(), &true.into())
        );
        assert_eq!(event["subscriber"], first["subscriber"]);
    }
    let claims = json!({ "exp": now() + 600, "mercure": { "payload": "new" } });
    ask(json!({ "type": "token", "token": authority.sign(&claims), "ref": "2" })).await;
    for _ in 0..3 {
        let event = event(&mut watcher).await;
        assert_eq!(
            (&event["payload"], &event["active"]),
            (&"new".into(), &true.into())
        );
    }
    let path = format!("{LIST}/b");
    assert_eq!(
        document(&hub, &token, &path).await["subscriptions"][0]["payload"],
        "new"
    );
    ask(json!({ "type": "unsubscribe", "topics": ["b", "never"], "ref": "3" })).await;
    let end = event(&mut watcher).await;
    assert_eq!(
        (&end["topic"], &end["active"]),
        (&"b".into(), &false.into())
    );
    assert_eq!(
        document(&hub, &token, &path).await["subscriptions"],
        json!([])
    );
    drop(socket);
    ended(&mut watcher, &first["id"]).await;
}

#[tokio::test]
async fn it_must_be_asked_for() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let token = authority.token(&["*"], &["*"], 600);
    assert_eq!(get(&hub, &token, LIST).await.status, 404);
    let mut watcher = subscribe(CARRIERS[0], &hub, &token, &[("topic", "*")]).await;
    drop(subscribe(CARRIERS[1], &hub, &token, &[("topic", "foo")]).await);
    publish(&hub, &token, &[("topic", "foo"), ("data", "end")]).await;
    assert_eq!(watcher.data().await, "end");
    // Without keys nobody could be allowed to see it.
    let (status, _, stderr) = crate::support::run(&["--memory", "--subscriptions"]).await;
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("--key"), "{stderr}");
    // HEAD subscribes to nothing.
    let hub = authority.hub(&["--subscriptions"]).await;
    let mut watcher = subscribe(CARRIERS[0], &hub, &token, &[("topic", EVENTS)]).await;
    event(&mut watcher).await;
    let bearer = format!("Bearer {token}");
    let target = target(&[("topic", "foo")]);
    let head = Request::new("HEAD", &target).header("Authorization", &bearer);
    assert_eq!(hub.status(head).await, 200);
    let _next = subscribe(CARRIERS[1], &hub, &token, &[("topic", "bar")]).await;
    assert_eq!(event(&mut watcher).await["topic"], "bar");
}
