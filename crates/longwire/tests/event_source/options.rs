//! What an event source does beyond a browser's, each by its option.

use core::cell::RefCell;
use core::time::Duration;

use bytes::Bytes;
use http::Request;
use longwire::sse::{EventSource, EventSourceConfig, EventSourceError, Refusal, Update};
use resume::BackoffConfig;
use tokio::join;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{data, eager, end, failure, get};
use crate::site::{Site, stream};
use crate::support::within;

fn post(url: &str, config: EventSourceConfig) -> EventSource {
    let request = Request::post(url)
        .header("content-type", "application/json")
        .header("authorization", "Bearer secret")
        .body(Bytes::from_static(b"{\"stream\":true}"))
        .unwrap();
    EventSource::with_config(request, config).unwrap()
}

#[tokio::test]
async fn a_post_is_made_once_whatever_becomes_of_it() {
    // Ended as it should, lost, refused, refused for now.
    for (answer, in_peace) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: 1\n\n",
            false,
        ),
        ("HTTP/1.1 503 Unavailable\r\nRetry-After: 0\r\n\r\n", false),
        ("", false),
    ] {
        let site = Site::start().await;
        let mut source = post(&site.url("/v1"), eager().retry_statuses());
        let client = async {
            if answer.contains("data") {
                assert_eq!(data(&mut source).await, "1");
            }
            if in_peace {
                end(&mut source).await;
            } else {
                failure(&mut source).await;
            }
        };
        let (exchange, ()) = join!(site.answer(answer), client);
        assert_eq!(
            (exchange.method.as_str(), &exchange.body[..]),
            ("POST", &b"{\"stream\":true}"[..])
        );
        assert_eq!(exchange.header("authorization").unwrap(), "Bearer secret");
        assert_eq!(exchange.header("accept").unwrap(), "text/event-stream");
        assert!(site.is_quiet(), "{answer}: not repeated");
    }
}

#[tokio::test]
async fn a_post_is_repeated_with_its_body_if_asked() {
    let site = Site::start().await;
    let mut source = post(&site.url("/"), eager().resend());
    let server = site.answers([stream("id: 1\ndata: 1\n\n"), stream("data: 2\n\n")]);
    let client = async {
        assert_eq!(data(&mut source).await, "1");
        assert_eq!(data(&mut source).await, "2");
    };
    let (exchanges, ()) = join!(server, client);
    for exchange in &exchanges {
        assert_eq!(&exchange.body[..], b"{\"stream\":true}");
    }
    assert_eq!(exchanges[1].header("last-event-id").unwrap(), "1");
}

#[tokio::test]
async fn a_normal_end_is_the_end_if_asked_and_a_cut_is_not() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager().stop_at_end());
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                   Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n";
    let server = site.answers([chunked.to_owned(), format!("{chunked}0\r\n\r\n")]);
    let client = async {
        assert_eq!(data(&mut source).await, "1");
        // The last chunk did not come: lost.
        assert_eq!(data(&mut source).await, "1");
        end(&mut source).await;
    };
    join!(server, client);
    assert!(site.is_quiet());
}

#[tokio::test]
async fn a_kept_id_is_sent_first_and_holds_until_there_is_another() {
    for preset in [true, false] {
        let site = Site::start().await;
        let mut source = if preset {
            get(&site.url("/"), eager().last_event_id("ü 41"))
        } else {
            let request = Request::get(site.url("/")).header("last-event-id", "ü 41".as_bytes());
            EventSource::with_config(request.body(Bytes::new()).unwrap(), eager()).unwrap()
        };
        let server = site.answers([
            stream("data: 1\n\n"),
            stream("id: 42\n\ndata: 2\n\n"),
            stream("data: 3\n\n"),
        ]);
        let client = async {
            for expected in ["1", "2", "3"] {
                assert_eq!(data(&mut source).await, expected);
            }
        };
        let (exchanges, ()) = join!(server, client);
        let ids: Vec<_> = exchanges
            .iter()
            .map(|e| e.header("last-event-id").unwrap())
            .collect();
        assert_eq!(ids, ["ü 41", "ü 41", "42"]);
    }
}

/// hazards S5: no id fails a client for ever.
#[tokio::test]
async fn an_id_that_cannot_be_sent_is_told_and_the_one_before_is_sent() {
    let long = "9".repeat(4096);
    for id in ["\u{c}", "a\u{7f}b", &long] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let first = stream(&format!("id: good\ndata: 1\n\nid: {id}\ndata: 2\n\n"));
        let server = site.answers([first, stream("id: next\ndata: 3\n\n")]);
        let client = async {
            assert_eq!(data(&mut source).await, "1");
            assert!(!source.last_event_id().is_behind());
            let event = source.next().await.unwrap().unwrap();
            assert_eq!((event.data, event.id), ("2", id), "the event is not lost");
            assert!(source.last_event_id().is_behind());
            assert_eq!(data(&mut source).await, "3");
            assert!(!source.last_event_id().is_behind());
        };
        let (exchanges, ()) = join!(server, client);
        assert_eq!(exchanges[1].header("last-event-id").unwrap(), "good");
    }
}

#[tokio::test]
async fn an_error_has_status_headers_and_the_first_64_kib_of_the_body() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let body = "x".repeat(100_000);
    let answer =
        format!("HTTP/1.1 429 Slow down\r\nX-Limit: 7\r\nContent-Length: 100000\r\n\r\n{body}");
    let (_, error) = join!(site.answer(answer), failure(&mut source));
    let refusal = error.refusal().unwrap();
    assert_eq!(
        (refusal.status.as_u16(), &refusal.headers["x-limit"]),
        (429, &"7".parse().unwrap())
    );
    assert_eq!(refusal.body.len(), Refusal::BODY_MAX);
    assert_eq!(
        error.to_string(),
        "the server answered 429 Too Many Requests"
    );
}

/// The delay that is told after an answer.
async fn delay(config: EventSourceConfig, answer: &str) -> Duration {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), config);
    let client = async {
        loop {
            match source.next_update().await.unwrap().unwrap() {
                Update::Lost { retry_in, .. } => return retry_in,
                _ => continue,
            }
        }
    };
    let (_, delay) = join!(site.answer(answer), client);
    delay
}

#[tokio::test]
async fn passing_statuses_are_tried_again_after_the_time_they_name() {
    let patient = || EventSourceConfig::new().retry_statuses().random(|| 0);
    for (fields, seconds) in [
        ("Retry-After: 7", 7),
        (
            "Date: Fri, 31 Dec 1999 23:59:50 GMT\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT",
            9,
        ),
        // At most five minutes.
        ("Retry-After: 999999999999999999999999", 300),
    ] {
        for status in [408, 429, 500, 503] {
            let answer = format!("HTTP/1.1 {status} Wait\r\n{fields}\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(
                delay(patient(), &answer).await.as_secs(),
                seconds,
                "{status} {fields}"
            );
        }
    }
    for fields in ["Retry-After: soon", "Retry-After: 0", "X: y"] {
        let answer = format!("HTTP/1.1 503 Wait\r\n{fields}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(delay(patient(), &answer).await.as_millis(), 100, "{fields}");
    }
}

//= https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
//= type=test
//# Wait a delay equal to the reconnection time of the event source.
/// hazards S6: no hot loop, no wait for ever.
#[tokio::test]
async fn the_reconnection_time_is_a_lower_bound_within_limits() {
    for (field, millis) in [
        ("retry: 2500", 2_500),
        ("retry: 0", 100),
        ("retry: -1", 100),
        ("retry: 1e9", 100),
        ("retry: 9999999999", 300_000),
        ("retry: 9999999999999999999999999999999999999999", 300_000),
        ("retry: 5\nretry:", 100),
    ] {
        let config = EventSourceConfig::new().random(|| 0);
        assert_eq!(
            delay(config, &stream(&format!("{field}\n\n")))
                .await
                .as_millis(),
            millis,
            "{field}"
        );
    }
    // The jitter lies on top: the most it can be is twice the time asked for.
    let config = EventSourceConfig::new().random(|| u64::MAX);
    let most = delay(config, &stream("retry: 2500\n\n")).await;
    assert!(
        most > Duration::from_millis(4_999) && most <= Duration::from_secs(5),
        "{most:?}"
    );
}

#[tokio::test]
async fn after_so_many_attempts_in_a_row_it_gives_up() {
    let site = Site::start().await;
    let backoff = BackoffConfig::new().floor(Duration::ZERO).attempts(2);
    let mut source = get(&site.url("/"), eager().backoff(backoff));
    // An event does not make a connection healthy that ends at once.
    let server = site.answers([
        stream("data: 1\n\n"),
        stream("data: 2\n\n"),
        stream("data: 3\n\n"),
    ]);
    let client = async {
        for expected in ["1", "2", "3"] {
            assert_eq!(data(&mut source).await, expected);
        }
        assert!(matches!(
            failure(&mut source).await,
            EventSourceError::Ended
        ));
    };
    join!(server, client);
    assert!(site.is_quiet());
}

/// Moves the paused clock only once everybody waits for it.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_45_seconds_and_found_within_47() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager());
    let mut exchange = tokio::select! {
        exchange = async { site.request().await.open().await } => exchange,
        _ = async { loop { source.next().await; } } => unreachable!(),
    };
    exchange.send("data: 1\n\n").await;
    assert_eq!(data(&mut source).await, "1");
    settle().await;
    tokio::time::pause();
    let begun = Instant::now();
    // A comment 40 seconds later, and nothing more. While it is under way, the runtime is never
    // idle: or else it would move the clock.
    let under_way = RefCell::new(JoinSet::new());
    let server = async {
        tokio::time::sleep(Duration::from_secs(40)).await;
        under_way.borrow_mut().spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        exchange.send(":\n\n").await;
    };
    let client = async {
        loop {
            match source.next_update().await.unwrap().unwrap() {
                Update::Lost { error, .. } => {
                    assert!(matches!(error, EventSourceError::Silent), "{error}");
                    return Instant::now() - begun;
                }
                Update::Comment(text) => {
                    assert_eq!(text, "");
                    under_way.borrow_mut().abort_all();
                }
                other => panic!("{other:?}"),
            }
        }
    };
    let ((), noticed) = join!(server, client);
    assert!((85..=87).contains(&noticed.as_secs()), "{noticed:?}");
}

#[tokio::test]
async fn without_a_watchdog_silence_is_no_reason() {
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager().idle_timeout(None));
    let mut exchange = tokio::select! {
        exchange = async { site.request().await.open().await } => exchange,
        _ = async { loop { source.next().await; } } => unreachable!(),
    };
    exchange.send("data: 1\n\n").await;
    assert_eq!(data(&mut source).await, "1");
    tokio::time::pause();
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(86_400)) => {}
        update = source.next_update() => panic!("{update:?}"),
    }
}

/// A head that drips in for ever, and a refused body that does not end.
#[tokio::test]
async fn slow_heads_and_slow_refusals_have_a_deadline() {
    let site = Site::start().await;
    let deadline = Duration::from_millis(300);
    let mut source = get(&site.url("/"), eager().head_deadline(deadline));
    let mut refused = Vec::new();
    let server = async {
        let mut dripping = site.request().await;
        dripping.send("HTTP/1.1 200 OK\r\nX: ").await;
        let drip = async {
            loop {
                dripping.send("x").await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let mut refusing = tokio::select! {
            () = drip => unreachable!("it drips for ever"),
            exchange = site.request() => exchange,
        };
        // Once more for a client that did not hear it in time.
        loop {
            refusing
                .send("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\noh")
                .await;
            refused.push(refusing);
            refusing = site.request().await;
        }
    };
    let client = async {
        let lost = within("the deadline", source.next_update()).await;
        let Some(Ok(Update::Lost { error, .. })) = lost else {
            panic!("{lost:?}");
        };
        assert!(matches!(error, EventSourceError::HeadDeadline), "{error}");
        let error = failure(&mut source).await;
        let refusal = error.refusal().unwrap_or_else(|| panic!("{error}"));
        assert_eq!(
            (refusal.status.as_u16(), &refusal.body[..]),
            (500, &b"oh"[..])
        );
    };
    tokio::select! {
        () = server => unreachable!("it answers for ever"),
        () = client => {}
    }
    for exchange in &mut refused {
        exchange.until_closed().await;
    }
}

/// What a failure says to somebody who reads a log.
#[tokio::test]
async fn a_stream_that_is_none_says_why() {
    for (answer, says) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "the server answered 404 Not Found",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
            "the response is of another type",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: ftp://example.com/\r\nContent-Length: 0\r\n\r\n",
            "a redirect leads to no url that may be followed",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Content-Encoding: compress\r\nContent-Length: 1\r\n\r\nx",
            "the response is encoded as \"compress\"",
        ),
    ] {
        let site = Site::start().await;
        let mut source = get(&site.url("/"), eager());
        let (_, error) = join!(site.answer(answer), failure(&mut source));
        assert_eq!(error.to_string(), says);
    }
    let site = Site::start().await;
    let mut source = get(&site.url("/"), eager().max_redirects(1));
    let (_, error) = join!(
        async {
            for _ in 0..2 {
                let to = site.url("/again");
                let answer =
                    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
                site.answer(answer).await;
            }
        },
        failure(&mut source)
    );
    assert_eq!(error.to_string(), "there are too many redirects");
    assert_eq!(
        core::error::Error::source(&error).unwrap().to_string(),
        error.to_string()
    );
}
