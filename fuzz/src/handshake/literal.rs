//! Second readings, written for plainness alone: the whole input in hand, no limits, no speed.

use std::net::{Ipv4Addr, Ipv6Addr};
use ws_handshake::{BodyLength, RequestHead};

fn is_token(s: &str) -> bool {
    let is_separator = |c| "()<>@,;:\\\"/[]?={} \t".contains(c);
    !s.is_empty() && s.chars().all(|c| c.is_ascii_graphic() && !is_separator(c))
}

/// Asserts that `text` has the fields of `head`, and leaves no doubt about its length.
pub(super) fn check(text: &[u8], head: &RequestHead<'_>) {
    let text: String = text.iter().map(|&b| char::from(b)).collect();
    let text = text.strip_prefix("\r\n").unwrap_or(&text);
    let text = text
        .strip_suffix("\r\n\r\n")
        .expect("a head ends with an empty line");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
    let mut lines = text.split("\r\n");
    let line: Vec<_> = lines.next().expect("a first line").split(' ').collect();
    assert_eq!(line.len(), 3);
    assert!(is_token(line[0]) && line[1].chars().all(|c| c.is_ascii_graphic()));
    assert_eq!((line[0], line[1]), (head.method(), head.target()));
    assert_eq!(line[2], format!("HTTP/1.{}", head.minor_version()));

    let fields: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').expect("a colon");
            assert!(is_token(name), "{name:?}");
            (name, value.trim_matches([' ', '\t']))
        })
        .collect();
    let read: Vec<_> = head
        .iter()
        .map(|(name, value)| {
            (
                name,
                value.iter().map(|&b| char::from(b)).collect::<String>(),
            )
        })
        .collect();
    assert_eq!(fields.len(), read.len());
    for (field, read) in fields.iter().zip(&read) {
        assert_eq!(*field, (read.0, &*read.1));
    }

    let all = |wanted: &str| -> Vec<_> {
        let named = |(name, _): &&(&str, _)| name.eq_ignore_ascii_case(wanted);
        fields
            .iter()
            .filter(named)
            .map(|(_, value)| *value)
            .collect()
    };
    let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
    match head.body() {
        BodyLength::Chunked => {
            assert!(lengths.is_empty() && codings.len() == 1 && head.minor_version() == 1);
            assert!(codings[0].eq_ignore_ascii_case("chunked"));
        }
        BodyLength::Bytes(n) => {
            assert!(codings.is_empty() && lengths.len() <= 1);
            let digits = lengths.first().copied().unwrap_or("0");
            assert!(digits.chars().all(|c| c.is_ascii_digit()));
            assert_eq!(digits.parse(), Ok(n));
        }
    }
    assert!(all("host").len() == 1 || head.minor_version() == 0 && all("host").is_empty());
    let upgrades = all("upgrade");
    let websocket = |list: &&str| {
        list.split(',').any(|p| {
            p.trim_matches([' ', '\t'])
                .eq_ignore_ascii_case("websocket")
        })
    };
    assert_eq!(upgrades.iter().any(websocket), head.wants_upgrade());
}

/// What another parser makes of a head.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) len: usize,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) minor: u8,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) is_handshake: bool,
}

/// Reads a request head with httparse, and adds what RFC 9112 demands beside its grammar: `None`
/// while it is not complete, a reason where it must be refused.
pub(super) fn by_httparse(data: &[u8]) -> Option<Result<Read, &'static str>> {
    let skipped = if data.starts_with(b"\r\n") { 2 } else { 0 };
    let end = data[skipped..]
        .windows(4)
        .position(|end| end == b"\r\n\r\n")?;
    let head = &data[skipped..skipped + end + 4];
    Some(read_by_httparse(head).map(|read| Read {
        len: skipped + head.len(),
        ..read
    }))
}

fn read_by_httparse(head: &[u8]) -> Result<Read, &'static str> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(head).map_err(|_| "the grammar")?;
    if parsed != httparse::Status::Complete(head.len()) {
        return Err("the grammar");
    }
    // It takes LF alone for a line end, and empty lines before the first.
    let lines = head.split(|&byte| byte == b'\n').rev().skip(1);
    if !lines.clone().all(|line| line.ends_with(b"\r")) || head.starts_with(b"\r") {
        return Err("a line end");
    }
    let (method, target) = (
        request.method.expect("complete"),
        request.path.expect("complete"),
    );
    let minor = request.version.expect("complete");
    if !is_token(method) || !target.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return Err("the request line");
    }
    let fields: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .map(|field| (field.name.to_owned(), trimmed(field.value).to_vec()))
        .collect();
    let all = |wanted: &str| {
        let named = |(name, _): &&(String, Vec<u8>)| name.eq_ignore_ascii_case(wanted);
        let values = fields.iter().filter(named);
        values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let text = |value: &[u8]| value.iter().map(|&b| char::from(b)).collect::<String>();

    let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
    let mut body = false;
    match (&lengths[..], &codings[..]) {
        ([], []) => {}
        ([length], []) if length.iter().all(u8::is_ascii_digit) => {
            body = text(length).parse::<u64>().map_err(|_| "the length")? > 0;
        }
        ([], [coding]) if minor == 1 && text(coding).eq_ignore_ascii_case("chunked") => body = true,
        _ => return Err("the length"),
    }
    let named = target.split_once("://").filter(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    match &all("host")[..] {
        [] if minor == 0 => {}
        [host] if authority_of(&text(host)).is_some() => {}
        _ => return Err("the host"),
    }
    if let Some((_, rest)) = named {
        let authority = rest.split(['/', '?']).next().expect("the first");
        authority_of(authority).ok_or("the target")?;
    }

    let lists = |name: &str, token: &str| {
        let lists = all(name);
        let mut elements = lists
            .iter()
            .flat_map(|list| list.split(|&byte| byte == b','));
        elements.any(|element| trimmed(element).eq_ignore_ascii_case(token.as_bytes()))
    };
    let key = |key: &[u8]| {
        let digits = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
        // 16 bytes. The last digit has four bits to spare, which the RFC's own example sets.
        key.len() == 24 && key[..22].iter().all(digits) && key.ends_with(b"==")
    };
    let protocols = all("sec-websocket-protocol");
    let is_handshake = lists("upgrade", "websocket")
        && lists("connection", "upgrade")
        && (method, minor, body) == ("GET", 1, false)
        && (target.starts_with('/') || named.is_some())
        && all("sec-websocket-version") == [b"13"]
        && matches!(&all("sec-websocket-key")[..], [one] if key(one))
        && protocols.iter().all(|list| {
            let elements: Vec<_> = list.split(|&byte| byte == b',').map(trimmed).collect();
            let mut named = elements
                .iter()
                .filter(|element| !element.is_empty())
                .peekable();
            named.peek().is_some() && named.all(|element| is_token(&text(element)))
        })
        && all("sec-websocket-extensions")
            .iter()
            .all(|list| extensions(list).is_some());
    Ok(Read {
        len: head.len(),
        method: method.to_owned(),
        target: target.to_owned(),
        minor,
        fields,
        is_handshake,
    })
}

fn trimmed(value: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value
        .iter()
        .position(|byte| !space(byte))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|byte| !space(byte))
        .map_or(start, |at| at + 1);
    &value[start..end]
}

type Extension = (String, Vec<(String, Option<String>)>);

/// Splits at `separator` outside quotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in text.chars() {
        if c == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        parts.last_mut().expect("never empty").push(c);
    }
    parts
}

/// The extensions of a list, `None` if it is malformed.
pub(super) fn extensions(value: &[u8]) -> Option<Vec<Extension>> {
    let text = std::str::from_utf8(value).ok()?;
    let trim = |text: &str| text.trim_matches([' ', '\t']).to_owned();
    let list: Vec<_> = split(text, ',')
        .iter()
        .map(|e| trim(e))
        .filter(|e| !e.is_empty())
        .collect();
    if list.is_empty() {
        return None;
    }
    list.iter()
        .map(|extension| {
            let parts = split(extension, ';');
            let name = trim(&parts[0]);
            let params = parts[1..].iter().map(|part| param(&trim(part)));
            is_token(&name).then_some(())?;
            Some((name, params.collect::<Option<_>>()?))
        })
        .collect()
}

fn param(text: &str) -> Option<(String, Option<String>)> {
    let Some((name, value)) = text.split_once('=') else {
        return is_token(text).then(|| (text.to_owned(), None));
    };
    let name = name.trim_end_matches([' ', '\t']);
    let value = value.trim_start_matches([' ', '\t']);
    let value = match value.strip_prefix('"') {
        None => value.to_owned(),
        Some(quoted) => {
            let (mut plain, mut chars, mut closed) = (String::new(), quoted.chars(), false);
            while let Some(c) = chars.next() {
                match c {
                    '"' => {
                        closed = true;
                        break;
                    }
                    '\\' => plain.push(chars.next()?),
                    c => plain.push(c),
                }
            }
            if !closed || chars.next().is_some() {
                return None;
            }
            plain
        }
    };
    (is_token(name) && is_token(&value)).then(|| (name.to_owned(), Some(value)))
}

/// Scheme, host and port in one form for each origin; `None` if the text is none.
pub(super) fn origin(text: &[u8]) -> Option<(String, String, Option<u16>)> {
    let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    if !scheme.starts_with(|c: char| c.is_ascii_lowercase())
        || !scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    {
        return None;
    }
    let (host, port) = authority_of(authority)?;
    let default = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    Some((scheme.to_owned(), host, port.or(default)))
}

/// Host and port; an IPv6 address in one form.
fn authority_of(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], &text[colon + 1..]),
        _ => (text, ""),
    };
    let host = if let Some(inner) = host.strip_prefix('[') {
        format!("[{}]", inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?)
    } else {
        let mut rest = host;
        while let Some(at) = rest.find('%') {
            let digits = rest.get(at + 1..at + 3)?;
            digits
                .chars()
                .all(|c| c.is_ascii_hexdigit())
                .then_some(())?;
            rest = &rest[at + 3..];
        }
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=%".contains(c);
        (!host.is_empty() && host.chars().all(is_host)).then_some(())?;
        host.to_owned()
    };
    if !port.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let port = if port.is_empty() {
        None
    } else {
        Some(port.parse().ok()?)
    };
    Some((host, port))
}

/// Whether the host of `host[:port]` is this machine's own.
pub(super) fn is_loopback(host: &str) -> bool {
    let Some((host, _)) = authority_of(&host.to_ascii_lowercase()) else {
        return false;
    };
    host == "localhost"
        || host == "[::1]"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.octets()[0] == 127)
}
