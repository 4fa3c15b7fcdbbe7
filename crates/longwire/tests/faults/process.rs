//! Our server in a process of its own, so that its memory is its own.

use core::net::{Ipv4Addr, SocketAddr};
use std::env;
use std::fs;

use bytes::Bytes;
use longwire::Error;
use longwire::ws::{self, Config, Message, Socket};
use tokio::net::{TcpListener, TcpStream};
use ws_frame::CloseCode;

use crate::support::{Program, within};

/// Set in the process that serves.
const SERVES: &str = "LONGWIRE_SERVES";

/// The process of the server; ends when dropped.
pub(crate) struct Server {
    program: Program,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the calling test, whose full name is `test`, once more, as the server: there this
    /// serves with `config` until it is killed, and never returns.
    ///
    /// It echoes, and does as it is told: `send N` sends N messages of 64 KiB, `close` begins the
    /// closing handshake and goes on echoing what comes.
    pub(crate) async fn start(test: &str, config: Config) -> Self {
        if is_server() {
            serve(config).await;
        }
        Self::spawn(test).await
    }

    /// Starts the calling test, whose full name is `test`, once more: there
    /// [`is_server`] holds, and it serves until it is killed.
    pub(crate) async fn spawn(test: &str) -> Self {
        let exe = env::current_exe().unwrap();
        let set = format!("{SERVES}=1");
        let arguments = [
            set.as_ref(),
            exe.as_os_str(),
            "--exact".as_ref(),
            test.as_ref(),
            "--nocapture".as_ref(),
        ];
        let mut program = Program::start("env", arguments);
        let address = loop {
            let line = program.line().await.expect("the server's address");
            if let Some((_, address)) = line.split_once("listens on ") {
                break address.parse().unwrap();
            }
        };
        Self { program, address }
    }

    /// How the next connection to end did: a code, or the name of an error.
    pub(crate) async fn ended(&mut self) -> String {
        loop {
            // The test harness writes lines of its own.
            let line = self.program.line().await.expect("the server goes on");
            if let Some((_, how)) = line.split_once("ended ") {
                return how.to_owned();
            }
        }
    }

    /// Bytes of resident memory.
    pub(crate) fn resident(&self) -> usize {
        self.kibibytes("VmRSS:") << 10
    }

    /// Bytes of resident memory, at most since [`forget_peak`](Self::forget_peak).
    pub(crate) fn peak(&self) -> usize {
        self.kibibytes("VmHWM:") << 10
    }

    pub(crate) fn forget_peak(&self) {
        fs::write(self.file("clear_refs"), "5").unwrap();
    }

    /// Waits until no more than `count` descriptors are open.
    pub(crate) async fn has_descriptors(&self, count: usize) {
        let few = async {
            while self.descriptors() > count {
                tokio::time::sleep(core::time::Duration::from_millis(10)).await;
            }
        };
        within("descriptors are closed", few).await;
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(self.file("fd")).unwrap().count()
    }

    fn kibibytes(&self, field: &str) -> usize {
        let status = fs::read_to_string(self.file("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.program.id())
    }
}

/// Whether this is the process that serves.
pub(crate) fn is_server() -> bool {
    env::var_os(SERVES).is_some()
}

async fn serve(config: Config) -> ! {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("\nlistens on {}", listener.local_addr().unwrap());
    loop {
        let (io, _) = listener.accept().await.unwrap();
        io.set_nodelay(true).unwrap();
        tokio::spawn(async move {
            let how = match ws::accept(io, config, |accept| Ok(accept)).await {
                Ok(socket) => speak(socket).await,
                Err(error) => Err(error),
            };
            match how {
                Ok(code) => println!("ended {code}"),
                Err(error) => println!("ended {error:?}"),
            }
        });
    }
}

async fn speak(mut socket: Socket<TcpStream>) -> Result<u16, Error> {
    let block = Bytes::from_static(&[b'b'; 64 << 10]);
    while let Some(message) = socket.recv().await {
        let message = message?;
        match &message {
            Message::Text(text) if text == "close" => {
                socket.close(CloseCode::GOING_AWAY, "").unwrap();
            }
            Message::Text(text) if text.starts_with("send ") => {
                for _ in 0..text[5..].parse().unwrap() {
                    socket.send(block.clone()).await?;
                }
            }
            _ => match socket.send(message).await {
                Ok(()) | Err(Error::Closed) => {}
                Err(error) => return Err(error),
            },
        }
    }
    Ok(socket.closed().code().get())
}
