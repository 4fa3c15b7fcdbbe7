//! Who asks, as far as the network says.

use core::net::{IpAddr, SocketAddr};

use ws_handshake::{RequestHead, Scheme};

use crate::settings::Network;

/// An address as limits count it: of IPv6 the network of 64 bits, of which one machine may have
/// every address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Address {
    /// `None` for loopback, which no limit counts.
    pub(crate) fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            address if address.is_loopback() => None,
            IpAddr::V4(address) => Some(Self::V4(address.octets())),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Some(Self::V6([a, b, c, d, e, f, g, h]))
            }
        }
    }
}

/// Who has sent a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    /// `None` if no limit counts it.
    pub(crate) address: Option<Address>,
    /// What it used, as far as is known.
    pub(crate) scheme: Scheme,
}

impl Client {
    /// The peer, or for whom the peer asks if it is one of `proxies`. `scheme` is what the peer
    /// used.
    pub(crate) fn new(
        peer: SocketAddr,
        scheme: Scheme,
        head: &RequestHead<'_>,
        proxies: &[Network],
    ) -> Self {
        let is_proxy = |address| proxies.iter().any(|proxies| proxies.contains(address));
        if !is_proxy(peer.ip()) {
            let address = Address::of(peer.ip());
            return Self { address, scheme };
        }
        // Each proxy adds at the end whom it heard from. What stands before the first that is
        // none of ours may be made up.
        let fields: Vec<_> = head.headers().get_all("x-forwarded-for").collect();
        let hops = fields
            .iter()
            .rev()
            .flat_map(|field| field.rsplit(|byte| *byte == b','));
        let mut address = None;
        for hop in hops {
            let Some(hop) = parse(hop) else { break };
            address = Address::of(hop);
            if !is_proxy(hop) {
                break;
            }
        }
        let scheme = match head.header("x-forwarded-proto") {
            Some(proto) if proto.eq_ignore_ascii_case(b"https") => Scheme::Https,
            Some(proto) if proto.eq_ignore_ascii_case(b"http") => Scheme::Http,
            _ => scheme,
        };
        Self { address, scheme }
    }
}

/// An address, perhaps with a port, as proxies write it.
fn parse(hop: &[u8]) -> Option<IpAddr> {
    let hop = str::from_utf8(hop.trim_ascii()).ok()?;
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let address = bare.unwrap_or(hop).parse().ok();
    address.or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, fields: &[(&str, &str)], proxies: &[&str]) -> Client {
        let proxies: Vec<Network> = proxies.iter().map(|text| text.parse().unwrap()).collect();
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        let host = [("host", &b"hub"[..])];
        let head = RequestHead::from_parts("GET", "/", host.into_iter().chain(fields)).unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        Client::new(peer, Scheme::Http, &head, &proxies)
    }

    fn v4(a: u8, b: u8, c: u8, d: u8) -> Option<Address> {
        Some(Address::V4([a, b, c, d]))
    }

    #[test]
    fn nobody_but_a_trusted_proxy_says_for_whom_it_asks() {
        let forwarded = [
            ("x-forwarded-for", "192.0.2.9"),
            ("x-forwarded-proto", "https"),
        ];
        let direct = client("198.51.100.1", &forwarded, &[]);
        assert_eq!(
            (direct.address, direct.scheme),
            (v4(198, 51, 100, 1), Scheme::Http)
        );
        let loopback = client("127.0.0.1", &forwarded, &[]);
        assert_eq!((loopback.address, loopback.scheme), (None, Scheme::Http));
        let proxied = client("127.0.0.1", &forwarded, &["127.0.0.1"]);
        assert_eq!(
            (proxied.address, proxied.scheme),
            (v4(192, 0, 2, 9), Scheme::Https)
        );
    }

    #[test]
    fn the_last_that_is_no_proxy_counts() {
        let proxies = ["127.0.0.0/8", "10.0.0.0/8"];
        let of = |value: &str| client("127.0.0.1", &[("x-forwarded-for", value)], &proxies).address;
        assert_eq!(of("203.0.113.1, 192.0.2.9"), v4(192, 0, 2, 9));
        assert_eq!(of("203.0.113.1, 192.0.2.9, 10.1.1.1"), v4(192, 0, 2, 9));
        assert_eq!(of("203.0.113.1,unknown,10.1.1.1"), v4(10, 1, 1, 1));
        assert_eq!(of("192.0.2.9:4711"), v4(192, 0, 2, 9));
        assert_eq!(of(""), None);
        let v6 = Some(Address::V6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 7]));
        assert_eq!(of("2001:db8:0:7::1"), v6);
        assert_eq!(of("[2001:db8:0:7::2]"), v6);
        assert_eq!(of("[2001:db8:0:7::2]:4711"), v6);
        let fields = [
            ("x-forwarded-for", "203.0.113.1"),
            ("x-forwarded-for", "192.0.2.9"),
        ];
        assert_eq!(
            client("10.0.0.1", &fields, &proxies).address,
            v4(192, 0, 2, 9)
        );
    }
}
