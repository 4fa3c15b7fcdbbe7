//! The answer to an opening handshake, ready to be sent.

use std::sync::Arc;

use ws_handshake::Accept;

use super::{Agreed, Config, Socket};
use crate::buffer::ReadBuffer;

/// The 101 response to a request that is accepted, and what the WebSocket after it goes by.
///
/// What a handler of [`http::serve`](crate::http::serve) gives back for a connection that it
/// [takes](crate::http::Take::WebSocket).
#[derive(Debug)]
pub struct Answer {
    head: Vec<u8>,
    agreed: Agreed,
    config: Arc<Config>,
}

impl Answer {
    /// Accepts, with the compression that `config` allows if the client offered it.
    #[must_use]
    pub fn new(accept: Accept<'_>, config: Arc<Config>) -> Self {
        let (accept, agreed) = super::answer(accept, &config);
        let mut head = Vec::new();
        accept.encode(&mut head);
        Self {
            head,
            agreed,
            config,
        }
    }

    /// The WebSocket; the response goes out first. `unused` came behind the request.
    pub(crate) fn socket<Io>(self, io: Io, unused: ReadBuffer) -> Socket<Io> {
        Socket::accepted(io, unused, &self.head, self.config).agreed(self.agreed)
    }
}
