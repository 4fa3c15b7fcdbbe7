//! The program as a person at a terminal meets it.

use crate::support::{Hub, Request, run};

#[tokio::test]
async fn help_names_every_option() {
    let (status, bare, _) = run(&["--help"]).await;
    assert_eq!(status.code(), Some(0));
    let (status, serve, _) = run(&["serve", "--help"]).await;
    assert_eq!(status.code(), Some(0));
    for option in [
        "--listen",
        "--origin",
        "--data",
        "--memory",
        "--fsync",
        "--recent-bytes",
        "--keep-events",
        "--keep-bytes",
        "--keep-age",
    ] {
        assert!(bare.contains(option), "{option} is not in {bare}");
        assert!(serve.contains(option), "{option} is not in {serve}");
    }
    assert!(bare.contains("127.0.0.1:8080"), "{bare}");
}

#[tokio::test]
async fn version_is_that_of_the_package() {
    let (status, version, _) = run(&["--version"]).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(
        version.trim_end(),
        concat!("longwire ", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn bare_longwire_serves() {
    let hub = Hub::start_with(&["--listen", "127.0.0.1:0", "--memory"]).await;
    assert_eq!(hub.request(Request::new("GET", "/")).await.status, 200);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let hub = Hub::start(&[]).await;
    let address = hub.address().to_string();
    let (status, stdout, stderr) = run(&["--listen", &address, "--memory"]).await;
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert_eq!(stdout, "");
    assert!(stderr.contains(&format!("{address} is in use")), "{stderr}");
    assert!(stderr.contains("--listen"), "{stderr}");
    // The hub that was there is none the worse.
    assert_eq!(hub.request(Request::new("GET", "/")).await.status, 200);
}

#[tokio::test]
async fn bad_options_are_explained() {
    let bad: [(&[&str], &str); 11] = [
        (&["--nonsense"], "--nonsense"),
        (&["nonsense"], "nonsense"),
        (&["--listen", "nowhere"], "127.0.0.1:8080"),
        (&["--listen", "0.0.0.0:8080"], "loopback"),
        (&["--origin", "app.example"], "--origin"),
        (&["--keep-events", "0"], "--keep-events"),
        (&["--keep-events", "many"], "--keep-events"),
        (&["--keep-bytes", "64q"], "not a size"),
        (&["serve", "--keep-age", "1y"], "not a time"),
        (&["--fsync", "sometimes"], "interval:MS"),
        (&["--memory", "--data", "x"], "cannot be used with"),
    ];
    for (arguments, reason) in bad {
        let (status, stdout, stderr) = run(arguments).await;
        assert_eq!(status.code(), Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stdout, "");
        assert!(
            stderr.contains(reason),
            "{arguments:?}: {reason:?} is not in {stderr}"
        );
    }
}
