//! What the tests do with an event source.

use bytes::Bytes;
use http::Request;
use longwire::sse::{EventSource, EventSourceConfig, EventSourceError};
use resume::BackoffConfig;

use crate::support::within;

/// Comes back at once.
pub(crate) fn eager() -> EventSourceConfig {
    EventSourceConfig::new()
        .backoff(BackoffConfig::new().floor(core::time::Duration::ZERO))
        .random(|| 0)
}

pub(crate) fn get(url: &str, config: EventSourceConfig) -> EventSource {
    let request = Request::get(url).body(Bytes::new()).unwrap();
    EventSource::with_config(request, config).unwrap()
}

/// The data of the next event.
pub(crate) async fn data(source: &mut EventSource) -> String {
    let event = within("an event", source.next())
        .await
        .expect("an event")
        .unwrap();
    event.data.to_owned()
}

/// The end, which is an error.
pub(crate) async fn failure(source: &mut EventSource) -> EventSourceError {
    let error = within("the end", source.next())
        .await
        .expect("an error")
        .unwrap_err();
    assert!(source.next().await.is_none(), "told once");
    error
}

/// The end, in peace.
pub(crate) async fn end(source: &mut EventSource) {
    let end = within("the end", source.next()).await;
    assert!(end.is_none(), "{end:?}");
}
