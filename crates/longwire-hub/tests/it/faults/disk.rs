//! A disk that is full, fails or takes no writes: nothing is acknowledged that is not there, and
//! reading goes on.

use std::process::Command;

use super::outside::{Tool, in_own_mounts};
use crate::support::{
    CARRIERS, Carrier, Directory, Hub, Seen, Subscriber, form, longwire_under, run, within,
};

/// Mounts a file system of this size, which goes with the test.
fn mount(directory: &Directory, options: &str) {
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs", directory.path()])
        .status()
        .unwrap();
    assert!(mounted.success());
}

/// Publishes events of 10 KiB until one is refused; gives the ids of the others.
async fn publish_until_refused(hub: &Hub) -> Vec<String> {
    let data = "x".repeat(10 << 10);
    let mut connection = hub.connect().await;
    let mut ids = Vec::new();
    loop {
        let body = form(&[("topic", "t"), ("data", &format!("{} {data}", ids.len()))]);
        let request = crate::support::Request::publish(&body);
        let response = connection.request(request).await;
        if response.status == 503 {
            assert!(response.header("longwire-position").is_none());
            assert!(
                response.text().contains("cannot be written"),
                "{}",
                response.text()
            );
            return ids;
        }
        assert_eq!(response.status, 200, "{}", response.text());
        ids.push(response.text().to_owned());
        assert!(ids.len() < 10_000, "the disk never fails");
    }
}

/// The hub keeps these events of the topic, as they were published.
async fn keeps(hub: &Hub, carrier: Carrier, ids: &[String]) {
    let mut subscriber = Subscriber::after(carrier, hub, "t", "earliest").await;
    for (n, expected) in ids.iter().enumerate() {
        let Seen::Event { id, data, .. } = subscriber.next().await else {
            panic!("no event")
        };
        assert_eq!(id, *expected);
        assert!(data.starts_with(&format!("{n} x")), "{n}");
    }
}

/// A hub whose disk has failed: nothing is acknowledged any more, and what was is read.
async fn only_reads(hub: &Hub, ids: &[String]) {
    for _ in 0..3 {
        let response = hub.publish(&[("topic", "t"), ("data", "x")]).await;
        assert_eq!(
            response.status, 503,
            "a later success says nothing about the failure"
        );
    }
    for carrier in CARRIERS {
        keeps(hub, carrier, ids).await;
    }
}

#[tokio::test]
async fn full() {
    if !in_own_mounts("faults::disk::full") {
        return;
    }
    let directory = Directory::new();
    // Half of it is the journal.
    mount(&directory, "size=8m");
    let hub = Hub::on_disk(&directory, &["--recent-bytes", "64k"]).await;
    let mut live = Subscriber::live(CARRIERS[1], &hub, "t").await;
    let ids = publish_until_refused(&hub).await;
    assert!(ids.len() > 50, "{}", ids.len());
    for expected in &ids {
        let Seen::Event { id, .. } = live.next().await else {
            panic!("no event")
        };
        assert_eq!(id, *expected);
    }
    only_reads(&hub, &ids).await;
    // Somebody makes room: the failure stands until the log was opened anew.
    mount_again(&directory, "size=64m");
    only_reads(&hub, &ids).await;
    let address = hub.address().to_string();
    hub.kill().await;
    let hub = Hub::start_on(&address, &["--data", directory.path()]).await;
    keeps(&hub, CARRIERS[0], &ids).await;
    let next = hub.publish_data("t", "next").await;
    let head = ids.last().unwrap();
    assert_eq!(offset(&next), offset(head) + 1, "{next} follows {head}");
}

fn mount_again(directory: &Directory, options: &str) {
    let options = format!("remount,{options}");
    let mounted = Command::new("mount")
        .args(["-o", &options, directory.path()])
        .status()
        .unwrap();
    assert!(mounted.success());
}

fn offset(id: &str) -> u64 {
    id.rsplit_once('-').unwrap().1.parse().unwrap()
}

/// What the kernel is made to answer, and to which call.
const FAULTS: [&str; 5] = [
    // The eighth time that the thread of the writer waits for the disk, and never again: whoever
    // asked again would be told that all is well.
    "fdatasync:error=EIO:when=8",
    "fdatasync:error=EIO:when=8+",
    "pwrite64:error=ENOSPC:when=40+",
    // Each commit writes to the journal and then the note, which may be missing.
    "pwrite64:error=EIO:when=41",
    // As after `mount -o remount,ro`, by a person or by the file system's own decision.
    "pwrite64:error=EROFS:when=40+",
];

/// The hub, to whose calls the kernel is made to answer so.
fn under(strace: &str, fault: &str, arguments: &[&str]) -> tokio::process::Command {
    let call = fault.split(':').next().unwrap();
    let (trace, inject) = (format!("trace={call}"), format!("inject={fault}"));
    let wrapper = [
        strace,
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ];
    longwire_under(&wrapper, arguments)
}

#[tokio::test]
async fn failing_at_the_start() {
    let Some([strace]) = Tool::find([Tool::Strace]) else {
        return;
    };
    let directory = Directory::new();
    let doubt = std::path::Path::new(directory.path()).join("doubt");
    let hub = Hub::on_disk(&directory, &[]).await;
    let ids = hub.publish_numbers("t", 1..=5).await;
    hub.kill().await;
    // What was acknowledged is in the journal alone, and is replayed.
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data",
        directory.path(),
    ];
    for nth in 1..=2 {
        let fault = format!("fdatasync:error=EIO:when={nth}");
        let mut hub = under(strace.to_str().unwrap(), &fault, &arguments);
        let output = within("the end of the program", hub.output())
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{fault}");
        assert!(doubt.exists(), "{fault}");
    }
    let hub = Hub::on_disk(&directory, &[]).await;
    assert!(!doubt.exists());
    let mut subscriber = Subscriber::after(CARRIERS[0], &hub, "t", "earliest").await;
    for expected in ids {
        assert!(matches!(subscriber.next().await, Seen::Event { id, .. } if id == expected));
    }
}

#[tokio::test]
async fn failing() {
    let Some([strace]) = Tool::find([Tool::Strace]) else {
        return;
    };
    let strace = strace.to_str().unwrap();
    for fault in FAULTS {
        let directory = Directory::new();
        let arguments = ["--data", directory.path(), "--recent-bytes", "64k"];
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], &arguments[..]].concat();
        let hub = Hub::spawn(under(strace, fault, &arguments)).await;
        let ids = publish_until_refused(&hub).await;
        assert!(!ids.is_empty(), "{fault}");
        only_reads(&hub, &ids).await;
        let address = hub.address().to_string();
        hub.kill().await;
        let doubt = std::path::Path::new(directory.path()).join("doubt");
        assert!(doubt.exists(), "{fault}");
        let hub = Hub::start_on(&address, &["--data", directory.path()]).await;
        assert!(!doubt.exists(), "{fault}");
        keeps(&hub, CARRIERS[0], &ids).await;
        // The event that was refused may be there or not; what comes now is not in its place.
        let next = hub.publish_data("t", "next").await;
        let after = offset(&next) - offset(ids.last().unwrap());
        assert!((1..=2).contains(&after), "{fault}: {next}");
    }
}

#[tokio::test]
async fn read_only_from_the_start() {
    if !in_own_mounts("faults::disk::read_only_from_the_start") {
        return;
    }
    let directory = Directory::new();
    mount(&directory, "size=64m");
    let hub = Hub::on_disk(&directory, &[]).await;
    hub.publish_data("t", "x").await;
    hub.stop().await;
    mount_again(&directory, "ro");
    let arguments = ["--listen", "127.0.0.1:0", "--data", directory.path()];
    let (status, _, stderr) = run(&arguments).await;
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(directory.path()), "{stderr}");
    assert!(stderr.to_lowercase().contains("read-only"), "{stderr}");
}
