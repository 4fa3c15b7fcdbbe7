#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/hybrid.rs"]
mod example;

use core::net::SocketAddr;

use longwire::ws::Message;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{connect, listen};

async fn put(address: SocketAddr, question: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let len = question.len();
    let request = format!(
        "PUT /question HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n\
        {question}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

/// The next event of a stream.
async fn event(stream: &mut BufReader<TcpStream>) -> Value {
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        assert!(stream.read_line(&mut line).await.unwrap() > 0);
    }
    serde_json::from_str(&line["data: ".len()..]).unwrap()
}

#[tokio::test]
async fn a_question_is_put_votes_come_in_and_everyone_watches() {
    let (listener, address) = listen().await;
    tokio::spawn(example::serve(listener));
    put(address, "Tea or coffee?").await;
    let mut watching = TcpStream::connect(address).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n";
    watching.write_all(request).await.unwrap();
    let mut watching = BufReader::new(watching);
    let now = event(&mut watching).await;
    assert_eq!(now, json!({ "question": "Tea or coffee?", "votes": {} }));

    let mut voter = connect(address, "/vote").await;
    for (vote, votes) in [
        ("tea", json!({ "tea": 1 })),
        ("coffee", json!({ "coffee": 1, "tea": 0 })),
    ] {
        voter.send(vote).await.unwrap();
        let chose = voter.recv().await.unwrap().unwrap();
        assert_eq!(chose, Message::from(format!("you chose {vote}")));
        assert_eq!(event(&mut watching).await["votes"], votes);
    }
    put(address, "Now or later?").await;
    let now = event(&mut watching).await;
    assert_eq!(now, json!({ "question": "Now or later?", "votes": {} }));
}
