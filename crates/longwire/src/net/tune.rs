//! Options of TCP sockets.

use core::time::Duration;
use std::io;

use tokio::net::TcpStream;

/// Small writes leave at once, and dead peers are noticed by the kernel too, with data under way
/// or without.
pub(crate) fn tune(io: &TcpStream) -> io::Result<()> {
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
