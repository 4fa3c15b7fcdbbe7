//! The response field `Retry-After`.

use core::time::Duration;
use std::time::SystemTime;

use http::{HeaderMap, header};

/// How long the server asks to wait: delay-seconds, or the time up to an HTTP-date. That time is
/// counted from the response's own `Date`, so that clocks need not agree, or else from `now`.
//= https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
//# Retry-After = HTTP-date / delay-seconds
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    //= https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    //# delay-seconds = 1*DIGIT
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let date = headers.get(header::DATE);
    let sent = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    Some(
        until
            .duration_since(sent.unwrap_or(now))
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&'static str, &str)], now: u64) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for &(name, value) in fields {
            headers.append(name, value.parse().unwrap());
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        retry_after(&headers, now).map(|delay| delay.as_secs())
    }

    #[test]
    fn seconds_and_dates() {
        const AT: &str = "Fri, 31 Dec 1999 23:59:59 GMT"; // 946,684,799
        assert_eq!(of(&[], 0), None);
        assert_eq!(of(&[("retry-after", "120")], 0), Some(120));
        assert_eq!(of(&[("retry-after", "0")], 0), Some(0));
        assert_eq!(of(&[("retry-after", &"9".repeat(40))], 0), Some(u64::MAX));
        for unusable in ["", "-1", "1.5", "soon", "1e9"] {
            assert_eq!(of(&[("retry-after", unusable)], 0), None, "{unusable}");
        }
        assert_eq!(of(&[("retry-after", AT)], 946_684_769), Some(30));
        assert_eq!(of(&[("retry-after", AT)], 946_684_800), Some(0));
        let date = ("date", "Fri, 31 Dec 1999 23:59:49 GMT");
        assert_eq!(of(&[("retry-after", AT), date], 0), Some(10));
    }
}
