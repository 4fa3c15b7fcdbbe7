//! Messages larger than memory: sent and received in pieces.

use core::future::poll_fn;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use ws_frame::{DataKind, Server, Side, Utf8Validator};

use super::Socket;
use super::socket::{CHOKED, Take, Until, nothing_due};
use crate::Error;

/// A message that is being received in pieces. The rest of one that is dropped early is skipped.
#[derive(Debug)]
pub struct MessageReader<'a, Io, S = Server> {
    socket: &'a mut Socket<Io, S>,
    kind: DataKind,
    ended: bool,
}

/// A message that is being sent in pieces, uncompressed.
///
/// Dropped before [`finish`](Self::finish) it leaves the message unfinished: all that can be sent
/// after that is a close.
#[derive(Debug)]
pub struct MessageWriter<'a, Io, S = Server> {
    socket: &'a mut Socket<Io, S>,
    kind: DataKind,
    begun: bool,
    text: Utf8Validator,
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Socket<Io, S> {
    /// Receives the next message in pieces, as soon as the first has come; `None` as of
    /// [`recv`](Self::recv). Raise [`Limits::max_message`](ws_frame::Limits::max_message) for
    /// messages beyond 4 MiB. [`Config::message_within`](super::Config::message_within) does not
    /// bound them.
    ///
    /// # Errors
    ///
    /// As of [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    ///
    /// # Example
    ///
    /// ```
    /// use longwire::ws::{self, Config};
    /// use ws_frame::DataKind;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), longwire::Error> {
    /// let (mut client, mut server) = ws::pair(Config::default(), 64 * 1024);
    /// let mut writer = client.send_streamed(DataKind::Binary);
    /// writer.write(&b"some, "[..]).await?;
    /// writer.write(&b"more"[..]).await?;
    /// writer.finish().await?;
    ///
    /// let mut reader = server.recv_streamed().await.expect("a message")?;
    /// let mut len = 0;
    /// while let Some(piece) = reader.piece().await {
    ///     len += piece?.len();
    /// }
    /// assert_eq!(len, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_streamed(&mut self) -> Option<Result<MessageReader<'_, Io, S>, Error>> {
        match poll_fn(|cx| self.poll_take(cx, Take::Pieces, CHOKED, nothing_due)).await {
            Ok(Some(lent)) => {
                self.put_back(lent);
                Some(Ok(MessageReader {
                    socket: self,
                    kind: lent.kind(),
                    ended: false,
                }))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Begins a message that is sent in pieces.
    pub const fn send_streamed(&mut self, kind: DataKind) -> MessageWriter<'_, Io, S> {
        MessageWriter {
            socket: self,
            kind,
            begun: false,
            text: Utf8Validator::new(),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> MessageReader<'_, Io, S> {
    /// Whether it is text or binary.
    #[must_use]
    pub const fn kind(&self) -> DataKind {
        self.kind
    }

    /// Lends the next piece, as large as what was read at once; `None` after the last. Text is
    /// UTF-8 as a whole, a piece of it may begin or end inside a character.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] if the connection ended within the message; [`Error`] if it has failed.
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub async fn piece(&mut self) -> Option<Result<&[u8], Error>> {
        if self.ended {
            return None;
        }
        let socket = &mut *self.socket;
        match poll_fn(|cx| socket.poll_take(cx, Take::Pieces, CHOKED, nothing_due)).await {
            Ok(Some(lent)) => {
                self.ended = lent.end;
                Some(Ok(self.socket.lent_bytes(lent)))
            }
            Ok(None) => {
                self.ended = true;
                Some(Err(Error::Closed))
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl<Io, S> Drop for MessageReader<'_, Io, S> {
    fn drop(&mut self) {
        if !self.ended {
            self.socket.skip_rest();
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> MessageWriter<'_, Io, S> {
    /// Waits for room and adds a piece to what waits to be written, as a fragment or, above
    /// 64 KiB, several. Text may be cut inside a character.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`] for bytes that make the text invalid: nothing of the piece is sent.
    /// [`Error::Unfinished`] amid another message; else as of [`Socket::send`].
    ///
    /// # Cancel safety
    ///
    /// A cancelled call drops the piece, of which nothing was sent.
    pub async fn write(&mut self, piece: impl Into<Bytes>) -> Result<(), Error> {
        let piece = piece.into();
        let mut text = self.text;
        if self.kind == DataKind::Text && text.push(&piece).is_err() {
            return Err(Error::NotText);
        }
        let socket = &mut *self.socket;
        poll_fn(|cx| socket.poll_output(cx, Until::Room, true)).await?;
        self.socket.add_piece(self.kind, self.begun, false, piece)?;
        self.text = text;
        self.begun = true;
        Ok(())
    }

    /// Ends the message, and waits until all of it is written.
    ///
    /// # Errors
    ///
    /// [`Error::NotText`] for text that ends inside a character; else as of [`Socket::send`].
    ///
    /// # Cancel safety
    ///
    /// While there is no room, a cancelled call leaves the message unfinished; after that, its end
    /// goes out with the next call of any kind.
    pub async fn finish(self) -> Result<(), Error> {
        if !self.text.is_complete() {
            return Err(Error::NotText);
        }
        let socket = self.socket;
        poll_fn(|cx| socket.poll_output(cx, Until::Room, true)).await?;
        socket.add_piece(self.kind, self.begun, true, Bytes::new())?;
        socket.flush().await
    }
}
