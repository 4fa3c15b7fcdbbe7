//! The opening handshake: what is sent, what is taken for an answer, and how long it may take.

use core::time::Duration;

use http::{Request, StatusCode, header};
use longwire::Error;
use longwire::http::Config as Serving;
use longwire::net::{ConnectError, Connector};
use longwire::ws::{self, Config, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use ws_frame::CloseCode;
use ws_handshake::{HeaderError, ResponseError, UrlError};

use crate::scripted::{Scripted, accept, drip, field, read_head};
use crate::serve;
use crate::support::{Authority, within};
use crate::tls::{server, trusting};

/// Echoes messages of several sizes over `url`, and closes.
pub(crate) async fn talk(to: ws::Connect) {
    let mut socket = within("the socket", to.into_future()).await.unwrap();
    for len in [0, 1, 126, 70_000, 1 << 20] {
        let message = Message::from(vec![b'x'; len]);
        socket.send(message.clone()).await.unwrap();
        let echo = within("the echo", socket.recv()).await.unwrap().unwrap();
        assert!(echo == message, "{len}");
    }
    socket.close(CloseCode::NORMAL, "done").unwrap();
    assert!(within("the end", socket.recv()).await.is_none());
    assert_eq!(socket.closed().code(), CloseCode::NORMAL);
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# When the client is to _Establish a WebSocket Connection_ given a set of (/host/, /port/,
//# /resource name/, and /secure/ flag), along with a list of /protocols/ and /extensions/ to be
//# used, and an /origin/ in the case of web browsers, it MUST open a connection, send an opening
//# handshake, and read the server's handshake in response.
//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If /secure/ is true, the client MUST perform a TLS handshake over the connection after opening
//# the connection and before sending the handshake data [RFC2818].
//= https://www.rfc-editor.org/rfc/rfc6455#section-10.6
//= type=test
//# WebSocket implementations MUST support TLS and SHOULD employ it when communicating with their
//# peers.
#[tokio::test]
async fn one_line_over_tcp_and_over_tls() {
    let (port, _failed) = serve::start(Serving::default()).await;
    talk(ws::connect(format!("ws://127.0.0.1:{port}/echo"))).await;
    talk(ws::connect(format!("http://localhost:{port}/echo"))).await;

    let authority = Authority::new();
    let serving = Serving::default().tls(server(&authority.server()));
    let (port, _failed) = serve::start(serving).await;
    let connector = Connector::new().tls(trusting(&authority));
    let url = format!("wss://localhost:{port}/echo");
    talk(ws::connect(url).connector(connector)).await;
}

#[tokio::test]
async fn what_was_asked_for_is_in_the_request() {
    let server = Scripted::start(&[""]).await;
    let port = server.port;
    ws::connect(format!("ws://us%65r:p%3Aw@127.0.0.1:{port}/a%20b?c"))
        .protocol("chat.v2")
        .protocol("chat.v1")
        .origin("http://example.com")
        .header("User-Agent", "test/1")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .await
        .unwrap();
    let head = &server.asked().await[0];
    assert!(head.starts_with("GET /a%20b?c HTTP/1.1\r\n"), "{head}");
    for (name, value) in [
        ("Host", &*format!("127.0.0.1:{port}")),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "chat.v2, chat.v1"),
        ("Origin", "http://example.com"),
        ("User-Agent", "test/1"),
        ("Authorization", "Basic dXNlcjpwOnc="),
    ] {
        assert_eq!(field(head, name), Some(value), "{head}");
    }
    assert!(head.contains("X-Twice: 1\r\nX-Twice: 2\r\n"), "{head}");
    assert_eq!(field(head, "Sec-WebSocket-Extensions"), None);
}

#[tokio::test]
async fn a_request_or_a_uri_says_where_to_connect() {
    let server = Scripted::start(&["", "", ""]).await;
    let url = server.url("/a?b");
    let request = Request::get(&url).header("X-Own", "1").body(()).unwrap();
    ws::connect(request).await.unwrap();
    ws::connect(url.parse::<http::Uri>().unwrap())
        .await
        .unwrap();
    ws::connect(&url).await.unwrap();
    let asked = server.asked().await;
    for head in &asked {
        assert!(head.starts_with("GET /a?b HTTP/1.1\r\n"), "{head}");
    }
    let own: Vec<_> = asked.iter().map(|head| field(head, "X-Own")).collect();
    assert_eq!(own, [Some("1"), None, None]);
}

/// What is shown may end up in a log.
#[test]
fn nothing_that_is_shown_has_a_secret() {
    let connect = ws::connect("wss://user:hush@example.com/hush?token=hush")
        .header("Authorization", "hush")
        .header("Cookie", "hush");
    let shown = format!("{connect:?}");
    assert!(
        shown.contains("example.com") && shown.contains("Cookie"),
        "{shown}"
    );
    assert!(!shown.contains("hush"), "{shown}");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# Once the client's opening handshake has been sent, the client MUST wait for a response from the
//# server before sending any further data.
#[tokio::test]
async fn nothing_but_the_request_is_sent_before_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let talk = async {
        let mut socket = ws::connect(url).await.unwrap();
        socket.send("Hello").await.unwrap();
        drop(socket);
    };
    let server = async {
        let (mut io, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let key = field(&head, "Sec-WebSocket-Key").unwrap();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            str::from_utf8(&ws_handshake::accept_key(key.as_bytes())).unwrap()
        );
        io.write_all(answer.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        io.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let ((), rest) = tokio::join!(talk, server);
    assert_eq!(rest.len(), 2 + 4 + 5, "one masked frame");
    assert_eq!(rest[..2], [0x81, 0x85]);
}

#[tokio::test]
async fn an_authorization_of_ones_own_replaces_user_information() {
    let server = Scripted::start(&[""]).await;
    ws::connect(format!("ws://user@127.0.0.1:{}/", server.port))
        .header("authorization", "Bearer x")
        .await
        .unwrap();
    let head = &server.asked().await[0];
    assert_eq!(head.to_lowercase().matches("authorization:").count(), 1);
    assert_eq!(field(head, "Authorization"), Some("Bearer x"));
}

#[tokio::test]
async fn a_request_of_the_http_crate() {
    let server = Scripted::start(&[""]).await;
    let request = Request::get(server.url("/chat"))
        .header(header::ORIGIN, "http://example.com")
        .header(header::SEC_WEBSOCKET_PROTOCOL, "a, b")
        .header(header::COOKIE, "c=d")
        .body(());
    ws::connect(request.unwrap()).await.unwrap();
    let head = &server.asked().await[0];
    assert_eq!(field(head, "Origin"), Some("http://example.com"));
    assert_eq!(field(head, "Sec-WebSocket-Protocol"), Some("a, b"));
    assert_eq!(field(head, "Cookie"), Some("c=d"));
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The nonce MUST be selected randomly for each connection.
#[tokio::test]
async fn two_attempts_have_two_keys() {
    let server = Scripted::start(&["", ""]).await;
    let connect = ws::connect(server.url("/"));
    connect.clone().await.unwrap();
    connect.await.unwrap();
    let asked = server.asked().await;
    let key = |head| field(head, "Sec-WebSocket-Key").unwrap();
    assert_ne!(key(&asked[0]), key(&asked[1]));
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If any of the components are invalid, the client MUST _Fail the WebSocket Connection_ and abort
//# these steps.
#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_connecting() {
    // Nothing listens there: whoever tried would get another error.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", closed.local_addr().unwrap());
    drop(closed);
    let connect = || ws::connect(&url);
    for (connect, named, expected) in [
        (connect().header("Host", "x"), "Host", HeaderError::Reserved),
        (
            connect().header("UPGRADE", "x"),
            "UPGRADE",
            HeaderError::Reserved,
        ),
        (
            connect().header("sec-websocket-key", "x"),
            "sec-websocket-key",
            HeaderError::Reserved,
        ),
        (
            connect().header("Sec-WebSocket-Extensions", "x"),
            "Sec-WebSocket-Extensions",
            HeaderError::Reserved,
        ),
        (
            connect().header("Content-Length", "5"),
            "Content-Length",
            HeaderError::Reserved,
        ),
        (connect().header("X Y", "z"), "X Y", HeaderError::Name),
        (connect().header("X\r\nY", "z"), "X\r\nY", HeaderError::Name),
        (connect().header("X", "a\r\nY: b"), "X", HeaderError::Value),
        (connect().header("X", "a\0"), "X", HeaderError::Value),
        (
            connect().protocol("a b"),
            "Sec-WebSocket-Protocol",
            HeaderError::Value,
        ),
        (
            connect().protocol("a").protocol("a"),
            "Sec-WebSocket-Protocol",
            HeaderError::Repeated,
        ),
        (
            connect().origin("http://x\r\n"),
            "Origin",
            HeaderError::Value,
        ),
    ] {
        match connect.await {
            Err(Error::Header { name, error }) => {
                assert_eq!((&*name, error), (named, expected));
            }
            other => panic!("{named:?}: {other:?}"),
        }
    }
    for (url, expected) in [
        ("ftp://127.0.0.1/", UrlError::Scheme),
        ("127.0.0.1:80/", UrlError::Scheme),
        ("ws://", UrlError::Host),
        ("ws://127.0.0.1/\r\nX: y", UrlError::Character),
        ("ws://127.0.0.1/#fragment", UrlError::Fragment),
        ("ws://a%3ab@127.0.0.1/", UrlError::UserInfo),
    ] {
        match ws::connect(url).await {
            Err(Error::Url(error)) => assert_eq!(error, expected, "{url}"),
            other => panic!("{url}: {other:?}"),
        }
    }
    assert!(matches!(
        connect().await,
        Err(Error::Connect(ConnectError::Tcp(_)))
    ));
}

#[tokio::test]
async fn the_response_and_frames_right_behind_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        let head = read_head(&mut io).await;
        let lines = "Sec-WebSocket-Protocol: b\r\nSet-Cookie: e=f\r\n";
        let answer = accept(&head, lines) + "\u{1}\u{2}";
        // An unfinished text frame, \x01\x02, and the rest later.
        let early = ["HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", &answer].concat();
        io.write_all(early.as_bytes()).await.unwrap();
        io.write_all(b"he\x80\x03llo").await.unwrap();
        io
    });
    let connect = ws::connect(url).protocol("a").protocol("b");
    let (mut socket, response) = connect.with_response().await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], "b");
    assert_eq!(response.headers()[header::SET_COOKIE], "e=f");
    let message = within("a message", socket.recv()).await.unwrap();
    assert_eq!(message.unwrap(), Message::from("hello"));
    drop(serving.await.unwrap());
}

#[tokio::test]
async fn a_refusal_carries_status_fields_and_body() {
    let long = "x".repeat(70_000);
    let sized = |status: &str, body: &str| {
        let len = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\nRetry-After: 7\r\n\r\n{body}")
    };
    let chunked = "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\nRetry-After: 7\r\n\r\n\
        3\r\nlog\r\n4;x=y\r\n in!\r\n0\r\n\r\n";
    for (answer, status, body) in [
        (sized("503 Busy", "try later"), 503, "try later"),
        (sized("403 No", ""), 403, ""),
        (sized("404 Not Found", &long), 404, &long[..65_536]),
        (chunked.into(), 401, "log in!"),
        (
            sized("200 OK", "no WebSocket here"),
            200,
            "no WebSocket here",
        ),
        // Without a length the body ends with the connection, or with the deadline.
        (
            "HTTP/1.0 500 x\r\nRetry-After: 7\r\n\r\noops".into(),
            500,
            "oops",
        ),
        (
            "HTTP/1.1 302 x\r\nLocation: /x\r\nRetry-After: 7\r\n\r\n".into(),
            302,
            "",
        ),
    ] {
        let is_open_ended = !answer.contains("Content-Length") && !answer.contains("chunked");
        let mut deadline = Duration::from_millis(500);
        loop {
            let server = Scripted::start(&[&answer]).await;
            let mut config = Config::default();
            if is_open_ended {
                config = config.handshake_within(deadline);
            }
            let connect = ws::connect(server.url("/")).config(config);
            match within("an answer", connect).await {
                Err(Error::Status(response)) => {
                    assert_eq!(response.status().as_u16(), status);
                    assert_eq!(response.headers()[header::RETRY_AFTER], "7");
                    assert!(response.body() == body, "{status}: {:?}", response.body());
                    break;
                }
                // A busy machine may need more than that for the head.
                Err(Error::HeadDeadline) if is_open_ended && deadline.as_secs() < 8 => {
                    deadline *= 4;
                }
                other => panic!("{status}: {other:?}"),
            }
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# The client MUST validate the server's response as follows:
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7
//= type=test
//# To do so, the client MUST _Close the WebSocket Connection_, and MAY report the problem to the
//# user (which would be especially useful for developers) in an appropriate manner.
//= https://www.rfc-editor.org/rfc/rfc6455#section-7.2.1
//= type=test
//# To do so, the client MUST _Fail the WebSocket Connection_ as defined in Section 7.1.7.
#[tokio::test]
async fn an_answer_that_breaks_the_rules() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let wrong = format!("{head}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "x".repeat(20_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: x\r\n".repeat(101));
    for (answer, expected) in [
        (&*wrong, ResponseError::Accept),
        (&endless, ResponseError::HeadTooLarge),
        (&many, ResponseError::TooManyHeaders),
        ("SSH-2.0-x\r\n\r\n", ResponseError::StatusLine),
        (
            &"HTTP/1.1 100 Continue\r\n\r\n".repeat(9),
            ResponseError::Interim,
        ),
    ] {
        let server = Scripted::start(&[answer]).await;
        match ws::connect(server.url("/")).await {
            Err(Error::Answer(error)) => assert_eq!(error, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_in_the_middle_of_its_head() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let (error, ()) = tokio::join!(ws::connect(url).into_future(), async {
        let (mut io, _) = listener.accept().await.unwrap();
        read_head(&mut io).await;
        io.write_all(b"HTTP/1.1 101 Swi").await.unwrap();
    });
    assert!(matches!(error, Err(Error::Eof)), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_and_one_that_drips_end_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let config = Config::default().handshake_within(Duration::from_millis(100));
    let connect = ws::connect(url).config(config);

    // Accepted by the kernel, and left there.
    let error = within("the deadline", connect.clone().into_future()).await;
    assert!(matches!(error, Err(Error::HeadDeadline)), "{error:?}");
    drop(listener.accept().await.unwrap());

    let dripping = tokio::spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        let head = read_head(&mut io).await;
        drip(io, &accept(&head, ""), Duration::from_millis(20)).await;
    });
    let error = within("the deadline", connect.into_future()).await;
    assert!(matches!(error, Err(Error::HeadDeadline)), "{error:?}");
    dripping.abort();
}

#[tokio::test]
async fn a_cancelled_attempt_leaves_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut attempt =
        ws::connect(format!("ws://{}/", listener.local_addr().unwrap())).into_future();
    let mut io = tokio::select! {
        answered = &mut attempt => panic!("{answered:?}"),
        io = async {
            let (mut io, _) = listener.accept().await.unwrap();
            read_head(&mut io).await;
            io
        } => io,
    };
    drop(attempt);
    assert_eq!(within("the end", io.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test]
async fn tls_and_the_head_share_one_deadline() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
    let config = Config::default().handshake_within(Duration::from_millis(400));
    let connect = ws::connect(url)
        .config(config)
        .connector(Connector::new().tls(trusting(&authority)));
    let tls = server(&authority.server());
    // Each takes less than the deadline, but not both.
    let (error, ()) = tokio::join!(connect.clone().into_future(), async {
        let (io, _) = listener.accept().await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let Ok(mut io) = tls.accept(io, Duration::from_secs(10)).await else {
            return;
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut head = [0; 4096];
        let len = io.read(&mut head).await.unwrap();
        let answer = accept(str::from_utf8(&head[..len]).unwrap(), "");
        let _ = io.write_all(answer.as_bytes()).await;
        let _ = io.flush().await;
    });
    match error {
        // On a slow machine TLS alone may take too long.
        Err(Error::HeadDeadline | Error::Connect(ConnectError::TlsDeadline)) => {}
        other => panic!("{other:?}"),
    }

    // And one that never answers the ClientHello.
    let error = within("the deadline", connect.into_future()).await;
    let tls = matches!(error, Err(Error::Connect(ConnectError::TlsDeadline)));
    assert!(tls, "{error:?}");
}

#[tokio::test]
async fn a_status_that_only_some_know() {
    let server = Scripted::start(&["HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n"]).await;
    match ws::connect(server.url("/")).await {
        Err(Error::Status(response)) => {
            assert_eq!(response.status(), StatusCode::from_u16(999).unwrap());
        }
        other => panic!("{other:?}"),
    }
}
