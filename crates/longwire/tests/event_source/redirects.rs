//! Redirects: where they lead, and what does not come along (hazards H11).

use bytes::Bytes;
use http::Request;
use longwire::sse::{EventSource, EventSourceError, RedirectError};
use tokio::join;

use crate::client::{data, eager, failure, get};
use crate::site::{Site, stream};

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro
//= type=test
//# HTTP redirects
#[tokio::test]
async fn all_five_are_followed_and_a_reconnect_begins_at_the_first_url() {
    for status in [301, 302, 303, 307, 308] {
        let site = Site::start().await;
        let mut source = get(&site.url("/a/start?x=1"), eager());
        let server = site.answers([
            redirect(status, "../b/./next"),
            redirect(status, "?y=2"),
            stream("id: 1\ndata: 1\n\n"),
            stream("data: 2\n\n"),
        ]);
        let client = async {
            assert_eq!(data(&mut source).await, "1");
            assert_eq!(data(&mut source).await, "2");
        };
        let (exchanges, ()) = join!(server, client);
        let targets: Vec<_> = exchanges.iter().map(|e| &*e.target).collect();
        assert_eq!(
            targets,
            ["/a/start?x=1", "/b/next", "/b/next?y=2", "/a/start?x=1"],
            "{status}"
        );
    }
}

#[tokio::test]
async fn credentials_and_the_id_stay_within_the_origin() {
    let (site, other) = (Site::start().await, Site::start().await);
    let url = format!("http://user:pass@{}/", site.address());
    let request = |url: &str| {
        Request::get(url)
            .header("cookie", "session=1")
            .header("proxy-authorization", "Basic eDp5")
            .header("x-api-key", "secret")
            .header("user-agent", "reader/1")
            .header("accept-language", "en")
            .body(Bytes::new())
            .unwrap()
    };
    let config = eager().last_event_id("41");
    let mut source = EventSource::with_config(request(&url), config).unwrap();
    let away = format!("http://eve:x@{}/there", other.address());
    let server = async {
        let mut same = site
            .answers([redirect(302, "/same"), redirect(307, &away)])
            .await;
        same.push(other.answer(redirect(302, "/still")).await);
        same.push(other.answer(redirect(302, &site.url("/back"))).await);
        same.push(site.answer(stream("data: 1\n\n")).await);
        same
    };
    let (exchanges, seen) = join!(server, data(&mut source));
    assert_eq!(seen, "1");
    for exchange in &exchanges[..2] {
        assert_eq!(
            exchange.header("authorization").unwrap(),
            "Basic dXNlcjpwYXNz"
        );
        assert_eq!(exchange.header("cookie").unwrap(), "session=1");
        assert_eq!(exchange.header("last-event-id").unwrap(), "41");
        assert_eq!(exchange.header("x-api-key").unwrap(), "secret");
    }
    // Also not on the way back: the other origin may have chosen where that leads.
    for exchange in &exchanges[2..] {
        let mut names = exchange.names();
        names.sort_unstable();
        let harmless = [
            "accept",
            "accept-language",
            "cache-control",
            "host",
            "user-agent",
        ];
        assert_eq!(names, harmless, "{}", exchange.target);
    }
}

#[tokio::test]
async fn methods_and_bodies_as_fetch_has_them() {
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "ask"),
        (308, "POST", "ask"),
    ] {
        let site = Site::start().await;
        let request = Request::post(site.url("/")).header("content-type", "text/plain");
        let request = request.body(Bytes::from_static(b"ask")).unwrap();
        let mut source = EventSource::with_config(request, eager()).unwrap();
        let server = site.answers([redirect(status, "/next"), stream("data: 1\n\n")]);
        let (exchanges, _) = join!(server, data(&mut source));
        let next = &exchanges[1];
        assert_eq!(
            (next.method.as_str(), &next.body[..]),
            (method, body.as_bytes()),
            "{status}"
        );
        assert_eq!(
            next.header("content-type").is_some(),
            !body.is_empty(),
            "{status}"
        );
    }
}

//= https://fetch.spec.whatwg.org/#http-redirect-fetch
//= type=test
//# If request's redirect count is 20, then return a network error.
#[tokio::test]
async fn twenty_are_followed_and_one_more_is_not() {
    for followed in [20, 21] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let server = async {
            for _ in 0..followed {
                site.answer(redirect(302, "/again")).await;
            }
            if followed == 20 {
                site.answer(stream("data: 1\n\n")).await;
            }
        };
        let client = async {
            if followed == 20 {
                assert_eq!(data(&mut source).await, "1");
            } else {
                let error = failure(&mut source).await;
                assert!(matches!(
                    error,
                    EventSourceError::Redirect(RedirectError::TooMany)
                ));
            }
        };
        join!(server, client);
    }
}

#[tokio::test]
async fn what_leads_nowhere_ends_it() {
    for location in [
        "ftp://example.com/",
        "http://",
        "ws://127.0.0.1/",
        "http://a b/",
    ] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let (_, error) = join!(site.answer(redirect(302, location)), failure(&mut source));
        assert!(site.is_quiet(), "{location}: {error}");
    }
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let without = "HTTP/1.1 302 Where\r\nContent-Length: 0\r\n\r\n";
    let (_, error) = join!(site.answer(without), failure(&mut source));
    assert_eq!(error.refusal().unwrap().status, 302);
}
