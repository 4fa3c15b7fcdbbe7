//! Section 7: Reconnection, State Reconciliation and Event Sourcing.

use crate::support::{
    Authority, CARRIERS, Connection, Directory, EventStream, Hub, Item, Request, Response, Seen,
    Subscriber, publish, subscribe, target,
};

/// The head of the answer to a subscription that begins after `id`.
async fn head(hub: &Hub, id: &str) -> Response {
    let target = target(&[("topic", "foo"), ("lastEventID", id)]);
    let mut connection: Connection = hub.connect().await;
    connection.send(&Request::new("GET", &target)).await;
    let response = connection.head().await;
    assert_eq!(response.status, 200, "{id}");
    response
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-7
//= type=test
//# To allow re-establishment in case of connection lost, events dispatched by the hub MUST include an
//# id property.
//# If the Last-Event-ID HTTP header or the lastEventID query parameter exists, the hub SHOULD send all
//# events published following the one bearing this identifier to the subscriber.
#[tokio::test]
async fn every_event_can_be_resumed_from() {
    let directory = Directory::new();
    for hub in [
        Hub::start(&[]).await,
        Hub::on_disk(&directory, &["--recent-bytes", "1"]).await,
    ] {
        let mut ids = Vec::new();
        for n in 0..6 {
            let data = n.to_string();
            let own = format!("urn:x:{n}");
            let mut fields = vec![("topic", "foo"), ("data", &*data)];
            if n % 2 == 1 {
                fields.push(("id", &own));
            }
            ids.push(hub.publish(&fields).await.text().to_owned());
        }
        assert_eq!(ids[1], "urn:x:1");
        for carrier in CARRIERS {
            for (n, id) in ids.iter().enumerate() {
                let mut subscriber = Subscriber::after(carrier, &hub, "foo", id).await;
                for (later, id) in ids.iter().enumerate().skip(n + 1) {
                    let seen = subscriber.next().await;
                    assert_eq!(seen, Seen::event(id, &later.to_string()));
                }
            }
        }
        hub.stop().await;
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-7
//= type=test
//# To work around this problem, the hub MUST also allow to pass the last event ID in a query parameter
//# named lastEventID.
//# If both the Last-Event-ID HTTP header and the lastEventID query parameter are present, the HTTP
//# header MUST take precedence.
#[tokio::test]
async fn the_header_takes_precedence() {
    let hub = Hub::start(&[]).await;
    let ids = hub.publish_numbers("foo", 0..=3).await;
    let target = target(&[("topic", "foo"), ("lastEventID", &ids[0])]);
    for (header, first) in [(None, "1"), (Some(&*ids[2]), "3"), (Some("earliest"), "0")] {
        let mut request = Request::new("GET", &target);
        if let Some(header) = header {
            request = request.header("Last-Event-ID", header);
        }
        let mut stream = EventStream::open(hub.connect().await, request).await;
        let event = loop {
            match stream.next().await {
                Some(Item::Event(event)) if event.name == "message" => break event,
                Some(_) => {}
                None => panic!("the stream ended"),
            }
        };
        assert_eq!(event.data, first, "{header:?}");
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-7
//= type=test
//# The reserved value earliest can be used to hint the hub to send all updates it has for the
//# subscribed topics.
#[tokio::test]
async fn earliest_is_all_there_is() {
    let hub = Hub::start(&["--keep-events", "5"]).await;
    let ids = hub.publish_numbers("foo", 1..=9).await;
    for carrier in CARRIERS {
        let mut subscriber = Subscriber::after(carrier, &hub, "foo", "earliest").await;
        for n in 5..=9 {
            assert_eq!(
                subscriber.next().await,
                Seen::event(&ids[n - 1], &n.to_string())
            );
        }
    }
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-7
//= type=test
//# When the request contains a Last-Event-ID HTTP header or a lastEventID query parameter the hub MUST
//# set a Last-Event-ID header on the HTTP response. The value of the Last-Event-ID response header MUST
//# be the ID of the event preceding the first one sent to the subscriber, or the reserved value
//# earliest if there is no preceding event (it happens when the hub history is empty, when the
//# subscriber requests the earliest event or when the subscriber requests an event that doesn't
//# exist).
//# To detect if a data lost ocurred, the subscriber CAN compare the value of the Last-Event-ID
//# response HTTP header with the last event ID it requested.
#[tokio::test]
async fn the_answer_names_the_event_before_the_first() {
    let hub = Hub::start(&["--keep-events", "4"]).await;
    for id in ["earliest", "urn:x:never"] {
        assert_eq!(
            head(&hub, id).await.header("last-event-id"),
            Some("earliest")
        );
    }
    let old = hub.publish_data("foo", "0").await;
    let own = [("topic", "foo"), ("id", "urn:x:own")];
    hub.publish_numbers("foo", 1..=4).await;
    hub.publish(&own).await;
    let last = hub.publish_data("foo", "6").await;
    for (asked, told) in [
        // The same words: nothing was lost.
        (&*last, &*last),
        ("urn:x:own", "urn:x:own"),
        // Evicted, never there, of another log, nonsense.
        (&old, "earliest"),
        ("urn:x:never", "earliest"),
        ("#000000000000000000000000-1", "earliest"),
        ("#", "earliest"),
        ("earliest", "earliest"),
    ] {
        assert_eq!(
            head(&hub, asked).await.header("last-event-id"),
            Some(told),
            "{asked}"
        );
        // Ours, beside it: where that is, whatever it is called.
        let position = head(&hub, asked).await;
        let position = position.header("longwire-position").unwrap().to_owned();
        assert!(position.starts_with('#'), "{position}");
    }
    // Without its number sign, as it may stand in a URL, it is the same position.
    let bare = head(&hub, last.trim_start_matches('#')).await;
    assert_eq!(bare.header("last-event-id"), Some(&*last));
    // Whoever does not ask is told, too.
    let target = target(&[("topic", "foo")]);
    let mut connection = hub.connect().await;
    connection.send(&Request::new("GET", &target)).await;
    assert_eq!(
        connection.head().await.header("last-event-id"),
        Some(&*last)
    );
}

/// Where something may be missing, that is said, and whatever is kept follows.
//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-7
//= type=test
//# The hub MAY discard some events for operational reasons.
#[tokio::test]
async fn an_id_that_is_not_known_is_a_gap_and_no_error() {
    let hub = Hub::start(&[]).await;
    let ids = hub.publish_numbers("foo", 1..=2).await;
    for carrier in CARRIERS {
        let mut subscriber = Subscriber::after(carrier, &hub, "foo", "urn:x:never").await;
        let Seen::Gap(gap) = subscriber.next().await else {
            panic!("no gap")
        };
        assert_eq!(
            (&gap["reason"], &gap["requested"]),
            (&"unknown".into(), &"urn:x:never".into())
        );
        for (n, id) in (1..).zip(&ids) {
            assert_eq!(subscriber.next().await, Seen::event(id, &n.to_string()));
        }
    }
}

/// Rights are those of now, not of when it was published.
#[tokio::test]
async fn private_updates_are_replayed_to_those_who_may_see_them() {
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let publisher = authority.token(&["*"], &[], 600);
    for (data, private) in [("a", true), ("b", false), ("c", true), ("d", false)] {
        let mut fields = vec![("topic", "foo"), ("data", data)];
        fields.extend(private.then_some(("private", "on")));
        publish(&hub, &publisher, &fields).await;
    }
    for (grants, expected) in [
        (&["foo"][..], &["a", "b", "c", "d"][..]),
        (&["bar"], &["b", "d"]),
    ] {
        let token = authority.token(&[], grants, 600);
        for carrier in CARRIERS {
            let parameters = [("topic", "foo"), ("lastEventID", "earliest")];
            let mut subscriber = subscribe(carrier, &hub, &token, &parameters).await;
            for data in expected {
                assert_eq!(subscriber.data().await, *data);
            }
        }
    }
}
