//! permessage-deflate: parameters, and messages through both codecs.

use std::collections::BTreeMap;

use ws_deflate::{
    Agreed, Config, Context, Deflater, InflateError, Inflater, Level, NAME, Offer, Spare,
    WindowBits,
};

#[path = "../../crates/ws-deflate/tests/naive/inflate.rs"]
mod naive;

/// Parameters are read as a naive reader reads them, written as they are read, and both sides
/// come to the same.
///
/// The first two bytes choose the server's configuration. Then come two lists of parameters,
/// `a; b=c`, each on a line: an offer and a response to it.
pub fn params(data: &[u8]) {
    let Some((&[own, peer], text)) = data.split_first_chunk() else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let (offered, answered) = text.split_once('\n').unwrap_or((text, ""));
    let (offered, answered) = (pairs(offered), pairs(answered));

    let parsed = Offer::parse(offered.clone());
    assert_eq!(parsed.is_ok(), is_offer(&offered));
    let Ok(offer) = parsed else { return };
    let written = offer.to_string();
    assert_eq!(Offer::parse(element(&written)), Ok(offer));

    let config = Config::new().own(context(own)).peer(context(peer));
    let agreed = offer.negotiate(&config);
    assert!(agreed.server().window_bits() <= context(own).window_bits());
    assert!(!agreed.server().is_taken_over() || context(own).is_taken_over());
    assert!(!agreed.client().is_taken_over() || context(peer).is_taken_over());
    let verified = offer
        .verify(element(&agreed.to_string()))
        .expect("our own answer");
    assert_eq!(contexts(&verified), contexts(&agreed));

    if let Ok(agreed) = offer.verify(answered.clone()) {
        // Whatever the server made of it, nothing that was asked for is lost.
        let asked: BTreeMap<_, _> = offered.into_iter().collect();
        let bits = |name| {
            let value = asked.get(name).copied().flatten();
            value.map_or(15, |v| v.trim_matches('"').parse().expect("window bits"))
        };
        assert!(agreed.server().window_bits().get() <= bits("server_max_window_bits"));
        assert!(agreed.client().window_bits().get() <= bits("client_max_window_bits"));
        for (name, context) in [
            ("server_no_context_takeover", agreed.server()),
            ("client_no_context_takeover", agreed.client()),
        ] {
            assert!(!(asked.contains_key(name) && context.is_taken_over()));
        }
        assert!(is_offer(&answered));
    }
}

/// Any bytes as payloads: the limit holds, no split matters, and without context takeover the
/// naive decoder says the same.
///
/// The first byte chooses limit and takeover, the second the size of the pieces. The rest is a
/// message.
pub fn inflate(data: &[u8]) {
    let Some((&[choice, size], payload)) = data.split_first_chunk() else {
        return;
    };
    let limit = [0, 1, 127, 128, 1000, 4096, 40_000, 100_000][usize::from(choice & 7)];
    let kept = choice & 8 != 0;
    let context = if kept {
        Context::with_takeover(WindowBits::MAX)
    } else {
        Context::without_takeover(WindowBits::MAX)
    };
    let mut spare = Spare::new(1);
    let whole = inflated(&mut Inflater::new(context, limit), &mut spare, [payload]);
    let pieces = payload.chunks(usize::from(size).max(1));
    let split = inflated(&mut Inflater::new(context, limit), &mut spare, pieces);
    assert_eq!(whole, split);
    assert!(whole.0.len() <= limit);
    if whole.1 == Err(InflateError::TooLarge { limit }) {
        assert_eq!(whole.0.len(), limit);
    }
    if !kept {
        let expected = naive::message(payload, &[], false, limit);
        let end = match whole.1 {
            Ok(()) => naive::End::Whole,
            Err(InflateError::TooLarge { .. }) => naive::End::TooLarge,
            Err(_) => naive::End::Invalid,
        };
        assert_eq!((whole.0, end), (expected.bytes, expected.end));
    }
}

/// Messages survive both codecs, which are used again where they may be; no match reaches beyond
/// the agreed window, and the limit is one for each message.
///
/// The first byte chooses window and takeover, the second level and the size of the pieces. The
/// rest is plain text, a message on each line.
pub fn round_trip(data: &[u8]) {
    let Some((&[choice, how], text)) = data.split_first_chunk() else {
        return;
    };
    let context = context(choice);
    let level = Level::new(how % 9 + 1).expect("1 to 9");
    let size = usize::from(how / 9) * 8 + 1;
    let mut deflater = Deflater::new(context).with_level(level);
    let messages = || text.split(|&byte| byte == b'\n');
    let longest = messages().map(<[u8]>::len).max().unwrap_or(0);
    let mut inflater = Inflater::new(context, longest);
    let mut spare = Spare::new(1);
    let mut history = Vec::new();
    for message in messages() {
        let mut payload = Vec::new();
        for piece in message.chunks(size) {
            deflater.deflate_with(&mut spare, piece, false, &mut payload);
        }
        deflater.deflate_with(&mut spare, &[], true, &mut payload);
        let expected = (message.to_vec(), Ok(()));
        let found = inflated(&mut inflater, &mut spare, payload.chunks(size));
        assert_eq!(found, expected);

        let window = history.len().saturating_sub(context.window_bits().bytes());
        let kept = context.is_taken_over();
        let known = if kept { &history[window..] } else { &[] };
        let naive = naive::message(&payload, known, kept, usize::MAX);
        assert_eq!(
            (naive.bytes, naive.end),
            (message.to_vec(), naive::End::Whole)
        );
        assert!(naive.reach <= context.window_bits().bytes());
        history.extend_from_slice(message);
    }
}

fn inflated<'a>(
    inflater: &mut Inflater,
    spare: &mut Spare,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<(), InflateError>) {
    let mut out = Vec::new();
    let mut result = Ok(());
    for piece in pieces {
        result = result.and_then(|()| inflater.inflate_with(spare, piece, false, &mut out));
    }
    let result = result.and_then(|()| inflater.inflate_with(spare, &[], true, &mut out));
    (out, result)
}

/// Three bits of window, one of takeover.
fn context(choice: u8) -> Context {
    let window = WindowBits::new(8 + (choice & 7)).expect("8 to 15");
    if choice & 8 == 0 {
        Context::without_takeover(window)
    } else {
        Context::with_takeover(window)
    }
}

fn contexts(agreed: &Agreed) -> (Context, Context) {
    (agreed.server(), agreed.client())
}

/// The parameters of an element that we wrote.
fn element(text: &str) -> Vec<(&str, Option<&str>)> {
    let parameters = text.strip_prefix(NAME).expect("the name first");
    pairs(parameters.strip_prefix("; ").unwrap_or(parameters))
}

fn pairs(text: &str) -> Vec<(&str, Option<&str>)> {
    if text.is_empty() {
        return Vec::new();
    }
    let split = |p: &'_ str| {
        p.split_once('=')
            .map_or((p.len(), None), |(n, _)| (n.len(), Some(())))
    };
    text.split("; ")
        .map(|p| {
            let (len, value) = split(p);
            (&p[..len], value.map(|()| &p[len + 1..]))
        })
        .collect()
}

/// RFC 7692 §7.1, read once more.
fn is_offer(parameters: &[(&str, Option<&str>)]) -> bool {
    let names: BTreeMap<_, _> = parameters.iter().copied().collect();
    names.len() == parameters.len()
        && names.into_iter().all(|(name, value)| {
            let bits = value.is_some_and(|v| {
                (8..=15).any(|bits| v == bits.to_string() || v == format!("\"{bits}\""))
            });
            match name {
                "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
                "server_max_window_bits" => bits,
                "client_max_window_bits" => bits || value.is_none(),
                _ => false,
            }
        })
}
