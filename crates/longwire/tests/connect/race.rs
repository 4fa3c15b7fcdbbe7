//! Several addresses, some of which lead nowhere.

use core::net::SocketAddr;

use longwire::net::{ConnectError, Connector, Endpoint};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// An address that answers nothing: the queue of its listener is full, so that the kernel drops
/// what comes.
struct Silent {
    address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Silent {
    async fn bind(address: &str) -> Self {
        let socket = TcpSocket::new_v6().unwrap();
        socket.bind(address.parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // One more than the length given, as Linux counts.
        let mut queued = Vec::new();
        for _ in 0..2 {
            queued.push(TcpStream::connect(address).await.unwrap());
        }
        Self {
            address,
            _listener: listener,
            _queued: queued,
        }
    }
}

#[tokio::test]
async fn an_address_that_answers_nothing_does_not_hold_up_the_others() {
    let silent = Silent::bind("[::1]:0").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = listener.local_addr().unwrap();
    let connector = Connector::new().addresses("example.test", [silent.address, good]);
    let stream = connector.connect(Endpoint::tcp("EXAMPLE.test", 80)).await;
    let stream = stream.unwrap();
    assert_eq!(stream.tcp().peer_addr().unwrap(), good);
    assert!(!stream.is_secure());
    assert_eq!(stream.alpn(), None);
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_until_the_deadline() {
    let silent = Silent::bind("[::1]:0").await;
    let connector = Connector::new().addresses("example.test", [silent.address]);
    let error = connector.connect(Endpoint::tcp("example.test", 80)).await;
    assert!(matches!(error, Err(ConnectError::Deadline)), "{error:?}");
}

//= https://www.rfc-editor.org/rfc/rfc6455#section-4.1
//= type=test
//# If the connection could not be opened, either because a direct connection failed or because any
//# proxy used returned an error, then the client MUST _Fail the WebSocket Connection_ and abort the
//# connection attempt.
#[tokio::test]
async fn the_error_of_the_last_address_is_told() {
    let closed = [
        TcpListener::bind("127.0.0.1:0"),
        TcpListener::bind("127.0.0.1:0"),
    ];
    let mut addresses = Vec::new();
    for listener in closed {
        addresses.push(listener.await.unwrap().local_addr().unwrap());
    }
    let connector = Connector::new().addresses("example.test", addresses);
    match connector.connect(Endpoint::tcp("example.test", 80)).await {
        Err(ConnectError::Tcp(error)) => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn names_and_literal_addresses_are_resolved() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["localhost", "127.0.0.1"] {
        let stream = Connector::new().connect(Endpoint::tcp(host, port)).await;
        assert_eq!(stream.unwrap().tcp().peer_addr().unwrap().port(), port);
    }
    // A label has at most 63 characters: nobody need be asked for this name.
    let impossible = "x".repeat(64);
    let error = Connector::new()
        .connect(Endpoint::tcp(&impossible, port))
        .await;
    assert!(matches!(error, Err(ConnectError::Resolve(_))), "{error:?}");
}
