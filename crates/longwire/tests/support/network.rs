//! A network, or mounts, that a test has to itself, and can break.

use core::net::Ipv4Addr;
use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use super::tool::skip;

/// Set in the process that has the namespace.
const INSIDE: &str = "LONGWIRE_OWN_NAMESPACE";

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
    let inside = in_own("--net", &["nft", "list", "tables"], test);
    if inside {
        run("ip", &["link", "set", "lo", "up"], "");
    }
    inside
}

/// The same for mounts: what is mounted inside is seen nowhere else, and goes with the test.
pub(crate) fn in_own_mounts(test: &str) -> bool {
    in_own("--mount", &["mount", "-t", "tmpfs", "tmpfs", "/mnt"], test)
}

/// `probe` succeeds in such a namespace where the test can do its work.
fn in_own(namespace: &str, probe: &[&str], test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    // Who is root needs no more; a user may be root of a namespace of his own, or in all of them.
    let ways: [&[&str]; 3] = [
        &["unshare", namespace],
        &["unshare", "--map-root-user", namespace],
        &[
            "sudo",
            "--non-interactive",
            "--preserve-env",
            "unshare",
            namespace,
        ],
    ];
    let Some(way) = ways.iter().find(|way| {
        let probe = Command::new(way[0])
            .args(&way[1..])
            .args(probe)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        probe.is_ok_and(|status| status.success())
    }) else {
        skip(&format!(
            "unshare, {} or the right to make a namespace is missing",
            probe[0]
        ));
        return false;
    };
    let status = Command::new(way[0])
        .args(&way[1..])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} in its own namespace: {status}");
    false
}

/// From now on no packet from or to `address` arrives: nobody is told.
pub(crate) fn cut_address(address: Ipv4Addr) {
    run(
        "nft",
        &["-f", "-"],
        &format!(
            "table inet faults {{
                chain in {{
                    type filter hook input priority 0;
                    ip saddr {address} drop
                    ip daddr {address} drop
                }}
            }}"
        ),
    );
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
