#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/chat.rs"]
mod example;

use serde_json::json;

use super::{connect, listen, next};

#[tokio::test]
async fn rooms_typing_and_presence() {
    let (listener, address) = listen().await;
    tokio::spawn(example::serve(listener));
    let mut ann = connect(address, "/rooms/tea/Ann").await;
    assert_eq!(next(&mut ann).await, json!({ "here": ["Ann"] }));
    let mut bob = connect(address, "/rooms/tea/Bob%20B.").await;
    for who in [&mut ann, &mut bob] {
        assert_eq!(next(who).await, json!({ "here": ["Ann", "Bob B."] }));
    }
    let mut cat = connect(address, "/rooms/coffee/Cat").await;
    assert_eq!(next(&mut cat).await, json!({ "here": ["Cat"] }));

    bob.send(r#"{"typing":true}"#).await.unwrap();
    bob.send("not JSON").await.unwrap();
    bob.send(r#"{"say":"hello","from":"Ann"}"#).await.unwrap();
    for who in [&mut ann, &mut bob] {
        assert_eq!(next(who).await, json!({ "from": "Bob B.", "typing": true }));
        assert_eq!(next(who).await, json!({ "from": "Bob B.", "say": "hello" }));
    }
    drop(bob);
    assert_eq!(next(&mut ann).await, json!({ "here": ["Ann"] }));
    // Whoever is in another room heard nothing of all that.
    cat.send(r#"{"say":"alone?"}"#).await.unwrap();
    assert_eq!(
        next(&mut cat).await,
        json!({ "from": "Cat", "say": "alone?" })
    );
}
