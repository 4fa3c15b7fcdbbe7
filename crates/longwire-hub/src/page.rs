//! What the hub shows to browsers: the page at `/`, and `/longwire.js`.

use std::sync::LazyLock;

use bytes::Bytes;

/// A file by its path: its type and its text.
pub(crate) fn file(path: &str) -> Option<(&'static str, Bytes)> {
    let text = Bytes::from_static;
    Some(match path {
        "/" => (HTML, text(include_bytes!("page/index.html"))),
        "/page.css" => ("text/css", text(include_bytes!("page/page.css"))),
        "/page.js" => (JAVASCRIPT, text(include_bytes!("page/page.js"))),
        "/longwire.js" => (JAVASCRIPT, text(MODULE.as_bytes())),
        "/longwire.d.ts" => (TYPES, text(include_bytes!("page/longwire.d.ts"))),
        _ => return None,
    })
}

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript";
const TYPES: &str = "text/plain; charset=utf-8";

/// The sources of `/longwire.js`, each after those that it imports.
const SOURCES: [&str; 16] = [
    include_str!("page/longwire/position.js"),
    include_str!("page/longwire/values.js"),
    include_str!("page/longwire/backoff.js"),
    include_str!("page/longwire/event-stream.js"),
    include_str!("page/longwire/cursor.js"),
    include_str!("page/longwire/carriers.js"),
    include_str!("page/longwire/choice.js"),
    include_str!("page/longwire/line.js"),
    include_str!("page/longwire/outbox.js"),
    include_str!("page/longwire/exchange.js"),
    include_str!("page/longwire/sharing.js"),
    include_str!("page/longwire/store.js"),
    include_str!("page/longwire/member.js"),
    include_str!("page/longwire/visibility.js"),
    include_str!("page/longwire/items.js"),
    include_str!("page/longwire/client.js"),
];

static MODULE: LazyLock<String> = LazyLock::new(|| bundle(&SOURCES));

/// One module of several: the last keeps its exports. Without comments and indentation, which take
/// more than a third of the bytes; lines are never joined.
fn bundle(sources: &[&str]) -> String {
    let mut module = String::from("// Longwire: /longwire.d.ts has the types.\n");
    for (n, source) in sources.iter().enumerate() {
        for line in source.lines().map(str::trim) {
            if line.is_empty() || line.starts_with("//") || line.starts_with("import ") {
                continue;
            }
            let line = match line.strip_prefix("export ") {
                Some(inner) if n + 1 < sources.len() => inner,
                _ => line,
            };
            module.push_str(line);
            module.push('\n');
        }
    }
    module
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_made_of_several() {
        let first = "// Why.\nexport class A {\n  b() {}\n}\n";
        let last = "import { A } from \"./a.js\";\n\nexport function c() {}\n";
        let module = bundle(&[first, last]);
        let code = module.split_once('\n').unwrap().1;
        assert_eq!(code, "class A {\nb() {}\n}\nexport function c() {}\n");
    }
}
