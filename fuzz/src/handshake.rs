//! What `ws-handshake` promises about heads, handshakes, extension lists and origins.

mod literal;

use std::ops::ControlFlow;
use ws_handshake::{
    Accept, Answer, ClientHandshake, ClientRequest, Extensions, HandshakeError, Head, HeaderError,
    HostPolicy, Initiator, Limits, Nonce, OriginPolicy, Request, RequestHead, Scheme,
};

/// Takes the first byte, as the choice of something.
fn choice(data: &mut &[u8]) -> u8 {
    match data.split_first() {
        Some((first, rest)) => {
            *data = rest;
            *first
        }
        None => 0,
    }
}

fn limits(choice: u8) -> Limits {
    match choice % 4 {
        0 => Limits::default(),
        1 => Limits::default().line(32),
        2 => Limits::default().head(256).headers(4),
        _ => Limits::default().headers(200),
    }
}

/// Hands over growing prefixes of `data`, `step` bytes more each time, until `read` decides.
fn grow<T>(data: &[u8], step: usize, mut read: impl FnMut(&[u8]) -> ControlFlow<T>) -> Option<T> {
    let mut end = 0;
    loop {
        if let ControlFlow::Break(decided) = read(&data[..end]) {
            return Some(decided);
        }
        if end == data.len() {
            return None;
        }
        end = data.len().min(end + step);
    }
}

/// A request head: the same whatever the split, never two readings, the same as another library's,
/// and what is read can be written and read again. First byte: bytes per read; second: limits.
pub fn request(mut data: &[u8]) {
    let step = 1 + usize::from(choice(&mut data) % 64);
    let limits = limits(choice(&mut data));
    let whole = RequestHead::parse(data, &mut 0, &limits);
    against_httparse(data);

    let mut searched = 0;
    let split = grow(data, step, |part| {
        match RequestHead::parse(part, &mut searched, &limits) {
            Ok(None) => {
                assert_eq!(searched, part.len(), "bytes looked at twice, or never");
                ControlFlow::Continue(())
            }
            Ok(Some(head)) => ControlFlow::Break(Ok(head.len)),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    });
    let expected = whole
        .as_ref()
        .map(|head| head.as_ref().map(|head| head.len));
    assert_eq!(split.transpose(), expected.map_err(|error| *error));

    match whole {
        Ok(Some(Head { value: head, len })) => {
            literal::check(&data[..len], &head);
            rewrite(&head);
            handshake(head);
        }
        Ok(None) => {
            let line = data.strip_prefix(b"\r\n").unwrap_or(data);
            let ended = line.windows(4).any(|end| end == b"\r\n\r\n");
            assert!(!ended, "the end of the head was missed");
            assert!(data.len() < limits.max_head());
        }
        Err(error) => refuse(error),
    }
}

/// Against another library's reading, with the rules that we add to its grammar said plainly: the
/// same heads, with the same method, target and fields, and the same requests for a WebSocket.
fn against_httparse(data: &[u8]) {
    let limits = Limits::default();
    let ours = RequestHead::parse(data, &mut 0, &limits);
    let theirs = literal::by_httparse(data);
    match (ours, theirs) {
        (Ok(Some(Head { value: head, len })), Some(Ok(read))) => {
            assert_eq!(len, read.len);
            assert_eq!(
                (head.method(), head.target()),
                (&*read.method, &*read.target)
            );
            assert_eq!(head.minor_version(), read.minor);
            let fields = read.fields.iter().map(|(name, value)| (&**name, &**value));
            assert!(head.iter().eq(fields));
            assert_eq!(Request::from_head(head).is_ok(), read.is_handshake);
        }
        (Err(_), Some(Err(_))) | (Ok(None), None) => {}
        // Ours may say so before the end has come.
        (Err(HandshakeError::HeadTooLarge | HandshakeError::RequestLineTooLong), _) => {}
        (ours, theirs) => panic!("{ours:?} and {theirs:?}"),
    }
}

/// What was read is written again, in the plainest form, and gives the same head.
fn rewrite(head: &RequestHead<'_>) {
    let mut text = format!(
        "{} {} HTTP/1.{}\r\n",
        head.method(),
        head.target(),
        head.minor_version()
    )
    .into_bytes();
    for (name, value) in head {
        text.extend([name.as_bytes(), b":", value, b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    let limits = Limits::default().headers(1000).head(1 << 20).line(1 << 20);
    let again = RequestHead::parse(&text, &mut 0, &limits);
    let again = again
        .expect("a head that was read can be read again")
        .expect("it is complete");
    assert_eq!(again.len, text.len());
    assert!(again.value.iter().eq(head.iter()));
    assert_eq!(again.value.host(), head.host());
    assert_eq!(again.value.body(), head.body());
    assert_eq!(again.value.wants_upgrade(), head.wants_upgrade());
    if head.minor_version() == 1 {
        let parts = RequestHead::from_parts(head.method(), head.target(), head.iter());
        let parts = parts.expect("a head that was read is well-formed");
        assert!(parts.iter().eq(head.iter()));
        assert_eq!((parts.host(), parts.body()), (head.host(), head.body()));
    }
}

/// A handshake is accepted with everything it offers, or refused with a response.
fn handshake(head: RequestHead<'_>) {
    let wanted = head.wants_upgrade();
    let request = match Request::from_head(head.clone()) {
        Ok(request) => request,
        Err(error) => return refuse(error),
    };
    assert!(wanted && head.method() == "GET");
    let protocols: Vec<&str> = request.protocols().collect();
    let extensions = first_of_each(&request);
    let mut accept = request.accept();
    if let Some(protocol) = protocols.first() {
        accept = accept.protocol(protocol).expect("it was offered");
    }
    for extension in extensions.iter().take(3) {
        accept = accept.extension(extension).expect("it was offered");
    }
    assert!(accept.clone().protocol("never, offered").is_err());
    if let Some(extension) = extensions.first() {
        assert!(
            accept.clone().extension(extension).is_err(),
            "it is chosen already"
        );
    }
    let mut out = Vec::new();
    accept.encode(&mut out);
    assert_eq!(lines(&out), 1 + accept.fields().count() + 1);
    check_response(&out, 101);
}

/// The extensions of a request, of those with one name the first.
fn first_of_each(request: &Request<'_>) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    let extensions = request.extensions().filter(|e| names.insert(e.name()));
    extensions.map(|e| e.to_string()).collect()
}

fn refuse(error: HandshakeError) {
    let mut out = Vec::new();
    error.reject().encode(&mut out);
    check_response(&out, error.status());
}

fn check_response(out: &[u8], status: u16) {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    assert!(response.parse(out).expect("well-formed").is_complete());
    assert_eq!(response.code, Some(status));
}

fn lines(out: &[u8]) -> usize {
    out.windows(2).filter(|pair| pair == b"\r\n").count()
}

/// A response: the same whatever the split; accepted only with the right digest and with what was
/// offered. First byte: bytes per read; second: limits and offers.
pub fn response(mut data: &[u8]) {
    let step = 1 + usize::from(choice(&mut data) % 64);
    let offers = choice(&mut data);
    let mut request = ClientRequest::new("ws://a/")
        .expect("a URL")
        .limits(limits(offers));
    let (mut protocols, mut extensions) = (Vec::new(), Vec::new());
    if offers & 4 == 0 {
        protocols = vec!["chat", "superchat"];
        extensions = vec!["permessage-deflate", "x"];
        request = request
            .protocol("chat")
            .and_then(|r| r.protocol("superchat"))
            .expect("tokens");
        request = request
            .extension("permessage-deflate; client_max_window_bits, x")
            .expect("list");
    }
    let nonce = Nonce::new(*b"the sample nonce");
    let handshake = ClientHandshake::start(&request, nonce, &mut Vec::new());
    let whole = handshake
        .clone()
        .finish(data)
        .map(|head| head.map(|head| head.len));

    let mut growing = handshake.clone();
    let split = grow(data, step, |part| match growing.finish(part) {
        Ok(None) => ControlFlow::Continue(()),
        Ok(Some(head)) => ControlFlow::Break(Ok(head.len)),
        Err(error) => ControlFlow::Break(Err(error)),
    });
    assert_eq!(split.transpose(), whole);

    let mut handshake = handshake;
    let Ok(Some(Head { value, len })) = handshake.finish(data) else {
        return;
    };
    assert!(data[..len].ends_with(b"\r\n\r\n"));
    match value {
        Answer::Accepted(accepted) => {
            let digest = accepted.headers().get("sec-websocket-accept");
            assert_eq!(digest, Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
            assert!(
                accepted
                    .protocol()
                    .is_none_or(|chosen| protocols.contains(&chosen))
            );
            assert!(
                accepted
                    .extensions()
                    .all(|chosen| extensions.contains(&chosen.name()))
            );
        }
        Answer::Refused(refused) => {
            assert!(refused.status() >= 200);
            assert_eq!(refused.body(), &data[len..]);
        }
        other => panic!("{other:?}"),
    }
}

/// Both sides: whatever texts the client takes, the server reads exactly what was meant, and the
/// client reads exactly what the server chose. The texts are lines: URL, subprotocol, extension,
/// origin, then names and values of fields.
pub fn pair(data: &[u8]) {
    let mut texts = data.split(|&b| b == b'\x1e');
    let mut next = || texts.next().unwrap_or_default();
    let text = |bytes| core::str::from_utf8(bytes).unwrap_or("\u{e9}");
    let (url, protocol, extension, origin) =
        (text(next()), text(next()), text(next()), text(next()));
    let Ok(mut request) = ClientRequest::new(url) else {
        return;
    };
    let has_protocol = take(&mut request, |r| r.protocol(protocol));
    let has_extension = take(&mut request, |r| r.extension(extension));
    let has_origin = take(&mut request, |r| r.origin(origin));
    let mut fields = Vec::new();
    for _ in 0..4 {
        let (name, value) = (text(next()), next());
        if take(&mut request, |r| r.header(name, value)) {
            fields.push((name, value));
        }
    }

    let mut sent = Vec::new();
    let mut client = ClientHandshake::start(&request, Nonce::new([7; 16]), &mut sent);
    let limits = Limits::default().head(1 << 20).line(1 << 20);
    let read = Request::parse(&sent, &mut 0, &limits).expect("the server reads it");
    let Head { value: server, len } = read.expect("it is complete");
    assert_eq!(len, sent.len(), "the request ends where it should");
    let head = server.head();
    assert_eq!(head.target(), request.target());
    assert_eq!(head.host(), Some(request.authority().as_str()));
    let own = fields
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let userinfo = head.header("authorization").is_some() && !own;
    let written = [true; 5]
        .into_iter()
        .chain([has_protocol, has_extension, has_origin, userinfo]);
    let written = written.filter(|written| *written).count();
    assert_eq!(head.iter().count(), written + fields.len());
    assert_eq!(lines(&sent), head.iter().count() + 2);
    assert!(head.iter().skip(written).eq(fields.iter().copied()));
    assert!(server.protocols().eq(has_protocol.then_some(protocol)));
    assert_eq!(
        head.header("origin"),
        has_origin.then_some(origin.as_bytes())
    );

    // The server echoes what it may of the same texts.
    let mut accept = server.accept();
    let chosen = first_of_each(accept.request());
    if has_protocol {
        accept = accept.protocol(protocol).expect("it was offered");
    }
    for extension in &chosen {
        accept = accept.extension(extension).expect("it was offered");
    }
    answer(
        &mut client,
        accept,
        &fields,
        has_protocol.then_some(protocol),
        &chosen,
    );
}

/// Sets what the client takes, and says whether it did.
fn take<'a>(
    request: &mut ClientRequest<'a>,
    set: impl FnOnce(ClientRequest<'a>) -> Result<ClientRequest<'a>, HeaderError>,
) -> bool {
    match set(request.clone()) {
        Ok(with) => {
            *request = with;
            true
        }
        Err(_) => false,
    }
}

fn answer<'b>(
    client: &mut ClientHandshake,
    mut accept: Accept<'b>,
    fields: &[(&'b str, &'b [u8])],
    protocol: Option<&str>,
    extensions: &[String],
) {
    let mut added = 0;
    for (name, value) in fields {
        if let Ok(with) = accept.clone().header(name, *value) {
            accept = with;
            added += 1;
        }
    }
    let mut out = Vec::new();
    accept.encode(&mut out);
    out.extend(b"\x81\x00");
    let limit = Limits::default().max_head();
    match client.finish(&out) {
        Ok(Some(Head {
            value: Answer::Accepted(accepted),
            len,
        })) => {
            assert_eq!(
                &out[len..],
                b"\x81\x00",
                "the frames begin where they should"
            );
            assert_eq!(accepted.protocol(), protocol);
            let read: Vec<_> = accepted.extensions().map(|e| e.to_string()).collect();
            assert_eq!(read, extensions);
            let chosen = usize::from(protocol.is_some()) + extensions.len();
            assert_eq!(accepted.headers().iter().count(), 3 + chosen + added);
        }
        Err(_) if out.len() > limit || extensions.len() > 90 => {}
        other => panic!("{other:?}"),
    }
}

/// A list of extensions: as a reading that splits where no quotes are, and the same after being
/// written and read again.
pub fn extensions(data: &[u8]) {
    let parsed = Extensions::parse(data).ok().map(|list| {
        list.map(|extension| {
            let params = extension
                .params()
                .map(|(name, value)| (name.to_owned(), value.map(|value| value.into_owned())));
            (extension.name().to_owned(), params.collect())
        })
        .collect::<Vec<(String, Vec<_>)>>()
    });
    assert_eq!(parsed, literal::extensions(data));

    if let Ok(list) = Extensions::parse(data) {
        let text = list
            .map(|extension| extension.to_string())
            .collect::<Vec<_>>()
            .join(", ");
        let again = Extensions::parse(text.as_bytes()).expect("what was written can be read");
        assert!(list.map(|e| e.to_string()).eq(again.map(|e| e.to_string())));
        assert!(
            list.flat_map(|e| e.params())
                .eq(again.flat_map(|e| e.params()))
        );
    }
}

/// Origins and hosts: nothing passes that a plain comparison of normal forms would not let pass.
/// First byte: the scheme of the request; then the lines host, origin, allowed.
pub fn origin(mut data: &[u8]) {
    let scheme = if choice(&mut data).is_multiple_of(2) {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let mut texts = data.split(|&b| b == b'\n');
    let host = core::str::from_utf8(texts.next().unwrap_or_default()).unwrap_or_default();
    let origin = texts.next().unwrap_or_default();
    let allowed = core::str::from_utf8(texts.next().unwrap_or_default()).unwrap_or_default();
    let initiator = Initiator::new(scheme, Some(host), Some(origin), None);

    let own = format!(
        "{}://{host}",
        if scheme == Scheme::Https {
            "https"
        } else {
            "http"
        }
    );
    let same = literal::origin(origin).is_some_and(|o| literal::origin(own.as_bytes()) == Some(o));
    assert_eq!(OriginPolicy::same_origin().check(&initiator).is_ok(), same);

    match OriginPolicy::listed().allow(allowed) {
        Ok(policy) => {
            let normal = literal::origin(allowed.as_bytes());
            let listed = match allowed {
                "null" => origin == b"null",
                _ => literal::origin(origin).is_some_and(|o| normal == Some(o)),
            };
            assert_eq!(policy.check(&initiator).is_ok(), listed);
            let own = Initiator::new(scheme, None, Some(allowed.as_bytes()), None);
            assert_eq!(policy.check(&own), Ok(()), "what is allowed passes");
        }
        Err(_) => {
            let normal = literal::origin(allowed.as_bytes());
            assert!(allowed != "null" && normal.is_none_or(|(_, host, _)| host.contains('*')));
        }
    }

    let loopback = HostPolicy::loopback().check(Some(host)).is_ok();
    assert_eq!(loopback, literal::is_loopback(host));
    if let Ok(policy) = HostPolicy::listed().allow(host) {
        assert_eq!(policy.check(Some(host)), Ok(()));
        assert!(policy.check(Some(&format!("a{host}"))).is_err());
    }
}
