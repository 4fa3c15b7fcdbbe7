//! SOCKS version 5 as a client, without IO (RFC 1928, RFC 1929).
//!
//! ```text
//!  greeting ──▶ method ─┬─ no authentication ────────────────▶ CONNECT ──▶ reply ──▶ open
//!                       └─ name and password ──▶ status ──────────┘
//! ```

use core::net::IpAddr;

use super::ProxyError;

const VERSION: u8 = 5;
/// RFC 1929's own.
const PASSWORD_VERSION: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const DOMAIN: u8 = 3;
const IPV6: u8 = 4;

/// The conversation with a proxy until the connection through it is open.
#[derive(Debug)]
pub(super) struct Socks5 {
    state: State,
    /// What has come of the message awaited.
    message: Vec<u8>,
    /// The message with name and password, if we have them.
    password: Option<Vec<u8>>,
    /// The request to connect.
    request: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Password,
    Reply,
    Open,
}

impl Socks5 {
    /// Asks for `host`, by name if it is one: the proxy looks it up. The greeting is appended to
    /// `out`.
    pub(super) fn start(
        host: &str,
        port: u16,
        credentials: Option<(&[u8], &[u8])>,
        out: &mut Vec<u8>,
    ) -> Result<Self, ProxyError> {
        let password = match credentials {
            Some((name, password)) => {
                //= https://www.rfc-editor.org/rfc/rfc1929#section-2
                //# | 1  |  1   | 1 to 255 |  1   | 1 to 255 |
                let mut message = vec![PASSWORD_VERSION];
                push_short(name, &mut message)?;
                push_short(password, &mut message)?;
                Some(message)
            }
            None => None,
        };
        let mut request = vec![VERSION, CONNECT, 0];
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Err(_) => {
                request.push(DOMAIN);
                push_short(host.as_bytes(), &mut request)?;
            }
        }
        request.extend(port.to_be_bytes());
        match password {
            None => out.extend([VERSION, 1, NO_AUTHENTICATION]),
            Some(_) => out.extend([VERSION, 2, NO_AUTHENTICATION, PASSWORD]),
        }
        Ok(Self {
            state: State::Method,
            message: Vec::new(),
            password,
            request,
        })
    }

    /// How many bytes to read, at most, for the next [`receive`](Self::receive): what is behind
    /// them may be the other side's. 0 once the connection is open.
    pub(super) fn wants(&self) -> usize {
        let whole = match self.state {
            State::Method | State::Password => 2,
            State::Reply => match self.message.get(3..5) {
                None => 5,
                Some(&[IPV4, _]) => 4 + 4 + 2,
                Some(&[IPV6, _]) => 4 + 16 + 2,
                Some(&[_, len]) => 4 + 1 + usize::from(len) + 2,
                Some(_) => 0,
            },
            State::Open => 0,
        };
        whole - self.message.len().min(whole)
    }

    /// Takes as many bytes as [`wanted`](Self::wants), or fewer; appends what is to be sent to
    /// `out`.
    pub(super) fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ProxyError> {
        self.message.extend_from_slice(bytes);
        self.check()?;
        if self.wants() > 0 {
            return Ok(());
        }
        match (self.state, self.message.get(1).copied()) {
            //= https://www.rfc-editor.org/rfc/rfc1928#section-3
            //# If the selected METHOD is X'FF', none of the methods listed by the client are
            //# acceptable, and the client MUST close the connection.
            (State::Method, Some(NONE_ACCEPTABLE)) => return Err(ProxyError::Method),
            (State::Method, Some(PASSWORD)) => {
                let message = self.password.take().ok_or(ProxyError::Malformed)?;
                out.extend(message);
                self.state = State::Password;
            }
            (State::Method, Some(NO_AUTHENTICATION)) | (State::Password, _) => {
                out.append(&mut self.request);
                self.state = State::Reply;
            }
            (State::Reply, _) => self.state = State::Open,
            _ => return Err(ProxyError::Malformed),
        }
        self.message.clear();
        Ok(())
    }

    /// Whether what has come of the message is right: a refusal may be shorter than the rule says.
    fn check(&self) -> Result<(), ProxyError> {
        let version = match self.state {
            State::Password => PASSWORD_VERSION,
            _ => VERSION,
        };
        if self.message.first().is_some_and(|&first| first != version) {
            return Err(ProxyError::Malformed);
        }
        match (self.state, &self.message[..]) {
            //= https://www.rfc-editor.org/rfc/rfc1929#section-2
            //# If the server returns a `failure' (STATUS value other than X'00') status, it MUST
            //# close the connection.
            (State::Password, &[_, code, ..]) if code != 0 => Err(ProxyError::Credentials),
            //= https://www.rfc-editor.org/rfc/rfc1928#section-6
            //# When a reply (REP value other than X'00') indicates a failure, the SOCKS server MUST
            //# terminate the TCP connection shortly after sending the reply.
            (State::Reply, &[_, code, ..]) if code != 0 => Err(ProxyError::Refused(code)),
            (State::Reply, &[_, _, _, kind, ..]) if ![IPV4, DOMAIN, IPV6].contains(&kind) => {
                Err(ProxyError::Malformed)
            }
            _ => Ok(()),
        }
    }
}

/// Appends a length of one byte and `bytes`.
fn push_short(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ProxyError> {
    match u8::try_from(bytes.len()) {
        Ok(len @ 1..) => out.push(len),
        _ => return Err(ProxyError::Length),
    }
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Credentials<'a> = Option<(&'a [u8], &'a [u8])>;

    /// What is sent when `answers` come, in pieces of at most `at_once` bytes, and whether the
    /// connection is open.
    fn talk(
        host: &str,
        credentials: Credentials<'_>,
        mut answers: &[u8],
        at_once: usize,
    ) -> Result<(Vec<u8>, bool), ProxyError> {
        let mut out = Vec::new();
        let mut socks = Socks5::start(host, 80, credentials, &mut out)?;
        while socks.wants() > 0 && !answers.is_empty() {
            let len = socks.wants().min(at_once).min(answers.len());
            socks.receive(&answers[..len], &mut out)?;
            answers = &answers[len..];
        }
        assert!(answers.is_empty(), "more was sent than wanted: {answers:?}");
        Ok((out, socks.wants() == 0))
    }

    fn sent(host: &str, credentials: Credentials<'_>, answers: &[u8]) -> Vec<u8> {
        for at_once in 1..=answers.len() {
            let (out, open) = talk(host, credentials, answers, at_once).unwrap();
            assert!(open);
            if at_once == answers.len() {
                return out;
            }
        }
        Vec::new()
    }

    #[test]
    fn a_name_is_looked_up_by_the_proxy() {
        let answers = b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
        let out = sent("example.com", None, answers);
        assert_eq!(out, b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.com\x00\x50");
    }

    #[test]
    fn addresses_are_sent_as_such_and_any_kind_comes_back() {
        let name = b"\x05\x00\x05\x00\x00\x03\x04name\x12\x34";
        assert_eq!(
            sent("192.0.2.1", None, name),
            b"\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"
        );
        let ipv6 = [&b"\x05\x00\x05\x00\x00\x04"[..], &[7; 16], b"\x12\x34"].concat();
        let out = sent("2001:db8::1", None, &ipv6);
        assert_eq!(&out[3..9], b"\x05\x01\x00\x04\x20\x01");
        assert_eq!(out.len(), 3 + 4 + 16 + 2);
    }

    #[test]
    fn name_and_password_are_sent_when_asked_for() {
        let me: Credentials<'_> = Some((b"me", b"secret"));
        let reply = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00";
        let asked = [&b"\x05\x02\x01\x00"[..], reply].concat();
        let out = sent("h", me, &asked);
        let request = b"\x05\x01\x00\x03\x01h\x00\x50";
        let expected = [&b"\x05\x02\x00\x02\x01\x02me\x06secret"[..], request].concat();
        assert_eq!(out, expected);
        let not_asked = [&b"\x05\x00"[..], reply].concat();
        assert_eq!(
            sent("h", me, &not_asked),
            [&b"\x05\x02\x00\x02"[..], request].concat()
        );
    }

    #[test]
    fn refusals_and_broken_answers() {
        let me: Credentials<'_> = Some((b"me", b"secret"));
        let error = |credentials, answers: &[u8]| {
            talk("h", credentials, answers, 1).unwrap_err().to_string()
        };
        for (credentials, answers, expected) in [
            (me, &b"\x05\xff"[..], ProxyError::Method),
            (me, b"\x05\x02\x01\x01", ProxyError::Credentials),
            (None, b"\x05\x00\x05\x05", ProxyError::Refused(5)),
            (None, b"\x05\x00\x05\xfe", ProxyError::Refused(0xfe)),
            (None, b"\x04", ProxyError::Malformed),
            (None, b"\x05\x02", ProxyError::Malformed),
            (None, b"\x05\x01", ProxyError::Malformed),
            (me, b"\x05\x02\x05", ProxyError::Malformed),
            (None, b"\x05\x00\x05\x00\x00\x02", ProxyError::Malformed),
            (None, b"HTTP/1.1 400", ProxyError::Malformed),
        ] {
            assert_eq!(
                error(credentials, answers),
                expected.to_string(),
                "{answers:?}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        let long = [b'x'; 256];
        let name = str::from_utf8(&long).unwrap();
        let ok: &[u8] = b"x";
        for (host, credentials) in [
            (name, None),
            ("", None),
            ("h", Some((&long[..], ok))),
            ("h", Some((ok, &long[..]))),
            ("h", Some((ok, &b""[..]))),
        ] {
            assert!(matches!(
                talk(host, credentials, b"", 1),
                Err(ProxyError::Length)
            ));
        }
        assert!(talk(&name[1..], Some((&long[1..], &long[1..])), b"", 1).is_ok());
    }
}
