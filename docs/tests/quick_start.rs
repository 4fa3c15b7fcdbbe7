//! The commands of the README and of the quick start do what those pages say, with real curl.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests, outside of #[test]"
)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

const README: &str = include_str!("../../README.md");
const PAGE: &str = include_str!("../src/quick-start.md");

/// The console blocks of a page, in order.
fn commands(page: &str) -> Vec<&str> {
    let blocks = page.split("```console\n").skip(1);
    blocks
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}

/// A running program, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0
            .kill()
            .expect("a child that was not waited for can be killed");
        self.0.wait().expect("and waited for");
    }
}

impl Running {
    /// The hub, on a free port, and the address it says.
    fn hub() -> (Self, String) {
        // Beside the folder of this test program; built with the workspace's tests.
        let tests = env::current_exe().unwrap();
        let hub: PathBuf = tests.ancestors().nth(2).unwrap().join("longwire");
        // The log is where it is without --data, but not that of whoever runs the tests.
        let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("quick-start");
        if state.exists() {
            fs::remove_dir_all(&state).unwrap();
        }
        let mut child = Command::new(&hub)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("XDG_STATE_HOME", state)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; run the tests of the workspace", hub.display()));
        let stdout = child.stdout.take().unwrap();
        let hub = Self(child);
        let address = BufReader::new(stdout).lines().find_map(|line| {
            let line = line.unwrap();
            let (_, address) = line.split_once("http://")?;
            Some(address.trim_end_matches('/').to_owned())
        });
        (hub, address.expect("the hub says where it listens"))
    }

    /// A command of the page that goes on until it is ended, and its output.
    fn start(command: String) -> (Self, impl Iterator<Item = String>) {
        let mut child = shell(&command).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        (
            Self(child),
            BufReader::new(stdout).lines().map(Result::unwrap),
        )
    }
}

fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("exec {command}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    shell
}

#[test]
fn what_is_published_arrives_live_and_again_from_earliest() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(
            env::var_os("LONGWIRE_SKIP_MISSING_TOOLS").is_some(),
            "curl is missing"
        );
        eprintln!("skipped: curl is missing");
        return;
    }
    let [run, subscribe, publish, again] = commands(PAGE)[..] else {
        panic!("the page has other commands than this test knows")
    };
    assert_eq!(commands(README), [run, publish, "cargo xtask ci --install"]);

    let (_hub, address) = Running::hub();
    let here = |command: &str| command.replace("127.0.0.1:8080", &address);

    let (_subscriber, mut live) = Running::start(here(subscribe));
    assert!(live.any(|line| line == "event: longwire-position"));
    let id = String::from_utf8(shell(&here(publish)).output().unwrap().stdout).unwrap();
    assert!(live.any(|line| line == format!("id: {id}")));
    assert_eq!(live.next().as_deref(), Some("data: hello"));

    let (_late, mut replay) = Running::start(here(again));
    assert!(replay.any(|line| line == format!("id: {id}")));
    assert_eq!(replay.next().as_deref(), Some("data: hello"));
}
