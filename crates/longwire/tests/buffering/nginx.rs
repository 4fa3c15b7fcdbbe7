//! nginx collects what a close-delimited upstream sends, which by default (HTTP/1.0 upstream) every
//! event stream is, unless a header field says no.

use core::time::Duration;

use longwire::sse::Timing;

use super::reader::Upstream;
use super::support::{free_port, nginx};

/// Events are there before the next is sent, and as soon as the issue of it asks.
const AT_ONCE: Duration = Duration::from_millis(200);

/// What an event stream has to get through: `/` as it comes, `/deaf/` without our header field.
async fn behind(extra: &str, read: &[&str]) {
    let mut upstream = Upstream::start(Timing::default()).await;
    let port = free_port();
    let address = upstream.address();
    let servers = format!(
        "server {{
            listen 127.0.0.1:{port};
            {extra}
            location / {{ proxy_pass http://{address}/; }}
            location /hyper/ {{ proxy_pass http://{address}/hyper/; }}
            location /deaf/ {{
                proxy_pass http://{address}/;
                proxy_ignore_headers X-Accel-Buffering;
            }}
        }}"
    );
    let Some(_nginx) = nginx(port, &servers).await else {
        return;
    };
    for path in ["/", "/hyper/"] {
        let url = format!("http://127.0.0.1:{port}{path}");
        let Some(mut reader) = upstream.read(&[read, &[&url]].concat()).await else {
            return;
        };
        let median = reader.median_of(20).await;
        assert!(median < AT_ONCE, "{path}: {median:?}");
    }
    // The same stream without the header: that it came was the header's doing.
    let url = format!("http://127.0.0.1:{port}/deaf/");
    if let Some(reader) = upstream.read(&[read, &[&url]].concat()).await {
        reader.comes_only_at_the_end(5).await;
    }
}

#[tokio::test]
async fn by_default_events_come_at_once_because_of_our_header() {
    behind("", &[]).await;
}

#[tokio::test]
async fn compressed_by_nginx_they_still_do() {
    let gzip = "gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 0;";
    behind(gzip, &["--compressed"]).await;
}
