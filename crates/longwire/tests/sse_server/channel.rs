//! The channel: order, bounds, policies, and how each side learns of the other's end.

use core::time::Duration;

use longwire::sse::{
    Body, Channel, Cut, EncodeError, Events, Fields, GAP, POSITION, SendError, Timing, channel,
};

use super::reading::{event, frame, parse, rest};
use super::support::within;

fn body(events: Events) -> Body<Events> {
    Body::new(events, Timing::default())
}

#[tokio::test]
async fn what_waits_leaves_in_one_piece_and_in_order() {
    let (sender, events) = channel();
    let mut body = body(events);
    for data in ["one", "two", "three"] {
        sender.send(&Fields::new(data)).await.unwrap();
    }
    let together = frame(&mut body).await.unwrap().unwrap();
    assert_eq!(together, b"data: one\n\ndata: two\n\ndata: three\n\n");
    sender.try_send(&Fields::new("four")).unwrap();
    assert_eq!(frame(&mut body).await.unwrap().unwrap(), b"data: four\n\n");
    drop(sender);
    assert_eq!(frame(&mut body).await, None);
}

#[tokio::test]
async fn a_full_channel_makes_the_sender_wait_and_takes_up_again() {
    let (sender, events) = Channel::new().capacity(100).open();
    let mut body = body(events);
    let text = "x".repeat(60);
    let sending = {
        let (sender, text) = (sender.clone(), text.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                sender.send(&Fields::new(&text)).await.unwrap();
            }
        })
    };
    tokio::task::yield_now().await;
    while sender.try_send(&Fields::new("more")) != Err(SendError::Full) {
        tokio::task::yield_now().await;
    }
    assert!(sender.buffered_amount() >= 100 && sender.buffered_amount() < 200);
    drop(sender);
    let (events, _) = parse(&rest(&mut body).await.unwrap());
    let sent = events.iter().filter(|event| event.data == text);
    assert_eq!(sent.count(), 10);
    sending.await.unwrap();
}

#[tokio::test]
async fn a_send_that_is_dropped_sent_nothing() {
    let (sender, events) = Channel::new().capacity(1).open();
    let mut body = body(events);
    sender.send(&Fields::new("first")).await.unwrap();
    {
        let fields = Fields::new("dropped");
        let mut waiting = Box::pin(sender.send(&fields));
        let polled = core::future::poll_fn(|cx| {
            core::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())
        });
        assert!(polled.await);
    }
    drop(sender);
    assert_eq!(rest(&mut body).await.unwrap(), b"data: first\n\n");
}

#[tokio::test]
async fn the_latest_of_each_key_goes_out_and_the_others_are_counted() {
    let (sender, events) = channel();
    let mut body = body(events);
    for value in 0..1000 {
        let (cpu, memory) = (format!("{value}%"), format!("{value} MB"));
        sender
            .send_latest("cpu", &Fields::new(&cpu).with_name("cpu"))
            .unwrap();
        sender
            .send_latest("memory", &Fields::new(&memory).with_name("memory"))
            .unwrap();
    }
    sender.try_send(&Fields::new("in between")).unwrap();
    sender
        .send_latest("cpu", &Fields::new("last").with_name("cpu"))
        .unwrap();
    assert_eq!(sender.dropped(), 2 * 999 + 1);
    assert!(sender.buffered_amount() < 200);
    drop(sender);
    let (events, _) = parse(&rest(&mut body).await.unwrap());
    let expected = [
        event("memory", "", "999 MB"),
        event("message", "", "in between"),
        event("cpu", "", "last"),
    ];
    assert_eq!(events, expected);
}

#[tokio::test]
async fn what_a_full_channel_drops_the_client_is_told() {
    let (sender, events) = Channel::new().capacity(10).open();
    let mut body = body(events);
    sender.send_or_drop(&Fields::new("kept first")).unwrap();
    for _ in 0..3 {
        sender.send_or_drop(&Fields::new("too many")).unwrap();
    }
    assert_eq!(sender.dropped(), 3);
    frame(&mut body).await.unwrap().unwrap();
    sender.send_or_drop(&Fields::new("kept again")).unwrap();
    sender.send_or_drop(&Fields::new("and one more")).unwrap();
    drop(sender);
    let (events, _) = parse(&rest(&mut body).await.unwrap());
    let expected = [
        event(GAP, "", "{\"missed\":3}"),
        event("message", "", "kept again"),
        event(GAP, "", "{\"missed\":1}"),
    ];
    assert_eq!(events, expected);
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_more_but_not_for_long() {
    let wait = Duration::from_millis(50);
    let (sender, events) = Channel::new().batch(wait).open();
    let sending = tokio::spawn(async move {
        for _ in 0..10 {
            sender.send(&Fields::new("tick")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut body = body(events);
    let mut sizes = Vec::new();
    while let Some(batch) = frame(&mut body).await {
        sizes.push(parse(&batch.unwrap()).0.len());
    }
    assert_eq!(sizes, [3, 3, 3, 1]);
    sending.await.unwrap();
}

#[tokio::test]
async fn the_sender_learns_at_once_that_the_stream_is_gone() {
    let (sender, events) = channel();
    let other = sender.clone();
    assert!(!sender.is_closed());
    let waiting = tokio::spawn(async move { other.closed().await });
    tokio::task::yield_now().await;
    drop(body(events));
    within("the end", waiting).await.unwrap();
    assert!(sender.is_closed());
    let sent = sender.send(&Fields::new("to nobody")).await;
    assert_eq!(sent, Err(SendError::Closed));
    sender.closed().await;
}

#[tokio::test]
async fn a_sender_that_waits_for_room_learns_it_too() {
    let (sender, events) = Channel::new().capacity(1).open();
    sender.send(&Fields::new("fills it")).await.unwrap();
    let waiting = tokio::spawn(async move { sender.send(&Fields::new("waits")).await });
    tokio::task::yield_now().await;
    drop(events);
    let sent = within("the end", waiting).await.unwrap();
    assert_eq!(sent, Err(SendError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_asks_is_given_up_after_ten_seconds() {
    let (sender, events) = Channel::new().capacity(1).open();
    let mut body = body(events);
    let begun = tokio::time::Instant::now();
    sender.send(&Fields::new("fills it")).await.unwrap();
    let sent = sender.send(&Fields::new("waits")).await;
    assert_eq!(sent, Err(SendError::Stalled));
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(sender.buffered_amount(), 0);
    assert_eq!(
        sender.try_send(&Fields::new("later")),
        Err(SendError::Stalled)
    );
    // Hyper asks after all: the client must not take what it has for the whole.
    assert_eq!(frame(&mut body).await, Some(Err(Cut)));
}

#[tokio::test(start_paused = true)]
async fn or_as_soon_as_the_application_says() {
    let channel = Channel::default().stall_after(Duration::from_secs(3));
    let (sender, _events) = channel.capacity(1).open();
    let begun = tokio::time::Instant::now();
    sender.send(&Fields::new("fills it")).await.unwrap();
    let error = sender.send(&Fields::new("waits")).await.unwrap_err();
    assert_eq!(error, SendError::Stalled);
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_slow_stream_that_asks_now_and_then_is_not_given_up() {
    let (sender, events) = Channel::new().capacity(1).open();
    let mut body = body(events);
    let sending = tokio::spawn(async move {
        for _ in 0..5 {
            sender.send(&Fields::new("slow")).await?;
        }
        Ok::<(), SendError>(())
    });
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(frame(&mut body).await.unwrap().unwrap(), b"data: slow\n\n");
    }
    assert_eq!(sending.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn the_end_may_say_when_to_come_back() {
    let (sender, events) = channel();
    sender.send(&Fields::new("last")).await.unwrap();
    sender.clone().end(Some(Duration::from_millis(1234)));
    let sent = sender.send(&Fields::new("after the end")).await;
    assert_eq!(sent, Err(SendError::Closed));
    let all = rest(&mut body(events)).await.unwrap();
    assert_eq!(all, b"data: last\n\nretry: 1234\n\n");
}

#[tokio::test]
async fn a_cut_stream_does_not_look_complete() {
    let (sender, events) = channel();
    sender.cut();
    assert_eq!(rest(&mut body(events)).await, Err(Cut));

    let (sender, events) = channel();
    let panicking = tokio::spawn(async move {
        let _sender = sender;
        panic!("the application failed");
    });
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!(rest(&mut body(events)).await, Err(Cut));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_has_heartbeats_and_the_position_once() {
    let (sender, events) = channel();
    let mut body = body(events);
    sender.position("7").unwrap();
    sender.position("9").unwrap();
    let begun = tokio::time::Instant::now();
    let said = frame(&mut body).await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 15);
    assert_eq!(parse(&said).0, [event(POSITION, "9", "")]);
    assert_eq!(frame(&mut body).await.unwrap().unwrap(), b":\n\n");
    assert_eq!(begun.elapsed().as_secs(), 30);

    // An event puts the heartbeat off, and its id is newer than the position.
    sender.position("10").unwrap();
    tokio::time::sleep(Duration::from_secs(14)).await;
    sender
        .send(&Fields::new("new").with_id("11"))
        .await
        .unwrap();
    assert_eq!(
        frame(&mut body).await.unwrap().unwrap(),
        b"id: 11\ndata: new\n\n"
    );
    assert_eq!(frame(&mut body).await.unwrap().unwrap(), b":\n\n");
    assert_eq!(begun.elapsed().as_secs(), 59);
    assert_eq!(
        sender.position("1\n2"),
        Err(SendError::Encode(EncodeError::Id))
    );
}

/// What would be a second event if it came out as it went in.
const INJECTED: &str = "x\revent: admin\rdata: 1\r\r";

#[tokio::test]
async fn nothing_a_field_holds_becomes_another_field() {
    let (sender, events) = channel();
    let line_breaks = ["\r", "\n", "\r\n", INJECTED];
    for bad in line_breaks.iter().chain(&["\0"]) {
        let id = sender.try_send(&Fields::new("").with_id(bad));
        assert_eq!(id, Err(SendError::Encode(EncodeError::Id)), "{bad:?}");
        let id = sender.send_or_drop(&Fields::new("").with_id(bad));
        assert_eq!(id, Err(SendError::Encode(EncodeError::Id)), "{bad:?}");
    }
    for bad in line_breaks {
        let name = sender.try_send(&Fields::new("").with_name(bad));
        assert_eq!(name, Err(SendError::Encode(EncodeError::Name)), "{bad:?}");
        let name = sender.send_latest("k", &Fields::new("").with_name(bad));
        assert_eq!(name, Err(SendError::Encode(EncodeError::Name)), "{bad:?}");
    }
    // A bad event leaves nothing of itself between good ones.
    sender.try_send(&Fields::new(INJECTED)).unwrap();
    sender.try_send(&Fields::new("").with_id("\r")).unwrap_err();
    sender
        .try_send(&Fields::new(":\u{feff}\u{2028}\0"))
        .unwrap();
    drop(sender);
    let (events, _) = parse(&rest(&mut body(events)).await.unwrap());
    let expected = [
        event("message", "", &INJECTED.replace('\r', "\n")),
        event("message", "", ":\u{feff}\u{2028}\0"),
    ];
    assert_eq!(events, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_at_once_leave_whole_events() {
    let (sender, events) = Channel::new().capacity(4096).open();
    for task in 0..8 {
        let sender = sender.clone();
        tokio::spawn(async move {
            for n in 0..200 {
                let data = format!("{task}\n{n}");
                sender.send(&Fields::new(&data)).await.unwrap();
            }
        });
    }
    drop(sender);
    let (events, _) = parse(&rest(&mut body(events)).await.unwrap());
    assert_eq!(events.len(), 8 * 200);
    let mut next = [0; 8];
    for event in events {
        let (task, n) = event.data.split_once('\n').unwrap();
        let task: usize = task.parse().unwrap();
        assert_eq!(
            n.parse::<usize>().unwrap(),
            next[task],
            "in the order of its sender"
        );
        next[task] += 1;
    }
}
