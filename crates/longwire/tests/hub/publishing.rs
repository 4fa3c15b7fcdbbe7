//! What is published, by frame and by POST, and what the answers mean.

use longwire::hub::{
    Carrier, Data, ErrorCode, Event, Outcome, PublishForm, PublishRefused, Reconnecting,
};
use serde_json::json;
use ws_frame::OpCode;

use crate::scripted::{Hub, position};
use crate::{message, next, opened, quick};

async fn outcome(client: &mut Reconnecting, number: u64) -> Outcome {
    next(client, "a result", |event| match event {
        Event::Published {
            number: at,
            outcome,
        } => (at == number).then_some(outcome),
        _ => None,
    })
    .await
}

fn form(data: &str) -> PublishForm {
    PublishForm::text(["a"], data)
}

#[tokio::test]
async fn the_answer_to_a_post_is_what_became_of_it() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let link = hub.opens(0).await;
        let mut post = hub.asked().await;
        assert!(post.body().await.contains("data=taken"));
        let position = position(7);
        post.answer(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nLongwire-Position: {position}\r\n\
             Connection: close\r\n\r\nid-7"
        ))
        .await;
        let post = hub.asked().await;
        let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 11\r\nConnection: close\r\n\r\n\
                       not for it\n";
        post.answer(refusal).await;
        link
    });
    opened(&mut client).await;
    let number = client.publish(form("taken")).unwrap();
    let taken = Outcome::Acknowledged {
        id: Some("id-7".into()),
        position: Some(longwire::hub::Position::parse(position(7).as_bytes()).unwrap()),
    };
    assert_eq!(outcome(&mut client, number).await, taken);
    let number = client.publish(form("refused")).unwrap();
    let refused = Outcome::Rejected {
        code: ErrorCode::Forbidden,
        message: "not for it".into(),
    };
    assert_eq!(outcome(&mut client, number).await, refused);
    drop(script.await.unwrap());
}

/// A proxy may answer with a page, and an attacker with one that has no end.
#[tokio::test]
async fn of_an_endless_answer_to_a_post_64_kib_are_read() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let link = hub.opens(0).await;
        let mut post = hub.asked().await.chunked("HTTP/1.1 413 X\r\n").await;
        let piece = "x".repeat(1 << 14);
        let mut sent = 0;
        while post.try_chunk(&piece).await {
            sent += piece.len();
        }
        (link, sent)
    });
    opened(&mut client).await;
    let number = client.publish(form("1")).unwrap();
    let Outcome::Rejected { message, .. } = outcome(&mut client, number).await else {
        panic!("it was refused");
    };
    let read = message.len();
    assert!((1 << 16..1 << 17).contains(&read), "{read} bytes were read");
    let (_link, sent) = script.await.unwrap();
    // And what lay in the buffers of two sockets.
    assert!(sent < 64 << 20, "{sent} bytes were taken");
}

/// An answer that breaks off says nothing: the item goes again, under the same id.
#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).only(Carrier::EventStream);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let link = hub.opens(0).await;
        let mut first = hub.asked().await;
        let body = first.body().await;
        assert!(body.contains("id="), "{body}");
        first
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nhalf of an id")
            .await;
        let mut second = hub.asked().await;
        assert_eq!(second.body().await, body);
        second.status(200, "").await;
        link
    });
    opened(&mut client).await;
    let number = client.publish(form("1")).unwrap();
    let outcome = outcome(&mut client, number).await;
    let taken = Outcome::Acknowledged {
        id: None,
        position: None,
    };
    assert_eq!(outcome, taken);
    drop(script.await.unwrap());
}

#[tokio::test]
async fn no_more_is_under_way_than_was_allowed_and_no_more_waits() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).only(Carrier::WebSocket);
    let mut client = client.in_flight(1).queue(2, 1000).open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        let first = link.object().await;
        assert_eq!(first["data"], "1");
        // The client answers a ping and sends nothing before the answer.
        link.frame(OpCode::Ping, b"quiet?").await;
        assert_eq!(link.next().await, Some((OpCode::Pong, b"quiet?".to_vec())));
        let ack =
            json!({ "type": "ack", "ref": first["ref"], "id": "one", "position": position(1) });
        link.text(&ack.to_string()).await;
        let second = link.object().await;
        assert_eq!(second["data"], "2");
        let error = json!({
            "type": "error", "ref": second["ref"], "code": "forbidden", "message": "no",
        });
        link.text(&error.to_string()).await;
        link
    });
    let numbers = ["1", "2"].map(|data| client.publish(form(data)).unwrap());
    assert_eq!(client.publish(form("3")), Err(PublishRefused::Full));
    assert_eq!(client.queued(), 2);
    assert!(matches!(
        outcome(&mut client, numbers[0]).await,
        Outcome::Acknowledged { .. }
    ));
    assert!(matches!(
        outcome(&mut client, numbers[1]).await,
        Outcome::Rejected { .. }
    ));
    assert_eq!(client.queued(), 0);
    drop(script.await.unwrap());
}

#[tokio::test]
async fn bytes_go_and_come_as_bytes() {
    let hub = Hub::start().await;
    let client = quick(hub.url("")).topic("a").only(Carrier::WebSocket);
    let mut client = client.open().unwrap();
    let script = tokio::spawn(async move {
        let mut link = hub.opens(0).await;
        let (opcode, frame) = link.next().await.unwrap();
        assert_eq!(opcode, OpCode::Binary);
        assert!(frame.ends_with(b"\0\xff\n"));
        let header = json!({
            "type": "event", "prev": position(0), "position": position(1), "topics": ["a"],
        });
        let header = header.to_string();
        let len = u16::try_from(header.len()).unwrap();
        let event = [&len.to_be_bytes(), header.as_bytes(), b"\x01\x00\xfe"].concat();
        link.frame(OpCode::Binary, &event).await;
        link
    });
    let form = PublishForm::binary(["a"], b"\0\xff\n".to_vec());
    client.publish(form).unwrap();
    let message = message(&mut client).await;
    assert_eq!(message.data, Data::Binary(b"\x01\x00\xfe".to_vec()));
    drop(script.await.unwrap());
}
