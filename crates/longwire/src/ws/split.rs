//! A socket in two owned halves.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use futures_core::Stream;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use ws_frame::{CloseCode, CloseReason, Server, Side};

use super::socket::Until;
use super::{Message, Outbound, Socket, WhenFull};
use crate::Error;

/// The half of a [`Socket`] that receives, and keeps the connection alive meanwhile: pings are
/// answered, and the other half's deadlines kept, while it is polled.
#[derive(Debug)]
pub struct Receiver<Io, S = Server>(Arc<Shared<Io, S>>);

/// The half of a [`Socket`] that sends.
#[derive(Debug)]
pub struct Sender<Io, S = Server>(Arc<Shared<Io, S>>);

/// The two halves are not of the same socket; here they are.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "two halves, and nothing to add")]
pub struct NotOne<Io, S = Server>(pub Receiver<Io, S>, pub Sender<Io, S>);

impl<Io, S> core::fmt::Display for NotOne<Io, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the halves are not of the same socket")
    }
}

/// The socket is locked for as long as one poll takes, never while either half waits. Whatever it
/// waits for wakes both halves, of which mostly one is waiting.
#[derive(Debug)]
struct Shared<Io, S> {
    socket: Mutex<Socket<Io, S>>,
    waiting: Arc<Waiting>,
    /// Wakes whoever is waiting.
    waker: Waker,
}

/// The tasks that wait: the receiver's, the sender's.
#[derive(Debug, Default)]
struct Waiting(Mutex<[Option<Waker>; 2]>);

#[derive(Clone, Copy)]
enum Half {
    Receiver,
    Sender,
}

impl Waiting {
    fn register(&self, half: Half, waker: &Waker) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut waiting[half as usize];
        if !slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    fn done(&self, half: Half) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting[half as usize] = None;
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiting = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            core::mem::take(&mut *waiting)
        };
        for waker in waiting.into_iter().flatten() {
            waker.wake();
        }
    }
}

impl<Io, S: Side> Shared<Io, S> {
    fn socket(&self) -> MutexGuard<'_, Socket<Io, S>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls on behalf of one half. The other is woken if what it waits for may have changed.
    fn poll<T>(
        &self,
        half: Half,
        cx: &Context<'_>,
        poll: impl FnOnce(&mut Socket<Io, S>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.waiting.register(half, cx.waker());
        let polled = self.change(|socket, cx| poll(socket, cx));
        if polled.is_ready() {
            self.waiting.done(half);
        }
        polled
    }

    fn change<T>(&self, act: impl FnOnce(&mut Socket<Io, S>, &mut Context<'_>) -> T) -> T {
        let mut socket = self.socket();
        let before = socket.stage();
        let done = act(&mut socket, &mut Context::from_waker(&self.waker));
        let changed = socket.stage() != before;
        drop(socket);
        if changed {
            self.waker.wake_by_ref();
        }
        done
    }
}

impl<Io, S: Side> Socket<Io, S> {
    /// Takes the socket apart, for two tasks. Neither half waits for what the other waits for: a
    /// peer that sends nothing holds up no sending, one that reads nothing holds up no receiving
    /// (until its pongs fill the buffer).
    ///
    /// The receiver must be polled for pings to be answered. The connection ends when both halves
    /// are dropped.
    ///
    /// ```
    /// use longwire::ws::{self, Config, Message};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), longwire::Error> {
    /// let (client, server) = ws::pair(Config::default(), 64 * 1024);
    /// let (mut receiver, mut sender) = client.into_split();
    /// let (_server_receiver, mut server_sender) = server.into_split();
    /// let waits = tokio::spawn(async move { receiver.recv().await });
    /// sender.send("up").await?;
    /// server_sender.send("down").await?;
    /// let received = waits.await.expect("the task ends").transpose()?;
    /// assert_eq!(received, Some(Message::from("down")));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_split(self) -> (Receiver<Io, S>, Sender<Io, S>) {
        let waiting = Arc::new(Waiting::default());
        let shared = Arc::new(Shared {
            socket: Mutex::new(self),
            waker: waiting.clone().into(),
            waiting,
        });
        (Receiver(shared.clone()), Sender(shared))
    }
}

impl<Io, S: Side> Receiver<Io, S> {
    /// How the connection ended: see [`Socket::closed`].
    pub fn closed(&self) -> CloseReason {
        self.0.socket().closed()
    }

    /// Puts the two halves together again.
    ///
    /// # Errors
    ///
    /// [`NotOne`], with both, if they come from different sockets.
    pub fn reunite(self, sender: Sender<Io, S>) -> Result<Socket<Io, S>, NotOne<Io, S>> {
        if !Arc::ptr_eq(&self.0, &sender.0) {
            return Err(NotOne(self, sender));
        }
        drop(sender);
        match Arc::try_unwrap(self.0) {
            Ok(shared) => Ok(shared
                .socket
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)),
            // Only the two halves hold it.
            Err(shared) => Err(NotOne(Self(shared.clone()), Sender(shared))),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Receiver<Io, S> {
    /// Receives the next message: see [`Socket::recv`].
    ///
    /// # Errors
    ///
    /// As of [`Socket::recv`].
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    fn poll_recv(&self, cx: &Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        self.0.poll(Half::Receiver, cx, Socket::poll_recv)
    }
}

impl<Io, S: Side> Sender<Io, S> {
    /// Bytes that wait to be written: see [`Socket::buffered_amount`].
    #[must_use]
    pub fn buffered_amount(&self) -> usize {
        self.0.socket().buffered_amount()
    }

    /// Messages dropped for lack of room: see [`Socket::dropped`].
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.0.socket().dropped()
    }

    /// How the connection ended: see [`Socket::closed`].
    pub fn closed(&self) -> CloseReason {
        self.0.socket().closed()
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Sender<Io, S> {
    /// Sends a message, and waits until it is written: see [`Socket::send`].
    ///
    /// # Errors
    ///
    /// As of [`Socket::send`].
    ///
    /// # Cancel safety
    ///
    /// As of [`Socket::send`].
    pub async fn send<'a>(&mut self, message: impl Into<Outbound<'a>>) -> Result<(), Error> {
        self.feed(message).await?;
        if self.0.socket().when_full() == WhenFull::Wait {
            return self.flush().await;
        }
        self.write_now()
    }

    /// Waits for room and adds a message to what waits to be written: see [`Socket::feed`].
    ///
    /// # Errors
    ///
    /// As of [`Socket::send`].
    ///
    /// # Cancel safety
    ///
    /// A cancelled call drops the message, of which nothing was sent.
    pub async fn feed<'a>(&mut self, message: impl Into<Outbound<'a>>) -> Result<(), Error> {
        poll_fn(|cx| self.poll_output(cx, Until::Room)).await?;
        self.0.socket().add(message.into())
    }

    /// Waits until all that waits is written: see [`Socket::flush`].
    ///
    /// # Errors
    ///
    /// As of [`Socket::flush`].
    ///
    /// # Cancel safety
    ///
    /// A cancelled call loses nothing.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_output(cx, Until::Flushed)).await
    }

    /// Adds a message and writes what the socket takes: see [`Socket::try_send`].
    ///
    /// # Errors
    ///
    /// As of [`Socket::try_send`].
    pub fn try_send<'a>(&mut self, message: impl Into<Outbound<'a>>) -> Result<(), Error> {
        self.0.socket().try_add(message.into())?;
        self.write_now()
    }

    /// Begins the closing handshake, which the receiver finishes: see [`Socket::close`].
    ///
    /// # Errors
    ///
    /// As of [`Socket::close`].
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.0.socket().close(code, reason)?;
        self.write_now()
    }

    fn write_now(&self) -> Result<(), Error> {
        let written = self.0.change(Socket::poll_write);
        // Whoever waits goes on with what is left.
        self.0.waker.wake_by_ref();
        match written {
            Poll::Ready(written) => written,
            Poll::Pending => Ok(()),
        }
    }

    fn poll_output(&self, cx: &Context<'_>, until: Until) -> Poll<Result<(), Error>> {
        // The receiver reads.
        self.0.poll(Half::Sender, cx, |socket, cx| {
            socket.poll_output(cx, until, false)
        })
    }
}

/// What [`recv`](Self::recv) returns.
impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Stream for Receiver<Io, S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

/// [`feed`](Self::feed) and [`flush`](Self::flush). Closing begins the closing handshake with 1000
/// and waits until its frame is written.
impl<Io: AsyncRead + AsyncWrite + Unpin, S: Side> Sink<Message> for Sender<Io, S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_output(cx, Until::Room)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.0.socket().add(message.into())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_output(cx, Until::Flushed)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let _ = self
            .0
            .change(|socket, _| socket.close(CloseCode::NORMAL, ""));
        self.poll_output(cx, Until::Flushed)
    }
}
