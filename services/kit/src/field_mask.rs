//! Update masks (AIP-134): which fields a caller wants to change, out of those that can be changed.

use std::collections::BTreeSet;

use prost_types::FieldMask;

/// The fields that are to change. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(BTreeSet<&'static str>);

/// Why a mask is refused, in words that fit a field violation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// None, or one without paths.
    #[error("must name the fields to change: {}, or * for all of them", .allowed.join(", "))]
    Empty {
        /// What could be named.
        allowed: &'static [&'static str],
    },
    /// A path that cannot be changed, or that there is not.
    #[error("must name only what can be changed ({}), and {path:?} cannot", .allowed.join(", "))]
    NotAllowed {
        /// The first such path, cut to what is worth showing.
        path: String,
        /// What could be named.
        allowed: &'static [&'static str],
    },
    /// `*` beside others.
    #[error("must be * alone, or not have it")]
    StarAmongOthers,
}

impl Mask {
    /// All of `allowed`.
    pub fn all(allowed: &'static [&'static str]) -> Self {
        Self(allowed.iter().copied().collect())
    }

    /// Reads a mask as a caller sends it; `*` is all of `allowed`.
    ///
    /// # Errors
    /// If it is empty, or names something else than `allowed`.
    pub fn parse(mask: Option<&FieldMask>, allowed: &'static [&'static str]) -> Result<Self, MaskError> {
        let paths = mask.map_or(&[][..], |mask| mask.paths.as_slice());
        match paths {
            [] => Err(MaskError::Empty { allowed }),
            [star] if star == "*" => Ok(Self::all(allowed)),
            _ if paths.iter().any(|path| path == "*") => Err(MaskError::StarAmongOthers),
            _ => paths.iter().map(|path| find(path, allowed)).collect::<Result<_, _>>().map(Self),
        }
    }

    /// The fields that are to change.
    pub fn into_fields(self) -> impl Iterator<Item = &'static str> {
        self.0.into_iter()
    }

    /// Whether the field is to change.
    pub fn has(&self, field: &str) -> bool {
        self.0.contains(field)
    }
}

fn find(path: &str, allowed: &'static [&'static str]) -> Result<&'static str, MaskError> {
    allowed
        .iter()
        .find(|name| **name == path)
        .copied()
        .ok_or_else(|| MaskError::NotAllowed { path: path.chars().take(64).collect(), allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[&str] = &["description", "labels"];

    fn parse(paths: &[&str]) -> Result<Mask, MaskError> {
        Mask::parse(Some(&FieldMask { paths: paths.iter().map(ToString::to_string).collect() }), ALLOWED)
    }

    #[test]
    fn a_mask_names_what_can_be_changed_and_a_star_is_all_of_it() {
        let labels = parse(&["labels"]).expect("a mask");
        assert!(labels.has("labels") && !labels.has("description"));

        assert_eq!(parse(&["*"]), Ok(Mask::all(ALLOWED)));
    }

    #[test]
    fn empty_unknown_immutable_and_mixed_masks_are_refused() {
        assert!(matches!(Mask::parse(None, ALLOWED), Err(MaskError::Empty { .. })));
        assert!(matches!(parse(&[]), Err(MaskError::Empty { .. })));
        for wrong in ["name", "etag", "labels.team", "Labels", "", "disabled"] {
            assert!(matches!(parse(&["labels", wrong]), Err(MaskError::NotAllowed { .. })), "{wrong:?}");
        }
        assert_eq!(parse(&["*", "labels"]), Err(MaskError::StarAmongOthers));
    }
}
