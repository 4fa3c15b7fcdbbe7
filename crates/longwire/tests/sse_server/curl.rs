//! What curl sees: chunks, HEAD, HTTP/1.0, HTTP/2.

use std::process::Command;

use longwire::sse::{Drain, Fields, Reply, channel};

use super::site::{Answer, Running};
use super::support::{Tool, within};

/// The standard output of curl with these arguments.
async fn curl(arguments: &[&str]) -> Option<String> {
    let [curl] = Tool::find([Tool::Curl])?;
    let mut command = Command::new(curl);
    command
        .args(["--silent", "--show-error", "--no-buffer"])
        .args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = within("curl to end", run).await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {error}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Two events together, one more once these were taken, then the end.
async fn site() -> Running {
    Running::start(|_| {
        Answer::sent(async |sender| {
            // To HEAD nothing is sent.
            let _ = sender.try_send(&Fields::new("one"));
            let two = Fields::new("two").with_name("tick").with_id("2");
            let _ = sender.try_send(&two);
            while sender.buffered_amount() > 0 && !sender.is_closed() {
                tokio::task::yield_now().await;
            }
            let _ = sender.send(&Fields::new("three")).await;
        })
    })
    .await
}

const FIRST: &str = "data: one\n\nevent: tick\nid: 2\ndata: two\n\n";
const SECOND: &str = "data: three\n\n";

#[tokio::test]
async fn a_chunk_for_each_batch() {
    let server = site().await;
    for path in ["/", "/hyper/"] {
        let Some(raw) = curl(&["--raw", &server.url(path)]).await else {
            return;
        };
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let expected = format!("{}{}0\r\n\r\n", chunk(FIRST), chunk(SECOND));
        assert!(raw.eq_ignore_ascii_case(&expected), "{path}: {raw}");
    }
}

#[tokio::test]
async fn every_version_of_http_has_the_same_body_and_head_none() {
    let server = site().await;
    for path in ["/", "/hyper/"] {
        let url = server.url(path);
        for version in ["--http1.0", "--http1.1", "--http2-prior-knowledge"] {
            let Some(answer) = curl(&["--include", version, &url]).await else {
                return;
            };
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            for field in [
                "content-type: text/event-stream",
                "cache-control: no-cache, no-transform",
                "x-accel-buffering: no",
            ] {
                assert!(head.contains(field), "{version} {path}: {head}");
            }
            let chunked = head.contains("transfer-encoding: chunked");
            assert_eq!(chunked, version == "--http1.1", "{path}: {head}");
            assert_eq!(body, format!("{FIRST}{SECOND}"), "{version} {path}");

            let head_only = curl(&["--head", version, &url]).await.unwrap();
            let (head_only, body) = head_only.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, "");
            // Everything of GET but the date, and the framing of a body that is not there.
            let fields = |head: &str| -> Vec<String> {
                head.lines()
                    .filter(|line| !line.starts_with("date:") && !line.starts_with("transfer-"))
                    .map(str::to_owned)
                    .collect()
            };
            assert_eq!(fields(head_only), fields(head), "{version} {path}");
        }
    }
}

#[tokio::test]
async fn axum_answers_the_same() {
    let drain = Drain::new();
    let app = axum::Router::new().route(
        "/",
        axum::routing::get(async move || {
            let (sender, events) = channel();
            sender.try_send(&Fields::new("one")).unwrap();
            let two = Fields::new("two").with_name("tick").with_id("2");
            sender.try_send(&two).unwrap();
            Reply::new(drain.watch(events))
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    for version in ["--http1.0", "--http1.1", "--http2-prior-knowledge"] {
        let Some(answer) = curl(&["--include", version, &url]).await else {
            return;
        };
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("x-accel-buffering: no"), "{head}");
        assert_eq!(body, FIRST, "{version}");
        let head_only = curl(&["--head", version, &url]).await.unwrap();
        assert!(head_only.contains("content-type: text/event-stream"));
        assert!(head_only.ends_with("\r\n\r\n"), "{head_only}");
    }
}
