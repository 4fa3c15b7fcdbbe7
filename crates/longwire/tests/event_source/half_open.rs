//! A network that goes silent without a word.

use core::time::Duration;

use longwire::http::Client;
use longwire::net::Connector;
use longwire::sse::{EventSourceError, Update};

use crate::client::{data, eager, get};
use crate::site::Site;
use crate::support::{cut, in_own_network, mend, within};

/// The same as over a paused clock with 45 s, here with real packets that vanish and 5 s.
#[tokio::test]
async fn a_cut_network_is_noticed_and_the_stream_resumed() {
    if !in_own_network("half_open::a_cut_network_is_noticed_and_the_stream_resumed") {
        return;
    }
    let site = Site::start().await;
    let second = Duration::from_secs(1);
    let connector = Connector::new().connect_within(second);
    let config = eager()
        .idle_timeout(Some(5 * second))
        .client(Client::with_connector(connector));
    let mut source = get(&site.url("/"), config);
    let mut exchange = tokio::select! {
        exchange = async { site.request().await.open().await } => exchange,
        _ = async { loop { source.next().await; } } => unreachable!(),
    };
    exchange.send("id: 1\ndata: 1\n\n").await;
    assert_eq!(data(&mut source).await, "1");
    cut(site.address().port());
    // Sent, and lost on the way.
    exchange.send("id: 2\ndata: 2\n\n").await;
    let mut silent = 0;
    let mut unreachable = 0;
    while unreachable == 0 {
        match within("the silence", source.next_update())
            .await
            .unwrap()
            .unwrap()
        {
            Update::Lost {
                error: EventSourceError::Silent,
                ..
            } => silent += 1,
            Update::Lost {
                error: EventSourceError::Request(_),
                ..
            } => unreachable += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(silent, 1);
    mend();
    let again = tokio::select! {
        exchange = async {
            loop {
                let exchange = site.request().await;
                // Attempts from the time of the cut may come late, and are not waited for.
                if exchange.header("last-event-id").is_some() {
                    return exchange.open().await;
                }
            }
        } => exchange,
        _ = async { loop { source.next().await; } } => unreachable!(),
    };
    assert_eq!(
        again.header("last-event-id").unwrap(),
        "1",
        "what was lost is asked for again"
    );
}
