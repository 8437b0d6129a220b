//! Text that must not be seen: a type whose only way out is [`SecretString::expose`].

use std::fmt;

use zeroize::Zeroizing;

/// A secret text. It has no `Display`, `Clone` or `Serialize`, its `Debug` says nothing, and its memory is overwritten
/// when it is dropped.
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Takes the text into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself. Call this only where it is used up: a header to send, a file to write, an answer to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretString {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretString(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secret = SecretString::new("hunter2".to_owned());

        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "SecretString(..) Some(SecretString(..))");
        assert_eq!(secret.expose(), "hunter2");
    }
}
