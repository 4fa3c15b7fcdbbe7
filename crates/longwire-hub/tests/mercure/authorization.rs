//! Section 6: Authorization.

use serde_json::json;

use crate::support::{
    Authority, CARRIERS, ENDPOINT, Hub, Request, Seen, Subscriber, form, now, publish, subscribe,
    target, within,
};

const ORIGIN: &str = "https://app.example";

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6
//= type=test
//# To ensure that they are authorized, both publishers and subscribers must present a valid JWS
//# [RFC7515] in compact serialization to the hub.
//# If an Authorization HTTP header is presented by the client, the JWS it contains MUST be used. The
//# content of the authorization query parameter and of the cookie MUST be ignored.
//# If an authorization query parameter is set by the client and no Authorization HTTP header is
//# presented, the content of the query parameter MUST be used, the content of the cookie must be
//# ignored.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6.1
//= type=test
//# This Authorization header MUST contain the string Bearer followed by a space character and by the
//# JWS.
#[tokio::test]
async fn which_of_three_tokens_counts() {
    let authority = Authority::new();
    let hub = authority.hub(&["--query-tokens", "--origin", ORIGIN]).await;
    let tokens = ["header", "query", "cookie"].map(|topic| authority.token(&[topic], &[], 600));
    let [header, query, cookie] = &tokens;
    let bearer = format!("Bearer {header}");
    let cookie = format!("mercureAuthorization={cookie}");
    let in_query = format!("{ENDPOINT}?authorization={query}");
    for present in 1..8 {
        let [has_header, has_query, has_cookie] = [1, 2, 4].map(|bit| present & bit != 0);
        let counts = match (has_header, has_query) {
            (true, _) => "header",
            (_, true) => "query",
            _ => "cookie",
        };
        for topic in ["header", "query", "cookie"] {
            let body = form(&[("topic", topic)]);
            let mut request = Request::publish(&body).header("Origin", ORIGIN);
            if has_query {
                request = request.to(&in_query);
            }
            if has_header {
                request = request.header("Authorization", &bearer);
            }
            if has_cookie {
                request = request.header("Cookie", &cookie);
            }
            let status = if topic == counts { 200 } else { 403 };
            assert_eq!(hub.status(request).await, status, "{present} {topic}");
        }
    }
    // One that is not valid is not passed over for another.
    let body = form(&[("topic", "cookie")]);
    for bad in ["Bearer nonsense", "Basic YTpi", "Bearer "] {
        let request = Request::publish(&body)
            .header("Origin", ORIGIN)
            .header("Authorization", bad)
            .header("Cookie", &cookie);
        assert_eq!(hub.status(request).await, 401, "{bad}");
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6
//= type=test
//# If the client tries to execute an operation it is not allowed to, a 403 HTTP status code SHOULD be
//# returned.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-5
//= type=test
//# The publisher MUST be authorized to publish updates.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6.4
//= type=test
//# Publishers MUST be authorized to dispatch updates to the hub, and MUST prove that they are
//# authorized to send updates for the specified topics.
//# To be allowed to publish an update, the JWS presented by the publisher MUST contain a claim called
//# mercure, and this claim MUST contain a publish key.
//# If mercure.publish is not defined, or contains an empty array, then the publisher MUST NOT be
//# authorized to dispatch any update. Otherwise, the hub MUST check that every topics of the update to
//# dispatch matches at least one of the topic selectors contained in mercure.publish.
//# If the publisher is not authorized for all the topics of an update, the hub MUST NOT dispatch the
//# update (even if some topics in the list are allowed) and MUST return a 403 HTTP status code.
#[tokio::test]
async fn what_a_publisher_may() {
    let authority = Authority::new();
    let hub = authority.hub(&["--anonymous"]).await;
    let mut subscriber = Subscriber::live(CARRIERS[0], &hub, "*").await;
    let exp = now() + 600;
    for (claims, status) in [
        (json!({ "exp": exp }), 401),
        (json!({ "exp": exp, "mercure": {} }), 403),
        (json!({ "exp": exp, "mercure": { "publish": [] } }), 403),
        (
            json!({ "exp": exp, "mercure": { "subscribe": ["*"] } }),
            403,
        ),
        (
            json!({ "exp": exp, "mercure": { "publish": ["/books/{id}"] } }),
            200,
        ),
        (
            json!({ "exp": exp, "mercure": { "publish": ["nothing", "/books/1"] } }),
            200,
        ),
        (json!({ "exp": exp, "mercure": { "publish": ["*"] } }), 200),
    ] {
        let token = authority.sign(&claims);
        let answer = publish(&hub, &token, &[("topic", "/books/1"), ("data", "one")]).await;
        assert_eq!(answer.status, status, "{claims}");
        if status == 200 {
            assert_eq!(subscriber.data().await, "one");
        }
    }
    let some = authority.token(&["/books/{id}", "/all"], &[], 600);
    for (topics, status) in [
        (["/books/1", "/all"], 200),
        (["/books/1", "/authors/1"], 403),
        (["/authors/1", "/books/1"], 403),
    ] {
        let data = topics.join(" ");
        let fields = [("topic", topics[0]), ("topic", topics[1]), ("data", &*data)];
        let answer = publish(&hub, &some, &fields).await;
        assert_eq!(answer.status, status, "{data}");
        if status == 200 {
            assert_eq!(subscriber.data().await, data);
        }
    }
    // Nothing of what was refused came.
    publish(&hub, &some, &[("topic", "/all"), ("data", "end")]).await;
    assert_eq!(subscriber.data().await, "end");
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6.2
//= type=test
//# However, cookies are supported and can be included even in cross-domain requests if the CORS
//# credentials are set. It is RECOMMENDED to name the cookie mercureAuthorization
#[tokio::test]
async fn a_subscriber_may_have_a_cookie() {
    let authority = Authority::new();
    let hub = authority.hub(&["--origin", ORIGIN]).await;
    let cookie = format!(
        "a=b; mercureAuthorization={}",
        authority.token(&[], &["*"], 600)
    );
    let target = target(&[("topic", "foo")]);
    let request = Request::new("GET", &target)
        .header("Cookie", &cookie)
        .header("Origin", ORIGIN);
    let mut connection = hub.connect().await;
    connection.send(&request).await;
    let response = connection.head().await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(response.header("access-control-allow-origin"), Some(ORIGIN));
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-12
//= type=test
//# The publish endpoint of the hub may be targeted by Cross-Site Request Forgery (CSRF) attacks when
//# the cookie-based authorization mechanism is used. Therefore, implementations supporting this
//# mechanism MUST mitigate such attacks.
//# Additionally, hub implementations SHOULD use the Origin and Referer HTTP headers set by web
//# browsers to verify that the source origin matches the target origin. If none of these headers are
//# available, the hub SHOULD discard the request.
#[tokio::test]
async fn a_cookie_alone_publishes_nothing() {
    let authority = Authority::new();
    let hub = authority.hub(&["--origin", ORIGIN]).await;
    let cookie = format!("mercureAuthorization={}", authority.token(&["*"], &[], 600));
    let body = form(&[("topic", "foo")]);
    let own = hub.url("http", "");
    for (origin, status) in [
        (None, 403),
        (Some("null"), 403),
        (Some("https://evil.example"), 403),
        (Some("https://app.example.evil.example"), 403),
        (Some(ORIGIN), 200),
        (Some(&*own), 200),
    ] {
        let mut request = Request::publish(&body).header("Cookie", &cookie);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        assert_eq!(hub.status(request).await, status, "{origin:?}");
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6.3
//= type=test
//# Server success (2XX status) responses to these requests SHOULD contain a Cache-Control header with
//# the private option. Hubs MAY support this method.
#[tokio::test]
async fn a_token_in_the_query_where_that_is_wished() {
    let authority = Authority::new();
    let token = authority.token(&["*"], &["*"], 600);
    let subscription = format!("{}&authorization={token}", target(&[("topic", "foo")]));
    let hub = authority.hub(&[]).await;
    assert_eq!(hub.status(Request::new("GET", &subscription)).await, 401);

    let hub = authority.hub(&["--query-tokens"]).await;
    let publication = format!("{ENDPOINT}?authorization={token}");
    for request in [
        Request::new("GET", &subscription),
        Request::new("HEAD", &subscription),
        Request::publish("topic=foo").to(&publication),
    ] {
        let mut connection = hub.connect().await;
        connection.send(&request).await;
        let response = connection.head().await;
        assert_eq!(response.status, 200);
        let fields = response
            .headers
            .iter()
            .filter(|(name, _)| name == "cache-control");
        let is_private = |value: &str| value.split(", ").any(|directive| directive == "private");
        assert!(
            fields.clone().any(|(_, value)| is_private(value)),
            "{request:?}"
        );
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6.5
//= type=test
//# To receive updates marked as private, a subscriber MUST prove that it is authorized for at least
//# one of the topics of this update. If the subscriber is not authorized to receive an update marked
//# as private, it MUST NOT receive it.
//# To receive updates marked as private, the JWS presented by the subscriber MUST have a claim named
//# mercure with a key named subscribe that contains an array of topic selectors.
//# The hub MUST check that at least one topic of the update to dispatch (canonical or alternate)
//# matches at least one topic selector provided in mercure.subscribe.
#[tokio::test]
async fn an_alternate_topic_can_be_what_grants_a_private_update() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let publisher = authority.token(&["*"], &[], 600);
    let foo = authority.token(&[], &["https://example.com/users/foo/{?topic}"], 600);
    let none = authority.token(&[], &[], 600);
    let books = [("topic", "https://example.com/books/{id}")];
    for carrier in CARRIERS {
        let mut of_foo = subscribe(carrier, &hub, &foo, &books).await;
        let mut of_none = subscribe(carrier, &hub, &none, &books).await;
        let for_foo = "https://example.com/users/foo/?topic=https%3A%2F%2Fexample.com%2Fbooks%2F1";
        let first = [
            ("topic", "https://example.com/books/1"),
            ("topic", for_foo),
            ("private", "on"),
            ("data", "for foo"),
        ];
        let second = [
            ("topic", "https://example.com/books/2"),
            ("topic", "https://example.com/users/bar/?topic=2"),
            ("private", "on"),
            ("data", "for bar"),
        ];
        let last = [
            ("topic", "https://example.com/books/3"),
            ("data", "for all"),
        ];
        for fields in [&first[..], &second, &last] {
            assert_eq!(publish(&hub, &publisher, fields).await.status, 200);
        }
        assert_eq!(of_foo.data().await, "for foo");
        assert_eq!(of_foo.data().await, "for all");
        assert_eq!(of_none.data().await, "for all");
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6.5
//= type=test
//# If the presented JWS contains an expiration time in the standard exp claim defined in [RFC7519],
//# the connection MUST be closed by the hub at that time.
#[tokio::test]
async fn a_connection_ends_at_the_time_of_its_token() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let token = authority.token(&[], &["*"], 6);
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push(subscribe(carrier, &hub, &token, &[("topic", "foo")]).await);
    }
    for subscriber in &mut subscribers {
        while let Some(seen) = within("the end", subscriber.try_next()).await {
            // The last word of an event stream.
            assert_eq!(seen, Seen::Expired);
        }
    }
    // And not with this one again.
    let bearer = format!("Bearer {token}");
    let target = target(&[("topic", "foo")]);
    let request = Request::new("GET", &target).header("Authorization", &bearer);
    assert_eq!(hub.status(request).await, 401);
}

/// A token that says nothing of its end is not short-lived: it is taken only where that is wished.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-6
//= type=test
//# This JWS SHOULD be short-lived, especially if the subscriber is a web browser.
#[tokio::test]
async fn a_token_without_an_end() {
    let authority = Authority::new();
    let token = authority.sign(&json!({ "mercure": { "publish": ["*"] } }));
    for (options, status) in [(&[][..], 401), (&["--endless-tokens"], 200)] {
        let hub: Hub = authority.hub(options).await;
        let answer = publish(&hub, &token, &[("topic", "foo")]).await;
        assert_eq!(answer.status, status);
    }
}
