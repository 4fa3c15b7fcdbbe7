//! Pages of another origin, in Chromium: CORS with and without credentials.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Authority, Browser, ENDPOINT, Hub, Page, publish, target};

/// A site that sets a cookie on its page, and its origin. Ports are no part of a site: to the hub it
/// is another origin of the same site.
async fn site(cookie: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\
         Set-Cookie: mercureAuthorization={cookie}; Path={ENDPOINT}; HttpOnly; SameSite=Strict\r\n\
         Connection: close\r\n\r\n"
    );
    tokio::spawn(async move {
        loop {
            let (mut io, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut head = [0; 4096];
                // However it goes, the browser asks again.
                let _ = io.read(&mut head).await;
                let _ = io.write_all(answer.as_bytes()).await;
                let _ = io.shutdown().await;
            });
        }
    });
    origin
}

/// The value of an asynchronous function's body.
async fn run(page: &mut Page, body: &str) -> Value {
    page.evaluate(&format!("(async () => {{ {body} }})()"))
        .await
}

async fn hub(authority: &Authority, origin: &str) -> Hub {
    authority
        .hub(&["--subscriptions", "--origin", origin])
        .await
}

#[tokio::test]
async fn a_listed_page_subscribes_publishes_and_lists_with_its_cookie() {
    let authority = Authority::new();
    let cookie = authority.token(&["*"], &["*"], 600);
    let origin = site(&cookie).await;
    let hub = hub(&authority, &origin).await;
    let Some(mut page) = Page::open(Browser::Chromium, &format!("{origin}/")).await else {
        return;
    };
    let endpoint = hub.url("http", ENDPOINT);
    let subscription = hub.url("http", &target(&[("topic", "foo")]));
    run(
        &mut page,
        &format!(
            "globalThis.seen = [];
             const source = new EventSource({subscription:?}, {{ withCredentials: true }});
             source.onmessage = ({{ data }}) => seen.push(data);
             await new Promise((resolve, reject) => {{
                 source.onopen = resolve; source.onerror = reject;
             }});"
        ),
    )
    .await;
    let published = run(
        &mut page,
        &format!(
            "const answer = await fetch({endpoint:?}, {{
                 method: 'POST', credentials: 'include',
                 body: new URLSearchParams({{ topic: 'foo', data: 'from the page', private: 'on' }}),
             }});
             return [answer.status, await answer.text(), answer.headers.get('Longwire-Position')];"
        ),
    )
    .await;
    assert_eq!(published[0], 200);
    assert_eq!(published[1], published[2], "the header can be read");
    let seen = "while (seen.length < 1) await new Promise((r) => setTimeout(r, 50)); return seen;";
    assert_eq!(run(&mut page, seen).await, json!(["from the page"]));

    // The header of the answer to a subscription, and the list with its validator.
    let read = run(
        &mut page,
        &format!(
            "const stop = new AbortController();
             const asked = {{ 'Last-Event-ID': 'earliest', 'Cache-Control': 'no-store' }};
             const stream = await fetch({subscription:?}, {{
                 credentials: 'include', headers: asked, signal: stop.signal,
             }});
             stop.abort();
             const list = await fetch({endpoint:?} + '/subscriptions', {{ credentials: 'include' }});
             const etag = list.headers.get('ETag');
             const {{ subscriptions }} = await list.json();
             return [stream.headers.get('Last-Event-ID'), etag.length > 2, list.headers.get('Link'),
                 subscriptions.map(({{ topic }}) => topic).includes('foo')];"
        ),
    )
    .await;
    let link = "</.well-known/mercure>; rel=\"mercure\"";
    assert_eq!(read, json!(["earliest", true, link, true]));
    assert_eq!(page.problems().await, Vec::<String>::new());

    // Why it is refused can be read, too.
    let refused = run(
        &mut page,
        &format!(
            "const statuses = [];
             for (const init of [
                 {{ method: 'POST', headers: {{ Authorization: 'Bearer nonsense' }},
                    body: new URLSearchParams({{ topic: 'foo' }}) }},
                 {{ credentials: 'include' }},
             ]) statuses.push((await fetch({endpoint:?}, init)).status);
             return statuses;"
        ),
    )
    .await;
    assert_eq!(refused, json!([401, 400]));
    page.close().await;
}

#[tokio::test]
async fn a_page_that_is_not_listed_gets_nothing() {
    let authority = Authority::new();
    let cookie = authority.token(&["*"], &["*"], 600);
    let origin = site(&cookie).await;
    let hub = hub(&authority, "https://app.example").await;
    let Some(mut page) = Page::open(Browser::Chromium, &format!("{origin}/")).await else {
        return;
    };
    let endpoint = hub.url("http", ENDPOINT);
    let subscription = hub.url("http", &target(&[("topic", "foo")]));
    let ends = run(
        &mut page,
        &format!(
            "const source = new EventSource({subscription:?}, {{ withCredentials: true }});
             const state = await new Promise((resolve) => {{
                 source.onopen = () => resolve('open');
                 source.onerror = () => resolve(source.readyState);
             }});
             const ask = (url, init) => fetch(url, {{ credentials: 'include', ...init }})
                 .then(({{ status }}) => status, () => 'blocked');
             const form = new URLSearchParams({{ topic: 'foo', data: 'forged' }});
             return [state, await ask({endpoint:?}, {{ method: 'POST', body: form }}),
                 await ask({endpoint:?}, {{ method: 'POST', body: form, mode: 'no-cors' }}),
                 await ask({endpoint:?} + '/subscriptions'),
                 await ask({subscription:?}, {{ headers: {{ Authorization: 'Bearer x' }} }})];"
        ),
    )
    .await;
    // An opaque answer has no status; what was posted reached nobody all the same.
    assert_eq!(ends, json!([2, "blocked", 0, "blocked", "blocked"]));
    let all = authority.token(&["*"], &["*"], 600);
    let first = publish(&hub, &all, &[("topic", "foo")]).await;
    assert!(first.text().ends_with("-1"), "{}", first.text());
    page.close().await;
}
