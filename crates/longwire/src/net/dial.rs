//! A TCP connection to one of the addresses of a host.

use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, Sleep, sleep_until};

use super::race::{Race, Step};
use super::{ConnectError, tune};

/// The addresses of `host` now: names are asked for again at each connection. The system is asked
/// in a blocking thread, which goes on to its own end if the future is dropped.
pub(super) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let addresses = lookup_host((host, port))
        .await
        .map_err(ConnectError::Resolve)?;
    Ok(addresses.collect())
}

/// Connects to the address that answers first; the other attempts are dropped.
pub(super) async fn dial(addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectError> {
    let mut attempts = Attempts {
        race: Race::new(addresses),
        started: Instant::now(),
        running: Vec::new(),
        sleep: None,
        failed: None,
    };
    poll_fn(|cx| attempts.poll(cx)).await
}

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

struct Attempts {
    race: Race,
    started: Instant,
    running: Vec<Attempt>,
    sleep: Option<Pin<Box<Sleep>>>,
    failed: Option<io::Error>,
}

impl Attempts {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<TcpStream, ConnectError>> {
        loop {
            let mut at = 0;
            while let Some(attempt) = self.running.get_mut(at) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(io)) => return Poll::Ready(Ok(io)),
                    Poll::Ready(Err(error)) => {
                        drop(self.running.swap_remove(at));
                        self.failed = Some(error);
                        self.race.failed();
                    }
                    Poll::Pending => at += 1,
                }
            }
            match self.race.next(self.started.elapsed()) {
                Step::Start(address) => self.running.push(Box::pin(attempt(address))),
                Step::Wait { until } => {
                    let until = self.started + until;
                    let sleep = self
                        .sleep
                        .get_or_insert_with(|| Box::pin(sleep_until(until)));
                    sleep.as_mut().reset(until);
                    if sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                }
                Step::Finish => return Poll::Pending,
                Step::Lost => {
                    let error = self.failed.take();
                    return Poll::Ready(Err(match error {
                        Some(error) => ConnectError::Tcp(error),
                        None => ConnectError::Resolve(io::Error::new(
                            io::ErrorKind::NotFound,
                            "the host has no address",
                        )),
                    }));
                }
            }
        }
    }
}

async fn attempt(address: SocketAddr) -> io::Result<TcpStream> {
    let io = TcpStream::connect(address).await?;
    tune(&io)?;
    Ok(io)
}
