//! Lines about what happens, on standard error.
//!
//! Nothing that a peer sends is written as it came. What may be a secret is not written at all:
//! of a target the path alone, of headers and bodies nothing.

use core::any::Any;
use core::fmt::{self, Write};
use std::io::{IsTerminal, stderr};

use tracing::error;
use tracing::level_filters::LevelFilter;

use crate::settings::Format;

/// Begins to write lines; once in a process.
pub(crate) fn start(format: Format, level: LevelFilter) {
    let lines = tracing_subscriber::fmt()
        .with_target(false)
        .with_max_level(level)
        .with_writer(stderr);
    match format {
        Format::Json => lines.json().flatten_event(true).init(),
        Format::Text => lines.with_ansi(stderr().is_terminal()).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let at = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let reason = Untrusted(reason(panic.payload()).as_bytes());
        error!(at, %reason, "a task failed; the others go on");
    }));
}

fn reason(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default()
}

/// Bytes from outside, as a line may show them: printable, and not many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untrusted<'a>(pub(crate) &'a [u8]);

/// Bytes of a text from outside that are shown.
const SHOWN: usize = 256;

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN)];
        for chunk in shown.utf8_chunks() {
            for character in chunk.valid().chars() {
                // Controls, and what is not to be seen or turns the line around.
                match character {
                    '"' | '\'' => f.write_char(character)?,
                    character => write!(f, "{}", character.escape_debug())?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        if shown.len() < self.0.len() {
            f.write_str("…")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_shown_harmlessly() {
        let rows: [(&[u8], &str); 7] = [
            (b"/a/b?c=\"d\"", "/a/b?c=\"d\""),
            (b"\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            (b"a\r\nINFO forged", "a\\r\\nINFO forged"),
            ("\u{202e}gpj.exe".as_bytes(), "\\u{202e}gpj.exe"),
            ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            (b"\xff\x00", "\\xff\\0"),
            ("grün".as_bytes(), "grün"),
        ];
        for (bytes, shown) in rows {
            assert_eq!(Untrusted(bytes).to_string(), shown);
        }
        let long = Untrusted(&[b'x'; 1_000_000]).to_string();
        assert_eq!(long.len(), SHOWN + "…".len());
    }
}
