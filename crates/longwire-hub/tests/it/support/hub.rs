//! The hub's program.

use core::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Connection, Request, Response, form, within};

/// A hub that runs; killed when dropped.
#[derive(Debug)]
pub(crate) struct Hub {
    child: Child,
    address: SocketAddr,
}

impl Hub {
    /// Starts a hub on a free port, with these options.
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", options).await
    }

    pub(crate) async fn start_on(listen: &str, options: &[&str]) -> Self {
        let place: &[&str] = if options.contains(&"--data") {
            &[]
        } else {
            &["--memory"]
        };
        let arguments = [&["serve", "--listen", listen], place, options].concat();
        Self::start_with(&arguments).await
    }

    /// Starts the program with these arguments.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        Self::spawn(longwire(arguments)).await
    }

    /// Starts the program with these arguments, and no more than so many descriptors.
    pub(crate) async fn start_limited(descriptors: u64, arguments: &[&str]) -> Self {
        let limit = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        let program = env!("CARGO_BIN_EXE_longwire");
        let arguments = [&["-c", &limit, program], arguments].concat();
        Self::spawn(bare("sh", &arguments)).await
    }

    /// Starts the program as this command says.
    pub(crate) async fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = within(
            "the line that says where the hub listens",
            lines.next_line(),
        )
        .await;
        let Some(line) = line.unwrap() else {
            panic!("the hub ended: {}", finish(child).await.1);
        };
        let address = line
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'));
        let address = address.unwrap_or_else(|| panic!("no address in: {line}")).0;
        let address = address.parse().unwrap();
        Self { child, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `path`, which begins with a slash, as a URL of this hub.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// A connection whose receiving end holds little, so that it is soon full.
    pub(crate) async fn connect_small(&self) -> Connection {
        Connection::open_small(self.address).await
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn request(&self, request: Request<'_>) -> Response {
        let mut connection = self.connect().await;
        within("a response", connection.request(request)).await
    }

    /// The status alone of the answer, whose body may have no end.
    pub(crate) async fn status(&self, request: Request<'_>) -> u16 {
        let mut connection = self.connect().await;
        connection.send(&request).await;
        within("the head of a response", connection.head())
            .await
            .status
    }

    /// Publishes an event with these fields.
    pub(crate) async fn publish(&self, fields: &[(&str, &str)]) -> Response {
        self.request(Request::publish(&form(fields))).await
    }

    /// Publishes `data` to `topic` and gives the event's id.
    pub(crate) async fn publish_data(&self, topic: &str, data: &str) -> String {
        let response = self.publish(&[("topic", topic), ("data", data)]).await;
        assert_eq!(response.status, 200, "{}", response.text());
        response.text().to_owned()
    }

    /// Publishes the numbers of `range` to `topic`, on one connection, and gives the ids.
    pub(crate) async fn publish_numbers(
        &self,
        topic: &str,
        range: core::ops::RangeInclusive<usize>,
    ) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut ids = Vec::new();
        for n in range {
            let body = form(&[("topic", topic), ("data", &n.to_string())]);
            let response = connection.request(Request::publish(&body)).await;
            assert_eq!(response.status, 200, "{}", response.text());
            ids.push(response.text().to_owned());
        }
        ids
    }

    /// How many sockets the hub has.
    #[cfg(target_os = "linux")]
    pub(crate) fn sockets(&self) -> usize {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", self.child.id().unwrap()));
        // One may be closed while we look.
        let targets = descriptors
            .unwrap()
            .filter_map(|entry| entry.unwrap().path().read_link().ok());
        targets
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    }

    /// The numbers that `/metrics` shows under this name, labels included.
    pub(crate) async fn metric(&self, name: &str) -> Option<f64> {
        let response = self.request(Request::new("GET", "/metrics")).await;
        assert_eq!(response.status, 200, "{}", response.text());
        number(response.text(), name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Kilobytes of memory that the hub has at this moment.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap()));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().trim().strip_suffix(" kB").unwrap();
        number.parse().unwrap()
    }

    /// Waits until the hub has ended by itself.
    pub(crate) async fn ended(self) -> (ExitStatus, String) {
        finish(self.child).await
    }

    /// A hub whose log is in a directory.
    pub(crate) async fn on_disk(directory: &Directory, options: &[&str]) -> Self {
        let data = ["--data", directory.path()];
        Self::start(&[&data, options].concat()).await
    }

    /// Ends the hub as Ctrl-C does.
    pub(crate) async fn stop(self) {
        self.signal(Signal::TERM);
        let (status, text) = self.ended().await;
        assert!(status.success(), "{text}");
    }

    /// Ends the hub without a word to anybody.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// One number of a text for Prometheus.
pub(crate) fn number(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// A directory that goes with the test.
#[derive(Debug)]
pub(crate) struct Directory(String);

impl Directory {
    pub(crate) fn new() -> Self {
        let name = format!("longwire-{:016x}", getrandom::u64().unwrap());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path.into_os_string().into_string().unwrap())
    }

    pub(crate) fn path(&self) -> &str {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left behind does not make a test wrong.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program, its output captured, free of the variables that set its options.
pub(crate) fn longwire(arguments: &[&str]) -> Command {
    bare(env!("CARGO_BIN_EXE_longwire"), arguments)
}

/// The same, started by another program.
pub(crate) fn longwire_under(wrapper: &[&str], arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_longwire");
    bare(wrapper[0], &[&wrapper[1..], &[program], arguments].concat())
}

fn bare(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LONGWIRE_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the program to its end: status, standard output, standard error.
pub(crate) async fn run(arguments: &[&str]) -> (ExitStatus, String, String) {
    run_in(&[], arguments).await
}

/// The same, with these variables.
pub(crate) async fn run_in(
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (ExitStatus, String, String) {
    let mut command = longwire(arguments);
    command.envs(variables.iter().copied());
    let output = within("the end of the program", command.output())
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status, text(output.stdout), text(output.stderr))
}

/// Waits for the end of the program: status and standard error.
async fn finish(mut child: Child) -> (ExitStatus, String) {
    let mut stderr = child.stderr.take().unwrap();
    let mut text = String::new();
    let read = stderr.read_to_string(&mut text);
    within("the end of the hub's output", read).await.unwrap();
    (
        within("the end of the hub", child.wait()).await.unwrap(),
        text,
    )
}
