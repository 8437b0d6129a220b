//! Sets of patterns: what a principal is granted, what a token is scoped to, and the one function by which power is
//! contained ([`Patterns::lacking`]).

use std::collections::BTreeSet;
use std::fmt;

use crate::action::Action;
use crate::pattern::{Pattern, PatternError};
use crate::resource::Resource;

/// Most patterns that a principal, a group or a token holds.
pub const MAX_PATTERNS: usize = 200;
/// Most bytes of a token's scopes in all, written with a space between, so that no token is too long for a header.
pub const MAX_SCOPE_BYTES: usize = 2048;

/// A set of patterns, in the order of their texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Patterns(BTreeSet<Pattern>);

impl Patterns {
    /// The one that covers everything: `*`.
    #[must_use]
    pub fn all() -> Self {
        Self(BTreeSet::from([Pattern::everything()]))
    }

    /// Reads a list as a caller writes it. One that is there twice counts once.
    ///
    /// # Errors
    /// Every item that is no pattern, with its place in the list.
    pub fn parse_list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Result<Self, Vec<(usize, PatternError)>> {
        let (mut patterns, mut errors) = (BTreeSet::new(), Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            match Pattern::parse(item.as_ref()) {
                Ok(pattern) => drop(patterns.insert(pattern)),
                Err(error) => errors.push((index, error)),
            }
        }
        if errors.is_empty() { Ok(Self(patterns)) } else { Err(errors) }
    }

    /// Whether it covers nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The patterns, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// Whether just this pattern is in the set; one that contains it does not count.
    #[must_use]
    pub fn has(&self, pattern: &Pattern) -> bool {
        self.0.contains(pattern)
    }

    /// Whether a request for `resource` with `action` is covered.
    #[must_use]
    pub fn covers(&self, resource: &Resource, action: Action) -> bool {
        self.0.iter().any(|pattern| pattern.covers(resource, action))
    }

    /// **The containment function**: what of `wanted` this set does not cover, pattern by pattern and action by action.
    ///
    /// A pattern of `wanted` counts as covered only if one pattern here contains it (for each of its actions): `*` is not
    /// covered by `endpoints/*` and `apis/*` together, since another kind of resource may come.
    #[must_use]
    pub fn lacking(&self, wanted: &Self) -> Self {
        wanted.0.iter().filter_map(|pattern| self.lacking_of(pattern)).collect()
    }

    fn lacking_of(&self, wanted: &Pattern) -> Option<Pattern> {
        let lacks = |action: Action| {
            let part = wanted.limited_to(action);
            let asked = wanted.action().is_none_or(|own| own == action);
            asked && !self.0.iter().any(|held| held.contains(&part))
        };
        match (lacks(Action::Read), lacks(Action::Write)) {
            (true, true) => Some(wanted.clone()),
            (true, false) => Some(wanted.limited_to(Action::Read)),
            (false, true) => Some(wanted.limited_to(Action::Write)),
            (false, false) => None,
        }
    }

    /// Whether nothing of `wanted` is lacking.
    #[must_use]
    pub fn contains(&self, wanted: &Self) -> bool {
        wanted.0.iter().all(|pattern| self.lacking_of(pattern).is_none())
    }

    /// What both cover, without patterns that others contain.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let pairs = self.0.iter().flat_map(|own| other.0.iter().filter_map(|others| own.meet(others)));
        pairs.collect::<Self>().without_contained()
    }

    fn without_contained(&self) -> Self {
        let redundant = |pattern: &Pattern| self.0.iter().any(|other| other != pattern && other.contains(pattern));
        self.0.iter().filter(|pattern| !redundant(pattern)).cloned().collect()
    }

    /// What either covers.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.union(&other.0).cloned().collect()
    }

    /// The patterns as texts, in order.
    #[must_use]
    pub fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(Pattern::to_string).collect()
    }
}

impl FromIterator<Pattern> for Patterns {
    fn from_iter<I: IntoIterator<Item = Pattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl Extend<Pattern> for Patterns {
    fn extend<I: IntoIterator<Item = Pattern>>(&mut self, patterns: I) {
        self.0.extend(patterns);
    }
}

impl From<Pattern> for Patterns {
    fn from(pattern: Pattern) -> Self {
        Self(BTreeSet::from([pattern]))
    }
}

/// Separated by spaces, in order.
impl fmt::Display for Patterns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(out, "{space}{pattern}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::tests::{some_pattern, some_request, witnesses};

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::parse_list(texts).expect("patterns")
    }

    fn some_patterns() -> impl Strategy<Value = Patterns> {
        vec(some_pattern(), 0..5).prop_map(|patterns| patterns.into_iter().collect())
    }

    #[test]
    fn every_wrong_item_of_a_list_is_named() {
        let errors = Patterns::parse_list(["endpoints/a", "**", "endpoints/b", ""]).expect_err("two are wrong");

        assert_eq!(errors, [(1, PatternError::StarInside { at: 0 }), (3, PatternError::Length { bytes: 0 })]);
    }

    #[test]
    fn what_is_lacking_is_named_by_pattern_and_action() {
        let held =
            patterns(&["endpoints/sales-*", "apis/shop.v1.Orders/*:read", "endpoints/x:read", "endpoints/x:write"]);
        let wanted =
            patterns(&["endpoints/sales-orders", "apis/shop.v1.Orders/List", "endpoints/x", "endpoints/hr:read"]);

        assert_eq!(held.lacking(&wanted).to_strings(), ["apis/shop.v1.Orders/List:write", "endpoints/hr:read"]);
    }

    #[test]
    fn everything_is_more_than_all_endpoints_and_all_apis() {
        assert_eq!(patterns(&["endpoints/*", "apis/*"]).lacking(&Patterns::all()), Patterns::all());
        assert!(Patterns::all().contains(&patterns(&["endpoints/*", "apis/*"])));
    }

    #[test]
    fn the_meet_names_nothing_twice() {
        let meet = patterns(&["*:read", "endpoints/*"]).meet(&patterns(&["endpoints/a*", "apis/*:read"]));

        assert_eq!(meet.to_string(), "apis/*:read endpoints/a*");
    }

    proptest! {
        #[test]
        fn lacking_is_empty_if_and_only_if_contained(held in some_patterns(), wanted in some_patterns(), (resource, action) in some_request()) {
            let lacking = held.lacking(&wanted);
            prop_assert_eq!(lacking.is_empty(), held.contains(&wanted));
            if held.contains(&wanted) && wanted.covers(&resource, action) {
                prop_assert!(held.covers(&resource, action));
            }
            for pattern in lacking.iter().filter(|pattern| !pattern.stem().is_empty()) {
                // Not for `*`: each kind of resource may be held though not all that may come.
                for resource in witnesses(pattern) {
                    for action in Action::ALL.into_iter().filter(|action| pattern.covers(&resource, *action)) {
                        prop_assert!(wanted.covers(&resource, action));
                        prop_assert!(!held.covers(&resource, action), "{} covers {}", held, resource);
                    }
                }
            }
        }

        #[test]
        fn what_is_lacking_completes_what_is_held(held in some_patterns(), wanted in some_patterns()) {
            prop_assert!(held.union(&held.lacking(&wanted)).contains(&wanted));
        }

        #[test]
        fn the_meet_covers_exactly_what_both_cover(one in some_patterns(), other in some_patterns(), (resource, action) in some_request()) {
            let meet = one.meet(&other);
            prop_assert_eq!(meet.covers(&resource, action), one.covers(&resource, action) && other.covers(&resource, action));
            prop_assert!(one.contains(&meet) && other.contains(&meet));
            prop_assert_eq!(&meet, &other.meet(&one));
        }

        #[test]
        fn the_union_covers_exactly_what_either_covers(one in some_patterns(), other in some_patterns(), (resource, action) in some_request()) {
            let either = one.covers(&resource, action) || other.covers(&resource, action);
            prop_assert_eq!(one.union(&other).covers(&resource, action), either);
        }

        #[test]
        fn containing_is_transitive_and_reflexive(one in some_patterns(), two in some_patterns(), three in some_patterns()) {
            prop_assert!(one.contains(&one));
            if one.contains(&two) && two.contains(&three) {
                prop_assert!(one.contains(&three));
            }
        }

        #[test]
        fn lists_round_trip(patterns in some_patterns()) {
            prop_assert_eq!(Patterns::parse_list(patterns.to_strings()), Ok(patterns));
        }
    }
}
