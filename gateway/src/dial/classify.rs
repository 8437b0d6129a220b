//! What kind of address an address is, with every IPv4 address that is wrapped in an IPv6 one unwrapped first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is, to whoever would connect to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An address of the public internet.
    Public,
    /// An address of this machine. Only by configuration.
    Loopback,
    /// An address of a private network. Only by configuration.
    Private,
    /// Never, whatever the configuration says.
    Forbidden(Forbidden),
}

/// Why an address is never connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// Only valid on one link, where cloud metadata lives.
    LinkLocal,
    /// A cloud's metadata service outside the link-local range.
    Metadata,
    /// `0.0.0.0/8` and `::`.
    Unspecified,
    /// Many receivers.
    Multicast,
    /// Broadcast, or set aside for what is not a server.
    Reserved,
}

impl Forbidden {
    /// In words that end the sentence "… is".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the address of a cloud's metadata service",
            Self::Unspecified => "an unspecified address",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        }
    }
}

/// Judges an address.
#[must_use]
pub fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            // A translator or tunnel in between may deliver to the address inside; what is public inside is still
            // reached by a detour that nobody asked for, so the wrapping itself must be harmless too.
            Some(inner) => stricter(classify_v4(inner), classify_v6(address)),
            None => classify_v6(address),
        },
    }
}

/// Cloud metadata and platform services that answer anybody on the machine.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

fn classify_v4(address: Ipv4Addr) -> Class {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        _ if METADATA_V4.contains(&address) => Class::Forbidden(Forbidden::Metadata),
        (169, 254, _) => Class::Forbidden(Forbidden::LinkLocal),
        (0, _, _) => Class::Forbidden(Forbidden::Unspecified),
        (127, _, _) => Class::Loopback,
        (224..=239, _, _) => Class::Forbidden(Forbidden::Multicast),
        (240..=255, _, _) => Class::Forbidden(Forbidden::Reserved),
        // RFC 1918, RFC 6598 (carrier NAT, also used inside clusters), RFC 2544 (benchmarks).
        (10, _, _) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) | (198, 18..=19, _) => Class::Private,
        // RFC 6890: protocol assignments, documentation, the 6to4 relays.
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => Class::Forbidden(Forbidden::Reserved),
        _ => Class::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> Class {
    let segments = address.segments();
    let [first, second, ..] = segments;
    match first {
        _ if METADATA_V6.contains(&address) => Class::Forbidden(Forbidden::Metadata),
        _ if address.is_unspecified() => Class::Forbidden(Forbidden::Unspecified),
        _ if address.is_loopback() => Class::Loopback,
        0xff00..=0xffff => Class::Forbidden(Forbidden::Multicast),
        0xfe80..=0xfebf => Class::Forbidden(Forbidden::LinkLocal),
        // RFC 3879: site-local, deprecated, still routed by some.
        0xfec0..=0xfeff | 0xfc00..=0xfdff => Class::Private,
        // RFC 8215: the local-use prefix of IPv4/IPv6 translators.
        0x64 if second == 0xff9b && segments.get(2) == Some(&1) => Class::Private,
        // The other translators' prefix, and IPv4-mapped: what is inside decides.
        0x64 if second == 0xff9b => Class::Public,
        0 if address.to_ipv4_mapped().is_some() => Class::Public,
        // RFC 3849 and RFC 9637: documentation. RFC 6666: discard. RFC 4380 and RFC 3056: tunnels of the past.
        0x2001 if second == 0xdb8 || second == 0 => Class::Forbidden(Forbidden::Reserved),
        0x2002 => Class::Forbidden(Forbidden::Reserved),
        0x3fff if second < 0x1000 => Class::Forbidden(Forbidden::Reserved),
        0x2000..=0x3fff => Class::Public,
        // IANA has given out nothing else.
        _ => Class::Forbidden(Forbidden::Reserved),
    }
}

/// The IPv4 address that is wrapped in an IPv6 one, by whichever of the ways to wrap.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let last = Some(join(g, h));
    match (a, b) {
        // `::1` and `::` are no wrapped addresses.
        _ if address.is_loopback() || address.is_unspecified() => None,
        // IPv4-mapped `::ffff:a.b.c.d`, -translated `::ffff:0:a.b.c.d`, -compatible `::a.b.c.d` (RFC 4291 §2.5.5, RFC 7915).
        (0, 0) if (c, d) == (0, 0) && matches!((e, f), (0, 0xffff) | (0xffff, 0) | (0, 0)) => last,
        // NAT64 (RFC 6052, RFC 8215): the well-known prefix, and /96 of the local-use one.
        (0x64, 0xff9b) => last,
        // 6to4 (RFC 3056).
        (0x2002, _) => Some(join(b, c)),
        // Teredo (RFC 4380): the client's address, inverted.
        (0x2001, 0) => Some(join(!g, !h)),
        // ISATAP (RFC 5214): interface identifier `[02]00:5efe:a.b.c.d` under any prefix.
        _ if matches!(e, 0 | 0x200) && f == 0x5efe => last,
        _ => None,
    }
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

/// The class that allows less.
fn stricter(one: Class, other: Class) -> Class {
    const fn rank(class: Class) -> u8 {
        match class {
            Class::Public => 0,
            Class::Private => 1,
            Class::Loopback => 2,
            Class::Forbidden(_) => 3,
        }
    }
    if rank(one) >= rank(other) { one } else { other }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINK: Class = Class::Forbidden(Forbidden::LinkLocal);
    const METADATA: Class = Class::Forbidden(Forbidden::Metadata);
    const NOTHING: Class = Class::Forbidden(Forbidden::Unspecified);
    const MANY: Class = Class::Forbidden(Forbidden::Multicast);
    const RESERVED: Class = Class::Forbidden(Forbidden::Reserved);

    fn class(text: &str) -> Class {
        classify(text.parse().unwrap_or_else(|_| panic!("{text} is no address")))
    }

    #[test]
    fn every_kind_of_address_has_its_class() {
        for (text, expected) in [
            ("8.8.8.8", Class::Public),
            ("1.1.1.1", Class::Public),
            ("172.15.255.255", Class::Public),
            ("172.32.0.0", Class::Public),
            ("100.63.255.255", Class::Public),
            ("100.128.0.0", Class::Public),
            ("2606:4700::1111", Class::Public),
            ("127.0.0.1", Class::Loopback),
            ("127.255.255.255", Class::Loopback),
            ("::1", Class::Loopback),
            ("10.0.0.1", Class::Private),
            ("172.16.0.1", Class::Private),
            ("172.31.255.255", Class::Private),
            ("192.168.1.1", Class::Private),
            ("100.64.0.1", Class::Private),
            ("198.18.0.1", Class::Private),
            ("fd12:3456::1", Class::Private),
            ("fec0::1", Class::Private),
            ("169.254.169.254", LINK),
            ("169.254.0.1", LINK),
            ("fe80::1", LINK),
            ("febf::1", LINK),
            ("100.100.100.200", METADATA),
            ("168.63.129.16", METADATA),
            ("192.0.0.192", METADATA),
            ("fd00:ec2::254", METADATA),
            ("fd20:ce::254", METADATA),
            ("0.0.0.0", NOTHING),
            ("0.1.2.3", NOTHING),
            ("::", NOTHING),
            ("224.0.0.1", MANY),
            ("239.255.255.255", MANY),
            ("ff02::1", MANY),
            ("240.0.0.1", RESERVED),
            ("255.255.255.255", RESERVED),
            ("192.0.2.1", RESERVED),
            ("2001:db8::1", RESERVED),
            ("3fff::1", RESERVED),
            ("100::1", RESERVED),
            ("4000::1", RESERVED),
        ] {
            assert_eq!(class(text), expected, "{text}");
        }
    }

    #[test]
    fn an_address_wrapped_in_another_counts_as_what_is_inside() {
        for (text, expected) in [
            ("::ffff:8.8.8.8", Class::Public),
            ("64:ff9b::8.8.8.8", Class::Public),
            ("::ffff:169.254.169.254", LINK),
            ("::ffff:0:169.254.169.254", LINK),
            ("::169.254.169.254", RESERVED),
            ("64:ff9b::169.254.169.254", LINK),
            ("64:ff9b:1::169.254.169.254", LINK),
            ("64:ff9b:1::8.8.8.8", Class::Private),
            ("2002:a9fe:a9fe::1", LINK),
            ("2002:808:808::1", RESERVED),
            ("2001:0:4136:e378:8000:63bf:5601:5601", LINK),
            ("2001:0:4136:e378:8000:63bf:f7f7:f7f7", RESERVED),
            ("2606:4700::5efe:169.254.169.254", LINK),
            ("2606:4700::200:5efe:127.0.0.1", Class::Loopback),
            ("fe80::5efe:8.8.8.8", LINK),
            ("::ffff:127.0.0.1", Class::Loopback),
            ("64:ff9b::10.0.0.1", Class::Private),
            ("::ffff:100.100.100.200", METADATA),
            ("::ffff:0.0.0.0", NOTHING),
        ] {
            let found = class(text);
            if expected == RESERVED {
                assert!(matches!(found, Class::Forbidden(_)), "{text} is {found:?}");
            } else {
                assert_eq!(found, expected, "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn wrapping_never_makes_an_address_more_reachable(bits: u32) {
            let inner = Ipv4Addr::from(bits);
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            let wrapped = [
                inner.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, a, b),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, a, b),
                Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 1, 2, 3, 4, !a, !b),
                Ipv6Addr::new(0x2606, 0x4700, 0, 0, 0, 0x5efe, a, b),
            ];
            let alone = classify(inner.into());
            for outer in wrapped {
                let found = classify(outer.into());
                prop_assert_eq!(stricter(found, alone), found, "{} in {}", inner, outer);
            }
        }
    }
}
