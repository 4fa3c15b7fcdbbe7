//! haproxy sends on what it has, but by default waits for more to send with it.

use core::time::Duration;

use longwire::sse::Timing;

use super::reader::Upstream;
use super::support::{free_port, haproxy};

async fn median_behind(option: &str, events: usize) -> Option<[Duration; 2]> {
    let mut upstream = Upstream::start(Timing::default()).await;
    let port = free_port();
    let sections = format!(
        "defaults
            mode http
            timeout connect 5s
            timeout client 60s
            timeout server 60s
            {option}
        listen streams
            bind 127.0.0.1:{port}
            server upstream {}",
        upstream.address()
    );
    let _haproxy = haproxy(port, &sections).await?;
    let mut medians = [Duration::ZERO; 2];
    for (path, median) in ["/", "/hyper/"].iter().zip(&mut medians) {
        let url = format!("http://127.0.0.1:{port}{path}");
        *median = upstream.read(&[&url]).await?.median_of(events).await;
    }
    Some(medians)
}

#[tokio::test]
async fn with_http_no_delay_events_come_at_once() {
    let Some(medians) = median_behind("option http-no-delay", 20).await else {
        return;
    };
    for median in medians {
        assert!(median < Duration::from_millis(200), "{medians:?}");
    }
}

#[tokio::test]
async fn without_it_no_event_waits_for_another() {
    // That each of them came is what this asks; how late, 200 ms with haproxy 2.6, is its own.
    median_behind("", 5).await;
}
