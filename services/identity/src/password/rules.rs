//! Which passwords are good enough.

use passgate_kit::client::SecretString;
use unicode_normalization::UnicodeNormalization as _;

use super::common;

/// Fewest code points of a new password.
pub const MIN_CODE_POINTS: usize = 15;
/// Most bytes of any password, as it is sent.
pub const MAX_BYTES: usize = 1024;

/// The rule that a password breaks. Its text never repeats the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing there.
    #[error("must not be empty")]
    Empty,
    /// Too long to be hashed.
    #[error("must have at most 1024 bytes")]
    TooLong,
    /// A NUL byte.
    #[error("must not contain NUL")]
    Nul,
    /// Too short.
    #[error("must have at least 15 characters")]
    TooShort,
    /// Among those that are tried first.
    #[error("is among the passwords that are tried first: choose one that nobody has used before")]
    Common,
    /// Made of what everybody knows.
    #[error("must not be made of the e-mail address, the user's name or the product's name")]
    Known,
}

/// A password as somebody presents it, normalised. It may break the rules for new ones: those it is compared with may be old.
#[derive(Debug)]
pub struct Password(SecretString);

impl Password {
    /// Reads a password that is to be compared.
    ///
    /// # Errors
    /// If it is empty, too long to be hashed, or has a NUL.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        if text.contains('\0') {
            return Err(PasswordError::Nul);
        }
        Ok(Self(SecretString::new(text.nfc().collect())))
    }

    /// The normalised text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The same password, to be compared once more.
    ///
    /// # Errors
    /// Never, for a password that was read once.
    pub fn again(&self) -> Result<Self, PasswordError> {
        Self::parse(self.expose())
    }
}

/// A password that is good enough to be set.
#[derive(Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Reads a password that is to be set.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let password = Password::parse(text)?;
        if password.expose().chars().count() < MIN_CODE_POINTS {
            return Err(PasswordError::TooShort);
        }
        if common::is_common(password.expose()) {
            return Err(PasswordError::Common);
        }
        Ok(Self(password))
    }

    /// Passes if it is not made of these words, such as the user's name and e-mail, or of the product's.
    ///
    /// # Errors
    /// If it is.
    pub fn is_not_made_of<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<(), PasswordError> {
        let text = self.0.expose().to_lowercase();
        let known = words.into_iter().chain(["passgate"]).any(|word| common::is_padded(&text, &word.to_lowercase()));
        if known { Err(PasswordError::Known) } else { Ok(()) }
    }

    /// The password itself.
    pub fn as_password(&self) -> &Password {
        &self.0
    }

    /// The password itself, to be hashed.
    pub fn into_password(self) -> Password {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_empty_long_and_nul_are_refused() {
        for (text, error) in [
            (String::new(), PasswordError::Empty),
            ("fourteen chars".to_owned(), PasswordError::TooShort),
            ("é".repeat(14), PasswordError::TooShort),
            ("e\u{301}".repeat(14), PasswordError::TooShort),
            ("a".repeat(1025), PasswordError::TooLong),
            ("correct horse\0battery".to_owned(), PasswordError::Nul),
        ] {
            assert_eq!(NewPassword::parse(&text).map(drop), Err(error), "{text:?}");
        }
    }

    #[test]
    fn spaces_and_long_passphrases_are_welcome_and_nothing_is_cut() {
        let long = "correct horse battery staple, and so on ".repeat(20);
        assert_eq!(NewPassword::parse(&long).expect("long").as_password().expose(), long);
    }

    #[test]
    fn two_ways_to_write_one_letter_are_one_password() {
        let composed = Password::parse("caf\u{e9}").expect("a password");
        assert_eq!(Password::parse("cafe\u{301}").expect("a password").expose(), composed.expose());
    }

    #[test]
    fn common_ones_repeated_ones_and_padded_ones_are_refused() {
        for common in [
            "1qaz2wsx3edc4rfv",
            "1QAZ2wsx3edc4RFV",
            "passwordpassword",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabc",
            "password1234567!",
            "0123456789012345",
            "abcdefghijklmnopqrst",
        ] {
            assert_eq!(NewPassword::parse(common).map(drop), Err(PasswordError::Common), "{common}");
        }
        assert!(NewPassword::parse("four words make a key").is_ok());
    }

    #[test]
    fn ones_own_name_is_no_password() {
        let password = NewPassword::parse("alice@example.org1").expect("long enough");
        assert_eq!(password.is_not_made_of(["alice@example.org"]), Err(PasswordError::Known));
        let password = NewPassword::parse("Passgate-Passgate-1").expect("long enough");
        assert_eq!(password.is_not_made_of([]), Err(PasswordError::Known));
    }
}
