//! Something that takes its time to answer, token by token.

use core::time::Duration;

use longwire::sse::{Fields, SendError, Sender};
use serde_json::json;
use tokio::time::sleep;

/// Answers a prompt, and goes on only as long as somebody listens: a token that cannot be sent
/// ends it. Gives how many were sent.
pub(crate) async fn answer(prompt: String, sender: Sender) -> (usize, Result<(), SendError>) {
    let mut sent = 0;
    for word in prompt.split_inclusive(' ').rev() {
        // Where a model would think.
        sleep(Duration::from_millis(20)).await;
        let token = json!({ "token": word }).to_string();
        if let Err(error) = sender.send(&Fields::new(&token)).await {
            return (sent, Err(error));
        }
        sent += 1;
    }
    (sent, sender.send(&Fields::new("[DONE]")).await)
}
