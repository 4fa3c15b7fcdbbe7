//! The tabs of an origin share one connection, whichever of them come and go.

use serde_json::Value;

use crate::javascript::{BLANK, connect, gaps, in_browsers, numbers, open};
use crate::support::{Browser, Directory, ENDPOINT, Hub, Page};

/// How tabs share: in a `SharedWorker`, or with whichever of them leads.
const SHARED: [(&str, &str); 2] = [
    ("worker", "{ transport: 'sse', shared: true }"),
    ("locks", "{ transport: 'sse', shared: 'locks' }"),
];

async fn check(page: &mut Page, tabs: &[u64], events: usize) {
    for tab in tabs {
        page.switch(*tab).await;
        for (name, _) in SHARED {
            let wanted: Vec<_> = (1..=events).collect();
            let found = numbers(page, name, events).await;
            assert_eq!(found, wanted, "{name} in tab {tab}");
            assert_eq!(
                gaps(page, name).await,
                Vec::<Value>::new(),
                "{name} in tab {tab}"
            );
        }
    }
}

in_browsers! {
    seven => chromium_shows_seven_tabs_over_http1, firefox_shows_seven_tabs_over_http1;
}

/// A browser opens six connections to an origin at most.
async fn seven(browser: Browser) {
    let directory = Directory::new();
    let hub = Hub::on_disk(&directory, &[]).await;
    let listen = hub.address().to_string();
    let blank = hub.url("http", BLANK);
    let Some(mut page) = Page::open(browser, &blank).await else {
        return;
    };
    let mut tabs = vec![0];
    for _ in 1..7 {
        tabs.push(page.tab(&blank).await);
    }
    for tab in &tabs {
        page.switch(*tab).await;
        for (name, options) in SHARED {
            connect(&mut page, name, ENDPOINT, options).await;
        }
    }
    for tab in &tabs {
        page.switch(*tab).await;
        for (name, _) in SHARED {
            open(&mut page, name).await;
        }
    }
    hub.publish_numbers("numbers", 1..=10).await;
    check(&mut page, &tabs, 10).await;

    // The first tab leads.
    page.close_tab(tabs.remove(0)).await;
    hub.publish_numbers("numbers", 11..=20).await;
    check(&mut page, &tabs, 20).await;
    hub.kill().await;
    let hub = Hub::start_on(&listen, &["--data", directory.path()]).await;
    hub.publish_numbers("numbers", 21..=30).await;
    check(&mut page, &tabs, 30).await;

    // So does the next, which is reloaded, and then goes on where all stand.
    page.switch(tabs[0]).await;
    page.go(&blank).await;
    for (name, options) in SHARED {
        connect(&mut page, name, ENDPOINT, options).await;
        open(&mut page, name).await;
    }
    hub.publish_numbers("numbers", 31..=40).await;
    for (name, _) in SHARED {
        let found = numbers(&mut page, name, 10).await;
        assert_eq!(found, (31..=40).collect::<Vec<_>>(), "{name}");
    }
    check(&mut page, &tabs[1..], 40).await;
    page.close().await;
}

// What drives Chromium keeps every tab of it visible.
#[tokio::test]
async fn firefox_rests_while_all_tabs_are_hidden() {
    let hub = Hub::start(&[]).await;
    let blank = hub.url("http", BLANK);
    let Some(mut page) = Page::open(Browser::Firefox, &blank).await else {
        return;
    };
    for (name, shared) in [("alone", "false"), ("together", "true")] {
        let options = format!("{{ shared: {shared}, pauseHidden: 200 }}");
        connect(&mut page, name, ENDPOINT, &options).await;
        open(&mut page, name).await;
    }
    let other = page.tab("about:blank").await;
    // What happens there, while nobody looks.
    page.look(0).await;
    page.until("document.hidden").await;
    for name in ["alone", "together"] {
        page.until(&format!("{name}.client.state === 'paused'"))
            .await;
    }
    hub.publish_numbers("numbers", 1..=3).await;
    assert_eq!(page.evaluate("alone.of('event').length").await, 0);
    page.switch(0).await;
    for name in ["alone", "together"] {
        assert_eq!(numbers(&mut page, name, 3).await, [1, 2, 3], "{name}");
    }
    page.close_tab(other).await;
    page.close().await;
}

#[tokio::test]
async fn a_tab_that_is_frozen_leads_no_more_and_gets_what_it_missed() {
    let hub = Hub::start(&[]).await;
    let blank = hub.url("http", BLANK);
    let Some(mut page) = Page::open(Browser::Chromium, &blank).await else {
        return;
    };
    for tab in 0..2 {
        if tab > 0 {
            assert_eq!(page.tab(&blank).await, tab);
        }
        for (name, options) in SHARED {
            connect(&mut page, name, ENDPOINT, options).await;
            open(&mut page, name).await;
        }
    }
    hub.publish_numbers("numbers", 1..=3).await;
    check(&mut page, &[0, 1], 3).await;
    page.switch(0).await;
    page.freeze(true).await;
    hub.publish_numbers("numbers", 4..=6).await;
    check(&mut page, &[1], 6).await;
    page.switch(0).await;
    page.freeze(false).await;
    hub.publish_numbers("numbers", 7..=9).await;
    check(&mut page, &[0, 1], 9).await;
    page.close().await;
}

/// A worker that is gone, and a tab that leads and does not answer.
#[tokio::test]
async fn who_does_not_answer_is_replaced() {
    let hub = Hub::start(&[]).await;
    let blank = hub.url("http", BLANK);
    let Some(mut page) = Page::open(Browser::Chromium, &blank).await else {
        return;
    };
    for tab in 0..2 {
        if tab > 0 {
            assert_eq!(page.tab(&blank).await, tab);
        }
        for (name, options) in SHARED {
            connect(&mut page, name, ENDPOINT, options).await;
            open(&mut page, name).await;
        }
    }
    hub.publish_numbers("numbers", 1..=3).await;
    check(&mut page, &[0, 1], 3).await;
    page.look(0).await;
    let hang =
        "void setTimeout(() => { for (const end = Date.now() + 45_000; Date.now() < end; ); })";
    page.evaluate(hang).await;
    assert_eq!(page.end_workers().await, 1);
    page.look(1).await;
    hub.publish_numbers("numbers", 4..=6).await;
    check(&mut page, &[1], 6).await;
    // It comes to itself, and follows.
    hub.publish_numbers("numbers", 7..=9).await;
    check(&mut page, &[0, 1], 9).await;
    page.close().await;
}
