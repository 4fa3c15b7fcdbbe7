//! A page in a real browser: Chromium, driven by `browser.mjs`, or Firefox, by `firefox.mjs`.

use serde_json::{Value, json};

use super::{Folder, Program, Tool, free_port};

/// One page of a browser of its own. It believes every certificate and uses no proxy.
#[derive(Debug)]
pub(crate) struct Page {
    driver: Program,
    _profile: Option<Folder>,
}

impl Page {
    /// Starts a browser with an empty page; `None` if a tool is missing.
    pub(crate) async fn start() -> Option<Self> {
        let [chromium, node] = Tool::find([Tool::Chromium, Tool::Node])?;
        let mut driver = Program::script(node, "support/browser.mjs", [chromium]);
        assert_eq!(driver.line().await.as_deref(), Some("ready"));
        Some(Self {
            driver,
            _profile: None,
        })
    }

    /// The same in Firefox.
    pub(crate) async fn firefox() -> Option<Self> {
        let [firefox, node] = Tool::find([Tool::Firefox, Tool::Node])?;
        let profile = Folder::new();
        let arguments = [
            firefox.into_os_string(),
            profile.path().into(),
            free_port().to_string().into(),
        ];
        let mut driver = Program::script(node, "support/firefox.mjs", arguments);
        assert_eq!(driver.line().await.as_deref(), Some("ready"));
        Some(Self {
            driver,
            _profile: Some(profile),
        })
    }

    /// Opens a URL, and waits until it is loaded.
    pub(crate) async fn open(&mut self, url: &str) {
        self.act(json!({ "open": url })).await;
    }

    /// The value of an expression of JavaScript, or of what it promises.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        self.act(json!({ "evaluate": expression })).await
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
