//! A hub that is replaced under load, behind nginx: its successor goes on with the same log, and
//! nobody misses anything or sees it twice.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;

use longwire::hub::{Carrier, Data, Event};
use rustix::process::Signal;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Connection, Directory, ENDPOINT, Hub, Proxy, Request, form, number, within};

/// Of each carrier.
const SUBSCRIBERS: usize = 100;
const RESTARTS: usize = 2;
/// Events before the first restart, between two of them, and after the last.
const EVENTS: usize = 100;
/// A guard against hanging, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(300);
/// A hub that was told to stop has stopped by then.
const STOPS_WITHIN: Duration = Duration::from_secs(31);

/// Publishes number after number until it is told to end, each again until it is acknowledged.
async fn publish(
    address: core::net::SocketAddr,
    end: Arc<AtomicBool>,
    acknowledged: watch::Sender<usize>,
) -> usize {
    let mut connection = None;
    let mut number = 0;
    while !end.load(Ordering::Relaxed) {
        let text = number.to_string();
        let body = form(&[
            ("topic", "t"),
            ("id", &format!("n{number}")),
            ("data", &text),
        ]);
        let open = match connection.take() {
            Some(open) => Some(open),
            None => Connection::try_open(address).await,
        };
        let request = Request::publish(&body).header("Host", "hub.example");
        if let Some(mut open) = open
            && let Some(response) = open.try_request(request).await
            && response.status == 200
        {
            connection = Some(open);
            number += 1;
            acknowledged.send_replace(number);
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    number
}

/// Everything that one subscriber hears until it has heard the last number.
async fn subscribe(url: String, carrier: Carrier, mut last: watch::Receiver<Option<usize>>) {
    let mut client = longwire::connect(url)
        .topic("t")
        .start(longwire::hub::Start::Earliest)
        .only(carrier)
        .open()
        .unwrap();
    let mut next = 0;
    loop {
        let ended = last.borrow_and_update().is_some_and(|last| next == last);
        if ended {
            return;
        }
        tokio::select! {
            event = client.next() => match event {
                Some(Event::Message(message)) => {
                    let Data::Text(text) = message.data else { panic!("only text is published") };
                    assert_eq!(text, next.to_string(), "{carrier:?}");
                    next += 1;
                }
                Some(Event::Missed(missed)) => panic!("{carrier:?} after {next}: {missed:?}"),
                Some(_) => {}
                None => panic!("{carrier:?} ended after {next}: {:?}", client.finished()),
            },
            changed = last.changed() => changed.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_repeated_while_hubs_follow_each_other() {
    let directory = Directory::new();
    let options = ["--host", "hub.example", "--trusted-proxy", "127.0.0.1"];
    let mut hub = Hub::on_disk(&directory, &options).await;
    let listen = hub.address().to_string();
    let Some(proxy) = Proxy::nginx(hub.address()).await else {
        return;
    };
    let url = format!("http://{}{ENDPOINT}", proxy.address);
    let (tell_last, last) = watch::channel(None);
    let mut subscribers = JoinSet::new();
    for carrier in [Carrier::EventStream, Carrier::WebSocket] {
        for _ in 0..SUBSCRIBERS {
            // nginx passes on what it is asked for, and its port is not the hub's.
            subscribers.spawn(subscribe(url.clone(), carrier, last.clone()));
        }
    }
    let end = Arc::new(AtomicBool::new(false));
    let (acknowledge, mut acknowledged) = watch::channel(0);
    let publisher = tokio::spawn(publish(proxy.address, end.clone(), acknowledge));
    for restart in 0..RESTARTS {
        let until = *acknowledged.borrow() + EVENTS;
        let some = acknowledged.wait_for(|count| *count >= until);
        timeout(PATIENCE, some).await.unwrap().unwrap();
        hub.signal(Signal::TERM);
        let stopped = timeout(STOPS_WITHIN, hub.ended()).await;
        let (status, stderr) = stopped.unwrap_or_else(|_| panic!("restart {restart}: not stopped"));
        assert!(status.success(), "{stderr}");
        let data = ["--data", directory.path()];
        hub = Hub::start_on(&listen, &[&data[..], &options].concat()).await;
    }
    let until = *acknowledged.borrow() + EVENTS;
    let some = acknowledged.wait_for(|count| *count >= until);
    timeout(PATIENCE, some).await.unwrap().unwrap();
    end.store(true, Ordering::Relaxed);
    let count = within("the publisher", publisher).await.unwrap();
    tell_last.send_replace(Some(count));
    let heard = async {
        while let Some(subscriber) = subscribers.join_next().await {
            subscriber.unwrap();
        }
    };
    timeout(PATIENCE, heard).await.unwrap();
    let events = hub
        .request(Request::new("GET", "/metrics").header("Host", "localhost"))
        .await;
    let kept = number(events.text(), "longwire_log_events");
    assert_eq!(kept, Some(count as f64), "each is in the log once");
    proxy.kill().await;
}
