//! Collects every field of a request that breaks its rule, so that a caller learns all of them at once.

use std::fmt::{self, Display};

use passgate_client::Reason;
use tonic::{Code, Status};

use crate::problem::{Problem, to_status};

/// A field, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The field as the contract writes it: `scopes.patterns[3]`.
    pub path: String,
    /// The rule: "must have at most 100 characters".
    pub rule: String,
}

/// What was found wrong so far.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldViolation>);

impl Fields {
    /// The value, if it is one; otherwise notes why the field at `path` is none.
    pub fn check<T, E: Display>(&mut self, path: impl Into<String>, value: Result<T, E>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(rule) => {
                self.add(path, rule.to_string());
                None
            }
        }
    }

    /// Notes that the field at `path` breaks `rule`.
    pub fn add(&mut self, path: impl Into<String>, rule: impl Into<String>) {
        self.0.push(FieldViolation { path: path.into(), rule: rule.into() });
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The error that names all of them.
    #[must_use]
    pub fn into_error(self) -> FieldViolations {
        FieldViolations(self.0)
    }

    /// Nothing if nothing is wrong.
    ///
    /// # Errors
    /// Names all that is.
    pub fn into_result(self) -> Result<(), FieldViolations> {
        if self.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }
}

/// A request with fields that break their rules: `INVALID_ARGUMENT`, each field named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolations(Vec<FieldViolation>);

impl FieldViolations {
    /// One field and the rule that it breaks.
    #[must_use]
    pub fn one(path: impl Into<String>, rule: impl Into<String>) -> Self {
        Self(vec![FieldViolation { path: path.into(), rule: rule.into() }])
    }

    /// The fields, in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[FieldViolation] {
        &self.0
    }
}

impl Display for FieldViolations {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, FieldViolation { path, rule }) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(out, "{between}{path}: {rule}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldViolations {}

impl Problem for FieldViolations {
    fn told_as(&self) -> (Code, Reason) {
        (Code::InvalidArgument, Reason::InvalidField)
    }

    fn fields(&self) -> Vec<FieldViolation> {
        self.0.clone()
    }
}

impl From<FieldViolations> for Status {
    fn from(problem: FieldViolations) -> Self {
        to_status(&problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut fields = Fields::default();
        let right = fields.check("name", Ok::<_, String>(7));
        let wrong = fields.check::<u8, _>("labels[2]", Err("must be short"));
        fields.add("scopes", "must not be empty");

        assert_eq!((right, wrong), (Some(7), None));
        let error = fields.into_error();
        assert_eq!(error.to_string(), "labels[2]: must be short; scopes: must not be empty");
        assert_eq!(error.all().len(), 2);
    }
}
