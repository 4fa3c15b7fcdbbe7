//! The README is the crate's documentation, word for word.

/// The documentation of the crate as a page of its own: headings one level down, code with its
/// language and without the lines that rustdoc hides.
fn page(name: &str, source: &str) -> String {
    let mut page = format!("# {name}\n\n");
    let mut code = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let fence = line.starts_with("```");
        if code && line.starts_with("# ") {
            continue;
        }
        page.push_str(match line {
            "```" if !code => "```rust",
            _ if !code && line.starts_with('#') => "#",
            _ => "",
        });
        page.push_str(if line == "```" && !code { "" } else { line });
        page.push('\n');
        code ^= fence;
    }
    page
}

#[test]
fn the_readme_is_the_documentation() {
    let page = page("sse-parse", include_str!("../src/lib.rs"));
    assert!(
        page == include_str!("../README.md"),
        "README.md should be:\n{page}"
    );
}
