//! Networks in which upgrades do not get through, and hooks before attempts.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use longwire::hub::{Ask, Carrier, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::port::free_port;
use crate::{
    ENDPOINT, Finished, Mode, NoTarget, Target, hub_and_proxy, next, opened, quick, text, within,
};

#[tokio::test]
async fn an_upgrade_that_is_not_answered_falls_back_to_an_event_stream() {
    let (hub, mut proxy) = hub_and_proxy().await;
    let mut client = quick(proxy.url()).topic("a").open().unwrap();
    assert_eq!(opened(&mut client).await, Carrier::WebSocket);
    hub.publish("a", "1").await;
    assert_eq!(text(&mut client).await, "1");
    // The client moves into another network. What worked is tried twice.
    proxy.set(Mode::HangUpgrades).await;
    proxy.cut();
    hub.publish("a", "2").await;
    assert_eq!(opened(&mut client).await, Carrier::EventStream);
    assert_eq!(text(&mut client).await, "2");
    // What worked is remembered.
    proxy.cut();
    hub.publish("a", "3").await;
    assert_eq!(opened(&mut client).await, Carrier::EventStream);
    assert_eq!(text(&mut client).await, "3");
    assert_eq!(client.remembered(), Some(Carrier::EventStream));
    // Publishing goes by POST.
    let number = client
        .publish(crate::PublishForm::text(["a"], "4"))
        .unwrap();
    let mut seen = (false, false);
    next(&mut client, "the result and the event", |event| {
        match event {
            Event::Published {
                number: at,
                outcome,
            } => {
                assert_eq!(at, number);
                assert!(matches!(outcome, crate::Outcome::Acknowledged { .. }));
                seen.0 = true;
            }
            Event::Message(_) => seen.1 = true,
            _ => {}
        }
        (seen == (true, true)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_proxy_that_does_not_forward_upgrades_is_passed_by_an_event_stream() {
    let nginx = ["/usr/sbin/nginx", "/usr/bin/nginx"];
    let Some(nginx) = nginx
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
    else {
        assert!(
            std::env::var_os("LONGWIRE_SKIP_MISSING_TOOLS").is_some(),
            "nginx is missing"
        );
        return eprintln!("skipped: nginx is missing");
    };
    let (hub, _) = hub_and_proxy().await;
    let folder = std::env::temp_dir().join(format!("longwire-nginx-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let port = free_port();
    let config = format!(
        "daemon off; error_log stderr; pid {folder}/pid;\nevents {{}}\nhttp {{\n access_log off;\n \
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n \
         fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n \
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{hub};\n \
         proxy_http_version 1.1; proxy_set_header Host $http_host; }} }}\n}}\n",
        folder = folder.display(),
        hub = hub.address,
    );
    std::fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut child = tokio::process::Command::new(nginx)
        .args(["-p", folder.to_str().unwrap(), "-c", "nginx.conf"])
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    within("nginx listens", async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            tokio::time::sleep(core::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut client = quick(format!("ws://127.0.0.1:{port}{ENDPOINT}"))
        .topic("a")
        .open()
        .unwrap();
    assert_eq!(opened(&mut client).await, Carrier::EventStream);
    hub.publish("a", "1").await;
    assert_eq!(text(&mut client).await, "1");
    // Told to, it ends its workers too.
    let id = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    rustix::process::kill_process(id.unwrap(), rustix::process::Signal::TERM).unwrap();
    child.wait().await.unwrap();
    let _ = std::fs::remove_dir_all(&folder);
}

/// A server that answers each request with the next of these statuses.
async fn statuses(answers: &'static [u16]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for status in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    format!("http://{address}{ENDPOINT}")
}

#[tokio::test]
async fn the_hook_is_asked_before_each_attempt_and_to_refresh_after_401() {
    let url = statuses(&[503, 401, 401]).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = asked.clone();
    let client = quick(url.clone()).topic("a").only(Carrier::WebSocket);
    let client = client.before_attempt(move |ask: Ask| {
        noted.lock().unwrap().push((ask.attempt, ask.refresh));
        let url = url.clone();
        async move { Ok(Target::new(url).token("secret")) }
    });
    let mut client = client.open().unwrap();
    assert_eq!(within("the end", client.next()).await, None);
    assert_eq!(client.finished().unwrap().0, Finished::Unauthorized);
    assert_eq!(*asked.lock().unwrap(), [(1, false), (2, false), (3, true)]);
}

#[tokio::test]
async fn the_hook_ends_the_client_or_puts_it_off() {
    let mut answers = vec![Err(NoTarget::Never), Err(NoTarget::Later)];
    let client = quick("http://127.0.0.1:1/".into()).topic("a");
    let client = client.before_attempt(move |_| core::future::ready(answers.pop().unwrap()));
    let mut client = client.open().unwrap();
    assert_eq!(within("the end", client.next()).await, None);
    assert_eq!(client.finished().unwrap().0, Finished::Stopped);
}

#[tokio::test]
async fn a_refusal_of_both_carriers_is_final() {
    let url = statuses(&[403, 403]).await;
    let mut client = quick(url).topic("a").open().unwrap();
    assert_eq!(within("the end", client.next()).await, None);
    assert_eq!(client.finished().unwrap().0, Finished::Stopped);
}
