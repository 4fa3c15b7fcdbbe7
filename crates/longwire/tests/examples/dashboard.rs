//! The page in a browser, on hyper and on axum.

use core::net::SocketAddr;

use serde_json::json;

use super::listen;
use super::support::{Page, Program, Tool, within};

#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/dashboard_axum.rs"]
mod on_axum;
#[allow(dead_code, reason = "`main` is for people")]
#[path = "../../examples/dashboard.rs"]
mod on_hyper;

async fn shows_figures(address: SocketAddr) {
    let Some(mut page) = Page::start().await else {
        return;
    };
    page.open(&format!("http://{address}/")).await;
    let shown = "new Promise((resolve) => setInterval(() => {
        const text = (id) => document.getElementById(id).textContent;
        const shown = ['cpu', 'memory', 'requests', 'state'].map(text);
        if (!shown.includes('–')) resolve(shown);
    }, 20))";
    let shown = page.evaluate(shown).await;
    let shown: Vec<String> = serde_json::from_value(shown).unwrap();
    let [cpu, memory, requests, state] = &shown[..] else {
        panic!("{shown:?}");
    };
    let figure = |text: &str, unit: &str| -> u64 {
        text.strip_suffix(unit).unwrap().trim_end().parse().unwrap()
    };
    assert!(figure(cpu, "%") <= 100, "{cpu}");
    assert!(figure(memory, "MiB") > 0, "{memory}");
    // The page, its stream, perhaps its icon.
    assert!(figure(requests, "") >= 2, "{requests}");
    assert_eq!(state, "live");
    page.close().await;
}

#[tokio::test]
async fn the_page_shows_figures_from_hyper() {
    let (listener, address) = listen().await;
    tokio::spawn(on_hyper::serve(listener));
    shows_figures(address).await;
}

#[tokio::test]
async fn the_page_shows_figures_from_axum() {
    let (listener, address) = listen().await;
    tokio::spawn(on_axum::serve(listener, core::future::pending()));
    shows_figures(address).await;
}

#[tokio::test]
async fn axum_stops_while_somebody_watches() {
    let (listener, address) = listen().await;
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(on_axum::serve(listener, async {
        stopped.await.unwrap();
    }));
    let Some([curl]) = Tool::find([Tool::Curl]) else {
        return;
    };
    let url = format!("http://{address}/events");
    let mut curl = Program::start(curl, ["--silent", "--no-buffer", &url]);
    while curl.line().await.as_deref() != Some("event: requests") {}
    stop.send(()).unwrap();
    within("the server to stop", serving)
        .await
        .unwrap()
        .unwrap();
    let (rest, ended_well) = curl.finish().await;
    assert_eq!(json!(ended_well), json!(true));
    assert!(
        rest.iter().any(|line| line.starts_with("retry: ")),
        "{rest:?}"
    );
}
