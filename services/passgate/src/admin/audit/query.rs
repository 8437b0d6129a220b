//! Which events, as flags; and as the filter that they make.

use clap::Args;

/// Which events.
#[derive(Args, Clone, Debug, Default)]
pub struct Query {
    /// Only events of this kind: `token.revoked`, or `token.*` for all that begin so.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only events about this: `tokens/ID`, `users/ID`, `endpoints/NAME`, or a beginning and `*`.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Only what this principal did: `users/ID` or `api-users/ID`.
    #[arg(long, value_name = "PRINCIPAL")]
    actor: Option<String>,
    /// Only what was done with this token.
    #[arg(long, value_name = "ID")]
    token_id: Option<String>,
    /// Only from this time on: `2026-01-31T08:00:00Z`, or a day, which is its midnight in UTC.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Terms of your own, joined by AND, as the contract has them.
    #[arg(long, value_name = "TERMS")]
    filter: Option<String>,
}

impl Query {
    /// The filter.
    #[must_use]
    pub fn filter(&self) -> String {
        let flags = [
            ("kind =", &self.kind),
            ("subject =", &self.subject),
            ("actor =", &self.actor),
            ("token_id =", &self.token_id),
            ("time >=", &self.since),
            ("time <", &self.until),
        ];
        let terms = flags.iter().filter_map(|(term, value)| Some(format!("{term} {}", quoted(value.as_ref()?))));
        terms.chain(self.filter.clone()).collect::<Vec<_>>().join(" AND ")
    }
}

/// A text of a filter. A star at its end keeps its meaning.
fn quoted(text: &str) -> String {
    let (text, star) = text.strip_suffix('*').map_or((text, ""), |text| (text, "*"));
    let escaped: String = text
        .chars()
        .flat_map(|character| ['"', '\\', '*'].contains(&character).then_some('\\').into_iter().chain([character]))
        .collect();
    format!("\"{escaped}{star}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_terms_and_what_is_in_them_stays_in_them() {
        let query = Query {
            kind: Some("token.*".to_owned()),
            subject: Some("a\" OR \\ b*c".to_owned()),
            since: Some("2026-01-31".to_owned()),
            filter: Some("actor != passgate".to_owned()),
            ..Query::default()
        };

        let wanted =
            r#"kind = "token.*" AND subject = "a\" OR \\ b\*c" AND time >= "2026-01-31" AND actor != passgate"#;
        assert_eq!(query.filter(), wanted);
        assert_eq!(Query::default().filter(), "");
    }
}
