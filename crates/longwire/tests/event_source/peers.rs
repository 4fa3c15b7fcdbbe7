//! Servers of other people: Express and http2 on Node, hypercorn, nginx in front.

use core::time::Duration;

use bytes::Bytes;
use http::Request;
use longwire::http::Client;
use longwire::net::{Connector, Roots, Tls};
use longwire::sse::{EventSource, EventSourceConfig, EventSourceError, Update};
use resume::BackoffConfig;
use serde_json::{Value, json};

use crate::client::{data, eager, end, failure, get};
use crate::support::{Authority, Folder, Program, Tool, free_port, nginx, within};

async fn line(program: &mut Program) -> Value {
    let line = program.line().await.expect("a line");
    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"))
}

async fn express(port: u16) -> Option<Program> {
    let [node] = Tool::find([Tool::Node])?;
    let mut program = Program::script(node, "event_source/node/express.mjs", [port.to_string()]);
    assert_eq!(line(&mut program).await, json!(["listening"]));
    Some(program)
}

async fn event(source: &mut EventSource) -> Value {
    serde_json::from_str(&data(source).await).unwrap()
}

#[tokio::test]
async fn express_ends_after_three_events_and_is_resumed() {
    let port = free_port();
    let Some(mut express) = express(port).await else {
        return;
    };
    let mut source = get(&format!("http://localhost:{port}/events"), eager());
    for id in 1..=9 {
        let seen = within("an event", source.next()).await.unwrap().unwrap();
        assert_eq!((seen.name, seen.id), ("tick", &*id.to_string()));
        let last = (id - 1) / 3 * 3;
        assert_eq!(
            serde_json::from_str::<Value>(seen.data).unwrap(),
            json!({"last": last, "id": id})
        );
    }
    for id in [None, Some("3"), Some("6")] {
        let asked = line(&mut express).await;
        assert_eq!(asked[2]["last-event-id"].as_str(), id);
        assert_eq!(asked[2]["accept"], "text/event-stream");
        assert_eq!(asked[2]["cache-control"], "no-store");
    }
    source.close();
    let mut source = get(&format!("http://127.0.0.1:{port}/gone"), eager());
    end(&mut source).await;
}

#[tokio::test]
async fn express_hears_a_prompt_once_and_notices_who_left() {
    let port = free_port();
    let Some(mut express) = express(port).await else {
        return;
    };
    let request = Request::post(format!("http://127.0.0.1:{port}/ask"))
        .header("content-type", "application/json")
        .body(Bytes::from_static(br#"{"prompt":"to be or"}"#))
        .unwrap();
    let mut source = EventSource::with_config(request, eager()).unwrap();
    for word in ["to", "be", "or"] {
        assert_eq!(
            event(&mut source).await["choices"][0]["delta"]["content"],
            word
        );
    }
    assert_eq!(data(&mut source).await, "[DONE]");
    end(&mut source).await;
    assert_eq!(line(&mut express).await[3], json!({"prompt": "to be or"}));

    let mut source = get(&format!("http://127.0.0.1:{port}/quiet"), eager());
    assert_eq!(data(&mut source).await, "first");
    for _ in 0..2 {
        let update = within("a comment", source.next_update()).await;
        assert!(
            matches!(update, Some(Ok(Update::Comment("still here")))),
            "{update:?}"
        );
    }
    drop(source);
    assert_eq!(line(&mut express).await[1], "/quiet");
    assert_eq!(line(&mut express).await, json!(["closed"]));
}

#[tokio::test]
async fn nginx_says_502_while_its_upstream_is_down_and_the_position_is_kept() {
    let (port, upstream) = (free_port(), free_port());
    let servers = format!(
        "server {{
            listen 127.0.0.1:{port};
            location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_buffering off; }}
        }}"
    );
    let (Some(_nginx), Some(first)) = (nginx(port, &servers).await, express(upstream).await) else {
        return;
    };
    let url = format!("http://127.0.0.1:{port}/events");
    let backoff = BackoffConfig::new().floor(Duration::from_millis(50));
    let mut patient = get(&url, eager().backoff(backoff).retry_statuses());
    let mut standard = get(&url, eager());
    for source in [&mut patient, &mut standard] {
        for id in 1..=3 {
            assert_eq!(event(source).await["id"], id);
        }
    }
    drop(first);
    // As the Standard says, a 502 is the end of an event source.
    let refused = loop {
        match within("a 502", standard.next()).await {
            // What was on its way.
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("an end without a reason"),
        }
    };
    assert_eq!(refused.refusal().unwrap().status, 502, "{refused}");
    let body = &refused.refusal().unwrap().body;
    assert!(body.windows(5).any(|window| window == b"nginx"), "{body:?}");
    let mut refusals = 0;
    while refusals < 3 {
        match within("a 502", patient.next_update())
            .await
            .unwrap()
            .unwrap()
        {
            Update::Lost { error, .. } if error.refusal().is_some() => {
                assert_eq!(error.refusal().unwrap().status, 502);
                refusals += 1;
            }
            _ => {}
        }
    }
    let last = patient.last_event_id().header().unwrap().to_owned();
    let _second = express(upstream).await;
    let next = event(&mut patient).await;
    assert_eq!(next["last"].to_string(), last, "resumed where it was");
}

#[tokio::test]
async fn hypercorn_over_http_1_and_2() {
    let Some([python]) = Tool::find([Tool::Python]) else {
        return;
    };
    let port = free_port();
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/event_source/python/asgi.py"
    );
    let arguments = [script.to_owned(), port.to_string()];
    let _hypercorn = Program::server(&python, Folder::new(), port, arguments).await;
    for (client, version) in [
        (Client::new(), "1.1"),
        (Client::new().prior_knowledge(), "2"),
    ] {
        let config = || eager().client(client.clone());
        let mut source = get(&format!("http://127.0.0.1:{port}/"), config());
        for (number, last) in [
            (0, None),
            (1, None),
            (2, None),
            (0, Some("2")),
            (1, Some("2")),
        ] {
            let expected = json!({"number": number, "last": last, "version": version});
            assert_eq!(event(&mut source).await, expected);
        }
        // What is limited after the first time is final, or is tried again.
        let url = format!("http://127.0.0.1:{port}/limited");
        let mut source = get(&url, config());
        for _ in 0..3 {
            event(&mut source).await;
        }
        let error = failure(&mut source).await;
        let refusal = error.refusal().unwrap();
        assert_eq!(
            (refusal.status.as_u16(), &refusal.body[..]),
            (429, &b"slow down"[..])
        );
        let backoff = BackoffConfig::new().floor(Duration::ZERO).attempts(3);
        let mut source = get(&url, config().retry_statuses().backoff(backoff));
        for _ in 0..3 {
            event(&mut source).await;
        }
        let mut refusals = 0;
        while let Some(update) = source.next_update().await {
            match update {
                Ok(Update::Lost { error, .. }) => refusals += u32::from(error.refusal().is_some()),
                Ok(_) => {}
                Err(error) => assert_eq!(error.refusal().unwrap().status, 429),
            }
        }
        assert_eq!(refusals, 2, "and the third is the end");
    }
}

/// Node over TLS, and a client that trusts it.
async fn node(version: &str) -> Option<(Program, u16, EventSourceConfig)> {
    let [node] = Tool::find([Tool::Node])?;
    let (authority, folder, port) = (Authority::new(), Folder::new(), free_port());
    let (certificate, key) = authority.server().write(&folder, "server");
    let arguments = [
        port.to_string().into(),
        certificate.into_os_string(),
        key.into_os_string(),
        version.into(),
    ];
    let mut program = Program::script(node, "event_source/node/http2.mjs", arguments);
    assert_eq!(line(&mut program).await, json!(["listening"]));
    let roots = Roots::none()
        .add_pem(authority.certificate().as_bytes())
        .unwrap();
    let connector = Connector::new().tls(Tls::with_roots(roots));
    let config = eager().client(Client::with_connector(connector));
    Some((program, port, config))
}

#[tokio::test]
async fn node_over_tls_and_http_1() {
    let Some((_node, port, config)) = node("1.1").await else {
        return;
    };
    let mut source = get(&format!("https://localhost:{port}/short"), config);
    assert_eq!(event(&mut source).await["version"], "1.1");
    assert_eq!(event(&mut source).await["last"], "é0", "resumed");
    // Whoever does not trust the certificate gets nothing.
    let mut source = get(&format!("https://localhost:{port}/"), eager());
    let update = within("a refusal", source.next_update()).await;
    assert!(
        matches!(
            update,
            Some(Ok(Update::Lost {
                error: EventSourceError::Request(_),
                ..
            }))
        ),
        "{update:?}"
    );
}

#[tokio::test]
async fn node_over_http_2_on_one_connection_that_ends_with_the_last_source() {
    let Some((mut node, port, config)) = node("2").await else {
        return;
    };
    let url = format!("https://localhost:{port}/elsewhere");
    let mut sources: Vec<_> = (0..5).map(|_| get(&url, config.clone())).collect();
    let mut sessions = Vec::new();
    for source in &mut sources {
        let seen = event(source).await;
        assert_eq!(
            (&seen["version"], &seen["url"]),
            (&json!("2.0"), &json!("/events"))
        );
        sessions.push(seen["session"].clone());
    }
    assert_eq!(sessions, [1, 1, 1, 1, 1], "one connection for all");
    // A source that reconnects stays on it, and resumes.
    let mut short = get(&format!("https://localhost:{port}/short"), config.clone());
    assert_eq!(event(&mut short).await["session"], 1);
    let seen = event(&mut short).await;
    assert_eq!((&seen["session"], &seen["last"]), (&json!(1), &json!("é1")));
    drop(short);

    let alive = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert!(alive > 0, "the connection is run by tasks");
    drop(sources);
    loop {
        let told = line(&mut node).await;
        if told[0] == "session" {
            assert_eq!(told[1], 1);
            break;
        }
    }
    let metrics = tokio::runtime::Handle::current().metrics();
    while metrics.num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sources_that_begin_together_share_a_connection_too() {
    let Some((_node, port, config)) = node("2").await else {
        return;
    };
    let url = format!("https://localhost:{port}/events");
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let mut source = get(&url, config.clone());
            tokio::spawn(async move { (event(&mut source).await["session"].clone(), source) })
        })
        .collect();
    let mut sessions = Vec::new();
    let mut sources = Vec::new();
    for task in tasks {
        let (session, source) = task.await.unwrap();
        sessions.push(session);
        sources.push(source);
    }
    sessions.dedup();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
}
