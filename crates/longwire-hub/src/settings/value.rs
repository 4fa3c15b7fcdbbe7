//! The texts that settings are written in.

use core::net::{IpAddr, SocketAddr};
use core::ops::RangeInclusive;
use core::str::FromStr;
use core::time::Duration;

use crate::store::Sync;

pub(super) fn sync(text: &str) -> Result<Sync, String> {
    let interval = |text: &str| {
        let milliseconds = text.strip_prefix("interval:")?.parse().ok()?;
        (1..=60_000)
            .contains(&milliseconds)
            .then(|| Duration::from_millis(milliseconds))
    };
    match text {
        "always" => Ok(Sync::Always),
        "never" => Ok(Sync::Never),
        _ => interval(text)
            .map(Sync::Interval)
            .ok_or_else(|| "not always, never or interval:MS (1 to 60000)".to_owned()),
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("not true or false".to_owned()),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let example = "not an address and port such as 127.0.0.1:8080 or [::1]:8080";
    text.parse().map_err(|_| example.to_owned())
}

pub(super) fn origin(text: &str) -> Result<String, String> {
    match ws_handshake::OriginPolicy::listed().allow(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn host(text: &str) -> Result<String, String> {
    match ws_handshake::HostPolicy::listed().allow(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("not a name such as hub.example or hub.example:8080".to_owned()),
    }
}

pub(super) fn number(text: &str, range: RangeInclusive<usize>) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("not a number from {} to {}", range.start(), range.end()))
}

pub(super) fn size(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, u64); 3] = [("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30)];
    with_unit(text, &UNITS)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "not a size such as 65536, 64m or 2g".to_owned())
}

pub(super) fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];
    with_unit(text, &UNITS)
        .map(Duration::from_secs)
        .ok_or_else(|| "not a time such as 90, 15m, 12h or 7d".to_owned())
}

/// A number, perhaps with one of the units behind it.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (unit, factor) = units
        .iter()
        .find(|(unit, _)| text.ends_with(unit))
        .copied()
        .unwrap_or(("", 1));
    text.strip_suffix(unit)?
        .parse::<u64>()
        .ok()?
        .checked_mul(factor)
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = String;

    /// An address, or `ADDRESS/BITS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (address, bits) = match text.split_once('/') {
                Some((address, bits)) => (address, Some(bits.parse().ok()?)),
                None => (text, None),
            };
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.unwrap_or(most);
            (bits <= most).then_some(Self { address, bits })
        };
        parse().ok_or_else(|| "not a network such as 10.0.0.0/8, 192.0.2.7 or fd00::/8".to_owned())
    }
}

impl Network {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        // By whichever family a socket for both has written it.
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        assert_eq!(size("65536"), Ok(65_536));
        assert_eq!(size("64m"), Ok(64 << 20));
        assert!(size("m").is_err());
        assert!(size("-1").is_err());
        assert!(size("99999999999g").is_err());
        assert_eq!(age("90"), Ok(Duration::from_secs(90)));
        assert_eq!(age("7d"), Ok(Duration::from_secs(7 * 24 * 60 * 60)));
        assert!(age("1y").is_err());
    }

    #[test]
    fn when_to_wait_for_the_disk() {
        assert_eq!(sync("always"), Ok(Sync::Always));
        assert_eq!(sync("never"), Ok(Sync::Never));
        assert_eq!(
            sync("interval:5"),
            Ok(Sync::Interval(Duration::from_millis(5)))
        );
        for bad in [
            "",
            "sometimes",
            "interval",
            "interval:",
            "interval:0",
            "interval:60001",
        ] {
            assert!(sync(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks() {
        let contains = |network: &str, address: &str| {
            network
                .parse::<Network>()
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.6"));
        assert!(contains("fd00::/8", "fdab::1") && !contains("fd00::/8", "fe80::1"));
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "all",
        ] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
