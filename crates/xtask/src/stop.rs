//! How a step ends that did not pass.

/// Why a step did not pass.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A check did not hold, or could not be made although it should.
    Failed(String),
    /// The check was not made, with the reason.
    Skipped(String),
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}
