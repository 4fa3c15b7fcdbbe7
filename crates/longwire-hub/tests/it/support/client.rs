//! `longwire pub` and `longwire sub` while they run.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::{Hub, longwire, within};

/// A client of the command line; killed when dropped.
#[derive(Debug)]
pub(crate) struct Client {
    child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: Option<Lines<BufReader<ChildStdout>>>,
}

/// How a client ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// The lines that were not read yet.
    pub(crate) lines: Vec<String>,
    pub(crate) stderr: String,
}

impl Client {
    /// Starts `longwire pub` or `longwire sub` for `hub`.
    pub(crate) fn start(command: &str, hub: &Hub, arguments: &[&str]) -> Self {
        Self::start_at(command, &hub.url("http", ""), arguments)
    }

    pub(crate) fn start_at(command: &str, url: &str, arguments: &[&str]) -> Self {
        Self::spawn(command, url, arguments, Stdio::piped())
    }

    /// Starts it with standard error on a terminal.
    pub(crate) fn on(terminal: &Terminal, command: &str, hub: &Hub, arguments: &[&str]) -> Self {
        let stderr = terminal.file.try_clone().unwrap();
        Self::spawn(command, &hub.url("http", ""), arguments, stderr.into())
    }

    fn spawn(command: &str, url: &str, arguments: &[&str], stderr: Stdio) -> Self {
        let mut child = longwire(&[&[command, "--url", url], arguments].concat())
            .stdin(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: child
                .stdout
                .take()
                .map(|output| BufReader::new(output).lines()),
            child,
        }
    }

    /// Writes to its standard input.
    pub(crate) async fn write(&mut self, text: &str) {
        let input = self.input.as_mut().expect("standard input is open");
        within("the client reads", input.write_all(text.as_bytes()))
            .await
            .unwrap();
    }

    /// The next line of its standard output.
    pub(crate) async fn line(&mut self) -> String {
        let output = self.output.as_mut().expect("the output is read");
        let line = within("a line of the client", output.next_line()).await;
        line.unwrap().expect("the client goes on")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for its end, without anything more to read.
    pub(crate) async fn ended(mut self) -> Ended {
        drop(self.input.take());
        let mut lines = Vec::new();
        let mut stderr = String::new();
        let mut errors = self.child.stderr.take();
        let mut output = self.output.take();
        within("the end of the client", async {
            let read_lines = async {
                while let Some(output) = &mut output
                    && let Some(line) = output.next_line().await.unwrap()
                {
                    lines.push(line);
                }
            };
            let read_errors = async {
                if let Some(errors) = &mut errors {
                    errors.read_to_string(&mut stderr).await.unwrap();
                }
            };
            tokio::join!(read_lines, read_errors);
        })
        .await;
        let status = within("the end of the client", self.child.wait()).await;
        Ended {
            code: status.unwrap().code(),
            lines,
            stderr,
        }
    }
}

/// A terminal, and what was written to it.
#[derive(Debug)]
pub(crate) struct Terminal {
    file: OwnedFd,
    seen: Arc<Mutex<String>>,
}

impl Terminal {
    pub(crate) fn new(columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let file = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&file, size).unwrap();
        let seen = Arc::<Mutex<String>>::default();
        let reading = seen.clone();
        std::thread::spawn(move || {
            let mut master = File::from(master);
            let mut bytes = [0; 4096];
            // It fails once nobody has the other side.
            while let Ok(len) = master.read(&mut bytes)
                && len > 0
            {
                let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
                reading.lock().unwrap().push_str(&text);
            }
        });
        Self { file, seen }
    }

    pub(crate) fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until this was written.
    pub(crate) async fn shows(&self, text: &str) {
        self.until(text, |seen| seen.contains(text)).await;
    }

    /// Waits until this was written last.
    pub(crate) async fn ends_with(&self, text: &str) {
        self.until(text, |seen| seen.ends_with(text)).await;
    }

    async fn until(&self, text: &str, is_there: impl Fn(&str) -> bool) {
        within(&format!("{text:?} on the terminal"), async {
            while !is_there(&self.seen()) {
                tokio::time::sleep(core::time::Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}
