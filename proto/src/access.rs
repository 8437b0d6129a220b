//! Who may call which method, as the contracts declare it.
//!
//! The table is written when the crate is built, from the option `passgate.type.v1.access` of each method. A method
//! without that option does not build, and one that is not in the table is refused to everyone.

/// The access rule of one method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The path on the wire: `/{package.Service}/{Method}`.
    pub path: &'static str,
    /// The service's full name.
    pub service: &'static str,
    /// The method's name.
    pub method: &'static str,
    /// Who may call.
    pub level: Level,
    /// The roles that may call, for [`Level::Internal`]; those that may call besides, for the others.
    pub roles: &'static [Role],
    /// A live token may always call the method on itself.
    pub token_on_itself: bool,
    /// Whether the method only reads: from its `idempotency_level`.
    pub action: Action,
}

/// The four levels of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Anybody.
    Public,
    /// Passgate's own services of the rule's roles, and nobody else.
    Internal,
    /// Who holds grant and scope for the method.
    Granted,
    /// As `Granted` on everything, or else on one's own things with a token whose scopes cover the method.
    OwnOrGranted,
}

/// What a Passgate service may do towards another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The endpoint gateway.
    Gateway,
    /// The identity service.
    Identity,
    /// The token service.
    Token,
}

/// Whether a method only reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// No side effects.
    Read,
    /// Everything else.
    Write,
}

/// Every method's rule, sorted by path.
pub const RULES: &[Rule] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The rule of the method at `path`, compared byte by byte. `None` if there is no such method.
#[must_use]
pub fn rule(path: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.path.cmp(path)).ok().and_then(|at| RULES.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_path_and_nothing_else_is() {
        for wanted in RULES {
            assert_eq!(rule(wanted.path), Some(wanted));
            assert_eq!(rule(&wanted.path.to_lowercase()), None);
            assert_eq!(rule(&format!("{}/", wanted.path)), None);
        }
    }

    #[test]
    fn internal_methods_name_their_roles_and_public_ones_need_none() {
        for rule in RULES {
            match rule.level {
                Level::Internal => assert!(!rule.roles.is_empty(), "{} could be called by nobody", rule.path),
                Level::Public => assert!(rule.roles.is_empty(), "{} is open to all anyway", rule.path),
                Level::Granted | Level::OwnOrGranted => {}
            }
        }
    }
}
