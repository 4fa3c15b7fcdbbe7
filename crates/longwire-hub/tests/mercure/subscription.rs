//! Section 4: Subscription.

use crate::support::{
    Authority, CARRIERS, EventStream, Hub, Item, Request, Seen, Subscriber, publish, subscribe,
    target,
};

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-4
//= type=test
//# The subscriber specifies the list of topics to get updates from by using one or several query
//# parameters named topic. The topic query parameters MUST contain topic selectors.
#[tokio::test]
async fn one_or_several_topics() {
    let hub = Hub::start(&[]).await;
    for carrier in CARRIERS {
        let parameters = [
            ("topic", "https://example.com/foo"),
            ("topic", "bar"),
            ("topic", "https://example.com/bar/{id}"),
        ];
        let mut subscriber = Subscriber::open(carrier, &hub, &parameters).await;
        assert!(matches!(subscriber.next().await, Seen::Position(_)));
        let topics = [
            "https://example.com/foo",
            "https://example.com/baz",
            "bar",
            "https://example.com/bar/1",
        ];
        for topic in topics {
            hub.publish_data(topic, topic).await;
        }
        for topic in [topics[0], topics[2], topics[3]] {
            assert_eq!(subscriber.data().await, topic);
        }
    }
    let none = hub
        .request(Request::new("GET", "/.well-known/mercure"))
        .await;
    assert_eq!(none.status, 400);
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-4
//= type=test
//# The protocol doesn't specify the maximum number of topic parameters that can be sent, but the hub
//# MAY apply an arbitrary limit.
#[tokio::test]
async fn at_most_128_topics() {
    let hub = Hub::start(&[]).await;
    let topics: Vec<_> = (0..129).map(|n| n.to_string()).collect();
    let parameters: Vec<_> = topics.iter().map(|topic| ("topic", &**topic)).collect();
    for (count, status) in [(128, 200), (129, 400)] {
        let target = target(&parameters[..count]);
        assert_eq!(hub.status(Request::new("GET", &target)).await, status);
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-4
//= type=test
//# If an update is marked as private, the hub MUST NOT dispatch it to subscribers not authorized to
//# receive it.
#[tokio::test]
async fn private_updates_are_not_for_everybody() {
    let authority = Authority::new();
    let hub = authority.hub(&["--anonymous"]).await;
    let publisher = authority.token(&["*"], &["*"], 600);
    let other = authority.token(&[], &["other"], 600);
    for carrier in CARRIERS {
        let mut anonymous = Subscriber::live(carrier, &hub, "foo").await;
        let mut stranger = subscribe(carrier, &hub, &other, &[("topic", "foo")]).await;
        let mut allowed = subscribe(carrier, &hub, &publisher, &[("topic", "foo")]).await;
        for (data, private) in [("secret", true), ("public", false)] {
            let mut fields = vec![("topic", "foo"), ("data", data)];
            fields.extend(private.then_some(("private", "")));
            assert_eq!(publish(&hub, &publisher, &fields).await.status, 200);
        }
        assert_eq!(anonymous.data().await, "public");
        assert_eq!(stranger.data().await, "public");
        assert_eq!(allowed.data().await, "secret");
        assert_eq!(allowed.data().await, "public");
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-4
//= type=test
//# The hub MUST send these updates as text/event-stream compliant events. The data property MUST
//# contain the new version of the topic. All other properties defined in the Server-Sent Events
//# specification MAY be used and MUST be supported by hubs.
#[tokio::test]
async fn updates_are_events_with_all_properties() {
    let hub = Hub::start(&[]).await;
    let target = target(&[("topic", "foo")]);
    let mut stream = EventStream::open(hub.connect().await, Request::new("GET", &target)).await;
    let content_type = stream.response.header("content-type").unwrap();
    assert_eq!(content_type, "text/event-stream");
    let fields = [
        ("topic", "foo"),
        ("data", "two\nlines, and an empty one\n"),
        ("id", "urn:uuid:e1ee88e2-532a-4d6f-ba70-f0f8bd584022"),
        ("type", "a type"),
        ("retry", "12345"),
    ];
    hub.publish(&fields).await;
    hub.publish(&[("topic", "foo")]).await;
    let mut items = Vec::new();
    while items.len() < 4 {
        items.push(stream.next().await.unwrap());
    }
    let [
        Item::Event(position),
        Item::Retry(retry),
        Item::Event(event),
        Item::Event(empty),
    ] = &items[..]
    else {
        panic!("{items:?}")
    };
    assert_eq!(position.name, "longwire-position");
    assert_eq!(retry.as_millis(), 12_345);
    assert_eq!((&*event.name, &*event.id), (fields[3].1, fields[2].1));
    assert_eq!(event.data, fields[1].1);
    assert_eq!((&*empty.name, &*empty.data), ("message", ""));
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-4
//= type=test
//# The hub MAY require subscribers and publishers to be authenticated, and MAY apply extra
//# authorization rules not defined in this specification.
#[tokio::test]
async fn whether_subscribers_must_say_who_they_are_is_the_operators_choice() {
    let authority = Authority::new();
    let target = target(&[("topic", "foo")]);
    for (options, status) in [(&[][..], 401), (&["--anonymous"], 200)] {
        let hub = authority.hub(options).await;
        assert_eq!(hub.status(Request::new("GET", &target)).await, status);
        let body = crate::support::form(&[("topic", "foo")]);
        assert_eq!(hub.status(Request::publish(&body)).await, 401);
    }
}
