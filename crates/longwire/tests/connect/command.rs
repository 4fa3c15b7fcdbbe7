//! The example `ws_client` as a program.

#[allow(dead_code, unreachable_pub, reason = "`main` is for people")]
#[path = "../../examples/ws_client.rs"]
mod example;

use std::env;
use std::process::Command;

use longwire::http::Config as Serving;

use crate::scripted::Scripted;
use crate::serve;
use crate::support::{Authority, Folder, Program, free_port, within};
use crate::tls::server;

/// The arguments of the program, one a line, in the process that is to be it.
const ARGUMENTS: &str = "LONGWIRE_WS_CLIENT";
const TEST: &str = "command::it_sends_lines_prints_messages_and_says_how_it_ended";

/// This test again, as the program.
async fn start(arguments: &[&str]) -> Program {
    start_with("LONGWIRE_NOTHING=", arguments).await
}

/// The same with a variable set.
async fn start_with(variable: &str, arguments: &[&str]) -> Program {
    let own = env::current_exe().unwrap();
    let arguments = format!("{ARGUMENTS}={}", arguments.join("\n"));
    let mut program = Program::start(
        "env",
        [
            variable.as_ref(),
            arguments.as_ref(),
            own.as_os_str(),
            "--exact".as_ref(),
            TEST.as_ref(),
            "--nocapture".as_ref(),
        ],
    );
    // What the test harness says first.
    assert_eq!(program.line().await.as_deref(), Some(""));
    assert_eq!(program.line().await.as_deref(), Some("running 1 test"));
    program
}

#[tokio::test]
async fn it_sends_lines_prints_messages_and_says_how_it_ended() {
    if let Ok(arguments) = env::var(ARGUMENTS) {
        let arguments = arguments.lines().map(str::to_owned);
        std::process::exit(example::run(arguments).await);
    }
    let (port, _failed) = serve::start(Serving::default()).await;
    let url = format!("ws://127.0.0.1:{port}/echo");
    let mut program = start(&[
        &url,
        "--deflate",
        "--header",
        "X: y",
        "--subprotocol",
        "chat",
    ])
    .await;
    for line in ["hello", "", "gr\u{fc}\u{df}e"] {
        program.write_line(line).await;
        assert_eq!(program.line().await.as_deref(), Some(line));
    }
    program.write_line("the last one").await;
    let (rest, fine) = within("the end", program.finish()).await;
    assert_eq!((rest, fine), (vec!["the last one".to_owned()], true));

    let mut program = start(&[&url]).await;
    program.write_line("open").await;
    assert_eq!(program.line().await.as_deref(), Some("open"));
    let id = program.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(program.line().await, None);
    assert!(program.finish().await.1, "Ctrl-C is no failure");

    let refused = format!("ws://127.0.0.1:{port}/other");
    let nobody = format!("ws://127.0.0.1:{}", free_port());
    for arguments in [
        &[&*refused][..],
        &[&nobody],
        &[],
        &[&url, "--unknown", "x"],
        &[&url, "--header", "no colon"],
    ] {
        let program = start(arguments).await;
        assert!(!program.finish().await.1, "{arguments:?}");
    }
}

#[tokio::test]
async fn over_tls_with_an_authority_of_ones_own() {
    let authority = Authority::new();
    let folder = Folder::new();
    let ca = folder.write("ca.crt", authority.certificate());
    let serving = Serving::default().tls(server(&authority.server()));
    let (port, _failed) = serve::start(serving).await;
    let url = format!("wss://localhost:{port}/echo");
    let mut program = start(&[&url, "--ca", ca.to_str().unwrap()]).await;
    program.write_line("secret").await;
    assert_eq!(program.line().await.as_deref(), Some("secret"));
    assert!(program.finish().await.1);
}

#[tokio::test]
async fn the_environment_names_the_proxy() {
    let proxy = Scripted::start(&["HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"]).await;
    let variable = format!("all_proxy=http://127.0.0.1:{}", proxy.port);
    let program = start_with(&variable, &["ws://example.com/"]).await;
    assert!(!program.finish().await.1);
    let asked = &proxy.asked().await[0];
    assert!(asked.starts_with("CONNECT example.com:80 "), "{asked}");
}
