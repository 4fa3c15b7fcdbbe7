//! What a deflater writes: it inflates to the same, within the window, and only when it is worth
//! it.

use proptest::prelude::*;
use ws_deflate::{Context, Deflater, Inflater, Level, Spare, WindowBits};

#[path = "naive/inflate.rs"]
mod naive;

const KEPT: Context = Context::with_takeover(WindowBits::MAX);
const FRESH: Context = Context::without_takeover(WindowBits::MAX);

fn levels() -> impl Iterator<Item = Level> {
    (0..=u8::MAX).filter_map(Level::new)
}

fn windows() -> impl Iterator<Item = WindowBits> {
    (8..=15).filter_map(WindowBits::new)
}

/// Text with repetitions at every distance: words of a small vocabulary.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut out = Vec::new();
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = state >> 22;
        out.extend(format!("{word:x}{} ", word * word % 97).bytes());
    }
    out.truncate(len);
    out
}

#[test]
fn levels_are_1_to_9() {
    assert_eq!(
        levels().map(Level::get).collect::<Vec<_>>(),
        (1..=9).collect::<Vec<_>>()
    );
    assert_eq!((Level::FASTEST.get(), Level::BEST.get()), (1, 9));
}

/// All levels and windows, 8 among them: no match reaches further back than the window, and the
/// naive decoder, given the window and no byte more, decodes every message.
#[test]
//= https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.1
//= type=test
//# By including this parameter in an extension negotiation offer, a client limits the LZ77
//# sliding window size that the server will use to compress messages.
fn no_match_reaches_beyond_the_window() {
    for window in windows() {
        let text = text(window.bytes() + 500);
        for level in levels() {
            let mut deflater = Deflater::new(Context::with_takeover(window)).with_level(level);
            let mut history = Vec::new();
            let mut reach = 0;
            for message in [&text[..], b"", &text[100..400], &text[50..], &text[7..9]] {
                let mut payload = Vec::new();
                deflater.deflate(message, true, &mut payload);
                let known = history.len().min(window.bytes());
                let inflated = naive::message(
                    &payload,
                    &history[history.len() - known..],
                    true,
                    usize::MAX,
                );
                assert_eq!(inflated.end, naive::End::Whole);
                assert!(inflated.bytes == message, "{window:?} {level:?}");
                reach = reach.max(inflated.reach);
                history.extend(message);
            }
            assert!(reach <= window.bytes(), "{window:?} {level:?}: {reach}");
            // The window is made use of, too.
            assert!(reach > window.bytes() / 3, "{window:?} {level:?}: {reach}");
        }
    }
}

#[test]
fn messages_below_the_threshold_stay_as_they_are() {
    let text = text(2000);
    let mut out = b"before".to_vec();
    for context in [KEPT, FRESH] {
        let mut deflater = Deflater::new(context);
        assert!(!deflater.deflate_message(&text[..1023], &mut out));
        assert!(!deflater.has_codec());
        assert_eq!(out, b"before");
        let mut payload = Vec::new();
        assert!(deflater.deflate_message(&text[..1024], &mut payload));
        assert!(payload.len() < 1024);
        let mut deflater = Deflater::new(context).with_threshold(0);
        assert!(deflater.deflate_message(b"aaaaaaaaaaaaaaaa", &mut Vec::new()));
    }
}

#[test]
fn what_does_not_shrink_stays_as_it_is_unless_the_window_moved() {
    let noise: Vec<u8> = (0..2000_u32)
        .flat_map(|i| i.wrapping_mul(0x9e37_79b9).wrapping_pow(3).to_be_bytes())
        .collect();
    let mut out = b"before".to_vec();
    assert!(!Deflater::new(FRESH).deflate_message(&noise, &mut out));
    assert_eq!(out, b"before");
    // With takeover the peer's window must see what ours has seen.
    let mut deflater = Deflater::new(KEPT);
    let mut inflater = Inflater::new(KEPT, 1 << 20);
    for _ in 0..2 {
        let (mut payload, mut plain) = (Vec::new(), Vec::new());
        assert!(deflater.deflate_message(&noise, &mut payload));
        inflater.inflate(&payload, true, &mut plain).unwrap();
        assert_eq!(plain, noise);
    }
}

#[test]
fn codecs_are_shared_and_given_back() {
    let text = text(3000);
    let mut spare = Spare::new(2);
    let mut plain = Vec::new();
    let shapes: Vec<_> = windows()
        .flat_map(|w| levels().map(move |l| (w, l)))
        .collect();
    for &(window, level) in shapes.iter().chain(&shapes) {
        let mut deflater = Deflater::new(Context::without_takeover(window)).with_level(level);
        let (mut shared, mut alone) = (Vec::new(), Vec::new());
        for part in text.chunks(1000) {
            deflater.deflate_with(&mut spare, part, false, &mut shared);
            assert!(deflater.has_codec());
        }
        deflater.deflate_with(&mut spare, &[], true, &mut shared);
        assert!(!deflater.has_codec());
        for part in text.chunks(1000) {
            deflater.deflate(part, false, &mut alone);
        }
        deflater.deflate(&[], true, &mut alone);
        assert_eq!(
            shared, alone,
            "a codec of {window:?} {level:?} was not as new"
        );
        plain.clear();
        let mut inflater = Inflater::new(FRESH, 3000);
        inflater
            .inflate_with(&mut spare, &shared, true, &mut plain)
            .unwrap();
        assert_eq!(plain, text);
    }
    let mut kept = Deflater::new(KEPT);
    let mut payload = Vec::new();
    assert!(kept.deflate_message_with(&mut spare, &text, &mut payload));
    assert!(kept.has_codec());
}

/// What compression gives away: with the attacker's guess next to the secret, the length tells a
/// right one. A message that does not pass through the deflater has the length of its text, and
/// leaves no trace in the context.
#[test]
fn a_message_sent_plain_gives_nothing_away() {
    let page = |guess: u8| {
        format!(
            "q=token-{:02x}&csrf=token-7f31cc&q=token-{guess:02x}",
            guess
        )
    };
    let mut lengths = std::collections::BTreeSet::new();
    for guess in 0..=u8::MAX {
        let mut payload = Vec::new();
        Deflater::new(FRESH).deflate(page(guess).as_bytes(), true, &mut payload);
        lengths.insert(payload.len());
    }
    assert!(lengths.len() > 1, "the oracle works on compressed messages");

    let plain: std::collections::BTreeSet<_> = (0..=u8::MAX).map(|g| page(g).len()).collect();
    assert_eq!(plain.len(), 1);
    let after = |secret: Option<&[u8]>| {
        let mut deflater = Deflater::new(KEPT);
        let mut payload = Vec::new();
        deflater.deflate(b"csrf=token-00", true, &mut payload);
        // A sensitive message is sent at this point, past the deflater or through it.
        if let Some(secret) = secret {
            deflater.deflate(secret, true, &mut Vec::new());
        }
        deflater.deflate(b"csrf=token-7f31cc", true, &mut payload);
        payload.len()
    };
    assert!(after(Some(b"csrf=token-7f31cc")) < after(None));
    assert_eq!(after(Some(b"")), after(None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Any messages, cut anywhere on both sides, come out as they went in.
    #[test]
    fn messages_come_out_as_they_went_in(
        messages in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(prop::sample::select(b"abcd\0".to_vec()), 0..3000),
                prop::collection::vec(any::<u8>(), 0..3000),
                (any::<u8>(), 0_usize..60_000).prop_map(|(byte, len)| vec![byte; len]),
            ],
            1..6,
        ),
        window in 8_u8..=15,
        level in 1_u8..=9,
        kept in any::<bool>(),
        (into, out_of) in (1_usize..5000, 1_usize..500),
    ) {
        let window = WindowBits::new(window).unwrap();
        let context =
            if kept { Context::with_takeover(window) } else { Context::without_takeover(window) };
        let mut deflater = Deflater::new(context).with_level(Level::new(level).unwrap());
        let mut inflater = Inflater::new(context, 60_000);
        for message in messages {
            let (mut payload, mut plain) = (Vec::new(), Vec::new());
            for piece in message.chunks(into) {
                deflater.deflate(piece, false, &mut payload);
            }
            deflater.deflate(&[], true, &mut payload);
            for piece in payload.chunks(out_of) {
                inflater.inflate(piece, false, &mut plain).unwrap();
            }
            inflater.inflate(&[], true, &mut plain).unwrap();
            prop_assert!(plain == message);
        }
    }
}
