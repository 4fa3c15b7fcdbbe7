//! What a response means to an EventSource.

/// What to do with a response, by its status and type.
///
/// Pure, so that any HTTP client can be a correct EventSource: ask once the response's head is
/// there, then feed the body to a [`Parser`](crate::Parser) only when the answer is
/// [`Open`](Self::Open).
///
/// ```
/// use sse_parse::Verdict;
///
/// assert_eq!(Verdict::of(200, Some(b"text/event-stream; charset=utf-8")), Verdict::Open);
/// assert_eq!(Verdict::of(204, None), Verdict::Stop);
/// assert_eq!(Verdict::of(307, None), Verdict::Redirect);
/// assert_eq!(Verdict::of(502, Some(b"text/html")), Verdict::WrongStatus);
/// assert_eq!(Verdict::of(200, Some(b"application/json")), Verdict::WrongType);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// 200 and `text/event-stream`: the connection is open, parse the body. When it ends, reconnect.
    Open,
    /// 204: the server asks not to reconnect. The connection has failed, for good and in peace.
    Stop,
    /// 301, 302, 303, 307 or 308: follow `Location`, then judge the response found there.
    Redirect,
    /// Any other status: the connection has failed; the Standard allows no reconnect.
    WrongStatus,
    /// 200 of another type, or of none: the connection has failed; the Standard allows no
    /// reconnect.
    WrongType,
}

impl Verdict {
    /// Judges a response by its status and the value of its `Content-Type` header, several values
    /// joined by commas, `None` where there is none.
    //= https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
    //# Otherwise, if res's status is not 200, or if res's `Content-Type` is not
    //# `text/event-stream`, then fail the connection.
    #[must_use]
    pub fn of(status: u16, content_type: Option<&[u8]>) -> Self {
        match status {
            200 if content_type.is_some_and(is_event_stream) => Self::Open,
            200 => Self::WrongType,
            204 => Self::Stop,
            301 | 302 | 303 | 307 | 308 => Self::Redirect,
            _ => Self::WrongStatus,
        }
    }
}

/// Whether the last valid type of the list is `text/event-stream`, whatever its parameters.
//= https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
//# Let temporaryMimeType be the result of parsing value.
fn is_event_stream(list: &[u8]) -> bool {
    let mut found = false;
    let mut quoted = false;
    let mut escaped = false;
    let values = list.split(|&byte| {
        if quoted {
            if escaped {
                escaped = false;
            } else if byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                quoted = false;
            }
            return false;
        }
        quoted = byte == b'"';
        byte == b','
    });
    for value in values {
        if let Some((kind, subtype)) = essence(value) {
            let any = kind == b"*" && subtype == b"*";
            if !any {
                found = kind.eq_ignore_ascii_case(b"text")
                    && subtype.eq_ignore_ascii_case(b"event-stream");
            }
        }
    }
    found
}

/// Type and subtype, if both are tokens.
//= https://mimesniff.spec.whatwg.org/#parsing-a-mime-type
//# Remove any leading and trailing HTTP whitespace from input.
fn essence(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = trim(value.split(|&byte| byte == b';').next()?);
    let slash = value.iter().position(|&byte| byte == b'/')?;
    let (kind, subtype) = (value.get(..slash)?, value.get(slash + 1..)?);
    let token = |name: &[u8]| !name.is_empty() && name.iter().all(|&byte| is_token(byte));
    (token(kind) && token(subtype)).then_some((kind, subtype))
}

/// Without HTTP whitespace at its ends; unlike ASCII whitespace it has no form feed.
fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b'\t' | b'\n' | b'\r' | b' ');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(is_text)
        .map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}
