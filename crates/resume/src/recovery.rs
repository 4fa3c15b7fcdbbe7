/// What the end of a connection, or the refusal of one, means for coming back.
///
/// # Example
///
/// ```
/// use resume::Recovery;
///
/// assert_eq!(Recovery::after_close(1012), Recovery::Retry); // the server restarts
/// assert_eq!(Recovery::after_close(1008), Recovery::Stop); // it does not want us
/// assert_eq!(Recovery::after_status(503), Recovery::Retry);
/// assert_eq!(Recovery::after_status(401), Recovery::Refresh);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recovery {
    /// Try again after a delay.
    Retry,
    /// Try again with new credentials, if there are any.
    Refresh,
    /// Trying again would end the same way.
    Stop,
}

impl Recovery {
    /// What a WebSocket's close code means, 1006 (no close frame) among them. An ordinary end
    /// (1000), and codes by which one side says that the other is at fault, stop. Codes of
    /// applications (4000 to 4999) other than those named here retry.
    #[must_use]
    pub const fn after_close(code: u16) -> Self {
        match code {
            // Unauthorized, registered; and ours for rights that ended.
            3000 | 4001 => Self::Refresh,
            // Normal closure; protocol error, unsupported data.
            1000 | 1002 | 1003
            // Invalid payload, policy violation, message too big, mandatory extension.
            | 1007..=1010
            // Forbidden, registered; and ours.
            | 3003 | 4003 => Self::Stop,
            // Going away, no status, abnormal, internal error, service restart (1012), try again
            // later, bad gateway, TLS; ours for a reader that was too slow (4008).
            _ => Self::Retry,
        }
    }

    /// What an HTTP status means that refused an upgrade, or is not what an event stream needs:
    /// request timeout, too early, too many requests and server errors retry, 401 asks for
    /// credentials, and every other status stops, 204 (no content) among them.
    ///
    /// For an EventSource of the HTML Standard every status but 200 stops; this is for clients
    /// that were told to be more patient.
    #[must_use]
    pub const fn after_status(status: u16) -> Self {
        match status {
            401 => Self::Refresh,
            408 | 425 | 429 | 500..=599 => Self::Retry,
            _ => Self::Stop,
        }
    }
}
