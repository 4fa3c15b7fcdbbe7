//! What the runtime and the hub read from strangers and from disk, without IO. Their files are taken
//! in as they are: neither crate is compiled.

use std::fmt;
use std::net::IpAddr;

use hub_protocol::Data;

#[path = "../../crates/longwire-hub/src/store/block.rs"]
mod block;
#[path = "../../crates/longwire/src/http/chunked.rs"]
mod chunked;
#[path = "../../crates/longwire-hub/src/store/record.rs"]
mod record;
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

/// An event in the log: what is read is written again and read as the same, its head alone too, and
/// no bit of what was written may change.
///
/// The first two bytes choose the bit. The rest is a record behind its checksum.
pub fn record(data: &[u8]) {
    let Some((bit, body)) = data.split_first_chunk() else {
        return;
    };
    let checked = |body: &[u8]| [&crc_32(body).to_le_bytes(), body].concat();
    let Some((form, time)) = record::decode(&checked(body)) else {
        return;
    };
    let mut written = Vec::new();
    record::encode(&form, time, &mut written);
    assert_eq!(written, checked(&written[4..]));
    assert_eq!(record::length(&form), written.len());
    assert_eq!(record::decode(&written), Some((form.clone(), time)));

    let (head, at) = record::decode_header(&written).expect("what is whole has a head");
    let mut empty = form;
    empty.data = Data::Text(String::new());
    assert_eq!((head, at), (empty, time));

    let bit = usize::from(u16::from_le_bytes(*bit)) % (written.len() * 8);
    written[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(record::decode(&written), None, "bit {bit}");
    written[bit / 8] ^= 1 << (bit % 8);
    assert_eq!(
        record::decode(&written[..bit / 8]),
        None,
        "cut at {}",
        bit / 8
    );
}

/// Events that are in the log together: read as a literal reading does, from any of them on, and no
/// bit of what says where they are may change. What is read is written again the same.
///
/// The first two bytes choose the bit, eight more the first offset, one the offset to read from. The
/// rest is a block behind its checksum.
pub fn block(data: &[u8]) {
    let Some((&[low, high, first @ .., skipped], body)) = data.split_first_chunk::<11>() else {
        return;
    };
    let first = u64::from_le_bytes(first);
    let count = body
        .first_chunk()
        .map_or(0, |count| u16::from_le_bytes(*count));
    let head = (2 + 4 * usize::from(count)).min(body.len());
    let sum = crc_32(&[&first.to_le_bytes(), &body[..head]].concat());
    let mut whole = [&sum.to_le_bytes(), body].concat();

    let literal = literal_block(first, body);
    let parsed = block::Block::parse(first, &whole);
    assert_eq!(parsed.is_some(), literal.is_some());
    let (Some(parsed), Some(literal)) = (parsed, literal) else {
        return;
    };
    assert_eq!(parsed.last() - first + 1, literal.len() as u64);
    assert!(parsed.from(0).eq(literal.iter().copied()));
    let from = first.saturating_add(skipped.into());
    let rest = literal.iter().filter(|(offset, _)| *offset >= from);
    assert!(parsed.from(from).eq(rest.copied()));

    let decoded = literal.iter().map(|(_, bytes)| record::decode(bytes));
    if let Some(decoded) = decoded.collect::<Option<Vec<_>>>()
        && decoded.iter().all(|(_, time)| *time == decoded[0].1)
    {
        let mut written = Vec::new();
        let forms = decoded.iter().map(|(form, _)| form);
        block::encode(first, forms, decoded[0].1, &mut written);
        assert_eq!(written, whole);
        let lengths: Vec<_> = literal.iter().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(block::sizes(&lengths).last(), Some(whole.len()));
    }

    let bit = usize::from(u16::from_le_bytes([low, high])) % ((4 + head) * 8);
    whole[bit / 8] ^= 1 << (bit % 8);
    assert!(block::Block::parse(first, &whole).is_none(), "bit {bit}");
    whole[bit / 8] ^= 1 << (bit % 8);
    let other = first ^ 1 << (bit % 64);
    assert!(block::Block::parse(other, &whole).is_none(), "at {other}");
}

/// The records by offset, from the number of them on.
fn literal_block(first: u64, body: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let count = u64::from(u16::from_le_bytes(*body.first_chunk()?));
    let mut at = 2 + 4 * usize::try_from(count).ok()?;
    let mut records = Vec::new();
    for index in 0..count {
        let length = body.get(2 + 4 * usize::try_from(index).ok()?..)?;
        let length = u32::from_le_bytes(*length.first_chunk()?);
        let end = at.checked_add(usize::try_from(length).ok()?)?;
        records.push((first.checked_add(index)?, body.get(at..end)?));
        at = end;
    }
    (at == body.len() && count > 0 && first > 0).then_some(records)
}

/// RFC 1952 §8, bit by bit.
fn crc_32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            sum >> 1 ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
