//! Compressed messages: permessage-deflate, RFC 7692.

use ws_deflate::Level;

/// How messages are compressed, if the peer agrees.
#[derive(Clone, Copy, Debug)]
pub struct Deflate {
    pub(super) negotiable: ws_deflate::Config,
    pub(super) level: Level,
    pub(super) threshold: usize,
}

impl Deflate {
    /// No context takeover, level 1, messages of 1 KiB or more.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            negotiable: ws_deflate::Config::new(),
            level: ws_deflate::Deflater::DEFAULT_LEVEL,
            threshold: ws_deflate::Deflater::DEFAULT_THRESHOLD,
        }
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}
