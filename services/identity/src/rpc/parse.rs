//! Reading fields, each wrong one named.

use std::fmt::Display;
use std::time::Duration;

use passgate_kit::client::{Description, GroupId, Labels, MAX_PATTERNS, Patterns};
use passgate_kit::field_mask::Mask;
use passgate_kit::fields::{FieldViolations, Fields};
use passgate_kit::request::confirm_within;
use passgate_proto::r#type::v1::PrincipalState;
use prost_types::FieldMask;

use crate::principal::About;
use crate::principal::bundle::{Bundle, MAX_GROUPS};

/// The field that asks for a confirmation.
pub const CONFIRM_WITHIN: &str = "confirm_within";

/// One field alone.
pub fn one<T, E: Display>(path: &str, value: Result<T, E>) -> Result<T, FieldViolations> {
    value.map_err(|rule| FieldViolations::one(path, rule.to_string()))
}

/// What is to be taken away, and how long to wait until that is confirmed.
pub fn confirmable<T, E: Display>(
    path: &str,
    value: Result<T, E>,
    within: Option<&prost_types::Duration>,
) -> Result<(T, Option<Duration>), FieldViolations> {
    let mut fields = Fields::default();
    let value = fields.check(path, value);
    let within = confirm_within(&mut fields, CONFIRM_WITHIN, within);
    value.zip(within).ok_or_else(|| fields.into_error())
}

/// Description and labels.
pub fn about<'a>(
    fields: &mut Fields,
    prefix: &str,
    description: &str,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Option<About> {
    let description = fields.check(format!("{prefix}description"), Description::parse(description));
    let labels = fields.check(format!("{prefix}labels"), Labels::parse(labels));
    Some(About { description: description?, labels: labels? })
}

/// A list of patterns; each wrong one is named by its place.
pub fn patterns(fields: &mut Fields, path: &str, texts: &[String]) -> Option<Patterns> {
    if texts.len() > MAX_PATTERNS {
        fields.add(path, format!("must have at most {MAX_PATTERNS} patterns"));
        return None;
    }
    match Patterns::parse_list(texts) {
        Ok(patterns) => Some(patterns),
        Err(wrong) => {
            for (at, rule) in wrong {
                fields.add(format!("{path}[{at}]"), rule.to_string());
            }
            None
        }
    }
}

/// What a new principal gets in the same step.
pub fn bundle(fields: &mut Fields, grants: &[String], groups: &[String]) -> Option<Bundle> {
    let grants = patterns(fields, "grants", grants);
    if groups.len() > MAX_GROUPS {
        fields.add("groups", format!("must have at most {MAX_GROUPS} groups"));
        return None;
    }
    let ids: Vec<Option<GroupId>> = groups
        .iter()
        .enumerate()
        .map(|(at, text)| fields.check(format!("groups[{at}]"), GroupId::parse_resource_name(text)))
        .collect();
    let mut ids: Vec<GroupId> = ids.into_iter().collect::<Option<_>>()?;
    ids.sort();
    ids.dedup();
    Some(Bundle { grants: grants?, groups: ids })
}

/// The state that a list is narrowed to: `Some(true)` is disabled.
pub fn state(fields: &mut Fields, number: i32) -> Option<bool> {
    match PrincipalState::try_from(number) {
        Ok(PrincipalState::Unspecified) => None,
        Ok(PrincipalState::Enabled) => Some(false),
        Ok(PrincipalState::Disabled) => Some(true),
        Err(_) => {
            fields.add("state", "must be PRINCIPAL_STATE_ENABLED, PRINCIPAL_STATE_DISABLED or left out");
            None
        }
    }
}

/// Which of `allowed` are to change (AIP-134); `*` is all of them.
pub fn mask(
    fields: &mut Fields,
    mask: Option<&FieldMask>,
    allowed: &'static [&'static str],
) -> impl Iterator<Item = &'static str> + use<> {
    let wanted = fields.check("update_mask", Mask::parse(mask, allowed));
    wanted.into_iter().flat_map(Mask::into_fields)
}
