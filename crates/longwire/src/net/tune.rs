//! Options of TCP sockets.

use core::time::Duration;
use std::io;

use tokio::net::TcpStream;

/// Sets the options that [`ws::connect`](crate::ws) and `http::serve` set on their sockets, for
/// those who accept theirs and hand them to [`ws::accept`](crate::ws::accept).
///
/// Small writes leave at once (`TCP_NODELAY`), and the system notices dead peers too: 30 s after
/// what was sent to them and not confirmed (`TCP_USER_TIMEOUT`, Linux only), or 60 s after the last
/// sign of life where nothing is under way (keepalive after 30 s, then three probes 10 s apart).
/// The clocks of a WebSocket are shorter, and do not need it; they end with its task.
///
/// # Errors
///
/// Of the system, as for a socket that is closed already.
///
/// # Example
///
/// ```
/// use longwire::{Error, net, ws};
/// use tokio::net::TcpListener;
///
/// async fn serve(listener: TcpListener) -> Result<(), Error> {
///     loop {
///         let (io, _) = listener.accept().await?;
///         net::tune(&io)?;
///         tokio::spawn(async move {
///             let config = ws::Config::default();
///             let mut socket = ws::accept(io, config, |accept| Ok(accept)).await?;
///             while let Some(message) = socket.recv().await {
///                 socket.send(message?).await?;
///             }
///             Ok::<(), Error>(())
///         });
///     }
/// }
/// ```
pub fn tune(io: &TcpStream) -> io::Result<()> {
    io.set_nodelay(true)?;
    let socket = socket2::SockRef::from(io);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10));
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(3);
    socket.set_tcp_keepalive(&keepalive)
}

/// What the system has sent and had no confirmation of for this long ends the connection, also
/// when the peer confirms only that it takes nothing.
#[cfg(feature = "serve")]
pub(crate) fn give_up_after(io: &TcpStream, after: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(io).set_tcp_user_timeout(Some(after))?;
    let _ = (io, after);
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_kernel_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let io = TcpStream::connect(listener.local_addr().unwrap());
        let io = io.await.unwrap();
        tune(&io).unwrap();
        let socket = socket2::SockRef::from(&io);
        assert!(io.nodelay().unwrap() && socket.keepalive().unwrap());
        let seconds = |n| Duration::from_secs(n);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(seconds(30)));
        assert_eq!(socket.tcp_keepalive_time().unwrap(), seconds(30));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), seconds(10));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    }
}
