//! The head of an answer that is written here.

use core::cell::RefCell;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;

thread_local! {
    /// The second that was written last, and how.
    static DATE: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// Writes a head: the status line at once, then field by field.
#[derive(Debug)]
pub(crate) struct AnswerHead<'o>(&'o mut Vec<u8>);

impl<'o> AnswerHead<'o> {
    pub(crate) fn new(status: StatusCode, out: &'o mut Vec<u8>) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        Self(out)
    }

    pub(crate) fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.0.extend_from_slice(part);
        }
    }

    /// The field `date`, of which the text is made once a second.
    pub(crate) fn date(&mut self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let second = since.unwrap_or_default().as_secs();
        DATE.with_borrow_mut(|(last, text)| {
            if *last != second {
                *text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
                *last = second;
            }
            self.field("date", text.as_bytes());
        });
    }

    /// Ends the head; the body follows.
    pub(crate) fn end(self) {
        self.0.extend_from_slice(b"\r\n");
    }
}
