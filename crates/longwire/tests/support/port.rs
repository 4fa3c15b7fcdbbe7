//! Ports for programs that cannot say which one the system gave them.

use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicU16, Ordering};
use std::net::TcpListener;
use std::process;

/// A loopback port on which nothing listens.
///
/// It lies below those that the system gives to outgoing connections, and each test process looks
/// in a range of its own, so that nobody else takes it before the program that it is for.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let range = u16::try_from(process::id() % 600).unwrap();
    loop {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(nth < 600 * 32, "no port is free");
        let port = 10_240 + (range * 32 + nth) % (600 * 32);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
