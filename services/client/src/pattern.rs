//! One pattern: the resources, and perhaps the one action, that a grant or a scope covers.
//!
//! A pattern is one resource or all that begin with a stem; so of any two, one contains the other's resources or they
//! share none, and their meet is a pattern again. Everything about power rests on that.

use std::fmt;
use std::str::FromStr;

use crate::action::Action;
use crate::resource::{APIS, ENDPOINTS, Resource, ResourceError};
use crate::route::{ServiceName, begins_endpoint, begins_method, begins_service};

/// Most bytes in a pattern.
pub const MAX_PATTERN_BYTES: usize = 512;

/// The rule that a pattern breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Empty, or too long.
    #[error("must have 1 to {MAX_PATTERN_BYTES} bytes, not {bytes}")]
    Length {
        /// How many there are.
        bytes: usize,
    },
    /// A `*` that is not the last character of the resource.
    #[error("may have one *, as the last character of the resource; there is one at byte {at}")]
    StarInside {
        /// Where, from 0.
        at: usize,
    },
    /// Something else than `read` or `write` behind the colon.
    #[error("may end with :read or :write and with no other action")]
    Action,
    /// Not the beginning of a resource.
    #[error("must be *, or begin with endpoints/ or apis/")]
    Kind,
    /// No resource begins like that, so that it would cover nothing.
    #[error("covers nothing: no endpoint or method can have a name that begins like that")]
    Nothing,
    /// Without `*`, and not a resource.
    #[error("covers nothing: {0} (end it with * to cover all that begins so)")]
    Resource(ResourceError),
}

/// One resource, or all that begin with a stem, with one action or both: `endpoints/sales-*:read`, `apis/shop.v1.Orders/List`, `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    stem: Box<str>,
    is_prefix: bool,
    action: Option<Action>,
}

impl Pattern {
    /// Reads a pattern as a caller writes it. Case counts, and nothing is repaired.
    ///
    /// # Errors
    /// The first rule that `text` breaks, in words that fit a field violation.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::Length { bytes: text.len() });
        }
        let (resource, action) = match text.split_once(':') {
            Some((resource, action)) => (resource, Some(Action::parse(action).ok_or(PatternError::Action)?)),
            None => (text, None),
        };
        let (stem, is_prefix) = match resource.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (resource, false),
        };
        if let Some(at) = stem.find('*') {
            return Err(PatternError::StarInside { at });
        }
        if is_prefix {
            check_prefix(stem)?
        } else {
            check_resource(stem)?
        }
        Ok(Self { stem: stem.into(), is_prefix, action })
    }

    /// `*`: everything, read and write.
    #[must_use]
    pub fn everything() -> Self {
        Self { stem: "".into(), is_prefix: true, action: None }
    }

    /// The pattern that covers just `resource`, for both actions.
    #[must_use]
    pub fn exactly(resource: &Resource) -> Self {
        Self { stem: resource.to_string().into(), is_prefix: false, action: None }
    }

    /// The action it is limited to; `None` means both.
    #[must_use]
    pub const fn action(&self) -> Option<Action> {
        self.action
    }

    /// What it covers begins with this, or is this.
    #[must_use]
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Whether it ends in `*`.
    #[must_use]
    pub const fn is_prefix(&self) -> bool {
        self.is_prefix
    }

    /// The same resources with one action.
    #[must_use]
    pub fn limited_to(&self, action: Action) -> Self {
        Self { action: Some(action), ..self.clone() }
    }

    /// Whether a request for `resource` with `action` is covered.
    #[must_use]
    pub fn covers(&self, resource: &Resource, action: Action) -> bool {
        self.action.is_none_or(|own| own == action)
            && if self.is_prefix { resource.begins_with(&self.stem) } else { resource.is(&self.stem) }
    }

    /// Whether every request that `other` covers is covered by this one.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.action.is_none_or(|own| other.action == Some(own)) && self.contains_resources(other)
    }

    fn contains_resources(&self, other: &Self) -> bool {
        if self.is_prefix { other.stem.starts_with(&*self.stem) } else { !other.is_prefix && self.stem == other.stem }
    }

    /// What both cover; `None` if that is nothing.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let action = match (self.action, other.action) {
            (None, either) | (either, None) => either,
            (Some(own), Some(others)) if own == others => Some(own),
            (Some(_), Some(_)) => return None,
        };
        let narrower = if self.contains_resources(other) {
            other
        } else if other.contains_resources(self) {
            self
        } else {
            return None;
        };
        Some(Self { action, ..narrower.clone() })
    }
}

fn check_resource(text: &str) -> Result<(), PatternError> {
    if !text.starts_with(ENDPOINTS) && !text.starts_with(APIS) {
        return Err(PatternError::Kind);
    }
    Resource::parse(text).map(drop).map_err(PatternError::Resource)
}

fn check_prefix(stem: &str) -> Result<(), PatternError> {
    let is_beginning = if let Some(name) = stem.strip_prefix(ENDPOINTS) {
        begins_endpoint(name)
    } else if let Some(api) = stem.strip_prefix(APIS) {
        match api.split_once('/') {
            Some((service, method)) => ServiceName::parse(service).is_ok() && begins_method(method),
            None => begins_service(api),
        }
    } else if stem.is_empty() {
        true
    } else {
        return Err(PatternError::Kind);
    };
    if is_beginning { Ok(()) } else { Err(PatternError::Nothing) }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.stem)?;
        if self.is_prefix {
            out.write_str("*")?;
        }
        match self.action {
            Some(action) => write!(out, ":{action}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Patterns over few letters, so that random ones meet often.
    pub(crate) fn some_pattern() -> impl Strategy<Value = Pattern> {
        let resource =
            "(\\*|endpoints/(\\*|[ab]{1,2}\\*?)|apis/(\\*|[ab]\\*|[ab]\\.\\*|[ab]\\.[AB]/(\\*|[AB]{1,2}\\*?)))";
        (resource, prop_oneof![Just(""), Just(":read"), Just(":write")])
            .prop_map(|(resource, action)| Pattern::parse(&format!("{resource}{action}")).expect("made to be one"))
    }

    pub(crate) fn some_request() -> impl Strategy<Value = (Resource, Action)> {
        let resource = "(endpoints/[ab]{1,3}|apis/[ab]\\.[AB]/[AB]{1,3})";
        (resource, prop_oneof![Just(Action::Read), Just(Action::Write)])
            .prop_map(|(resource, action)| (Resource::parse(&resource).expect("made to be one"), action))
    }

    /// Resources that `pattern` covers, one of each kind, and that differ from all that is spelled with `a`, `b`, `A`, `B`.
    pub(crate) fn witnesses(pattern: &Pattern) -> Vec<Resource> {
        let stem = pattern.stem();
        let texts = match (pattern.is_prefix, stem.matches('/').count()) {
            (false, _) => vec![stem.to_owned()],
            (true, 0) => vec!["endpoints/zz".to_owned(), "apis/zz/ZZ".to_owned()],
            (true, 1) if stem.starts_with(APIS) => vec![format!("{stem}zz/ZZ")],
            (true, _) => vec![format!("{stem}zz")],
        };
        texts.iter().map(|text| Resource::parse(text).expect("a resource")).collect()
    }

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect("a pattern")
    }

    #[test]
    fn what_is_no_pattern_says_which_rule_it_breaks() {
        for (text, rule) in [
            ("", PatternError::Length { bytes: 0 }),
            ("endpoints/*/x", PatternError::StarInside { at: 10 }),
            ("**", PatternError::StarInside { at: 0 }),
            ("endpoints/sales*x", PatternError::StarInside { at: 15 }),
            ("endpoints/a:delete", PatternError::Action),
            ("endpoints/a:", PatternError::Action),
            ("endpoints/a:read:write", PatternError::Action),
            ("endpoints/a:READ", PatternError::Action),
            (":read", PatternError::Kind),
            ("APIS/shop.v1.Orders/*", PatternError::Kind),
            (" endpoints/a", PatternError::Kind),
            ("endpoints*", PatternError::Kind),
            ("e*", PatternError::Kind),
            ("sales", PatternError::Kind),
            ("endpoints/Sales*", PatternError::Nothing),
            ("endpoints/a/*", PatternError::Nothing),
            ("apis/shop.v1.Orders/List/*", PatternError::Nothing),
            ("apis/shop..*", PatternError::Nothing),
            ("apis/1*", PatternError::Nothing),
        ] {
            assert_eq!(Pattern::parse(text), Err(rule), "{text:?}");
        }
        for text in [
            "endpoints/a%2a",
            "endpoints/ѕales",
            "endpoints/a ",
            "endpoints/",
            "apis/shop.v1.Orders",
            "endpoints/sales\n",
        ] {
            assert!(matches!(Pattern::parse(text), Err(PatternError::Resource(_))), "{text:?}");
        }
        let long = format!("apis/{}*", "a".repeat(600));
        assert_eq!(Pattern::parse(&long), Err(PatternError::Length { bytes: 606 }));
    }

    #[test]
    fn a_pattern_for_a_whole_service_ends_in_a_star_and_the_error_says_so() {
        let error = Pattern::parse("apis/shop.v1.Orders").expect_err("no method");

        assert_eq!(
            error.to_string(),
            "covers nothing: must be endpoints/{name} or apis/{package.Service}/{Method} (end it with * to cover all that begins so)"
        );
    }

    #[test]
    fn a_star_covers_what_begins_so_and_an_action_limits_it() {
        let sales = pattern("endpoints/sales-*:read");
        let orders = Resource::parse("endpoints/sales-orders").expect("a resource");

        assert!(sales.covers(&orders, Action::Read));
        assert!(!sales.covers(&orders, Action::Write));
        assert!(!sales.covers(&Resource::parse("endpoints/sales").expect("a resource"), Action::Read));
        assert!(pattern("*").covers(&orders, Action::Write));
    }

    #[test]
    fn the_meet_of_two_prefixes_is_the_longer_or_nothing() {
        assert_eq!(pattern("endpoints/*").meet(&pattern("endpoints/a*:read")), Some(pattern("endpoints/a*:read")));
        assert_eq!(pattern("endpoints/*:read").meet(&pattern("endpoints/a")), Some(pattern("endpoints/a:read")));
        assert_eq!(pattern("endpoints/*:read").meet(&pattern("endpoints/a:write")), None);
        assert_eq!(pattern("endpoints/*").meet(&pattern("apis/*")), None);
    }

    proptest! {
        #[test]
        fn parsing_and_showing_round_trip(pattern in some_pattern()) {
            prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
        }

        #[test]
        fn whatever_parses_is_shown_as_it_was_written(text in "(\\*|endpoints/|apis/)[a-cA-C0-9._/*:-]{0,9}(:read)?") {
            if let Ok(pattern) = Pattern::parse(&text) {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }

        #[test]
        fn the_meet_covers_exactly_what_both_cover(one in some_pattern(), other in some_pattern(), (resource, action) in some_request()) {
            let both = one.covers(&resource, action) && other.covers(&resource, action);
            prop_assert_eq!(one.meet(&other).is_some_and(|meet| meet.covers(&resource, action)), both);
            prop_assert_eq!(one.meet(&other), other.meet(&one));
        }

        #[test]
        fn containing_agrees_with_the_meet_and_with_covering(one in some_pattern(), other in some_pattern(), (resource, action) in some_request()) {
            prop_assert_eq!(one.contains(&other), one.meet(&other).as_ref() == Some(&other));
            if one.contains(&other) && other.covers(&resource, action) {
                prop_assert!(one.covers(&resource, action));
            }
            if !one.contains(&other) {
                let escapes = |resource: &Resource| {
                    Action::ALL.into_iter().any(|action| other.covers(resource, action) && !one.covers(resource, action))
                };
                prop_assert!(witnesses(&other).iter().any(escapes), "{} does not contain {}, so something shows it", one, other);
            }
        }

        #[test]
        fn every_pattern_covers_something(pattern in some_pattern()) {
            for resource in witnesses(&pattern) {
                prop_assert!(Action::ALL.into_iter().any(|action| pattern.covers(&resource, action)));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String, tail: Vec<u8>) {
            let _ = Pattern::parse(&text);
            let _ = Pattern::parse(&format!("endpoints/{}", String::from_utf8_lossy(&tail)));
        }
    }
}
