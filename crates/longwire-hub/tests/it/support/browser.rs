//! The tabs of a real browser, driven by `tests/node/browser.mjs`.

use std::env;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Directory, Program, Tool};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
}

/// A browser of its own. What is done to a page is done in the current tab. Selectors are those of
/// CSS.
#[derive(Debug)]
pub(crate) struct Page {
    driver: Program,
    _profile: Directory,
}

impl Page {
    /// Starts a browser and opens `url` in its first tab, which has the number 0; `None` if a tool
    /// is missing.
    pub(crate) async fn open(browser: Browser, url: &str) -> Option<Self> {
        let (name, tool) = match browser {
            Browser::Chromium => ("chromium", Tool::Chromium),
            Browser::Firefox => ("firefox", Tool::Firefox),
        };
        let [program, node] = Tool::find([tool, Tool::Node])?;
        let profile = Directory::new();
        let arguments = [name.into(), program, profile.path().into()];
        let mut driver = Program::script(node, "node/browser.mjs", arguments);
        assert_eq!(driver.line().await.as_deref(), Some("ready"));
        let mut page = Self {
            driver,
            _profile: profile,
        };
        page.go(url).await;
        Some(page)
    }

    /// Opens another page in the current tab.
    pub(crate) async fn go(&mut self, url: &str) {
        self.act(json!({ "action": "open", "url": url })).await;
    }

    /// Opens another tab, in front; gives its number.
    pub(crate) async fn tab(&mut self, url: &str) -> u64 {
        let number = self.act(json!({ "action": "tab", "url": url })).await;
        number.as_u64().unwrap()
    }

    /// Brings a tab to the front.
    pub(crate) async fn switch(&mut self, tab: u64) {
        self.act(json!({ "action": "switch", "tab": tab })).await;
    }

    /// Makes a tab the current one, which may stay in the background.
    pub(crate) async fn look(&mut self, tab: u64) {
        self.act(json!({ "action": "look", "tab": tab })).await;
    }

    pub(crate) async fn close_tab(&mut self, tab: u64) {
        self.act(json!({ "action": "close", "tab": tab })).await;
    }

    /// Freezes the current tab, as a browser does to tabs in the background, or thaws it. In
    /// Chromium only.
    pub(crate) async fn freeze(&mut self, frozen: bool) {
        self.act(json!({ "action": "frozen", "frozen": frozen }))
            .await;
    }

    /// Ends every `SharedWorker`, as a crash would; gives their number. In Chromium only.
    pub(crate) async fn end_workers(&mut self) -> Value {
        self.act(json!({ "action": "workers" })).await
    }

    /// Takes the network away, or gives it back. In Chromium only.
    pub(crate) async fn offline(&mut self, offline: bool) {
        self.act(json!({ "action": "offline", "offline": offline }))
            .await;
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&mut self, expression: &str) {
        self.act(json!({ "action": "until", "expression": expression }))
            .await;
    }

    pub(crate) async fn click(&mut self, selector: &str) {
        self.act(json!({ "action": "click", "selector": selector }))
            .await;
    }

    pub(crate) async fn fill(&mut self, selector: &str, text: &str) {
        self.act(json!({ "action": "fill", "selector": selector, "text": text }))
            .await;
    }

    /// Presses a key, or several joined by `+`, where the focus is.
    pub(crate) async fn press(&mut self, key: &str) {
        self.act(json!({ "action": "press", "key": key })).await;
    }

    /// Waits until an element that `selector` means contains `text`.
    pub(crate) async fn wait_for(&mut self, selector: &str, text: &str) {
        self.act(json!({ "action": "wait", "selector": selector, "text": text }))
            .await;
    }

    pub(crate) async fn text(&mut self, selector: &str) -> String {
        let text = self
            .act(json!({ "action": "text", "selector": selector }))
            .await;
        text.as_str().unwrap().to_owned()
    }

    /// The value of an expression of JavaScript.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        self.act(json!({ "action": "evaluate", "expression": expression }))
            .await
    }

    /// Makes the window as large, and its colours light or dark.
    pub(crate) async fn window(&mut self, width: u32, height: u32, colors: &str) {
        let (action, size) = ("window", json!({ "width": width, "height": height }));
        self.act(json!({ "action": action, "size": size, "colors": colors }))
            .await;
    }

    /// Keeps a picture in the folder that `LONGWIRE_SCREENSHOTS` names, else in that of the
    /// tests' temporary files.
    pub(crate) async fn screenshot(&mut self, name: &str) {
        let folder = env::var_os("LONGWIRE_SCREENSHOTS")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        let path = folder.join(format!("{name}.png"));
        self.act(json!({ "action": "screenshot", "path": path }))
            .await;
    }

    /// What the browser complained about: exceptions, refused resources, errors on the console.
    pub(crate) async fn problems(&mut self) -> Vec<String> {
        let problems = self.act(json!({ "action": "problems" })).await;
        serde_json::from_value(problems).unwrap()
    }

    /// Ends the browser, which would otherwise outlive the test by a moment.
    pub(crate) async fn close(self) {
        assert_eq!(self.driver.finish().await, (Vec::new(), true));
    }

    async fn act(&mut self, action: Value) -> Value {
        self.driver.write_line(&action.to_string()).await;
        let answer = self.driver.line().await.expect("the driver answers");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(
            answer.get("error").is_none(),
            "{action}: {}",
            answer["error"]
        );
        answer["value"].clone()
    }
}
