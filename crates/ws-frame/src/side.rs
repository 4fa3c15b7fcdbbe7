//! The two roles, as types.

use crate::MaskKey;

/// Where a client takes its masking keys from.
///
/// Every call must return a fresh key from a strong source of entropy: see [`MaskKey`]. Closures
/// are sources; implement the trait where the type needs a name.
///
/// ```
/// use ws_frame::{Client, Config, Connection, MaskKey, MaskSource};
///
/// /// Keys from the system, a batch at a time.
/// struct SystemKeys { /* .. */ }
///
/// impl MaskSource for SystemKeys {
///     fn next_mask(&mut self) -> MaskKey {
///         // getrandom::fill(&mut key) ..
///         # MaskKey::new([0x37, 0xfa, 0x21, 0x3d])
///     }
/// }
///
/// struct Session {
///     connection: Connection<Client<SystemKeys>>,
/// }
/// let session = Session { connection: Connection::client(Config::default(), SystemKeys {}) };
/// ```
pub trait MaskSource {
    /// The key of the next frame.
    fn next_mask(&mut self) -> MaskKey;
}

impl<F: FnMut() -> MaskKey> MaskSource for F {
    fn next_mask(&mut self) -> MaskKey {
        self()
    }
}

/// The role of a [`Connection`](crate::Connection): [`Server`] or [`Client`].
pub trait Side: sealed::Sealed {}

impl<S: sealed::Sealed> Side for S {}

/// Receives masked frames and sends unmasked ones.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Server;

/// Receives unmasked frames and sends masked ones, with keys from `M`.
#[derive(Clone, Copy)]
pub struct Client<M> {
    pub(crate) masks: M,
}

impl<M> core::fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Keys and their source stay out of logs.
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

pub(crate) mod sealed {
    use super::{Client, MaskKey, MaskSource, Server};

    #[expect(unnameable_types, reason = "the two roles are all there are")]
    pub trait Sealed {
        /// Whether frames of the peer are masked.
        const PEER_MASKS: bool;

        /// The key of the next frame to send, if frames of this side are masked.
        fn next_mask(&mut self) -> Option<MaskKey>;
    }

    impl Sealed for Server {
        const PEER_MASKS: bool = true;

        #[inline]
        fn next_mask(&mut self) -> Option<MaskKey> {
            None
        }
    }

    impl<M: MaskSource> Sealed for Client<M> {
        const PEER_MASKS: bool = false;

        #[inline]
        fn next_mask(&mut self) -> Option<MaskKey> {
            Some(self.masks.next_mask())
        }
    }
}
