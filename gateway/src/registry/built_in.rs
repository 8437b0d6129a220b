//! Passgate's own services as APIs: made from the contracts, not from rows, so that no registration can change them.

use passgate_kit::client::{MethodName, ServiceName};
use passgate_proto::access::{self, Level};

use super::{ApiRoute, ApiTarget};

/// Packages that cannot be registered: Passgate's own, and those of protocols that the gateway itself speaks.
const RESERVED_PACKAGES: [&str; 3] = ["passgate.", "grpc.", "envoy."];

/// Which of Passgate's services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    /// Principals, groups, grants, sessions.
    Identity,
    /// Tokens, keys, decisions.
    Token,
    /// Endpoints and APIs: this service.
    Gateway,
}

/// Whether a service of this name cannot be registered.
#[must_use]
pub fn is_reserved(service: &ServiceName) -> bool {
    RESERVED_PACKAGES.iter().any(|package| service.as_str().starts_with(package))
}

/// Every service of the contracts that has a method for callers from outside, by name.
#[must_use]
pub fn routes() -> Vec<ApiRoute> {
    let mut routes: Vec<ApiRoute> = Vec::new();
    for rule in access::RULES.iter().filter(|rule| rule.level != Level::Internal) {
        let (Some(target), Ok(name)) = (owner(rule.service), ServiceName::parse(rule.service)) else {
            continue;
        };
        if routes.last().is_none_or(|last| last.name != name) {
            routes.push(ApiRoute { name, target: ApiTarget::BuiltIn(target), read_methods: Default::default() });
        }
        if let (Some(route), access::Action::Read, Ok(method)) =
            (routes.last_mut(), rule.action, MethodName::parse(rule.method))
        {
            route.read_methods.insert(method);
        }
    }
    routes
}

/// Whose service it is; `None` if it is none of Passgate's.
pub fn owner(service: &str) -> Option<BuiltIn> {
    let package = service.strip_prefix("passgate.")?.split('.').next()?;
    match package {
        "identity" => Some(BuiltIn::Identity),
        "token" => Some(BuiltIn::Token),
        "gateway" => Some(BuiltIn::Gateway),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_for_outside_callers_belongs_to_a_built_in_route_and_internal_services_to_none() {
        let routes = routes();

        for rule in access::RULES {
            let route = routes.iter().find(|route| route.name.as_str() == rule.service);
            if rule.level != Level::Internal {
                let route = route.unwrap_or_else(|| panic!("{} has no route", rule.service));
                let reads = route.read_methods.contains(&MethodName::parse(rule.method).expect("a method"));
                assert_eq!(reads, rule.action == access::Action::Read, "{}", rule.path);
            }
        }
        assert!(routes.iter().all(|route| route.name.as_str() != "passgate.identity.v1.DirectoryService"));
        assert!(routes.is_sorted_by(|one, next| one.name < next.name), "each once, in order");
    }

    #[test]
    fn reserved_packages_cannot_be_registered_and_look_alikes_can() {
        for (name, reserved) in [
            ("passgate.identity.v1.UserService", true),
            ("passgate.Evil", true),
            ("grpc.health.v1.Health", true),
            ("envoy.service.auth.v3.Authorization", true),
            ("passgates.v1.Shop", false),
            ("shop.grpc.Orders", false),
            ("Grpc.health", false),
        ] {
            assert_eq!(is_reserved(&ServiceName::parse(name).expect("a name")), reserved, "{name}");
        }
    }
}
