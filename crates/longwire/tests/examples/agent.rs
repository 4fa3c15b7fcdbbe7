#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/agent.rs"]
mod example;

use serde_json::json;

use super::{connect, listen, next};

#[tokio::test]
async fn what_goes_up_changes_what_comes_down() {
    let (listener, address) = listen().await;
    tokio::spawn(example::serve(listener));
    let mut socket = connect(address, "/").await;
    socket.send(r#"{"ask":"one two"}"#).await.unwrap();
    assert_eq!(next(&mut socket).await, json!({ "token": "one" }));
    assert_eq!(next(&mut socket).await, json!({ "token": "two" }));
    assert_eq!(
        next(&mut socket).await,
        json!({ "approve?": "may I look it up?" })
    );
    socket.send(r#"{"steer":"briefly"}"#).await.unwrap();
    socket.send(r#"{"approve":true}"#).await.unwrap();
    assert_eq!(next(&mut socket).await, json!({ "token": "found" }));
    assert_eq!(next(&mut socket).await, json!({ "token": "briefly" }));
    assert_eq!(next(&mut socket).await, json!({ "done": "complete" }));

    socket
        .send(r#"{"ask":"one two three four five"}"#)
        .await
        .unwrap();
    assert_eq!(next(&mut socket).await, json!({ "token": "one" }));
    socket.send(r#"{"cancel":true}"#).await.unwrap();
    let mut last = next(&mut socket).await;
    while last.get("done").is_none() {
        last = next(&mut socket).await;
    }
    assert_eq!(last, json!({ "done": "cancelled" }));
}

#[tokio::test]
async fn foreign_pages_may_not_ask() {
    let (listener, address) = listen().await;
    tokio::spawn(example::serve(listener));
    let url = format!("ws://{address}/");
    let error = longwire::ws::connect(&url)
        .origin("https://evil.example")
        .await
        .unwrap_err();
    assert!(matches!(error, longwire::Error::Status(response) if response.status() == 403));
    longwire::ws::connect(&url)
        .origin(format!("http://{address}"))
        .await
        .unwrap();
}
