//! A network that a test has to itself, and can break.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use super::tool::skip;

/// Set in the process that has the network.
const INSIDE: &str = "LONGWIRE_OWN_NETWORK";

/// Whether the calling test runs in a network namespace of its own, with nothing but loopback. If
/// not, `test` (the full name of the caller) is run there, to its end, and has passed on return:
///
/// ```ignore
/// if !in_own_network("half_open::a_test") {
///     return;
/// }
/// ```
///
/// The namespace, with the rules in it, ends with the last process in it: there is nothing to
/// clean up. Where the kernel lets nobody make one, that is a missing tool.
pub(crate) fn in_own_network(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"], "");
        return true;
    }
    // Who is root needs no more; a user may be root of a namespace of his own, or in all of them.
    let ways: [&[&str]; 3] = [
        &["unshare", "--net"],
        &["unshare", "--map-root-user", "--net"],
        &[
            "sudo",
            "--non-interactive",
            "--preserve-env",
            "unshare",
            "--net",
        ],
    ];
    let Some(way) = ways.iter().find(|way| {
        let probe = Command::new(way[0])
            .args(&way[1..])
            .args(["nft", "list", "tables"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        probe.is_ok_and(|status| status.success())
    }) else {
        skip("unshare, nft or the right to make a network namespace is missing");
        return false;
    };
    let status = Command::new(way[0])
        .args(&way[1..])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} in its own network: {status}");
    false
}

/// From now on no packet from or to `port` arrives: nobody is told.
pub(crate) fn cut(port: u16) {
    run(
        "nft",
        &["-f", "-"],
        &format!(
            "table inet faults {{
                chain in {{
                    type filter hook input priority 0;
                    tcp sport {port} drop
                    tcp dport {port} drop
                }}
            }}"
        ),
    );
}

/// Undoes every [`cut`].
pub(crate) fn mend() {
    run("nft", &["delete", "table", "inet", "faults"], "");
}

fn run(program: &str, arguments: &[&str], input: &str) {
    assert!(
        env::var_os(INSIDE).is_some(),
        "only in a network of one's own"
    );
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{program}: {e}"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let status = child.wait().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}
