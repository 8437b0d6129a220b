//! How long a new token is good for.

use std::time::Duration;

use time::OffsetDateTime;

/// What a request says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Nothing.
    Default,
    /// Until then.
    Until(OffsetDateTime),
    /// That long.
    For(Duration),
}

/// What the installation allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifetimeRules {
    /// If nothing is said.
    pub default: Duration,
    /// At most.
    pub longest: Duration,
}

/// The rule that a lifetime breaks, in words that fit a field violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Over before it begins.
    #[error("must lie in the future, by a second at least")]
    Past,
    /// Longer than allowed.
    #[error("must be at most {} days from now", .longest.as_secs() / 86_400)]
    TooLong {
        /// What is allowed.
        longest: Duration,
    },
}

impl LifetimeRules {
    /// When a token that is made at `now` expires: a whole second, as tokens name it.
    ///
    /// # Errors
    /// If that is no future second, or too far away.
    pub fn expiry(&self, wanted: Lifetime, now: OffsetDateTime) -> Result<OffsetDateTime, LifetimeError> {
        let too_long = LifetimeError::TooLong { longest: self.longest };
        let after = |length: Duration| now.checked_add(length.try_into().ok()?);
        let latest = after(self.longest).ok_or(too_long)?;
        let end = match wanted {
            Lifetime::Default => after(self.default.min(self.longest)).ok_or(too_long)?,
            Lifetime::Until(end) => end,
            Lifetime::For(length) => after(length).ok_or(too_long)?,
        };
        let end = end.replace_nanosecond(0).unwrap_or(end);
        if end <= now {
            Err(LifetimeError::Past)
        } else if end > latest {
            Err(too_long)
        } else {
            Ok(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const RULES: LifetimeRules =
        LifetimeRules { default: Duration::from_secs(90 * 86_400), longest: Duration::from_secs(365 * 86_400) };
    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00.5 UTC);

    #[test]
    fn a_name_is_enough_and_gives_ninety_days() {
        assert_eq!(RULES.expiry(Lifetime::Default, NOW), Ok(datetime!(2027-02-22 12:00:00 UTC)));
    }

    #[test]
    fn what_is_over_already_or_too_long_is_refused() {
        assert_eq!(RULES.expiry(Lifetime::Until(NOW), NOW), Err(LifetimeError::Past));
        assert_eq!(RULES.expiry(Lifetime::For(Duration::from_millis(400)), NOW), Err(LifetimeError::Past));
        assert!(RULES.expiry(Lifetime::For(365 * DAY), NOW).is_ok());
        let too_long = Err(LifetimeError::TooLong { longest: 365 * DAY });
        assert_eq!(RULES.expiry(Lifetime::For(366 * DAY), NOW), too_long);
        assert_eq!(RULES.expiry(Lifetime::For(Duration::MAX), NOW), too_long);
        assert_eq!(RULES.expiry(Lifetime::Until(datetime!(9999-12-31 23:59:59 UTC)), NOW), too_long);
    }
}
