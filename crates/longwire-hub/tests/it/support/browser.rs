//! A page in a real browser, driven by `tests/node/browser.mjs`.

use std::env;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Program, Tool};

/// One page of a browser of its own. Selectors are those of CSS.
#[derive(Debug)]
pub(crate) struct Page {
    driver: Program,
}

impl Page {
    /// Starts a browser and opens `url`; `None` if a tool is missing.
    pub(crate) async fn open(url: &str) -> Option<Self> {
        let [chromium, node] = Tool::find([Tool::Chromium, Tool::Node])?;
        let mut driver = Program::script(node, "node/browser.mjs", [chromium]);
        assert_eq!(driver.line().await.as_deref(), Some("ready"));
        let mut page = Self { driver };
        page.act(json!({ "action": "open", "url": url })).await;
        Some(page)
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
