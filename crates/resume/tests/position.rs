//! The text forms of epochs, positions and starts.

use core::cmp::Ordering;

use proptest::prelude::*;
use resume::{Epoch, Position, PositionError, Start};

fn positions() -> impl Strategy<Value = Position> {
    let offsets = prop_oneof![any::<u64>(), 0..1_000_u64, Just(u64::MAX)];
    (any::<[u8; 12]>(), offsets)
        .prop_map(|(epoch, offset)| Position::new(Epoch::from_bytes(epoch), offset))
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(position in positions()) {
        let text = position.to_string();
        let mut encoded = Vec::new();
        position.encode(&mut encoded);
        prop_assert_eq!(&encoded, text.as_bytes());
        prop_assert!(text.len() <= Position::MAX_TEXT_LEN);
        prop_assert_eq!(Position::parse(text.as_bytes()), Ok(position));
        prop_assert_eq!(Position::parse(&text.as_bytes()[1..]), Ok(position));
        prop_assert_eq!(Start::parse(text.as_bytes()), Start::After(position));
        prop_assert_eq!(Epoch::from_bytes(position.epoch.to_bytes()), position.epoch);
    }

    #[test]
    fn only_what_would_be_written_is_read(
        text in "#{0,2}[0-9a-fA-F]{22,26}[-_ +]{0,2}[0-9]{0,22}",
    ) {
        match Position::parse(text.as_bytes()) {
            Ok(position) => {
                let written = position.to_string();
                prop_assert!(text == written || text == written[1..]);
            }
            Err(_) => prop_assert!(!is_position(&text), "{}", text),
        }
    }

    #[test]
    fn any_text_becomes_a_start(text in prop::collection::vec(any::<u8>(), 0..600)) {
        let start = Start::parse(&text);
        if let Some(kept) = start.text() {
            prop_assert!(kept.len() <= Start::MAX_TEXT);
        }
        if let Start::Id(id) = &start {
            prop_assert_eq!(id.as_bytes(), &*text);
        }
    }

    #[test]
    fn order_exists_within_an_epoch_only(a in positions(), b in positions(), offset: u64) {
        let sibling = Position::new(a.epoch, offset);
        prop_assert_eq!(a.compare(sibling), Some(a.offset.cmp(&offset)));
        prop_assert_eq!(a.compare(b).is_some(), a.epoch == b.epoch);
    }
}

/// The grammar, read literally.
fn is_position(text: &str) -> bool {
    let text = text.strip_prefix('#').unwrap_or(text);
    let Some((epoch, offset)) = text.split_once('-') else {
        return false;
    };
    epoch.len() == 24
        && epoch
            .chars()
            .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
        && offset
            .parse::<u64>()
            .is_ok_and(|number| number.to_string() == offset)
}

const EPOCH: &str = "0123456789abcdef01234567";

fn parse(text: &str) -> Result<Position, PositionError> {
    text.parse()
}

#[test]
fn each_part_is_strict() {
    let position = Position::new(EPOCH.parse().unwrap(), 7);
    assert_eq!(parse(&format!("#{EPOCH}-7")), Ok(position));
    assert_eq!(parse(&format!("#{EPOCH}-0")).map(|p| p.offset), Ok(0));
    assert_eq!(
        parse(&format!("{EPOCH}-18446744073709551615")).map(|p| p.offset),
        Ok(u64::MAX)
    );

    for offset in [
        "",
        "-1",
        "+1",
        "07",
        "00",
        " 7",
        "7 ",
        "7.0",
        "0x7",
        "18446744073709551616",
        "٧",
    ] {
        assert_eq!(
            parse(&format!("#{EPOCH}-{offset}")),
            Err(PositionError::Offset),
            "{offset:?}"
        );
    }
    for separator in ["", "_", " ", ":"] {
        let text = format!("#{EPOCH}{separator}7");
        assert_eq!(parse(&text), Err(PositionError::Separator), "{text}");
    }
    let upper = EPOCH.to_uppercase();
    for epoch in [
        "",
        "0123",
        &upper,
        &EPOCH.replace('0', "g"),
        &format!("#{EPOCH}"),
    ] {
        assert_eq!(
            parse(&format!("#{epoch}-7")),
            Err(PositionError::Epoch),
            "{epoch}"
        );
    }
    assert_eq!(parse(""), Err(PositionError::Epoch));
    assert_eq!(parse(&format!("%23{EPOCH}-7")), Err(PositionError::Epoch));
}

#[test]
fn a_long_text_is_refused_unread() {
    let zeros = |len: usize| format!("#{EPOCH}-{}", "0".repeat(len - EPOCH.len() - 2));
    assert_eq!(parse(&zeros(128)), Err(PositionError::Offset));
    assert_eq!(parse(&zeros(129)), Err(PositionError::TooLong));
}

/// Values that clients were seen to send, and worse.
#[test]
fn hostile_ids_are_malformed_and_never_an_error() {
    let malformed: [&[u8]; 8] = [
        b"\0",
        b"\x0c",
        b"1\r\nX: y",
        b"#",
        b"#garbage",
        b"\xff\xfe",
        &[b'x'; 4096],
        "\u{85}".as_bytes(),
    ];
    for text in malformed {
        assert!(
            matches!(Start::parse(text), Start::Malformed(_)),
            "{text:?}"
        );
    }
    for id in ["é", "😀", "../../", "%0d%0a", "Earliest", "0", " "] {
        assert_eq!(Start::parse(id.as_bytes()), Start::Id(id.into()));
    }
    // Two bytes of a three-byte character stand at the cut.
    let long = "€".repeat(100);
    let start = Start::parse(long.as_bytes());
    assert_eq!(start.text(), Some(&*"€".repeat(85)));
}

#[test]
fn positions_of_two_epochs_have_no_order() {
    let old = Position::new(Epoch::from_bytes([1; 12]), 1);
    let new = Position::new(Epoch::from_bytes([2; 12]), 9);
    assert_eq!(old.compare(new), None);
    assert_eq!(
        new.compare(Position { offset: 8, ..new }),
        Some(Ordering::Greater)
    );
}

#[test]
fn errors_are_one_clause() {
    for error in [
        PositionError::Epoch,
        PositionError::Offset,
        PositionError::Separator,
        PositionError::TooLong,
    ] {
        let reason = error.to_string();
        assert!(
            reason.starts_with("the") && !reason.ends_with('.'),
            "{reason}"
        );
    }
}

#[test]
fn positions_are_shown_as_they_are_written() {
    let position = parse(&format!("#{EPOCH}-7")).unwrap();
    assert_eq!(format!("{position:?}"), format!("Position(#{EPOCH}-7)"));
    assert_eq!(format!("{:?}", position.epoch), format!("Epoch({EPOCH})"));
}

#[test]
fn starts_are_shown_as_they_are_written() {
    let position = format!("#{}-7", "0a".repeat(12));
    for text in ["", "earliest", &position, "urn:uuid:1"] {
        assert_eq!(Start::parse(text.as_bytes()).to_string(), text);
    }
    assert_eq!(Start::parse(b"#7").to_string(), "#7");
}
