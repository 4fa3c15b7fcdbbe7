//! What holds for every input: nothing that is given becomes another line, what is written is read
//! back, and no split changes what is read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing helper fails the test"
)]

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use ws_handshake::{
    Accept, Answer, ClientHandshake, ClientRequest, Extensions, Head, HeaderError, Limits, Nonce,
    Reject, Request, RequestHead,
};

/// As many cases as `PROPTEST_CASES` says; what once failed is tried first.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/properties.proptest-regressions",
        ))),
        ..ProptestConfig::default()
    }
}

/// Any text, with those among them that matter to a line-based protocol.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}",
        "[ -~]{0,12}",
        "[a-z \t\r\n\0:,;=\"\\\\\u{7f}\u{e9}\u{feff}]{0,8}",
        any::<String>(),
        Just("a\r\nX-Injected: 1".to_owned()),
        Just("a\r\n\r\nGET / HTTP/1.1".to_owned()),
        Just("a\nb".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        text().prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..12),
        "[!-~]([ -~]{0,8}[!-~])?".prop_map(String::into_bytes),
    ]
}

/// A list of extensions in the grammar, with spaces and quotes where they may be.
fn extensions() -> impl Strategy<Value = String> {
    let ows = || "[ \t]{0,2}";
    let value = prop_oneof![
        Just(String::new()),
        "=[a-z0-9]{1,4}",
        "=\"[a-z0-9]{1,4}\"",
        "= \"(\\\\?[a-z0-9]){1,4}\"",
    ];
    let param = (ows(), ows(), "[a-z_]{1,6}", value)
        .prop_map(|(a, b, name, value)| format!("{a};{b}{name}{value}"));
    let extension = ("[a-z-]{1,8}", proptest::collection::vec(param, 0..3))
        .prop_map(|(name, params)| format!("{name}{}", params.concat()));
    proptest::collection::vec(extension, 1..4).prop_map(|list| list.join(", "))
}

/// Bytes that a resource of a URL cannot have.
fn is_foreign(b: u8) -> bool {
    !b.is_ascii_graphic() || br##""#<>\^`{|}"##.contains(&b)
}

fn lines(out: &[u8]) -> usize {
    out.windows(2).filter(|pair| pair == b"\r\n").count()
}

/// Sets what is taken, and says whether it was.
fn take<T: Clone>(of: &mut T, set: impl FnOnce(T) -> Result<T, HeaderError>) -> bool {
    set(of.clone()).map(|with| *of = with).is_ok()
}

proptest! {
    #![proptest_config(config())]

    //= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
    //= type=test
    //# The handshake MUST be a valid HTTP request as specified by [RFC2616].
    #[test]
    fn a_request_has_the_lines_that_were_meant(
        resource in text(),
        protocol in text(),
        extension in prop_oneof![text(), extensions()],
        origin in text(),
        headers in proptest::collection::vec((text(), value()), 0..4),
        nonce in any::<[u8; 16]>(),
    ) {
        let url = format!("ws://example.com/{resource}");
        let Ok(mut request) = ClientRequest::new(&url) else {
            prop_assert!(resource.bytes().any(is_foreign));
            return Ok(());
        };
        let mut expected = 7
            + usize::from(take(&mut request, |r| r.protocol(&protocol)))
            + usize::from(take(&mut request, |r| r.extension(&extension)))
            + usize::from(take(&mut request, |r| r.origin(&origin)));
        let mut taken = Vec::new();
        for (name, value) in &headers {
            if take(&mut request, |r| r.header(name, value)) {
                taken.push((name.as_str(), value.as_slice()));
            }
        }
        expected += taken.len();
        let mut out = Vec::new();
        let mut client = ClientHandshake::start(&request, Nonce::new(nonce), &mut out);
        prop_assert_eq!(lines(&out), expected);
        prop_assert!(!out.windows(4).rev().skip(1).any(|w| w == b"\r\n\r\n"));

        // The server reads what was meant, and the client reads its answer.
        let Head { value: server, len } =
            Request::parse(&out, &mut 0, &Limits::default()).unwrap().unwrap();
        prop_assert_eq!(len, out.len());
        prop_assert_eq!(server.head().target(), request.target());
        let all: Vec<_> = server.head().iter().collect();
        prop_assert_eq!(&all[all.len() - taken.len()..], &taken[..]);
        let mut response = Vec::new();
        server.accept().encode(&mut response);
        let answer = client.finish(&response).unwrap().unwrap();
        prop_assert_eq!(answer.len, response.len());
        prop_assert!(matches!(answer.value, Answer::Accepted(_)));
    }

    #[test]
    fn an_acceptance_has_the_lines_that_were_meant(
        protocol in text(),
        extension in prop_oneof![text(), extensions()],
        headers in proptest::collection::vec((text(), value()), 0..4),
    ) {
        let buf = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Extensions: a, b\r\n\r\n";
        let request = Request::parse(buf, &mut 0, &Limits::default()).unwrap().unwrap().value;
        let mut accept: Accept<'_> = request.accept();
        let mut expected = 5
            + usize::from(take(&mut accept, |a| a.protocol(&protocol)))
            + usize::from(take(&mut accept, |a| a.extension(&extension)));
        let mut taken = Vec::new();
        for (name, value) in &headers {
            if take(&mut accept, |a| a.header(name, value)) {
                taken.push((name.as_str(), value.as_slice()));
            }
        }
        expected += taken.len();
        let mut out = Vec::new();
        accept.encode(&mut out);
        prop_assert_eq!(lines(&out), expected);
        prop_assert!(accept.fields().skip(expected - 2 - taken.len()).eq(taken));
    }

    #[test]
    fn a_refusal_has_the_lines_that_were_meant(
        status in any::<u16>(),
        headers in proptest::collection::vec((text(), value()), 0..4),
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut reject = Reject::new(status).body(&body);
        let taken: Vec<_> =
            headers.iter().filter(|(n, v)| take(&mut reject, |r| r.header(n, v))).collect();
        let mut out = Vec::new();
        reject.encode(&mut out);
        let (head, rest) = out.split_at(out.len() - body.len());
        prop_assert_eq!(rest, &body[..]);
        let typed = taken.iter().any(|(n, _)| n.eq_ignore_ascii_case("content-type"));
        let content_type = usize::from(!body.is_empty() && !typed);
        prop_assert_eq!(lines(head), 4 + content_type + taken.len());

        let request = ClientRequest::new("ws://a/").unwrap();
        let mut client = ClientHandshake::start(&request, Nonce::new([0; 16]), &mut Vec::new());
        let answer = client.finish(&out).unwrap().unwrap();
        let Answer::Refused(refused) = answer.value else { panic!("{answer:?}") };
        prop_assert_eq!(refused.status(), reject.status());
        prop_assert_eq!(refused.body(), &body[..]);
        prop_assert_eq!(refused.content_length(), Some(body.len() as u64));
    }

    #[test]
    fn what_is_read_does_not_depend_on_the_split(
        buf in proptest::collection::vec(prop_oneof![
            8 => Just(b"\r\n".to_vec()),
            4 => Just(b"Host: a\r\n".to_vec()),
            2 => Just(b"GET / HTTP/1.1\r\n".to_vec()),
            2 => Just(b"Content-Length: 1\r\n".to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..8),
            1 => "[a-z: \t\r\n]{0,8}".prop_map(String::into_bytes),
        ], 0..10).prop_map(|parts| [b"GET / HTTP/1.1\r\n".to_vec(), parts.concat()].concat()),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        small in any::<bool>(),
    ) {
        let limits = if small {
            Limits::default().head(40).line(16).headers(2)
        } else {
            Limits::default()
        };
        let read = |part: &[u8], searched: &mut usize| {
            RequestHead::parse(part, searched, &limits).map(|head| head.map(|head| head.len))
        };
        let whole = read(&buf, &mut 0);
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(buf.len() + 1)).collect();
        ends.push(buf.len());
        ends.sort_unstable();
        let mut searched = 0;
        let split = ends.iter().find_map(|&end| read(&buf[..end], &mut searched).transpose());
        prop_assert_eq!(split, whole.transpose());
    }

    #[test]
    fn extensions_are_read_back_as_written(list in extensions()) {
        let list = Extensions::parse(list.as_bytes()).unwrap();
        let written = list.map(|e| e.to_string()).collect::<Vec<_>>().join(",");
        let again = Extensions::parse(written.as_bytes()).unwrap();
        prop_assert!(list.map(|e| e.name()).eq(again.map(|e| e.name())));
        prop_assert!(list.flat_map(|e| e.params()).eq(again.flat_map(|e| e.params())));
        let shown = |list: Extensions<'_>| list.map(|e| format!("{e:?}")).collect::<Vec<_>>();
        prop_assert_eq!(shown(list), shown(again));
    }
}
