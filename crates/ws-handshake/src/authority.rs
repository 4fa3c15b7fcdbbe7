//! `host [ ":" port ]`, as in Host fields, origins and URLs.

use core::net::Ipv6Addr;

/// A host and, where given, a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authority<'a> {
    /// With the brackets of an IPv6 address.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    //= https://www.rfc-editor.org/rfc/rfc9110#section-7.2
    //# Host = uri-host [ ":" port ] ; Section 4
    pub(crate) fn parse(s: &'a str) -> Option<Self> {
        let (host, port) = if s.starts_with('[') {
            let (host, port) = s.split_at(s.find(']')? + 1);
            host[1..host.len() - 1].parse::<Ipv6Addr>().ok()?;
            (
                host,
                if port.is_empty() {
                    None
                } else {
                    Some(port.strip_prefix(':')?)
                },
            )
        } else {
            match s.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (s, None),
            }
        };
        if !host.starts_with('[') && !is_reg_name(host) {
            return None;
        }
        Some(Self {
            host,
            port: parse_port(port.unwrap_or_default())?,
        })
    }

    /// Whether both name the same host; IPv6 addresses compare by value.
    pub(crate) fn same_host(self, other: &str) -> bool {
        match (ipv6(self.host), ipv6(other)) {
            (Some(a), Some(b)) => a == b,
            _ => self.host.eq_ignore_ascii_case(other),
        }
    }
}

/// The address between the brackets, if `host` is one.
pub(crate) fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// `port = *DIGIT`; an empty one counts as absent. `None` if it is not a port.
#[expect(clippy::option_option, reason = "absent and invalid differ")]
fn parse_port(digits: &str) -> Option<Option<u16>> {
    if digits.is_empty() {
        return Some(None);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(Some)
}

//= https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2
//# reg-name = *( unreserved / pct-encoded / sub-delims )
//
//= https://www.rfc-editor.org/rfc/rfc9110#section-4.2.1
//# A recipient that processes such a URI reference MUST reject it as invalid.
fn is_reg_name(host: &str) -> bool {
    let mut bytes = host.bytes();
    while let Some(b) = bytes.next() {
        let ok = match b {
            b'%' => {
                bytes.next().is_some_and(|b| b.is_ascii_hexdigit())
                    && bytes.next().is_some_and(|b| b.is_ascii_hexdigit())
            }
            b'-' | b'.' | b'_' | b'~' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            _ => b.is_ascii_alphanumeric(),
        };
        if !ok {
            return false;
        }
    }
    !host.is_empty()
}
