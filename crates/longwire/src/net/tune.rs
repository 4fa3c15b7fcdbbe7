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
