//! Programs that are measured from outside: what they print, how much time and memory they take.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program that runs until this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self {
            child: command.spawn().unwrap_or_else(|error| {
                panic!("{:?} did not start: {error}", command.get_program())
            }),
        }
    }

    /// Starts a program whose first line of output says where it listens.
    pub fn listening(command: &mut Command) -> (Self, String) {
        let mut process = Self::start(command.stdout(Stdio::piped()));
        let mut line = String::new();
        let output = process.child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        (process, line)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time of all its threads, in the kernel and outside.
    pub fn cpu(&self) -> Duration {
        let mut clock = 0;
        let pid = self.id().try_into().unwrap();
        // SAFETY: both get a pointer to a value of ours, and keep none.
        let time = unsafe {
            assert_eq!(libc::clock_getcpuclockid(pid, &raw mut clock), 0);
            let mut time = std::mem::zeroed::<libc::timespec>();
            assert_eq!(libc::clock_gettime(clock, &raw mut time), 0);
            time
        };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// Bytes of resident memory.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the hub as its users do, and returns the path of the binary.
pub fn build_hub(profile: &str) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--profile", profile, "-p", "longwire-hub"])
        .arg("--message-format=json")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(built.status.success());
    let messages = String::from_utf8(built.stdout).unwrap();
    let (_, path) = messages
        .rsplit_once("\"executable\":\"")
        .expect("a binary was built");
    path.split('"').next().unwrap().to_owned()
}
