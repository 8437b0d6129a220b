//! The loopback and private networks in which the configuration allows upstreams.

use std::fmt;
use std::net::IpAddr;

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

/// A network, as in `10.1.0.0/16` or `::1/128`; an address alone is the network of just this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a network like 10.1.0.0/16, 127.0.0.0/8 or ::1/128, with no bits set after the prefix")]
pub struct NetworkError;

impl Network {
    /// Reads a network in CIDR notation (RFC 4632 §3.1).
    ///
    /// # Errors
    /// If `text` is anything else, or has bits set after its prefix.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| NetworkError)?)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let network = Self { first, bits: bits.unwrap_or(most) };
        if network.bits > most || network.prefix(first) != Some(as_number(first)) {
            return Err(NetworkError);
        }
        Ok(network)
    }

    /// Whether `address` lies in it. An IPv4 address is never in an IPv6 network, mapped or not.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.prefix(address).is_some_and(|prefix| prefix == as_number(self.first))
    }

    /// The bits of `address` up to this network's prefix, the others zero; `None` for the other kind of address.
    fn prefix(&self, address: IpAddr) -> Option<u128> {
        let width: u32 = match (self.first, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) => 32,
            (IpAddr::V6(_), IpAddr::V6(_)) => 128,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        };
        let after = width.checked_sub(u32::from(self.bits))?;
        let mask = u128::MAX.checked_shl(after).unwrap_or(0);
        Some(as_number(address) & mask)
    }
}

fn as_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.first, self.bits)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The loopback and private networks in which upstreams are allowed. None, unless configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(transparent)]
pub struct AllowedUpstreams(pub Vec<Network>);

impl AllowedUpstreams {
    /// Whether an address of a kind that needs it is allowed. A wrapped IPv4 address must be listed as it is wrapped.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Every loopback address: for an installation that itself listens on loopback only.
    #[must_use]
    pub fn loopback() -> Self {
        Self([("127.0.0.0/8"), ("::1/128")].iter().filter_map(|text| Network::parse(text).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_has_its_prefix() {
        for (network, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("::1/128", "::1", "::2"),
            ("fd00::/8", "fdff::1", "fc00::1"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("10.0.0.0/8", "10.0.0.1", "::ffff:10.0.0.1"),
        ] {
            let network = Network::parse(network).expect("a network");

            assert!(network.contains(inside.parse().expect("an address")), "{network} has {inside}");
            assert!(!network.contains(outside.parse().expect("an address")), "{network} has not {outside}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.1/8", "::1/129", "fe80::1%eth0/64", "localhost", "10.0.0.0/", "10/8", "::1/64"]
        {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_the_two_loopback_networks_and_nothing_else() {
        let allowed = AllowedUpstreams::loopback();

        assert!(allowed.contains("127.9.9.9".parse().expect("an address")));
        assert!(allowed.contains("::1".parse().expect("an address")));
        assert!(!allowed.contains("10.0.0.1".parse().expect("an address")));
    }
}
