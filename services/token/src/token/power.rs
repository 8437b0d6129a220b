//! Power is contained: what a call gives or restores is at most what its caller holds.
//!
//! *Caller* is the meet of the caller's grants and of the scopes of the token that calls, pattern by pattern and action by
//! action. The grants half is the projection's, at no less than the request's mark; the scopes half is read in the
//! transaction that writes. Whoever makes a token for himself shares its bound, his own grants; so no scopes are fine there
//! if his own token has none. For anybody else's token the scopes are said, or become the explicit `*` for who holds that:
//! no later promotion of the owner widens it.

use passgate_kit::client::{Patterns, Principal, Scopes};
use passgate_kit::fields::FieldViolations;

use crate::error::TokenError;

/// What a caller holds.
#[derive(Clone, Debug)]
pub struct Power {
    principal: Principal,
    grants: Patterns,
    scopes: Scopes,
}

impl Power {
    /// The power of `principal`, who holds `grants`, by a token with `scopes`.
    #[must_use]
    pub const fn new(principal: Principal, grants: Patterns, scopes: Scopes) -> Self {
        Self { principal, grants, scopes }
    }

    /// All that the caller may do.
    fn held(&self) -> Patterns {
        self.scopes.meet_with_grants(&self.grants)
    }

    /// The scopes of a new token of `owner`, for whom `wanted` was said.
    ///
    /// # Errors
    /// If they are more than the caller holds; if they were left out where they may not be.
    pub fn scopes_at_birth(&self, owner: Principal, wanted: Option<Patterns>) -> Result<Scopes, TokenError> {
        let held = self.held();
        match wanted {
            Some(wanted) => {
                check(held.lacking(&wanted))?;
                Ok(Scopes::Only(wanted))
            }
            None if owner == self.principal && self.scopes == Scopes::Unrestricted => Ok(Scopes::Unrestricted),
            None if owner != self.principal && held.contains(&Patterns::all()) => Ok(Scopes::Only(Patterns::all())),
            None => {
                let why = if owner == self.principal {
                    "must be said, since the token of this call has scopes itself"
                } else {
                    "must be said, since the token is for somebody else and you do not hold *"
                };
                Err(FieldViolations::one("scopes", format!("{why}; you could give: {}", shown(&held))).into())
            }
        }
    }

    /// Whether the caller may bring a token of `owner` with these scopes (back) to life, or see its secret again.
    ///
    /// # Errors
    /// With what it lacks.
    pub fn over(&self, owner: Principal, scopes: &Scopes) -> Result<(), TokenError> {
        // The owner's grants bound both, so between tokens of one owner the scopes alone are compared.
        let held = if owner == self.principal { self.scopes.as_bound() } else { self.held() };
        check(held.lacking(&scopes.as_bound()))
    }
}

fn check(lacking: Patterns) -> Result<(), TokenError> {
    if lacking.is_empty() { Ok(()) } else { Err(TokenError::ScopeNotHeld { lacking }) }
}

fn shown(held: &Patterns) -> String {
    if held.is_empty() { "nothing".to_owned() } else { held.to_strings().join(", ") }
}

#[cfg(test)]
mod tests {
    use passgate_kit::client::{ApiUserId, UserId};
    use passgate_kit::problem::Problem as _;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::parse_list(texts).expect("patterns")
    }

    fn alice() -> Principal {
        UserId::new(Uuid::from_u128(1)).into()
    }

    fn robot() -> Principal {
        ApiUserId::new(Uuid::from_u128(2)).into()
    }

    fn power(grants: &[&str], scopes: Option<&[&str]>) -> Power {
        Power::new(alice(), patterns(grants), Scopes::from(scopes.map(patterns)))
    }

    #[test]
    fn a_name_is_enough_for_oneself_and_for_who_holds_everything() {
        let own = power(&["endpoints/sales"], None).scopes_at_birth(alice(), None);
        assert_eq!(own.expect("scopes"), Scopes::Unrestricted);

        let others = power(&["*"], None).scopes_at_birth(robot(), None);
        assert_eq!(
            others.expect("scopes"),
            Scopes::Only(Patterns::all()),
            "explicit: a later promotion widens nothing"
        );
    }

    #[test]
    fn who_may_not_leave_scopes_out_is_told_what_could_be_given() {
        for (power, owner) in [
            (power(&["endpoints/sales"], None), robot()),
            (power(&["*"], Some(&["endpoints/sales"])), robot()),
            (power(&["*"], Some(&["endpoints/sales"])), alice()),
        ] {
            let refusal = power.scopes_at_birth(owner, None).expect_err("refused");
            let fields = refusal.fields();
            let [field] = fields.as_slice() else { panic!("one field: {refusal}") };
            assert_eq!(field.path, "scopes");
            assert!(field.rule.ends_with("endpoints/sales"), "{}", field.rule);
        }
    }

    #[test]
    fn scopes_that_are_too_wide_are_refused_with_what_lacks() {
        let refusal =
            power(&["endpoints/sales:read"], None).scopes_at_birth(alice(), Some(patterns(&["endpoints/sales"])));
        let Err(TokenError::ScopeNotHeld { lacking }) = refusal else { panic!("refused") };
        assert_eq!(lacking.to_string(), "endpoints/sales:write");
    }

    #[test]
    fn the_owner_restores_what_his_token_covers_and_another_what_he_holds() {
        let narrow = power(&["*"], Some(&["endpoints/sales"]));
        assert!(narrow.over(alice(), &Scopes::Only(patterns(&["endpoints/sales"]))).is_ok());
        assert!(narrow.over(alice(), &Scopes::Unrestricted).is_err(), "no scopes count as *");
        assert!(
            power(&["endpoints/sales"], None).over(alice(), &Scopes::Unrestricted).is_ok(),
            "unless the owner asks"
        );
        assert!(power(&["endpoints/sales"], None).over(robot(), &Scopes::Unrestricted).is_err());
        assert!(power(&["*"], None).over(robot(), &Scopes::Unrestricted).is_ok());
    }

    fn a_pattern() -> impl Strategy<Value = String> {
        prop_oneof![Just("*".to_owned()), "endpoints/[ab]{0,2}\\*(:read|:write)?", "endpoints/[ab]{1,2}(:read)?"]
    }

    fn some_patterns() -> impl Strategy<Value = Patterns> {
        prop::collection::vec(a_pattern(), 1..4).prop_map(|texts| Patterns::parse_list(&texts).expect("patterns"))
    }

    proptest! {
        #[test]
        fn nobody_gives_more_than_he_holds(
            grants in some_patterns(),
            scopes in prop::option::of(some_patterns()),
            wanted in prop::option::of(some_patterns()),
            own in any::<bool>(),
        ) {
            let power = Power::new(alice(), grants.clone(), Scopes::from(scopes.clone()));
            let owner = if own { alice() } else { robot() };
            if let Ok(born) = power.scopes_at_birth(owner, wanted) {
                let given = if own { born.meet_with_grants(&grants) } else { born.as_bound() };
                prop_assert!(power.held().contains(&given), "{given} of {}", power.held());
                prop_assert!(own || born != Scopes::Unrestricted);
            }
        }
    }
}
