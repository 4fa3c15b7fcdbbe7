//! A file of the log that was changed by nobody who may: the hub says so, and serves nothing wrong.

use crate::support::{CARRIERS, Directory, Hub, Seen, Subscriber, run};

/// A log with so many events of this size.
async fn log(hub: &Hub, events: usize, size: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..events {
        let data = format!("canary-{n:02} {}", "x".repeat(size));
        ids.push(hub.publish_data("t", &data).await);
    }
    ids
}

/// Where in a file an event is: there may be copies of it that nobody reads any more.
fn find(bytes: &[u8], text: &str) -> Vec<usize> {
    let windows = bytes.windows(text.len()).enumerate();
    let places = windows.filter(|(_, window)| *window == text.as_bytes());
    let places: Vec<_> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places
}

/// Changes a bit of the event in the file.
fn change(file: &str, event: &str) {
    let mut bytes = std::fs::read(file).unwrap();
    for at in find(&bytes, event) {
        bytes[at + 5_000] ^= 1;
    }
    std::fs::write(file, &bytes).unwrap();
}

#[tokio::test]
async fn a_changed_event_keeps_the_hub_from_starting() {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let ids = log(&hub, 40, 20 << 10).await;
    hub.stop().await;
    // Twice more on disk: else the database may go back to before it, and the journal repair the rest.
    Hub::on_disk(&directory, &[]).await.stop().await;
    let file = format!("{}/log.redb", directory.path());
    change(&file, "canary-20");
    let arguments = ["--listen", "127.0.0.1:0", "--data", directory.path()];
    let (status, stdout, stderr) = run(&arguments).await;
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.contains("the log is damaged"), "{stderr}");
    assert!(stderr.contains("move it away"), "{stderr}");
    assert!(stderr.contains(directory.path()), "{stderr}");
    // Repaired, it is the log that it was.
    change(&file, "canary-20");
    let hub = Hub::on_disk(&directory, &[]).await;
    let mut subscriber = Subscriber::after(CARRIERS[0], &hub, "t", "earliest").await;
    for expected in ids {
        assert!(matches!(subscriber.next().await, Seen::Event { id, .. } if id == expected));
    }
}

#[tokio::test]
async fn after_a_changed_event_of_the_journal_a_new_epoch_begins() {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let ids = log(&hub, 40, 20 << 10).await;
    hub.kill().await;
    let file = format!("{}/journal", directory.path());
    change(&file, "canary-20");
    let hub = Hub::on_disk(&directory, &[]).await;
    let mut subscriber = Subscriber::after(CARRIERS[0], &hub, "t", &ids[3]).await;
    let Seen::Gap(gap) = subscriber.next().await else {
        panic!("events were lost")
    };
    assert_eq!(gap["reason"], "epoch");
    // Those before it are there, in the new one.
    for (n, before) in ids.iter().enumerate().take(20) {
        let Seen::Event { id, data, .. } = subscriber.next().await else {
            panic!("no event")
        };
        assert!(data.starts_with(&format!("canary-{n:02}")), "{data}");
        assert_ne!(id, *before);
    }
    hub.signal(rustix::process::Signal::TERM);
    let (_, stderr) = hub.ended().await;
    assert!(
        stderr.contains("a new epoch begins after offset 20"),
        "{stderr}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_log_is_not_taken_for_one() {
    for (content, what) in [
        (vec![b'x'; 100_000], "no database"),
        (b"short".to_vec(), "short"),
    ] {
        let directory = Directory::new();
        std::fs::write(format!("{}/log.redb", directory.path()), &content).unwrap();
        let arguments = ["--listen", "127.0.0.1:0", "--data", directory.path()];
        let (status, _, stderr) = run(&arguments).await;
        assert_eq!(status.code(), Some(1), "{what}: {stderr}");
        assert!(stderr.contains("cannot be opened"), "{what}: {stderr}");
        assert!(stderr.contains(directory.path()), "{what}: {stderr}");
    }
}

#[tokio::test]
async fn an_event_that_is_changed_while_the_hub_runs_is_not_sent() {
    let directory = Directory::new();
    // More than the database keeps in memory.
    let hub = Hub::on_disk(&directory, &["--recent-bytes", "64k"]).await;
    let ids = log(&hub, 60, 1_000_000).await;
    let file = format!("{}/log.redb", directory.path());
    let bytes = std::fs::read(&file).unwrap();
    let file = std::fs::File::options().write(true).open(&file).unwrap();
    // All of these but those that the database has in memory.
    for at in find(&bytes, "canary-").into_iter().filter(|at| {
        let number = str::from_utf8(&bytes[at + 7..at + 9]).unwrap();
        number.parse::<usize>().unwrap() >= 10
    }) {
        std::os::unix::fs::FileExt::write_all_at(&file, b"y", at as u64 + 5_000).unwrap();
    }
    for carrier in CARRIERS {
        let mut subscriber = Subscriber::after(carrier, &hub, "t", "earliest").await;
        let mut seen = 0;
        while let Some(event) = subscriber.try_next().await {
            assert!(
                matches!(&event, Seen::Event { id, data, .. }
                    if *id == ids[seen] && data.starts_with(&format!("canary-{seen:02}"))),
                "{event:?}"
            );
            seen += 1;
        }
        assert!(seen < ids.len(), "{carrier:?}: all of a damaged log");
        // Live events go on, past it.
        let mut live = Subscriber::live(carrier, &hub, "t").await;
        let id = hub.publish_data("t", "live").await;
        assert_eq!(live.next().await, Seen::event(&id, "live"));
    }
    hub.signal(rustix::process::Signal::TERM);
    let (_, stderr) = hub.ended().await;
    assert!(stderr.contains("the log is damaged at offset"), "{stderr}");
}
