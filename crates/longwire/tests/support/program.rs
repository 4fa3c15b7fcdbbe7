//! Other people's programs while they run.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{ChildStdin, ChildStdout};

use super::{Folder, within};

/// A program that runs: killed when dropped, and what it complained about is shown if the test
/// fails.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    name: String,
    input: Option<ChildStdin>,
    output: Option<Lines<BufReader<ChildStdout>>>,
    /// Its standard error, the standard output of a server, and the files it was given.
    folder: Folder,
}

/// The name of the file in the folder.
const LOG: &str = "log";

impl Program {
    /// Starts a program that is read and written line by line.
    pub(crate) fn start<I>(program: impl AsRef<OsStr>, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let folder = Folder::new();
        let mut command = Command::new(program);
        command.args(arguments);
        let mut program = Self::spawn(command, folder, true);
        program.input = program
            .child
            .stdin
            .take()
            .map(|input| ChildStdin::from_std(input).unwrap());
        program.output = program.child.stdout.take().map(|output| {
            let output = ChildStdout::from_std(output).unwrap();
            BufReader::new(output).lines()
        });
        program
    }

    /// Starts a script of `tests`, such as `peers/node/client.mjs`, by its interpreter.
    pub(crate) fn script<I>(interpreter: impl AsRef<OsStr>, script: &str, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let script = format!("{}/tests/{script}", env!("CARGO_MANIFEST_DIR"));
        let rest = arguments
            .into_iter()
            .map(|argument| argument.as_ref().to_owned());
        Self::start(interpreter, core::iter::once(script.into()).chain(rest))
    }

    /// Starts a server with its files in `folder`, and waits until `port` on loopback accepts.
    pub(crate) async fn server<I>(program: &Path, folder: Folder, port: u16, arguments: I) -> Self
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder.path());
        let mut program = Self::spawn(command, folder, false);
        let what = format!("{} listens on {port}", program.name);
        within(&what, program.until_it_accepts(port)).await;
        program
    }

    fn spawn(mut command: Command, folder: Folder, piped: bool) -> Self {
        let name = Path::new(command.get_program())
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let log = File::create(folder.path().join(LOG)).unwrap();
        let pipe = |log: &File| match piped {
            true => Stdio::piped(),
            false => log.try_clone().unwrap().into(),
        };
        command
            .stdin(if piped { Stdio::piped() } else { Stdio::null() })
            .stdout(pipe(&log))
            .stderr(log);
        let child = command.spawn().unwrap_or_else(|e| panic!("{name}: {e}"));
        Self {
            child,
            name,
            input: None,
            output: None,
            folder,
        }
    }

    async fn until_it_accepts(&mut self, port: u16) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{} ended: {status}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it complained about so far.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.path().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The next line of standard output.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let output = self.output.as_mut().expect("a program, not a server");
        let what = format!("a line of {}'s output", self.name);
        within(&what, output.next_line()).await.unwrap()
    }

    pub(crate) async fn write_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("standard input is open");
        input
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    /// Ends its input and reads to the end: the rest of the output, and whether it was content.
    pub(crate) async fn finish(mut self) -> (Vec<String>, bool) {
        drop(self.input.take());
        let mut rest = Vec::new();
        while let Some(line) = self.line().await {
            rest.push(line);
        }
        (rest, self.child.wait().unwrap().success())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of {}\n{}---", self.name, self.log());
        }
    }
}
