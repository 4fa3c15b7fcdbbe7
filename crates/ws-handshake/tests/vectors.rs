//! Every row of `fuzz/vectors/handshake.json`, whole and cut in two at every byte.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use serde_json::Value;
use ws_handshake::{
    Answer, BodyLength, ClientHandshake, ClientRequest, Extension, Extensions, HandshakeError,
    Head, HostPolicy, Initiator, Limits, Nonce, OriginPolicy, Request, RequestHead, ResponseError,
    Scheme,
};

fn rows(section: &str) -> Vec<Value> {
    let text = include_str!("../../../fuzz/vectors/handshake.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let rows = vectors[section].as_array().unwrap().clone();
    assert!(!rows.is_empty(), "{section}");
    rows
}

/// Characters up to U+00FF are the bytes of these numbers.
fn bytes(value: &Value) -> Vec<u8> {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no string"));
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap().to_owned())
        .collect()
}

fn named(extensions: impl Iterator<Item = Extension<'static>>) -> Vec<String> {
    extensions.map(|extension| extension.to_string()).collect()
}

/// Gives `first` and then all of `buf` to `parse`, which must ask for more or decide at once.
fn in_two<T, E>(
    buf: &[u8],
    first: usize,
    mut parse: impl FnMut(&[u8]) -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    match parse(&buf[..first]) {
        Ok(None) => parse(buf),
        decided => decided,
    }
}

#[test]
fn heads_are_read_or_refused_whatever_the_split() {
    for row in rows("heads") {
        let buf = bytes(&row["head"]).leak();
        let name = &row["name"];
        let whole = RequestHead::parse(buf, &mut 0, &Limits::default());
        match (&whole, row["error"].as_str()) {
            (Ok(Some(Head { value: head, len })), None) => {
                assert_eq!(head.method(), row["method"], "{name}");
                assert_eq!(head.target(), row["target"], "{name}");
                assert_eq!(head.host(), row["host"].as_str(), "{name}");
                match head.body() {
                    BodyLength::Bytes(n) => assert_eq!(row["body"], n, "{name}"),
                    BodyLength::Chunked => assert_eq!(row["body"], "chunked", "{name}"),
                }
                assert_eq!(*len, buf.len(), "{name}");
            }
            (Err(error), Some(expected)) => {
                assert_eq!(format!("{error:?}"), expected, "{name}");
                assert_eq!(row["status"], error.status(), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let whole = whole.map(|head| head.map(|head| head.len));
        for cut in 0..=buf.len() {
            let mut searched = 0;
            let split = in_two(buf, cut, |part| {
                let head = RequestHead::parse(part, &mut searched, &Limits::default())?;
                Ok::<_, HandshakeError>(head.map(|head| head.len))
            });
            assert_eq!(split, whole, "{name}, cut at {cut}");
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
//= type=test
//# If the server, while reading the handshake, finds that the client did not send a handshake that
//# matches the description below (note that as per [RFC2616], the order of the header fields is not
//# important), including but not limited to any violations of the ABNF grammar specified for the
//# components of the handshake, the server MUST stop processing the client's handshake and return
//# an HTTP response with an appropriate error code (such as 400 Bad Request).
//= https://www.rfc-editor.org/rfc/rfc6455#section-10.7
//= type=test
//# If the invalid data is sent during the WebSocket handshake, the server SHOULD return an
//# appropriate HTTP [RFC2616] status code.
//= https://www.rfc-editor.org/rfc/rfc6455#section-11.3.1
//= type=test
//# The |Sec-WebSocket-Key| header field MUST NOT appear more than once in an HTTP request.
//= https://www.rfc-editor.org/rfc/rfc6455#section-11.3.5
//= type=test
//# However, the |Sec-WebSocket-Version| header field MUST NOT appear more than once in an HTTP
//# request.
#[test]
fn requests_are_accepted_or_refused_whatever_the_split() {
    for row in rows("requests") {
        let buf = bytes(&row["head"]).leak();
        let name = &row["name"];
        let whole = Request::parse(buf, &mut 0, &Limits::default());
        let mut out = Vec::new();
        match (&whole, row["error"].as_str()) {
            (Ok(Some(Head { value: request, .. })), None) => {
                let protocols: Vec<_> = request.protocols().collect();
                assert_eq!(protocols, texts(&row["protocols"]), "{name}");
                assert_eq!(
                    named(request.extensions()),
                    texts(&row["extensions"]),
                    "{name}"
                );
                request.clone().accept().encode(&mut out);
                let accept = format!(
                    "\r\nSec-WebSocket-Accept: {}\r\n",
                    row["accept"].as_str().unwrap()
                );
                assert!(
                    String::from_utf8(out.clone()).unwrap().contains(&accept),
                    "{name}"
                );
            }
            (Err(error), Some(expected)) => {
                assert_eq!(format!("{error:?}"), expected, "{name}");
                assert_eq!(row["status"], error.status(), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let whole = whole.map(|head| {
            head.map(|head| {
                head.value.accept().encode(&mut out);
                head.len
            })
        });
        for cut in 0..=buf.len() {
            let mut searched = 0;
            let split = in_two(buf, cut, |part| {
                let head = Request::parse(part, &mut searched, &Limits::default())?;
                Ok::<_, HandshakeError>(head.map(|head| head.len))
            });
            assert_eq!(split, whole, "{name}, cut at {cut}");
        }
    }
}

/// What of an answer the vectors speak of.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Accepted {
        protocol: Option<String>,
        extensions: Vec<String>,
        len: usize,
    },
    Refused {
        status: u16,
        len: usize,
    },
}

fn outcome(head: Head<Answer<'static>>) -> Outcome {
    let len = head.len;
    match head.value {
        Answer::Accepted(accepted) => Outcome::Accepted {
            protocol: accepted.protocol().map(str::to_owned),
            extensions: named(accepted.extensions()),
            len,
        },
        Answer::Refused(refused) => Outcome::Refused {
            status: refused.status(),
            len,
        },
        other => panic!("{other:?}"),
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the response lacks an |Upgrade| header field or the |Upgrade| header field contains a value
//# that is not an ASCII case-insensitive match for the value "websocket", the client MUST _Fail the
//# WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the response lacks a |Connection| header field or the |Connection| header field doesn't
//# contain a token that is an ASCII case-insensitive match for the value "Upgrade", the client MUST
//# _Fail the WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the response lacks a |Sec-WebSocket-Accept| header field or the |Sec-WebSocket-Accept|
//# contains a value other than the base64-encoded SHA-1 of the concatenation of the
//# |Sec-WebSocket-Key| (as a string, not base64-decoded) with the string
//# "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" but ignoring any leading and trailing whitespace, the
//# client MUST _Fail the WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the response includes a |Sec-WebSocket-Extensions| header field and this header field
//# indicates the use of an extension that was not present in the client's handshake (the server has
//# indicated an extension not requested by the client), the client MUST _Fail the WebSocket
//# Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the response includes a |Sec-WebSocket-Protocol| header field and this header field indicates
//# the use of a subprotocol that was not present in the client's handshake (the server has
//# indicated a subprotocol not requested by the client), the client MUST _Fail the WebSocket
//# Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the server's response does not conform to the requirements for the server's handshake as
//# defined in this section and in Section 4.2.2, the client MUST _Fail the WebSocket Connection_.
//= https://www.rfc-editor.org/rfc/rfc6455#section-11.3.2
//= type=test
//# However, the |Sec-WebSocket-Extensions| header field MUST NOT appear more than once in an HTTP
//# response.
//= https://www.rfc-editor.org/rfc/rfc6455#section-11.3.3
//= type=test
//# The |Sec-WebSocket-Accept| header MUST NOT appear more than once in an HTTP response.
//= https://www.rfc-editor.org/rfc/rfc6455#section-11.3.4
//= type=test
//# However, the |Sec-WebSocket-Protocol| header field MUST NOT appear more than once in an HTTP
//# response.
#[test]
fn responses_are_accepted_or_refused_whatever_the_split() {
    for row in rows("responses") {
        let buf: &'static [u8] = bytes(&row["head"]).leak();
        let name = &row["name"];
        let (protocols, extensions) = (texts(&row["protocols"]), texts(&row["extensions"]));
        let mut request = ClientRequest::new("ws://server.example.com/chat").unwrap();
        for protocol in &protocols {
            request = request.protocol(protocol).unwrap();
        }
        for extension in &extensions {
            request = request.extension(extension).unwrap();
        }
        let mut sent = Vec::new();
        let handshake =
            ClientHandshake::start(&request, Nonce::new(*b"the sample nonce"), &mut sent);
        let whole = handshake.clone().finish(buf);
        match (&whole, row["error"].as_str()) {
            (Ok(Some(head)), None) => match head.value.clone() {
                Answer::Accepted(accepted) => {
                    let expected = &row["accepted"];
                    assert_eq!(accepted.protocol(), expected["protocol"].as_str(), "{name}");
                    let extensions = named(accepted.extensions());
                    assert_eq!(extensions, texts(&expected["extensions"]), "{name}");
                    assert_eq!(head.len, buf.len(), "{name}");
                }
                Answer::Refused(refused) => {
                    let expected = &row["refused"];
                    assert_eq!(expected["status"], refused.status(), "{name}");
                    assert_eq!(refused.body(), bytes(&expected["body"]), "{name}");
                    assert_eq!(&buf[head.len..], refused.body(), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            },
            (Err(error), Some(expected)) => {
                assert_eq!(format!("{error:?}"), expected, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        let whole = whole.map(|head| head.map(outcome));
        for cut in 0..=buf.len() {
            let mut handshake = handshake.clone();
            let split = in_two(buf, cut, |part| {
                let part: &'static [u8] = part.to_vec().leak();
                Ok::<_, ResponseError>(handshake.finish(part)?.map(outcome))
            });
            assert_eq!(split, whole, "{name}, cut at {cut}");
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.3
//= type=test
//# When using the quoted-string syntax variant, the value after quoted-string unescaping MUST
//# conform to the 'token' ABNF.
//= https://www.rfc-editor.org/rfc/rfc6455#section-9.1
//= type=test
//# If a value is received by either the client or the server during negotiation that does not
//# conform to the ABNF below, the recipient of such malformed data MUST immediately _Fail the
//# WebSocket Connection_.
#[test]
fn extension_lists_are_read_or_refused() {
    for row in rows("extensions") {
        let value = bytes(&row["value"]);
        let parsed = Extensions::parse(&value).map(|list| {
            list.map(|extension| {
                let params = extension
                    .params()
                    .map(|(name, value)| serde_json::json!([name, value]))
                    .collect::<Vec<_>>();
                serde_json::json!([extension.name(), params])
            })
            .collect::<Vec<_>>()
        });
        assert_eq!(parsed.ok(), row["list"].as_array().cloned(), "{row}");
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
//= type=test
//# A connection attempt lacking this header field SHOULD NOT be interpreted as coming from a
//# browser client.
//= https://www.rfc-editor.org/rfc/rfc6455#section-10.2
//= type=test
//# Servers that are not intended to process input from any web page but only for certain sites
//# SHOULD verify the |Origin| field is an origin they expect.
#[test]
fn origins_pass_or_not() {
    for row in rows("origins") {
        let policy = match row["policy"].as_str().unwrap() {
            "any" => OriginPolicy::any(),
            "same-origin" => OriginPolicy::same_origin(),
            origin => OriginPolicy::listed().allow(origin).unwrap(),
        };
        let scheme = match row["scheme"].as_str().unwrap() {
            "http" => Scheme::Http,
            _ => Scheme::Https,
        };
        let field = |name: &str| row[name].as_str().map(|_| bytes(&row[name]));
        let (origin, site) = (field("origin"), field("fetch_site"));
        let host = row["host"].as_str();
        let cookie = row["cookie"].as_bool().unwrap();
        let initiator =
            Initiator::new(scheme, host, origin.as_deref(), site.as_deref()).with_cookie(cookie);
        let allowed = policy.check(&initiator);
        assert_eq!(row["allowed"], allowed.is_ok(), "{row}: {allowed:?}");
        if let Err(forbidden) = allowed {
            assert_eq!(forbidden.status(), 403);
        }
    }
}

#[test]
fn hosts_are_served_or_not() {
    for row in rows("hosts") {
        let policy = match row["policy"].as_str().unwrap() {
            "any" => HostPolicy::any(),
            "loopback" => HostPolicy::loopback(),
            host => HostPolicy::listed().allow(host).unwrap(),
        };
        let allowed = policy.check(row["host"].as_str());
        assert_eq!(row["allowed"], allowed.is_ok(), "{row}");
        if let Err(forbidden) = allowed {
            assert_eq!(forbidden.status(), 421);
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-3
//= type=test
//# Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used on
//# these URIs.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The components of the WebSocket URI passed into this algorithm (/host/, /port/, /resource name/,
//# and /secure/ flag) MUST be valid according to the specification of WebSocket URIs specified in
//# Section 3.
#[test]
fn urls_are_taken_apart_or_refused() {
    for row in rows("urls") {
        let url = row["url"].as_str().unwrap();
        match (ClientRequest::new(url), row["error"].as_str()) {
            (Ok(request), None) => {
                assert_eq!(request.is_secure(), row["secure"], "{url}");
                assert_eq!(request.host(), row["host"], "{url}");
                assert_eq!(row["port"], request.port(), "{url}");
                assert_eq!(request.authority(), row["authority"], "{url}");
                assert_eq!(request.target(), row["target"].as_str().unwrap(), "{url}");
                let mut out = Vec::new();
                let _handshake = ClientHandshake::start(&request, Nonce::new([0; 16]), &mut out);
                let head = Request::parse(&out, &mut 0, &Limits::default())
                    .unwrap()
                    .unwrap()
                    .value;
                assert_eq!(head.head().host(), row["authority"].as_str(), "{url}");
                assert_eq!(head.head().target(), row["target"], "{url}");
                let authorization = head.header("authorization");
                assert_eq!(
                    authorization,
                    row["authorization"].as_str().map(str::as_bytes),
                    "{url}"
                );
            }
            (Err(error), Some(expected)) => assert_eq!(format!("{error:?}"), expected, "{url:?}"),
            other => panic!("{url}: {other:?}"),
        }
    }
}
