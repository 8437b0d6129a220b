//! E-mail addresses: what somebody signs in with. Nothing is sent to them.
//!
//! One canonical form decides who is who: the address after Unicode's compatibility case folding ([`Name::folded`]). Two
//! addresses that fold alike are one user's. The exact form is kept for showing. Internationalised domains are compared as
//! they are written: `münchen.de` and its `xn--` form are two addresses, and neither helps to sign in as the other.

use passgate_kit::client::Name;

/// Most characters in an address (RFC 5321 §4.5.3.1.3).
pub const MAX_EMAIL_CHARS: usize = 254;

/// An address.
#[derive(Clone, Debug)]
pub struct Email {
    given: String,
    canonical: String,
}

/// The rule that an address breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Too long.
    #[error("must have at most 254 characters")]
    TooLong,
    /// Not of the form.
    #[error("must be like name@example.org: one @, something on both sides, no spaces, no invisible characters")]
    Form,
}

impl Email {
    /// Reads an address as a caller writes it.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_EMAIL_CHARS * 4 || text.chars().count() > MAX_EMAIL_CHARS {
            return Err(EmailError::TooLong);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailError::Form)?;
        let spaced = text.chars().any(|character| character.is_whitespace() || character == '/');
        let edges = domain.starts_with('.') || domain.ends_with('.') || domain.contains("..");
        if domain.contains('@') || spaced || edges {
            return Err(EmailError::Form);
        }
        let mut canonical = String::new();
        for (at, part) in [local, domain].into_iter().enumerate() {
            if at > 0 {
                canonical.push('@');
            }
            canonical.push_str(&folded(part)?);
        }
        Ok(Self { given: text.to_owned(), canonical })
    }

    /// As it was given.
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// The form that is unique.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// Names fold 100 characters at a time; an address may have more on one side, so it is folded in pieces at its dots.
fn folded(part: &str) -> Result<String, EmailError> {
    let pieces: Result<Vec<String>, EmailError> = part
        .split('.')
        .map(|piece| match piece {
            "" => Ok(String::new()),
            piece => Name::parse(piece).map(|name| name.folded().to_owned()).map_err(|_| EmailError::Form),
        })
        .collect();
    let folded = pieces?.join(".");
    // A folded full-width sign must not become one that splits an address.
    if part.is_empty() || folded.contains(['@', ' ', '/']) { Err(EmailError::Form) } else { Ok(folded) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        Email::parse(text).expect("an address").canonical().to_owned()
    }

    #[test]
    fn twins_are_one_address() {
        for (one, twin) in [
            ("Alice@Example.org", "alice@example.ORG"),
            ("cafe\u{301}@x.org", "caf\u{e9}@x.org"),
            ("ａlice@x.org", "alice@x.org"),
        ] {
            assert_eq!(canonical(one), canonical(twin), "{one} {twin}");
        }
        for (one, other) in [("a+b@x.org", "a@x.org"), ("ı@x.org", "i@x.org"), ("münchen@x.org", "munchen@x.org")] {
            assert_ne!(canonical(one), canonical(other), "{one} {other}");
        }
        assert_eq!(Email::parse("Alice@Example.org").expect("an address").as_given(), "Alice@Example.org");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a\u{200b}@b",
            "a＠b@c",
            "api-users/x@y",
        ] {
            assert!(Email::parse(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(Email::parse(&format!("{}@b", "a".repeat(300))).unwrap_err(), EmailError::TooLong);
        assert!(Email::parse("admin@localhost").is_ok());
    }
}
