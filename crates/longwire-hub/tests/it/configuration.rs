//! Settings from flags, the environment and a file.

use crate::support::{Directory, Hub, Request, run, run_in};

fn file(directory: &Directory, name: &str, text: &str) -> String {
    let path = format!("{}/{name}", directory.path());
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_flag_comes_before_the_environment_before_the_file() {
    let directory = Directory::new();
    let path = file(
        &directory,
        "hub.toml",
        "keep-events = 1\nkeep-age = \"1s\"\nlog-level = \"warn\"\nmemory = true\n",
    );
    let variables = [
        ("LONGWIRE_CONFIG", path.as_str()),
        ("LONGWIRE_KEEP_EVENTS", "2"),
        ("LONGWIRE_KEEP_AGE", "2s"),
        ("LONGWIRE_ORIGINS", "https://a.example,https://b.example"),
    ];
    let arguments = ["config", "check", "--keep-events", "3"];
    let (status, stdout, stderr) = run_in(&variables, &arguments).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    for line in [
        "keep-events = 3 # --keep-events\n",
        "keep-age = \"2s\" # LONGWIRE_KEEP_AGE\n",
        "log-level = \"warn\" # line 3\n",
        "memory = true # line 4\n",
        "origins = [\"https://a.example\", \"https://b.example\"] # LONGWIRE_ORIGINS\n",
        "max-per-ip = 100 # default\n",
        "# tls-cert: none\n",
    ] {
        assert!(stdout.contains(line), "{line:?} is not in {stdout}");
    }
    // What is printed is a file.
    let again = file(&directory, "again.toml", &stdout);
    let (status, repeated, stderr) = run(&["config", "check", &again]).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(repeated.contains("keep-events = 3 # line"), "{repeated}");
}

#[tokio::test]
async fn the_hub_runs_as_its_file_says() {
    let directory = Directory::new();
    let text = "listen = \"127.0.0.1:0\"\nmemory = true\norigins = [\"https://app.example\"]\n";
    let path = file(&directory, "hub.toml", text);
    let hub = Hub::start_with(&["serve", "--config", &path]).await;
    let request = Request::publish("topic=a").header("Origin", "https://app.example");
    assert_eq!(hub.request(request).await.status, 200);
    let request = Request::publish("topic=a").header("Origin", "https://other.example");
    assert_eq!(hub.request(request).await.status, 403);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_named_with_its_line() {
    let directory = Directory::new();
    let rows = [
        ("\nnonsense = 1\n", ":2: there is no setting `nonsense`"),
        ("listen = \"nowhere\"\n", ":1: listen: not an address"),
        (
            "\n\nkeep-events = 0\n",
            ":3: keep-events: not a number from 1",
        ),
        ("keep-age = \"1y\"\n", ":1: keep-age: not a time"),
        (
            "origins = \"https://a.example\"\n",
            ":1: `origins` is a list",
        ),
        ("origins = [\"a.example\"]\n", ":1: origins: not an origin"),
        ("listen = \"0.0.0.0:80\"\n", "loopback"),
        ("anonymous = true\n", "--key"),
        ("memory = true\ndata = \"x\"\n", "cannot be used with"),
        ("listen\n", ":1: "),
    ];
    for (index, (text, reason)) in rows.into_iter().enumerate() {
        let path = file(&directory, &format!("{index}.toml"), text);
        for arguments in [
            &["serve", "--config", &path][..],
            &["config", "check", &path],
        ] {
            let (status, stdout, stderr) = run(arguments).await;
            assert_eq!(status.code(), Some(2), "{arguments:?}: {stderr}");
            assert_eq!(stdout, "");
            assert!(stderr.contains(reason), "{reason:?} is not in {stderr}");
        }
    }
    let (status, _, stderr) = run(&["serve", "--config", "/nowhere/hub.toml"]).await;
    assert_eq!(status.code(), Some(2));
    assert!(stderr.contains("/nowhere/hub.toml"), "{stderr}");
}

#[tokio::test]
async fn the_files_that_settings_name_are_checked() {
    const SECRET: &str = "canary: this is the secret itself, in the wrong place";
    let directory = Directory::new();
    let key = file(&directory, "secret", &"s".repeat(32));
    let short = file(&directory, "short", "s");
    let not_pem = file(&directory, "cert.pem", "not PEM");
    let check = async |text: String| {
        let path = file(&directory, "hub.toml", &text);
        run(&["config", "check", &path]).await
    };
    let (status, stdout, stderr) = check(format!("keys = [\"HS256:{key}\"]")).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stdout.contains(&format!("keys = [\"HS256:{key}\"]")),
        "{stdout}"
    );
    assert!(!stdout.contains("ssss"), "{stdout}");
    for (text, reason) in [
        (format!("keys = [\"HS256:{short}\"]"), "32 bytes"),
        (
            "keys = [\"HS256:/nowhere/at/all\"]".to_owned(),
            "/nowhere/at/all",
        ),
        (
            format!("tls-cert = \"{not_pem}\"\ntls-key = \"{key}\""),
            "tls-cert",
        ),
        (
            format!("tls-cert = \"/nowhere\"\ntls-key = \"{key}\""),
            "/nowhere",
        ),
    ] {
        let (status, _, stderr) = check(text.clone()).await;
        assert_eq!(status.code(), Some(1), "{text}: {stderr}");
        assert!(stderr.contains(reason), "{reason:?} is not in {stderr}");
    }
    let (_, stdout, _) = check(format!("keys = [\"HS256:{SECRET}\"]")).await;
    assert!(
        stdout.contains("keys = [") && !stdout.contains("canary"),
        "{stdout}"
    );
}

#[tokio::test]
async fn the_example_can_be_used_as_it_is() {
    let (status, example, _) = run(&["config", "example"]).await;
    assert_eq!(status.code(), Some(0));
    let directory = Directory::new();
    let path = file(&directory, "hub.toml", &example);
    let (status, stdout, stderr) = run(&["config", "check", &path]).await;
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stdout.contains("listen = \"127.0.0.1:8080\" # default\n"),
        "{stdout}"
    );
}
