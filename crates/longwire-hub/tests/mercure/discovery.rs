//! Section 2: Discovery.

use crate::support::{Authority, CARRIERS, ENDPOINT, Hub, Request, Seen, Subscriber};

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-2
//= type=test
//# The URL of the hub MUST be the "well-known" [RFC5785] fixed path /.well-known/mercure.
#[tokio::test]
async fn the_hub_is_at_the_well_known_path() {
    assert_eq!(ENDPOINT, "/.well-known/mercure");
    let hub = Hub::start(&[]).await;
    let mut subscriber = Subscriber::live(CARRIERS[0], &hub, "https://example.com/foo").await;
    let id = hub.publish_data("https://example.com/foo", "x").await;
    assert_eq!(subscriber.next().await, Seen::event(&id, "x"));
}

//= https://www.ietf.org/archive/id/draft-dunglas-mercure-07.html#section-2
//= type=test
//# The publisher SHOULD include at least one Link Header [RFC5988] with rel=mercure (a hub link
//# header). The target URL of these links MUST be a hub implementing the Mercure protocol.
#[tokio::test]
async fn what_the_hub_itself_shows_links_to_it() {
    let authority = Authority::new();
    let hub = authority.hub(&["--subscriptions"]).await;
    let token = authority.token(&[], &["*"], 600);
    let page = hub.request(Request::new("GET", "/")).await;
    let list = crate::get(&hub, &token, "/.well-known/mercure/subscriptions").await;
    for response in [page, list] {
        let link = response.header("link").unwrap();
        let (target, parameters) = link.split_once(';').unwrap();
        assert_eq!(parameters.trim(), "rel=\"mercure\"");
        let target = target.trim_matches(['<', '>']);
        // It answers as a hub: there is no topic.
        let answer = crate::get(&hub, &token, target).await;
        assert_eq!((answer.status, answer.text()), (400, "there is no topic\n"));
    }
}
