//! What the runtime reads from strangers, without IO. Its files are taken in as they are: the crate is
//! not compiled.

use std::fmt;
use std::net::IpAddr;

#[path = "../../crates/longwire/src/http/chunked.rs"]
mod chunked;
#[path = "../../crates/longwire/src/net/socks5.rs"]
mod socks5;

/// A body in the chunked coding: the same whatever the split, no longer than its room, and what RFC
/// 9112 §7.1 allows is read as it says.
///
/// The first two bytes choose the room and the size of the pieces.
pub fn chunked(data: &[u8]) {
    let Some((&[room, size], coded)) = data.split_first_chunk() else {
        return;
    };
    let room = usize::from(room) * 16;
    let decoded = |size: usize| {
        let mut decoder = chunked::Chunked::default();
        let mut body = Vec::new();
        for piece in coded.chunks(size) {
            decoder.decode(piece, room - body.len(), &mut body);
            assert!(body.len() <= room);
        }
        (body, decoder.is_done())
    };
    let whole = decoded(coded.len().max(1));
    assert_eq!(decoded(usize::from(size).max(1)), whole);
    assert_eq!(decoded(1), whole);
    if let Some((mut body, done)) = literal_chunks(coded) {
        body.truncate(room);
        assert_eq!((body, done), whole);
    }
}

/// The body, and whether its end is there; `None` for what the grammar does not allow.
fn literal_chunks(mut rest: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    loop {
        let Some((line, after)) = line(rest) else {
            // A line that is cut may become anything.
            return rest.is_empty().then_some((body, false));
        };
        let digits = line
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        let (size, extension) = line.split_at(digits);
        if !(1..=16).contains(&digits) || !(extension.is_empty() || extension.starts_with(b";")) {
            return None;
        }
        let visible = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t');
        if extension.len() > 1000 || !extension.iter().all(visible) {
            return None;
        }
        rest = after;
        let size = u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok()?;
        if rest.len() < size {
            body.extend_from_slice(rest);
            return Some((body, false));
        }
        let (chunk, after) = rest.split_at(size);
        body.extend_from_slice(chunk);
        match after {
            [] | [b'\r'] => return Some((body, false)),
            [b'\r', b'\n', after @ ..] => rest = after,
            _ => return None,
        }
    }
    loop {
        let Some((trailer, after)) = line(rest) else {
            return rest.is_empty().then_some((body, false));
        };
        if trailer.is_empty() {
            return Some((body, true));
        }
        if trailer.len() > 1000 {
            return None;
        }
        rest = after;
    }
}

/// What stands before the first CR LF, and what behind it; `None` without one, or where a CR or an
/// LF stands alone.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes
        .iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let after = bytes[end..].strip_prefix(b"\r\n")?;
    Some((&bytes[..end], after))
}

/// Why there is no connection: as the runtime's own, of which this file knows these.
#[derive(Debug, PartialEq, Eq)]
enum ProxyError {
    Credentials,
    Length,
    Malformed,
    Method,
    Refused(u8),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The answers of a SOCKS 5 proxy: the same whatever the split, never a byte read too many, and what
/// RFC 1928 and RFC 1929 say about each.
///
/// The first byte chooses host, name and password; the rest is what the proxy sends.
pub fn socks5(data: &[u8]) {
    let Some((&choice, answers)) = data.split_first() else {
        return;
    };
    let long = "x".repeat(usize::from(choice));
    let host = match choice % 5 {
        0 => "example.com",
        1 => "192.0.2.1",
        2 => "2001:db8::1",
        3 => "",
        _ => &long,
    };
    let credentials = (choice & 8 != 0).then_some((&b"me"[..], long.as_bytes()));
    let outcome = talk(host, credentials, answers, usize::MAX);
    assert_eq!(talk(host, credentials, answers, 1), outcome);
    assert_eq!(outcome, literal_talk(host, credentials, answers));
}

type Credentials<'a> = Option<(&'a [u8], &'a [u8])>;
/// What was sent, how much was read, and whether the connection is open.
type Talk = Result<(Vec<u8>, usize, bool), ProxyError>;

fn talk(host: &str, credentials: Credentials<'_>, answers: &[u8], at_once: usize) -> Talk {
    let mut sent = Vec::new();
    let mut socks = socks5::Socks5::start(host, 80, credentials, &mut sent)?;
    let mut read = 0;
    while socks.wants() > 0 && read < answers.len() {
        let len = socks.wants().min(at_once).min(answers.len() - read);
        socks.receive(&answers[read..read + len], &mut sent)?;
        read += len;
    }
    Ok((sent, read, socks.wants() == 0))
}

fn literal_talk(host: &str, credentials: Credentials<'_>, answers: &[u8]) -> Talk {
    let fits = |text: &[u8]| (1..256).contains(&text.len());
    let short = |text: &[u8]| [&[text.len().to_le_bytes()[0]], text].concat();
    if credentials.is_some_and(|(name, password)| !fits(name) || !fits(password)) {
        return Err(ProxyError::Length);
    }
    let address = match host.parse() {
        Ok(IpAddr::V4(v4)) => [&[1], &v4.octets()[..]].concat(),
        Ok(IpAddr::V6(v6)) => [&[4], &v6.octets()[..]].concat(),
        Err(_) if fits(host.as_bytes()) => [&[3], &short(host.as_bytes())[..]].concat(),
        Err(_) => return Err(ProxyError::Length),
    };
    let mut sent = match credentials {
        None => vec![5, 1, 0],
        Some(_) => vec![5, 2, 0, 2],
    };
    let (method, rest) = match *answers {
        [] | [5] => return Ok((sent, answers.len(), false)),
        [5, method, ref rest @ ..] => (method, rest),
        _ => return Err(ProxyError::Malformed),
    };
    let mut reply = rest;
    match (method, credentials) {
        (0, _) => {}
        (2, Some((name, password))) => {
            sent.extend([&[1][..], &short(name), &short(password)].concat());
            match *rest {
                [] | [1] => return Ok((sent, answers.len(), false)),
                [1, 0, ref rest @ ..] => reply = rest,
                [1, ..] => return Err(ProxyError::Credentials),
                _ => return Err(ProxyError::Malformed),
            }
        }
        (0xff, _) => return Err(ProxyError::Method),
        _ => return Err(ProxyError::Malformed),
    }
    sent.extend([&[5, 1, 0], &address[..], &[0, 80]].concat());
    let waits = Ok((sent.clone(), answers.len(), false));
    match *reply {
        [] | [5] | [5, 0] | [5, 0, _] => return waits,
        [5, 0, ..] => {}
        [5, code, ..] => return Err(ProxyError::Refused(code)),
        _ => return Err(ProxyError::Malformed),
    }
    let whole = match (reply[3], reply.get(4)) {
        (1, _) => 4 + 4 + 2,
        (4, _) => 4 + 16 + 2,
        (3, Some(&len)) => 4 + 1 + usize::from(len) + 2,
        (3, None) => return waits,
        _ => return Err(ProxyError::Malformed),
    };
    if reply.len() < whole {
        return waits;
    }
    Ok((sent, answers.len() - reply.len() + whole, true))
}
