//! What the features `bytes` and `serde` add.

#[cfg(feature = "bytes")]
mod bytes {
    use bytes::BytesMut;
    use sse_parse::{EncodeError, Fields, encode, encode_buf, encode_bytes};

    #[test]
    fn buffers_get_the_same_bytes() {
        for fields in [
            Fields::new("one\r\ntwo").with_name("tick").with_id("1"),
            Fields::empty(),
            Fields::new("").with_retry(core::time::Duration::from_secs(1)),
        ] {
            let mut expected = Vec::new();
            encode(&fields, &mut expected).unwrap();
            let mut out = BytesMut::new();
            encode_buf(&fields, &mut out).unwrap();
            assert_eq!(out, expected);
            assert_eq!(encode_bytes(&fields).unwrap(), expected);

            // A buffer of fixed size takes all of it or nothing.
            let mut room = vec![b'-'; expected.len()];
            encode_buf(&fields, &mut &mut room[..]).unwrap();
            assert_eq!(room, expected);
            room.fill(b'-');
            let short = expected.len() - 1;
            assert_eq!(
                encode_buf(&fields, &mut &mut room[..short]),
                Err(EncodeError::Room)
            );
            assert!(room.iter().all(|&byte| byte == b'-'));
        }
    }

    #[test]
    fn refusals_are_the_same() {
        let fields = Fields::new("").with_id("\r");
        assert_eq!(
            encode_buf(&fields, &mut BytesMut::new()),
            Err(EncodeError::Id)
        );
        assert_eq!(encode_bytes(&fields), Err(EncodeError::Id));
        assert_eq!(
            EncodeError::Room.to_string(),
            "no room for the event in the buffer"
        );
    }
}

#[cfg(feature = "serde")]
#[test]
fn owned_events_are_json() {
    use sse_parse::{Event, OwnedEvent};
    let event = Event::new("a\nb").with_name("tick").with_id("1").to_owned();
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(json, r#"{"name":"tick","data":"a\nb","id":"1"}"#);
    assert_eq!(serde_json::from_str::<OwnedEvent>(&json).unwrap(), event);
}

#[test]
fn owned_events_lend_what_they_own() {
    let event = sse_parse::Event::new("a").with_name("b").with_id("c");
    assert_eq!(event.to_owned().as_event(), event);
    assert_eq!(sse_parse::Event::new("").name, "message");
}
