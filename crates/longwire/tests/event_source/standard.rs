//! The processing model of the HTML Standard §9.2.2 and §9.2.3, over HTTP/1.1.

use longwire::sse::{EventSource, EventSourceError, ReadyState, Update};
use sse_parse::Verdict;
use tokio::join;

use crate::client::{data, eager, end, failure, get};
use crate::site::{Site, stream};
use crate::support::within;

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# User agents may set (`Accept`, `text/event-stream`) in request's header list.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# Set request's cache mode to "no-store".
#[tokio::test]
async fn the_request() {
    let site = Site::start().await;
    let mut source = get(&site.url("/events?topic=a%20b"), eager());
    let (exchange, seen) = join!(site.answer(stream("data: 1\n\n")), data(&mut source));
    assert_eq!(
        (exchange.method.as_str(), exchange.target.as_str()),
        ("GET", "/events?topic=a%20b")
    );
    assert_eq!(exchange.header("accept").unwrap(), "text/event-stream");
    assert_eq!(exchange.header("cache-control").unwrap(), "no-store");
    assert_eq!(exchange.header("host").unwrap(), site.address().to_string());
    // Nothing else: no id before there is one, no coding, no body.
    let mut names = exchange.names();
    names.sort_unstable();
    assert_eq!(names, ["accept", "cache-control", "host"]);
    assert_eq!(seen, "1");
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# When the object is created, its readyState must be set to CONNECTING (0).
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//= type=test
//# When a user agent is to announce the connection, the user agent must queue a task which, if the
//# readyState attribute is set to a value other than CLOSED, sets the readyState attribute to OPEN
//# and fires an event named open at the EventSource object.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//= type=test
//# Set the readyState attribute to CONNECTING.
#[tokio::test]
async fn the_states() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    let (_, update) = join!(site.answer(stream("")), source.next_update());
    assert!(matches!(update, Some(Ok(Update::Opened(head))) if head.status == 200));
    assert_eq!(source.ready_state(), ReadyState::Open);
    let update = within("the end", source.next_update()).await;
    let Some(Ok(Update::Lost { error, .. })) = update else {
        panic!("{update:?}");
    };
    assert!(matches!(error, EventSourceError::Ended));
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    let (_, ()) = join!(
        site.answer("HTTP/1.1 204 No Content\r\n\r\n"),
        end(&mut source)
    );
    assert_eq!(source.ready_state(), ReadyState::Closed);
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# Otherwise, if res's status is not 200, or if res's `Content-Type` is not
//# `text/event-stream`, then fail the connection.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//= type=test
//# When a user agent is to fail the connection, the user agent must queue a task which, if the
//# readyState attribute is set to a value other than CLOSED, sets the readyState attribute to
//# CLOSED and fires an event named error at the EventSource object.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//= type=test
//# Once the user agent has failed the connection, it does not attempt to reconnect.
#[tokio::test]
async fn every_class_of_status_but_200_ends_it() {
    for status in [
        201, 202, 203, 205, 206, 210, 299, 300, 304, 305, 306, 400, 401, 403, 404, 408, 410, 425,
        429, 500, 502, 503, 504, 599,
    ] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let answer = format!(
            "HTTP/1.1 {status} Some\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\
             X-Why: because\r\n\r\n"
        );
        let (_, error) = join!(site.answer(answer), failure(&mut source));
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (refusal.status.as_u16(), refusal.verdict),
            (status, Verdict::WrongStatus)
        );
        assert_eq!(refusal.headers["x-why"], "because");
        assert!(site.is_quiet(), "{status}: no reconnect");
    }
}

#[tokio::test]
async fn another_type_ends_it_and_its_body_is_shown() {
    for (kind, fails) in [
        ("Content-Type: text/html", true),
        ("X-None: 1", true),
        ("Content-Type: text/event-stream-not", true),
        (
            "Content-Type: text/event-stream;charset=windows-1251",
            false,
        ),
        ("Content-Type: Text/Event-Stream ; x=\"y\"", false),
    ] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let answer = format!("HTTP/1.1 200 OK\r\n{kind}\r\n\r\ndata: sorry\n\n");
        if fails {
            let (_, error) = join!(site.answer(answer), failure(&mut source));
            let refusal = error.refusal().unwrap();
            assert_eq!(refusal.verdict, Verdict::WrongType, "{kind}");
            assert_eq!(&refusal.body[..], b"data: sorry\n\n");
        } else {
            let (_, data) = join!(site.answer(answer), data(&mut source));
            assert_eq!(data, "sorry", "{kind}");
        }
    }
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# if res is a network error, then reestablish the connection
#[tokio::test]
async fn what_is_no_response_is_tried_again() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let answer = stream("data: 1\n\n");
    let server = async {
        // Accepted and closed, answered with something else, answered with half a head.
        drop(site.connection().await);
        site.answers([
            "not http\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Ty",
            &*answer,
        ])
        .await
    };
    let (_, seen) = join!(server, data(&mut source));
    assert_eq!(seen, "1");
    // Nobody listens any more.
    let url = site.url("/");
    drop(site);
    let mut source = get(&url, eager());
    let lost = within("a refused connection", source.next_update()).await;
    assert!(
        matches!(
            lost,
            Some(Ok(Update::Lost {
                error: EventSourceError::Request(_),
                ..
            }))
        ),
        "{lost:?}"
    );
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//= type=test
//# Let lastEventIDValue be the EventSource object's last event ID string, encoded as UTF-8.
#[tokio::test]
async fn the_last_event_id_is_raw_utf_8_and_absent_when_empty() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let server = site.answers([
        stream("id: …é😀\ndata: 1\n\ndata: 2\n\nid: cut off\ndata: 3\n"),
        stream("id\ndata: 4\n\n"),
        stream("data: 5\n\n"),
    ]);
    let client = async {
        for expected in ["1", "2", "4", "5"] {
            assert_eq!(data(&mut source).await, expected);
        }
    };
    let (exchanges, ()) = join!(server, client);
    let ids: Vec<_> = exchanges.iter().map(|e| e.raw("last-event-id")).collect();
    assert_eq!(ids, [None, Some("…é😀".as_bytes()), None]);
}

/// hazards S7: the stream is cut at every byte, and resumes after the last whole event.
#[tokio::test]
async fn cut_at_every_byte_it_resumes_after_the_last_whole_event() {
    const EVENTS: &str = "id: a\ndata: 1\n\nid: b\ndata: 2\n\nid: c\ndata: 3\n\n";
    let ends = [15, 30, 45];
    for cut in 0..=EVENTS.len() {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        let first = stream(&EVENTS[..cut]);
        let server = site.answers([first, stream("data: last\n\n")]);
        let client = async {
            for n in 1..=whole {
                assert_eq!(data(&mut source).await, n.to_string());
            }
            assert_eq!(data(&mut source).await, "last", "{cut}");
        };
        let (exchanges, ()) = join!(server, client);
        let expected = [None, Some("a"), Some("b"), Some("c")][whole];
        assert_eq!(
            exchanges[1].header("last-event-id").as_deref(),
            expected,
            "{cut}"
        );
    }
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-close
//= type=test
//# The close() method must abort any instances of the fetch algorithm started for this
//# EventSource object, and must set the readyState attribute to CLOSED.
//= https://html.spec.whatwg.org/multipage/server-sent-events.html#garbage-collection
//= type=test
//# If a user agent is to forcibly close an EventSource object (this happens when a Document object
//# goes away permanently), the user agent must abort any instances of the fetch algorithm started
//# for this EventSource object, and must set the readyState attribute to CLOSED.
#[tokio::test]
async fn after_close_and_after_drop_the_connection_is_gone() {
    for dropped in [false, true] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let server = async {
            let mut exchange = site.request().await.open().await;
            exchange.send("data: 1\n\n").await;
            exchange
        };
        let (mut exchange, _) = join!(server, data(&mut source));
        if dropped {
            drop(source);
        } else {
            source.close();
            assert_eq!(source.ready_state(), ReadyState::Closed);
            end(&mut source).await;
        }
        exchange.until_closed().await;
        assert!(site.is_quiet());
        let tasks = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        assert_eq!(tasks, 0, "no task is left, nor ever was");
    }
}

#[tokio::test]
async fn closed_while_connecting_the_attempt_is_gone() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let mut exchange = tokio::select! {
        exchange = site.request() => exchange,
        _ = source.next() => panic!("nothing was answered"),
    };
    source.close();
    exchange.until_closed().await;
    end(&mut source).await;
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
//= type=test
//# If urlRecord is failure, then throw a "SyntaxError" DOMException.
#[test]
fn urls_that_are_none() {
    for url in [
        "",
        "/relative",
        "ftp://example.com/",
        "ws://example.com/",
        "http://",
        "http://a b/",
    ] {
        assert!(EventSource::new(url).is_err(), "{url}");
    }
}
