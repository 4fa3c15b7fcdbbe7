//! curl reads an answer to its end, and gives one up, on hyper and on axum.

use core::net::SocketAddr;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::listen;
use super::support::{Program, Tool, within};

#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/llm_tokens_axum.rs"]
mod on_axum;
#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/llm_tokens.rs"]
mod on_hyper;

async fn answers(address: SocketAddr, mut outcomes: UnboundedReceiver<String>) {
    let Some([curl]) = Tool::find([Tool::Curl]) else {
        return;
    };
    let url = format!("http://{address}/chat");
    let ask = |prompt: &str| {
        let arguments = ["--silent", "--no-buffer", &url, "--data", prompt];
        Program::start(&curl, arguments)
    };
    let (lines, ended_well) = ask("three two one").finish().await;
    let expected = [
        r#"data: {"token":"one"}"#,
        "",
        r#"data: {"token":"two "}"#,
        "",
        r#"data: {"token":"three "}"#,
        "",
        "data: [DONE]",
        "",
    ];
    assert_eq!(
        (lines, ended_well),
        (expected.map(String::from).into(), true)
    );
    let outcome = within("the outcome", outcomes.recv()).await.unwrap();
    assert_eq!(outcome, "3 tokens, all of them");

    let mut curl = ask(&"much ".repeat(10_000));
    let first = curl.line().await.unwrap();
    assert_eq!(first, r#"data: {"token":"much "}"#);
    drop(curl);
    let outcome = within("the outcome", outcomes.recv()).await.unwrap();
    let count = outcome.strip_prefix("stopped after ").unwrap();
    let count = count
        .strip_suffix(" tokens: the event stream has ended")
        .unwrap();
    assert!(count.parse::<usize>().unwrap() < 10_000, "{outcome}");
}

#[tokio::test]
async fn tokens_from_hyper_until_nobody_reads() {
    let (listener, address) = listen().await;
    let (told, outcomes) = unbounded_channel();
    tokio::spawn(on_hyper::serve(listener, move |outcome| {
        told.send(outcome).unwrap();
    }));
    answers(address, outcomes).await;
}

#[tokio::test]
async fn tokens_from_axum_until_nobody_reads() {
    let (listener, address) = listen().await;
    let (told, outcomes) = unbounded_channel();
    tokio::spawn(on_axum::serve(listener, move |outcome| {
        told.send(outcome).unwrap();
    }));
    answers(address, outcomes).await;
}
