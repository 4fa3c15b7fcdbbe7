//! Which hosts are reached without a proxy.

use core::net::IpAddr;

/// The entries of a `NO_PROXY` list.
#[derive(Clone, Debug, Default)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug)]
enum Entry {
    /// `*`
    All,
    /// The first bits of an address.
    Network(IpAddr, u32),
    /// A domain and all below it, on one port or any. In lower case, without a dot at either end.
    Domain(String, Option<u16>),
    /// An address, on one port.
    Address(IpAddr, u16),
}

impl NoProxy {
    /// Reads a list with commas or spaces between its entries. What is no entry matches nothing.
    pub(super) fn parse(list: &str) -> Self {
        let entries = list
            .split([',', ' ', '\t'])
            .filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Entry::parse).collect())
    }

    pub(super) fn extend(&mut self, list: &str) {
        self.0.extend(Self::parse(list).0);
    }

    /// Whether `host` is reached directly.
    pub(super) fn matches(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        self.0.iter().any(|entry| match entry {
            Entry::All => true,
            Entry::Network(network, bits) => {
                address.is_some_and(|address| starts_with(address, *network, *bits))
            }
            Entry::Address(known, on) => address == Some(*known) && *on == port,
            Entry::Domain(domain, on) => {
                on.is_none_or(|on| on == port)
                    && host
                        .strip_suffix(domain.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::All);
        }
        if let Some((network, bits)) = entry.split_once('/') {
            let (network, bits) = (unbracket(network).parse().ok()?, bits.parse().ok()?);
            return (bits <= width(network)).then_some(Self::Network(network, bits));
        }
        if let Ok(address) = unbracket(entry).parse::<IpAddr>() {
            return Some(Self::Network(address, width(address)));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        if let (Ok(address), Some(port)) = (unbracket(host).parse(), port) {
            return Some(Self::Address(address, port));
        }
        let domain = host.trim_start_matches("*.").trim_matches('.');
        (!domain.is_empty()).then(|| Self::Domain(domain.to_ascii_lowercase(), port))
    }
}

fn unbracket(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn starts_with(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_what_they_match() {
        for (list, host, port, expected) in [
            ("*", "example.com", 80, true),
            ("", "example.com", 80, false),
            (",, ,", "example.com", 80, false),
            ("example.com", "example.com", 80, true),
            ("example.com", "EXAMPLE.com.", 80, true),
            ("Example.COM", "www.example.com", 443, true),
            (".example.com", "www.example.com", 443, true),
            (".example.com", "example.com", 443, true),
            ("*.example.com", "www.example.com", 443, true),
            ("example.com.", "www.example.com", 443, true),
            ("example.com", "notexample.com", 80, false),
            ("example.com", "example.com.evil.test", 80, false),
            ("example.com:8080", "example.com", 8080, true),
            ("example.com:8080", "example.com", 80, false),
            ("a.test, b.test c.test", "c.test", 80, true),
            ("a.test, b.test c.test", "d.test", 80, false),
            ("192.0.2.1", "192.0.2.1", 80, true),
            ("192.0.2.1", "192.0.2.10", 80, false),
            ("192.0.2.1:81", "192.0.2.1", 81, true),
            ("192.0.2.1:81", "192.0.2.1", 80, false),
            ("192.0.2.0/24", "192.0.2.255", 80, true),
            ("192.0.2.0/24", "192.0.3.0", 80, false),
            ("0.0.0.0/0", "203.0.113.9", 80, true),
            ("0.0.0.0/0", "2001:db8::1", 80, false),
            ("192.0.2.0/33", "192.0.2.0", 80, false),
            ("192.0.2.0/24", "example.com", 80, false),
            ("2001:db8::/32", "2001:db8:1::2", 80, true),
            ("[2001:db8::1]", "2001:DB8:0::1", 80, true),
            ("[2001:db8::1]:81", "2001:db8::1", 81, true),
            ("[2001:db8::1]:81", "2001:db8::1", 80, false),
            ("2001:db8::1", "2001:db8::2", 80, false),
        ] {
            let matched = NoProxy::parse(list).matches(host, port);
            assert_eq!(matched, expected, "{list:?}: {host} {port}");
        }
    }
}
