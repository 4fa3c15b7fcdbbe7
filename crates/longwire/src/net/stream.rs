//! A connection: TCP, with or without TLS.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection, with or without TLS.
///
/// Over TLS the end of the stream is only an end if the peer said so (`close_notify`); a
/// connection cut off is an error of the kind [`UnexpectedEof`](io::ErrorKind::UnexpectedEof).
#[derive(Debug)]
pub struct Stream(Kind);

/// The larger kind is boxed: connections without TLS do not pay for it.
#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::TlsStream<Stream>>),
}

impl Stream {
    /// Whether the connection is protected by TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        match &self.0 {
            Kind::Tcp(_) => false,
            #[cfg(feature = "tls")]
            Kind::Tls(_) => true,
        }
    }

    /// The protocol that both sides agreed on during the TLS handshake, such as `h2`.
    #[must_use]
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.0 {
            Kind::Tcp(_) => None,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.get_ref().1.alpn_protocol(),
        }
    }

    /// The TCP connection below.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match &self.0 {
            Kind::Tcp(tcp) => tcp,
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.get_ref().0.tcp(),
        }
    }

    #[cfg(feature = "tls")]
    pub(super) fn tls(tls: impl Into<tokio_rustls::TlsStream<Self>>) -> Self {
        Self(Kind::Tls(Box::new(tls.into())))
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self(Kind::Tcp(tcp))
    }
}

/// Calls the same method on whatever is inside.
macro_rules! delegate {
    ($self:expr, $io:ident => $call:expr) => {
        match &mut $self.get_mut().0 {
            Kind::Tcp(tcp) => {
                let $io = Pin::new(tcp);
                $call
            }
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => {
                let $io = Pin::new(&mut **tls);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, io => io.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, io => io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, io => io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Kind::Tcp(tcp) => tcp.is_write_vectored(),
            #[cfg(feature = "tls")]
            Kind::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, io => io.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_without_tls_does_not_pay_for_it() {
        assert_eq!(size_of::<Stream>(), size_of::<TcpStream>());
    }
}
