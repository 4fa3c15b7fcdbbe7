//! Section 3: Topic Selectors.

use crate::support::{CARRIERS, Hub, Request, Seen, Subscriber, target};

/// Which of `topics` a subscriber with this selector gets, of events that are published to each.
async fn matched(hub: &Hub, selector: &str, topics: &[&str]) -> Vec<String> {
    let mut both = Vec::new();
    for carrier in CARRIERS {
        let parameters = [("topic", selector), ("topic", "urn:end")];
        let mut subscriber = Subscriber::open(carrier, hub, &parameters).await;
        assert!(matches!(subscriber.next().await, Seen::Position(_)));
        for topic in topics {
            hub.publish_data(topic, topic).await;
        }
        hub.publish_data("urn:end", "end").await;
        let mut seen = Vec::new();
        loop {
            match subscriber.data().await {
                data if data == "end" => break,
                data => seen.push(data),
            }
        }
        both.push(seen);
    }
    assert_eq!(both[0], both[1], "over both carriers");
    both.swap_remove(0)
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-3
//= type=test
//# To determine if a string matches a selector, the following steps must be followed:
//# 1. If the topic selector is * then the string matches the selector.
//# 2. If the topic selector and the string are exactly the same, the string matches the selector.
//# This characteristic allows to compare a URI Template with another one.
//# 3. If the topic selector is a valid URI Template, and that the string matches this URI Template,
//# the string matches the selector.
//# 4. Otherwise the string does not match the selector.
#[tokio::test]
async fn the_four_steps() {
    let hub = Hub::start(&[]).await;
    let topics = [
        "https://example.com/books/1",
        "https://example.com/books/1/reviews",
        "https://example.com/books/{id}",
        "https://example.com/books/",
        "HTTPS://example.com/books/1",
        "a string",
    ];
    let all = topics.map(str::to_owned);
    assert_eq!(matched(&hub, "*", &topics).await, all);
    for (selector, expected) in [
        ("a string", &["a string"][..]),
        ("https://example.com/books/1", &[topics[0]]),
        // The template that is its own text, too.
        (
            "https://example.com/books/{id}",
            &[topics[0], topics[2], topics[3]],
        ),
        // An expansion has no braces: they are escaped.
        (
            "https://example.com/books/{+path}",
            &[topics[0], topics[1], topics[3]],
        ),
        ("https://example.com{/path*}", &[]),
        ("A string", &[]),
    ] {
        if selector.contains("*}") {
            // Of level 4: said, not guessed.
            let target = target(&[("topic", selector)]);
            assert_eq!(hub.status(Request::new("GET", &target)).await, 400);
            continue;
        }
        assert_eq!(
            matched(&hub, selector, &topics).await,
            expected,
            "{selector}"
        );
    }
}
