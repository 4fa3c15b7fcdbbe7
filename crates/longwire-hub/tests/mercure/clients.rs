//! Clients of the Mercure protocol that others have made, unchanged.

use serde_json::{Value, json};

use crate::support::{
    Authority, Browser, CARRIERS, ENDPOINT, Page, Program, Seen, Tool, publish, subscribe, target,
};

const BOOK: &str = "https://example.com/books/1";
const OF_A_USER: &str = "https://example.com/users/1/books/1";

/// The line of an event that a subscriber prints.
async fn line(program: &mut Program) -> Value {
    serde_json::from_str(&program.line().await.expect("an event")).unwrap()
}

/// Publishers: the crate `mercure` and the Python package `pymercure`. Subscribers: Chromium's
/// EventSource and the npm package `eventsource`.
#[tokio::test]
async fn publishers_and_subscribers_of_others_meet() {
    let tools = [Tool::Mercure, Tool::Python, Tool::Node, Tool::Chromium];
    let Some([mercure, python, node, _]) = Tool::find(tools) else {
        return;
    };
    let authority = Authority::new();
    let hub = authority.hub(&["--anonymous"]).await;
    let endpoint = &*hub.url("http", ENDPOINT);
    let token = &*authority.token(&["*"], &[], 600);
    let reader = authority.token(&[], &["https://example.com/users/{id}/books/{book}"], 600);

    let template = hub.url(
        "http",
        &target(&[("topic", "https://example.com/books/{id}")]),
    );
    let arguments = [&*template, &*reader, "tick"];
    let mut npm = Program::script(&node, "node/mercure.mjs", arguments);
    assert_eq!(line(&mut npm).await, json!({ "open": true }));
    let mut page = Page::open(Browser::Chromium, &hub.url("http", "/"))
        .await
        .unwrap();
    page.evaluate(&format!(
        "new Promise((resolve, reject) => {{
            globalThis.seen = [];
            const source = new EventSource({template:?});
            const keep = ({{ type, data, lastEventId }}) => seen.push([type, data, lastEventId]);
            for (const name of ['message', 'tick']) source.addEventListener(name, keep);
            source.onopen = () => resolve();
            source.onerror = reject;
        }})"
    ))
    .await;

    // A private update is for those whose token grants one of its topics.
    let run = |privacy, data| [endpoint, token, privacy, data, BOOK, OF_A_USER];
    let (ids, content) = Program::start(&mercure, run("private", "secret"))
        .finish()
        .await;
    assert!(content && ids.len() == 1, "{ids:?}");
    let secret = json!({ "type": "message", "data": "secret", "id": ids[0] });
    let data = r#"{"isbn":"9780735218789"}"#;
    let (ids, content) = Program::start(&mercure, run("public", data)).finish().await;
    assert!(content && ids.len() == 1, "{ids:?}");
    let public = json!({ "type": "message", "data": data, "id": ids[0] });
    assert_eq!(
        [line(&mut npm).await, line(&mut npm).await],
        [secret, public]
    );

    let own = "urn:uuid:e1ee88e2-532a-4d6f-ba70-f0f8bd584022";
    let arguments = [
        endpoint,
        token,
        "two\nlines",
        own,
        "tick",
        BOOK,
        "urn:other",
    ];
    let publisher = Program::script(&python, "python/publish.py", arguments);
    assert_eq!(publisher.finish().await, (vec![own.to_owned()], true));
    let named = json!({ "type": "tick", "data": "two\nlines", "id": own });
    assert_eq!(line(&mut npm).await, named);
    let unnamed = [endpoint, token, "last", "", "", BOOK];
    let publisher = Program::script(&python, "python/publish.py", unnamed);
    let (last, content) = publisher.finish().await;
    assert!(content && last.len() == 1, "{last:?}");
    let last = json!({ "type": "message", "data": "last", "id": last[0] });
    assert_eq!(line(&mut npm).await, last);

    page.evaluate(
        "new Promise(function wait(resolve) {
            if (seen.length > 2) resolve(); else setTimeout(wait, 50, resolve);
        })",
    )
    .await;
    assert_eq!(
        page.evaluate("seen").await,
        json!([
            ["message", data, ids[0]],
            ["tick", "two\nlines", own],
            ["message", "last", last["id"]],
        ])
    );
    assert_eq!(page.problems().await, Vec::<String>::new());
    page.close().await;
}

/// The crate `mercure` makes tokens that have no end.
#[tokio::test]
async fn the_tokens_that_the_crate_makes_itself() {
    let Some([mercure]) = Tool::find([Tool::Mercure]) else {
        return;
    };
    let authority = Authority::new();
    let secret = format!("secret:{}", Authority::SECRET);
    for (options, taken) in [(&[][..], false), (&["--endless-tokens"], true)] {
        let hub = authority.hub(options).await;
        let all = authority.token(&["*"], &["*"], 600);
        let mut subscriber = subscribe(CARRIERS[0], &hub, &all, &[("topic", BOOK)]).await;
        let endpoint = hub.url("http", ENDPOINT);
        let arguments = [&*endpoint, &*secret, "private", "mine", BOOK];
        // It takes every answer for an id.
        let (lines, content) = Program::start(&mercure, arguments).finish().await;
        assert!(content, "{lines:?}");
        assert_eq!(lines[0].starts_with('#'), taken, "{lines:?}");
        if taken {
            assert_eq!(subscriber.next().await, Seen::event(&lines[0], "mine"));
        }
        publish(&hub, &all, &[("topic", BOOK), ("data", "end")]).await;
        assert_eq!(subscriber.data().await, "end");
    }
}

#[tokio::test]
async fn a_publisher_that_may_not_is_told() {
    let Some([python]) = Tool::find([Tool::Python]) else {
        return;
    };
    let authority = Authority::new();
    let hub = authority.hub(&[]).await;
    let endpoint = hub.url("http", ENDPOINT);
    let token = authority.token(&["urn:other"], &[], 600);
    let arguments = [&endpoint, &token, "x", "", "", BOOK];
    // It raises PublishRejectedError.
    let publisher = Program::script(&python, "python/publish.py", arguments);
    assert_eq!(publisher.finish().await, (Vec::new(), false));
}
