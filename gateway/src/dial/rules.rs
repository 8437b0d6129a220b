//! The rules by which an upstream is judged: the [class](classify()) of its address, the configuration, and where the services
//! of this installation listen.
//!
//! None of those is an upstream: whoever may register one could otherwise have the gateway call what only the gateway, or
//! nobody but this machine, can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::uri::Authority;

use super::{AllowedUpstreams, Class, DialError, classify};
use crate::registry::{Host, UpstreamUrl};

/// Host names under which clouds answer for their metadata.
const METADATA_NAMES: [&str; 7] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.packet.net",
];

/// Where the services of this installation listen: this gateway, known once its listeners are bound, and those that it calls,
/// known from the configuration.
#[derive(Clone, Debug, Default)]
pub struct OwnListeners {
    own: Arc<ArcSwap<Vec<SocketAddr>>>,
    services: Arc<[(Host, u16)]>,
}

impl OwnListeners {
    /// A gateway, not listening yet, that calls services at these addresses.
    pub fn beside(services: impl IntoIterator<Item = Authority>) -> Self {
        let services = services.into_iter().map(|authority| {
            let host = authority.host();
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let host = match bare.parse::<IpAddr>() {
                Ok(address) => Host::Address(address.to_canonical()),
                Err(_) => Host::Name(bare.to_ascii_lowercase().into()),
            };
            (host, authority.port_u16().unwrap_or(80))
        });
        Self { own: Arc::default(), services: services.collect() }
    }

    /// Says where we listen.
    pub fn set(&self, addresses: Vec<SocketAddr>) {
        self.own.store(Arc::new(addresses));
    }

    /// Whether a connection to `address` and `port` would end at ourselves. `here`: the address is one of this machine.
    fn are_at(&self, address: IpAddr, port: u16, here: bool) -> bool {
        let address = address.to_canonical();
        self.own.load().iter().any(|own| {
            let at = own.ip().to_canonical();
            own.port() == port && (at == address || (at.is_unspecified() && (here || address.is_loopback())))
        })
    }

    /// Whether it would end at a service that we call. Each may listen on every address of its machine, and nobody says whether
    /// that is this one: so its port number on this machine counts as the service.
    fn have_service_at(&self, address: IpAddr, port: u16, here: bool) -> bool {
        let address = address.to_canonical();
        let here = here || address.is_loopback();
        self.services.iter().any(|(host, at)| *at == port && (here || *host == Host::Address(address)))
    }

    /// The names of the services on this port: only who resolves them knows their addresses.
    pub(super) fn service_names(&self, port: u16) -> impl Iterator<Item = &str> {
        self.services.iter().filter(move |(_, at)| *at == port).filter_map(|(host, _)| match host {
            Host::Name(name) => Some(&**name),
            Host::Address(_) => None,
        })
    }
}

/// The rules of this gateway. Clones are the same rules.
#[derive(Clone, Debug)]
pub struct DialRules {
    allowed: Arc<AllowedUpstreams>,
    own: OwnListeners,
}

impl DialRules {
    /// Rules that allow the public internet, and `allowed` of what is loopback or private, but never `own`.
    #[must_use]
    pub fn new(allowed: AllowedUpstreams, own: OwnListeners) -> Self {
        Self { allowed: Arc::new(allowed), own }
    }

    /// Judges an upstream by what its URL says. A DNS name may still turn out to mean a forbidden address when it is used.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check_url(&self, url: &UpstreamUrl) -> Result<(), DialError> {
        match url.host() {
            Host::Address(address) => self.check_end(*address, url.port(), false),
            Host::Name(name) => self.check_name(name, url.port()),
        }
    }

    /// Judges an address.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check_address(&self, address: IpAddr) -> Result<(), DialError> {
        let kind = match classify(address) {
            Class::Public => return Ok(()),
            Class::Forbidden(why) => return Err(DialError::Forbidden { address, why }),
            Class::Loopback => "loopback",
            Class::Private => "private",
        };
        if self.allowed.contains(address) { Ok(()) } else { Err(DialError::NotAllowed { address, kind }) }
    }

    /// Judges the far end of a connection. `here`: it is an address of this machine.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check_end(&self, address: IpAddr, port: u16, here: bool) -> Result<(), DialError> {
        self.check_address(address)?;
        self.check_ours(address, port, here)
    }

    fn check_ours(&self, address: IpAddr, port: u16, here: bool) -> Result<(), DialError> {
        if self.own.are_at(address, port, here) {
            Err(DialError::OwnListener { address, port })
        } else if self.own.have_service_at(address, port, here) {
            Err(DialError::OwnService { host: address.to_string(), port })
        } else {
            Ok(())
        }
    }

    /// Where the services of this installation are.
    pub(super) const fn own(&self) -> &OwnListeners {
        &self.own
    }

    /// Judges a DNS name, which is in lower case, with a port.
    pub(super) fn check_name(&self, name: &str, port: u16) -> Result<(), DialError> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if METADATA_NAMES.contains(&name) {
            return Err(DialError::MetadataName { name: name.into() });
        }
        let loopback = name == "localhost" || name.ends_with(".localhost"); // RFC 6761 §6.3
        let somewhere = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        if loopback && !somewhere.into_iter().any(|address| self.allowed.contains(address)) {
            return Err(DialError::LoopbackName { name: name.into() });
        }
        if self.own.service_names(port).any(|service| service == name) {
            return Err(DialError::OwnService { host: name.to_owned(), port });
        }
        if loopback {
            somewhere.into_iter().try_for_each(|address| self.check_ours(address, port, true))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Forbidden, Network};
    use super::*;

    fn rules(allowed: &[&str]) -> DialRules {
        let networks = allowed.iter().map(|text| Network::parse(text).expect("a network")).collect();
        let own = OwnListeners::default();
        own.set(vec!["127.0.0.1:8080".parse().expect("an address"), "0.0.0.0:9080".parse().expect("an address")]);
        DialRules::new(AllowedUpstreams(networks), own)
    }

    /// A gateway that calls identity by address and token by name.
    fn beside_services(allowed: &[&str]) -> DialRules {
        let networks = allowed.iter().map(|text| Network::parse(text).expect("a network")).collect();
        let services = [Authority::from_static("127.0.0.1:9081"), Authority::from_static("Token.internal:9082")];
        DialRules::new(AllowedUpstreams(networks), OwnListeners::beside(services))
    }

    fn check(rules: &DialRules, url: &str) -> Result<(), DialError> {
        rules.check_url(&UpstreamUrl::parse(url).expect("a URL"))
    }

    #[test]
    fn loopback_and_private_are_allowed_only_where_listed() {
        let none = rules(&[]);
        for url in ["http://127.0.0.1:3000", "http://[::1]:3000", "http://10.0.0.1", "http://[::ffff:10.0.0.1]"] {
            assert!(matches!(check(&none, url), Err(DialError::NotAllowed { .. })), "{url}");
        }
        assert!(matches!(check(&none, "http://localhost:3000"), Err(DialError::LoopbackName { .. })));
        assert!(matches!(check(&none, "http://a.localhost"), Err(DialError::LoopbackName { .. })));

        let some = rules(&["127.0.0.0/8", "10.0.0.0/24"]);
        for url in ["http://127.0.0.1:3000", "http://10.0.0.1", "http://localhost:3000"] {
            assert!(check(&some, url).is_ok(), "{url}");
        }
        assert!(check(&some, "http://10.0.1.1").is_err(), "outside the listed network");
        assert!(check(&some, "http://[::1]:3000").is_err(), "outside the listed network");
    }

    #[test]
    fn link_local_and_metadata_are_never_allowed_though_listed() {
        let everything = rules(&["0.0.0.0/0", "::/0"]);

        for (url, why) in [
            ("http://169.254.169.254", Forbidden::LinkLocal),
            ("http://[fe80::1]", Forbidden::LinkLocal),
            ("http://[fd00:ec2::254]", Forbidden::Metadata),
            ("http://100.100.100.200", Forbidden::Metadata),
            ("http://[64:ff9b::a9fe:a9fe]", Forbidden::LinkLocal),
            ("http://0.0.0.0", Forbidden::Unspecified),
        ] {
            match check(&everything, url) {
                Err(DialError::Forbidden { why: found, .. }) => assert_eq!(found, why, "{url}"),
                other => panic!("{url}: {other:?}"),
            }
        }
        for name in ["http://metadata.google.internal", "http://METADATA", "http://instance-data:80"] {
            assert!(matches!(check(&everything, name), Err(DialError::MetadataName { .. })), "{name}");
        }
    }

    #[test]
    fn the_gateway_is_never_its_own_upstream() {
        let rules = rules(&["127.0.0.0/8", "10.0.0.0/8"]);

        assert!(matches!(check(&rules, "http://127.0.0.1:8080"), Err(DialError::OwnListener { .. })));
        assert!(matches!(check(&rules, "http://127.0.0.2:9080"), Err(DialError::OwnListener { .. })));
        assert!(check(&rules, "http://127.0.0.2:8080").is_ok(), "another address");
        assert!(check(&rules, "http://10.0.0.1:9080").is_ok(), "perhaps another machine");
        let here = rules.check_end("10.0.0.1".parse().expect("an address"), 9080, true);
        assert!(matches!(here, Err(DialError::OwnListener { .. })), "this machine");
        assert!(matches!(check(&rules, "http://localhost:8080"), Err(DialError::OwnListener { .. })), "by name");
    }

    #[test]
    fn the_services_that_the_gateway_calls_are_nobodys_upstream() {
        let rules = beside_services(&["127.0.0.0/8", "10.0.0.0/8", "::1"]);

        for url in [
            "http://127.0.0.1:9081",
            "http://127.0.0.2:9081",
            "http://[::1]:9081",
            "http://localhost:9081",
            "http://a.localhost:9082",
            "http://token.internal:9082",
            "http://TOKEN.internal:9082/x",
            "http://127.0.0.1:9082",
        ] {
            assert!(matches!(check(&rules, url), Err(DialError::OwnService { .. })), "{url}");
        }
        for url in ["http://10.0.0.1:9081", "http://token.internal:9083", "http://127.0.0.1:9083", "http://other:9082"]
        {
            assert!(check(&rules, url).is_ok(), "{url}");
        }
        let here = rules.check_end("10.0.0.1".parse().expect("an address"), 9081, true);
        assert!(matches!(here, Err(DialError::OwnService { .. })), "this machine");
    }
}
