//! A hub that is told to stop sends everybody away in good order, and loses nothing.

use core::time::Duration;

use rustix::process::Signal;
use tokio::task::JoinSet;
use ws_handshake::ClientRequest;

use crate::support::{
    CARRIERS, EventStream, Hub, Item, Message, Program, Request, Seen, Subscriber, Tool, WebSocket,
    target, within,
};

async fn drains(signal: Signal) {
    let hub = Hub::start(&[]).await;
    let target = target(&[("topic", "t")]);
    let mut raw = EventStream::open(hub.connect().await, Request::new("GET", &target)).await;
    // The same on connections that hyper owns.
    let mut kept = hub.connect().await;
    assert_eq!(kept.request(Request::new("GET", "/")).await.status, 200);
    let mut hyper = EventStream::open(kept, Request::new("GET", &target)).await;
    let url = hub.url("ws", &target);
    let request = || {
        ClientRequest::new(&url)
            .unwrap()
            .protocol("longwire.v1")
            .unwrap()
    };
    let mut socket = WebSocket::open(hub.connect().await, request())
        .await
        .unwrap();
    let mut kept = hub.connect().await;
    assert_eq!(kept.request(Request::new("GET", "/")).await.status, 200);
    let mut upgraded = WebSocket::open(kept, request()).await.unwrap();
    // One that asked for nothing yet, and one between two requests.
    let mut silent = hub.connect().await;
    let mut idle = hub.connect().await;
    assert_eq!(idle.request(Request::new("GET", "/")).await.status, 200);

    let id = hub.publish_data("t", "the last").await;
    hub.signal(signal);

    for stream in [&mut raw, &mut hyper] {
        let mut items = Vec::new();
        while let Some(item) = within("the end of the stream", stream.next()).await {
            items.push(item);
        }
        assert!(stream.ended_whole());
        let [
            Item::Event(position),
            Item::Event(event),
            Item::Retry(retry),
        ] = &items[..]
        else {
            panic!("{items:?}")
        };
        assert_eq!(position.name, "longwire-position");
        assert_eq!((&event.id, event.data.as_str()), (&id, "the last"));
        assert!(
            (Duration::from_secs(1)..Duration::from_secs(31)).contains(retry),
            "{retry:?}"
        );
    }
    for socket in [&mut socket, &mut upgraded] {
        let mut events = Vec::new();
        while let Some(message) = within("the close frame", socket.next()).await {
            events.push(message);
        }
        assert!(
            matches!(&events[..], [Message::Json(_), Message::Json(e)] if e["data"] == "the last"),
            "{events:?}"
        );
        assert_eq!(socket.close_code(), Some(1012));
    }
    assert_eq!(within("the end", silent.read()).await, 0);
    assert_eq!(within("the end", idle.read()).await, 0);
    // The hub has ended its side of each connection and waits for the other.
    drop((socket, upgraded));
    let (status, stderr) = hub.ended().await;
    assert_eq!(status.code(), Some(0), "{stderr}");
}

#[tokio::test]
async fn on_sigterm() {
    drains(Signal::TERM).await;
}

#[tokio::test]
async fn on_ctrl_c() {
    drains(Signal::INT).await;
}

#[tokio::test]
async fn over_http_2() {
    let Some([curl]) = Tool::find([Tool::Curl]) else {
        return;
    };
    let hub = Hub::start(&[]).await;
    let url = hub.url("http", &target(&[("topic", "t")]));
    let arguments = ["-sSN", "--noproxy", "*", "--http2-prior-knowledge", &url];
    let mut stream = Program::start(curl, arguments);
    assert_eq!(
        stream.line().await.as_deref(),
        Some("event: longwire-position")
    );
    hub.signal(Signal::TERM);
    let (rest, content) = stream.finish().await;
    assert!(
        rest.iter().any(|line| line.starts_with("retry: ")),
        "{rest:?}"
    );
    assert!(content, "curl saw the stream break off");
    assert_eq!(hub.ended().await.0.code(), Some(0));
}

#[tokio::test]
async fn what_was_acknowledged_arrives_before_the_end() {
    // Far more than sockets hold.
    const EVENTS: usize = 24;
    let data = "x".repeat(1 << 19);
    let hub = Hub::start(&["--keep-bytes", "1g"]).await;
    let mut subscribers = Vec::new();
    for carrier in CARRIERS {
        subscribers.push((carrier, Subscriber::live(carrier, &hub, "t").await));
    }
    for _ in 0..EVENTS {
        hub.publish_data("t", &data).await;
    }
    hub.signal(Signal::TERM);

    let mut reading = JoinSet::new();
    for (carrier, mut subscriber) in subscribers {
        reading.spawn(async move {
            for n in 0..EVENTS {
                let seen = within("an event", subscriber.try_next()).await;
                let is_event = matches!(seen, Some(Seen::Event { .. }));
                assert!(is_event, "{carrier:?} after {n}");
            }
            assert_eq!(within("the end", subscriber.try_next()).await, None);
        });
    }
    reading.join_all().await;
    assert_eq!(hub.ended().await.0.code(), Some(0));
}
