//! Peers of HTTP/2 that mean harm: the hub has the limits of the library.

#[path = "../../../longwire/tests/h2/raw.rs"]
#[expect(dead_code, reason = "the library's tests use all of it")]
mod raw;

use raw::{
    CONTINUATION, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, RST_STREAM, Raw,
    fields, frame,
};

use crate::support::{ENDPOINT, Hub, Request, within};

fn get(path: &str) -> Vec<u8> {
    fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "127.0.0.1"),
        (":path", path),
    ])
}

/// The hub is as it was: it has no subscriber, and answers.
async fn is_unharmed(hub: &Hub) {
    assert_eq!(hub.request(Request::new("GET", "/")).await.status, 200);
    within("the end of every subscription", async {
        while hub.metric("longwire_subscribers{carrier=\"sse\"}").await != Some(0.0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn subscriptions_that_are_opened_and_reset_at_once_end_the_connection() {
    let hub = Hub::start(&[]).await;
    let mut raw = Raw::connect(hub.address(), b"").await;
    let subscribe = get(&format!("{ENDPOINT}?topic=t"));
    let mut flood = Vec::new();
    for stream in (1..).step_by(2).take(10_000) {
        flood.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &subscribe));
        flood.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    raw.send(&flood).await;
    assert_eq!(
        within("GOAWAY", raw.until_go_away()).await,
        ENHANCE_YOUR_CALM
    );
    drop(raw);
    is_unharmed(&hub).await;
}

#[tokio::test]
async fn headers_that_never_end_end_the_connection() {
    let hub = Hub::start(&[]).await;
    let mut raw = Raw::connect(hub.address(), b"").await;
    raw.send(&frame(HEADERS, END_STREAM, 1, &get("/"))).await;
    let block = fields(&[("x", "y"); 1_000]);
    for _ in 0..100 {
        raw.send(&frame(CONTINUATION, 0, 1, &block)).await;
    }
    within("the end", async { while raw.next().await.is_some() {} }).await;
    is_unharmed(&hub).await;
}

#[tokio::test]
async fn many_crumbs_of_a_small_cookie_are_too_many_fields() {
    let hub = Hub::start(&[]).await;
    for (crumbs, refused) in [(90, false), (101, true), (8_000, true)] {
        let mut raw = Raw::connect(hub.address(), b"").await;
        // A cookie that goes to the dynamic table, then a byte for every further crumb of it.
        let mut block = get("/page.css");
        block.extend([0x60, 0x03]);
        block.extend(*b"a=b");
        block.extend(vec![0xbe; crumbs]);
        raw.send(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block))
            .await;
        let served = within("an answer", async {
            loop {
                match raw.next().await {
                    // `:status: 200` of the static table.
                    Some((HEADERS, 1, payload)) => return payload.starts_with(&[0x88]),
                    Some((RST_STREAM, 1, _) | (GOAWAY, ..)) | None => return false,
                    Some(_) => {}
                }
            }
        })
        .await;
        assert_eq!(served, !refused, "{crumbs}");
    }
    is_unharmed(&hub).await;
}
