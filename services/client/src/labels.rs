//! Labels: small texts to filter things by.

use std::collections::BTreeMap;

use crate::name::is_hidden;
use crate::route::is_label_key;

/// Most labels on one thing.
pub const MAX_LABELS: usize = 64;
/// Most characters in a label's value.
pub const MAX_LABEL_VALUE_CHARS: usize = 100;

/// The rule that a set of labels breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// More than allowed.
    #[error("must have at most {MAX_LABELS} labels")]
    TooMany,
    /// A key outside the form.
    #[error(
        "keys must be 1 to 63 characters of a-z, 0-9 and -, begin with a letter and not end with -: {key:?} is not"
    )]
    Key {
        /// The first such key, cut to what is worth showing.
        key: String,
    },
    /// A value that is too long or has characters that cannot be seen.
    #[error("values must have at most {MAX_LABEL_VALUE_CHARS} characters, all visible: that of {key:?} does not")]
    Value {
        /// Its key.
        key: String,
    },
}

/// At most 64 pairs, ordered by key. A value may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Reads labels as a caller writes them.
    ///
    /// # Errors
    /// The first rule that they break.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Result<Self, LabelError> {
        let mut labels = BTreeMap::new();
        for (key, value) in pairs {
            if !is_label_key(key) {
                return Err(LabelError::Key { key: key.chars().take(63).collect() });
            }
            if value.chars().take(MAX_LABEL_VALUE_CHARS + 1).count() > MAX_LABEL_VALUE_CHARS
                || value.chars().any(is_hidden)
            {
                return Err(LabelError::Value { key: key.clone() });
            }
            labels.insert(key.clone(), value.clone());
            if labels.len() > MAX_LABELS {
                return Err(LabelError::TooMany);
            }
        }
        Ok(Self(labels))
    }

    /// The pairs, in the order of their keys.
    #[must_use]
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Labels, LabelError> {
        let owned: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Labels::parse(owned.iter().map(|(key, value)| (key, value)))
    }

    #[test]
    fn labels_are_ordered_pairs_with_plain_keys() {
        let labels = parse(&[("team", "Zürich"), ("env", "")]).expect("labels");
        assert_eq!(labels.as_map().keys().collect::<Vec<_>>(), ["env", "team"]);

        for key in ["", "Env", "1st", "a-", "a_b", "a.b", "é", &"k".repeat(64)] {
            assert_eq!(parse(&[(key, "x")]), Err(LabelError::Key { key: key.chars().take(63).collect() }));
        }
        for value in ["a\nb", "\u{200b}", &"v".repeat(101)] {
            assert_eq!(parse(&[("env", value)]), Err(LabelError::Value { key: "env".to_owned() }));
        }
    }

    #[test]
    fn the_65th_label_is_refused() {
        let keys: Vec<String> = (0..65).map(|n| format!("k{n}")).collect();
        let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "v")).collect();

        assert!(parse(&pairs[..64]).is_ok());
        assert_eq!(parse(&pairs), Err(LabelError::TooMany));
    }
}
