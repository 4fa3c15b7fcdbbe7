//! What both ends agree on beyond RFC 6455 itself.

use ws_handshake::Accept;
#[cfg(any(feature = "client", feature = "deflate"))]
use ws_handshake::Extension;

use super::Config;
#[cfg(feature = "client")]
use crate::Error;

/// What was agreed: nothing, by default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Agreed {
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<ws_deflate::Agreed>,
}

impl Agreed {
    /// What a client and a server of the same configuration agree on.
    #[cfg(feature = "client")]
    pub(super) fn with_itself(config: &Config) -> Self {
        #[cfg(not(feature = "deflate"))]
        let _ = config;
        Self {
            #[cfg(feature = "deflate")]
            deflate: config.deflate.map(|deflate| {
                ws_deflate::Offer::new(&deflate.negotiable).negotiate(&deflate.negotiable)
            }),
        }
    }

    /// Whether messages may be compressed.
    pub(super) const fn compression(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self.deflate.is_some();
        #[cfg(not(feature = "deflate"))]
        false
    }
}

/// What a client offers.
#[cfg(feature = "client")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    #[cfg(feature = "deflate")]
    deflate: Option<ws_deflate::Offer>,
}

#[cfg(feature = "client")]
impl Offer {
    /// The offer that goes with `config`.
    pub(crate) fn new(config: &Config) -> Self {
        #[cfg(not(feature = "deflate"))]
        let _ = config;
        Self {
            #[cfg(feature = "deflate")]
            deflate: config
                .deflate
                .map(|deflate| ws_deflate::Offer::new(&deflate.negotiable)),
        }
    }

    /// The value of `Sec-WebSocket-Extensions`, for
    /// [`ClientRequest::extension`](ws_handshake::ClientRequest::extension); `None` if nothing is
    /// offered.
    pub(crate) fn field(&self) -> Option<String> {
        #[cfg(feature = "deflate")]
        return self.deflate.map(|offer| offer.to_string());
        #[cfg(not(feature = "deflate"))]
        None
    }

    /// Judges what the server chose, of which the handshake has checked the names.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(clippy::unnecessary_wraps, reason = "nothing was offered")
    )]
    pub(crate) fn judge<'b>(
        &self,
        chosen: impl Iterator<Item = Extension<'b>>,
    ) -> Result<Agreed, Error> {
        #[cfg(not(feature = "deflate"))]
        drop(chosen);
        #[cfg_attr(
            not(feature = "deflate"),
            expect(unused_mut, reason = "nothing to agree on")
        )]
        let mut agreed = Agreed::default();
        #[cfg(feature = "deflate")]
        for extension in chosen {
            if let Some(offer) = &self.deflate {
                agreed.deflate = Some(offer.verify(extension.params()).map_err(Error::Deflate)?);
            }
        }
        Ok(agreed)
    }
}

/// Answers a client's offer as `config` has it.
pub(crate) fn answer<'b>(accept: Accept<'b>, config: &Config) -> (Accept<'b>, Agreed) {
    #[cfg(not(feature = "deflate"))]
    let _ = config;
    #[cfg(feature = "deflate")]
    if let Some(deflate) = config.deflate
        && let Some(agreed) = first(accept.request().extensions(), &deflate.negotiable)
        && let Ok(accept) = accept.clone().extension(agreed.to_string())
    {
        let deflate = Some(agreed);
        return (accept, Agreed { deflate });
    }
    (accept, Agreed::default())
}

/// The first offer that can be accepted: the client's preference decides.
#[cfg(feature = "deflate")]
fn first<'b>(
    mut offered: impl Iterator<Item = Extension<'b>>,
    config: &ws_deflate::Config,
) -> Option<ws_deflate::Agreed> {
    offered.find_map(|extension| {
        let offer = (extension.name() == ws_deflate::NAME)
            .then(|| ws_deflate::Offer::parse(extension.params()).ok());
        offer.flatten().map(|offer| offer.negotiate(config))
    })
}
