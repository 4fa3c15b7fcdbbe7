//! A line on a terminal that counts.

use core::fmt;
use std::io::{IsTerminal, Write, stderr};
use std::time::Instant;

/// The last line of standard error, written again and again. Nothing, where that is no terminal.
#[derive(Debug)]
pub(super) struct Counter {
    shown: bool,
    drawn: bool,
    rate: Rate,
}

/// How many a second, over the last second or so.
#[derive(Debug)]
struct Rate {
    since: Instant,
    count: u64,
    per_second: u64,
}

/// Columns where nobody says how many there are.
const COLUMNS: usize = 80;

impl Counter {
    /// A counter that is `wanted`, where there is a terminal.
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            shown: wanted && stderr().is_terminal(),
            drawn: false,
            rate: Rate {
                since: Instant::now(),
                count: 0,
                per_second: 0,
            },
        }
    }

    /// Shows `count` of `what`, how many of them come in a second, and the rest.
    pub(super) fn draw(&mut self, count: u64, what: &str, rest: impl fmt::Display) {
        if !self.shown {
            return;
        }
        self.rate.update(count, Instant::now());
        let count = Grouped(count);
        let rate = Grouped(self.rate.per_second);
        let mut line = format!("{count} {what} · {rate}/s{rest}");
        // A line that is broken in two could not be written over.
        if let Some((end, _)) = line.char_indices().nth(columns().saturating_sub(1)) {
            line.truncate(end);
        }
        // A terminal that takes nothing is no reason to stop.
        let _ = write!(stderr(), "\r\x1b[2K{line}");
        self.drawn = true;
    }

    /// Takes the line away: something else is about to be written.
    pub(super) fn clear(&mut self) {
        if core::mem::take(&mut self.drawn) {
            let _ = write!(stderr(), "\r\x1b[2K");
        }
    }
}

impl Rate {
    fn update(&mut self, count: u64, now: Instant) {
        let elapsed = now.duration_since(self.since).as_millis();
        if elapsed >= 1_000 {
            let since = u128::from(count.saturating_sub(self.count));
            self.per_second = u64::try_from(since * 1_000 / elapsed).unwrap_or(u64::MAX);
            (self.since, self.count) = (now, count);
        }
    }
}

/// A number whose thousands are set apart.
pub(super) struct Grouped(pub(super) u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(stderr());
    match size.map(|size| size.ws_col) {
        Ok(0) | Err(_) => COLUMNS,
        Ok(columns) => columns.into(),
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let shown = [0, 12, 999, 1_000, 12_345, 1_234_567].map(|n| Grouped(n).to_string());
        assert_eq!(shown, ["0", "12", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn a_rate_is_of_the_last_second() {
        let began = Instant::now();
        let mut rate = Rate {
            since: began,
            count: 0,
            per_second: 0,
        };
        rate.update(500, began + Duration::from_millis(500));
        assert_eq!(rate.per_second, 0);
        rate.update(3_000, began + Duration::from_millis(2_000));
        assert_eq!(rate.per_second, 1_500);
        rate.update(3_000, began + Duration::from_millis(3_000));
        assert_eq!(rate.per_second, 0);
    }
}
