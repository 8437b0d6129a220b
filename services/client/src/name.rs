//! Names and descriptions that people give to things.
//!
//! A name is kept as it was written. What must be unique is its [`Name::folded`] form, in which twins that differ only
//! in case, width or composition are one; invisible twins are refused at the door, because no folding finds them all.

use std::fmt;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// Most characters (Unicode scalar values) in a name.
pub const MAX_NAME_CHARS: usize = 100;
/// Most characters in a description.
pub const MAX_DESCRIPTION_CHARS: usize = 1000;

/// The rule that a name or description breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("must have at most {max} characters")]
    TooLong {
        /// How many there may be.
        max: usize,
    },
    /// A character that cannot be seen or that changes how others are shown.
    #[error("must not contain U+{:04X} (control, direction and invisible characters are not allowed)", u32::from(*.character))]
    Hidden {
        /// The first such character.
        character: char,
    },
    /// A space that is not U+0020.
    #[error("must not contain U+{:04X} (the ordinary space is the only one allowed)", u32::from(*.character))]
    OddSpace {
        /// The first such character.
        character: char,
    },
    /// A space at either end.
    #[error("must not begin or end with a space")]
    OuterSpace,
}

/// What people call something: 1 to 100 characters, all visible, no space at either end.
#[derive(Clone, Debug)]
pub struct Name {
    text: Box<str>,
    folded: Box<str>,
}

impl Name {
    /// Reads a name as a caller writes it.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        check_length(text, MAX_NAME_CHARS)?;
        if let Some(character) = text.chars().find(|character| is_hidden(*character)) {
            return Err(NameError::Hidden { character });
        }
        if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
            return Err(NameError::OuterSpace);
        }
        if let Some(character) = text.chars().find(|character| character.is_whitespace() && *character != ' ') {
            return Err(NameError::OddSpace { character });
        }
        Ok(Self { text: text.into(), folded: fold(text).into() })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form that is unique: Unicode's compatibility caseless form (§3.13, D146), composed.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Names are the same if they are written the same. Whether they *collide* is a question to [`Name::folded`].
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

fn fold(text: &str) -> String {
    // Folding once more after the compatibility form catches what only then has a case (such as ㎯).
    text.nfd().default_case_fold().nfkd().default_case_fold().nfkc().collect()
}

/// What something is for: at most 1000 characters, perhaps none; line feeds are its only control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(Box<str>);

impl Description {
    /// Reads a description as a caller writes it.
    ///
    /// # Errors
    /// The first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_length(text, MAX_DESCRIPTION_CHARS)?;
        match text.chars().find(|character| is_hidden(*character) && *character != '\n') {
            Some(character) => Err(NameError::Hidden { character }),
            None => Ok(Self(text.into())),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Description {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn check_length(text: &str, max: usize) -> Result<(), NameError> {
    // A million characters are refused by their bytes, without counting them.
    if text.len() > max.saturating_mul(4) || text.chars().count() > max {
        return Err(NameError::TooLong { max });
    }
    Ok(())
}

/// Controls, direction marks, and what is shown as nothing at all (Default_Ignorable_Code_Point of UAX #44, the line and
/// paragraph separators, and what is reserved for interlinear annotation).
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folded(text: &str) -> String {
        Name::parse(text).expect("a name").folded().to_owned()
    }

    #[test]
    fn twins_in_case_width_and_composition_fold_to_one() {
        for (one, twin) in [
            ("Laptop", "lAPTOP"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("STRASSE", "straße"),
            ("ＣＩ", "ci"),
            ("ﬁle", "file"),
            ("Σ", "ς"),
        ] {
            assert_eq!(folded(one), folded(twin), "{one} {twin}");
        }
        assert_ne!(folded("laptop"), folded("laptop 2"));
    }

    #[test]
    fn a_name_is_kept_as_it_was_written() {
        assert_eq!(Name::parse("=Cmd (ÄÖÜ)").expect("a name").as_str(), "=Cmd (ÄÖÜ)");
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for hidden in
            ['\0', '\n', '\u{7f}', '\u{85}', '\u{ad}', '\u{200b}', '\u{200d}', '\u{202e}', '\u{2066}', '\u{feff}']
        {
            assert_eq!(Name::parse(&format!("a{hidden}b")), Err(NameError::Hidden { character: hidden }));
        }
        assert_eq!(Name::parse("a\u{a0}b"), Err(NameError::OddSpace { character: '\u{a0}' }));
        for outer in [" a", "a ", "\u{3000}a", " "] {
            assert_eq!(Name::parse(outer), Err(NameError::OuterSpace), "{outer:?}");
        }
    }

    #[test]
    fn a_name_has_1_to_100_characters_whatever_their_bytes() {
        assert_eq!(Name::parse(""), Err(NameError::Empty));
        assert!(Name::parse(&"𝒳".repeat(100)).is_ok());
        assert_eq!(Name::parse(&"a".repeat(101)), Err(NameError::TooLong { max: 100 }));
        assert_eq!(Name::parse(&"a".repeat(100_000)), Err(NameError::TooLong { max: 100 }));
    }

    #[test]
    fn a_description_may_be_empty_and_have_lines_but_no_other_control() {
        assert!(Description::parse("").is_ok());
        assert!(Description::parse("one\ntwo").is_ok());
        assert_eq!(Description::parse("a\tb"), Err(NameError::Hidden { character: '\t' }));
        assert_eq!(Description::parse(&"a".repeat(1001)), Err(NameError::TooLong { max: 1000 }));
    }

    #[test]
    fn a_rule_is_told_in_words_that_fit_a_field() {
        let broken = Name::parse("a\u{202e}b").expect_err("direction");

        assert_eq!(
            broken.to_string(),
            "must not contain U+202E (control, direction and invisible characters are not allowed)"
        );
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{1,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text: String) {
            let _ = (Name::parse(&text), Description::parse(&text));
        }
    }
}
