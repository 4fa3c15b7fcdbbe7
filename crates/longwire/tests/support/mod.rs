//! What the tests of this crate share: other people's programs, certificates and networks.
#![allow(
    dead_code,
    unused_imports,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test binary uses a part of it, and a test fails by panicking"
)]

mod browser;
mod certificates;
mod folder;
mod network;
mod port;
mod program;
mod proxies;
mod size;
mod tool;

use core::future::IntoFuture;
use core::time::Duration;

pub(crate) use browser::Page;
pub(crate) use certificates::{Authority, Identity};
pub(crate) use folder::Folder;
pub(crate) use network::{cut, cut_address, in_own_mounts, in_own_network, mend};
pub(crate) use port::free_port;
pub(crate) use program::Program;
pub(crate) use proxies::{haproxy, microsocks, nghttpx, nginx, squid};
pub(crate) use size::size;
pub(crate) use tool::Tool;

/// Waits for what must happen, and names it if it does not: a guard against hanging, not a measure.
pub(crate) async fn within<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future.into_future()).await {
        Ok(value) => value,
        Err(_) => panic!("nothing came in 60 s: {what}"),
    }
}
