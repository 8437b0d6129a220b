//! Adopts a database that was restored, or lost commits at a fail-over: its feed gets a new identity, and what was revoked
//! since is revoked again, in one transaction.
//!
//! The program does this while no token service runs on the database.

use passgate_kit::client::{Ambient, Description, TokenId};
use passgate_kit::feed::{Actor, Adopted, adopt};
use passgate_kit::store::{DatabaseConfig, Store, Tx};
use serde::Deserialize;

use crate::error::TokenError;
use crate::service::{SERVICE, Service, StartError};
use crate::session;
use crate::store::{Migrator, feed_doubt, token};
use crate::token::revoke_again;

/// Why tokens are revoked again.
const REASON: &str = "revoked before the database was restored";

/// Tokens and sessions that were taken away after the backup was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations(Vec<TokenId>);

/// A line that is no revocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} is neither {{\"token_id\": \"…\"}} nor an exported audit event (kind, subject): {rule}; \
     nothing was changed"
)]
pub struct RevocationError {
    line: usize,
    rule: String,
}

/// A line: one that names a token, or an audit event.
#[derive(Deserialize)]
struct Line {
    token_id: Option<String>,
    kind: Option<String>,
    subject: Option<String>,
    after: Option<After>,
}

#[derive(Default, Deserialize)]
struct After {
    #[serde(default)]
    sessions: Vec<String>,
}

impl Revocations {
    /// Reads lines of JSON: `{"token_id": "…"}`, or audit events as they are exported, of which those that are no
    /// revocations (`token.revoked`, `session.ended`) are passed over. Empty lines are, too.
    ///
    /// # Errors
    /// Names the first line that is neither.
    pub fn parse(text: &str) -> Result<Self, RevocationError> {
        let mut ids = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |rule: String| RevocationError { line: index.saturating_add(1), rule };
            let read: Line = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            for name in names(read).map_err(wrong)? {
                let id = name.strip_prefix("tokens/").unwrap_or(&name);
                ids.push(TokenId::parse(id).map_err(|rule| wrong(rule.to_string()))?);
            }
        }
        Ok(Self(ids))
    }
}

fn names(line: Line) -> Result<Vec<String>, String> {
    match (line.token_id, line.kind.as_deref(), line.subject) {
        (Some(id), _, _) => Ok(vec![id]),
        (None, Some("token.revoked"), Some(subject)) => Ok(vec![subject]),
        (None, Some("session.ended"), Some(_)) => Ok(line.after.unwrap_or_default().sessions),
        (None, Some(_), Some(_)) => Ok(Vec::new()),
        (None, _, _) => Err("it names nothing".to_owned()),
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdoptedTokens {
    /// The feed.
    pub feed: Adopted,
    /// Tokens and sessions that were good in the restored database, and are no more.
    pub revoked: usize,
    /// Those that were dead already.
    pub dead: usize,
    /// Those that the restored database does not have: they are good for nothing.
    pub unknown: usize,
}

impl Service {
    /// Adopts the token service's database.
    ///
    /// # Errors
    /// If it cannot be opened, or does not answer. Nothing was changed then.
    pub async fn adopt(
        database: &DatabaseConfig,
        ambient: &Ambient,
        revocations: Revocations,
    ) -> Result<AdoptedTokens, StartError> {
        let store = Store::open(database, SERVICE, ambient).await?;
        store.migrate::<Migrator>().await?;
        let adopted = store.write(move |tx: &mut Tx| Box::pin(async move { adopt_in(tx, revocations).await })).await;
        store.close().await;
        Ok(adopted.map_err(StartError::Adopt)?.value)
    }
}

async fn adopt_in(tx: &mut Tx, revocations: Revocations) -> Result<AdoptedTokens, TokenError> {
    let actor = Actor::passgate("command-line");
    let feed = adopt(tx, &actor).await?;
    feed_doubt::erase(tx.connection()).await?;
    let mut done = AdoptedTokens { feed, revoked: 0, dead: 0, unknown: 0 };
    for id in revocations.0 {
        let found = match token::find_locked(tx.connection(), id).await? {
            Some(token) => Some(revoke_again(tx, token, reason()?, &actor).await?),
            None => session::end_again(tx, id, &actor).await?,
        };
        match found {
            Some(true) => done.revoked = done.revoked.saturating_add(1),
            Some(false) => done.dead = done.dead.saturating_add(1),
            None => done.unknown = done.unknown.saturating_add(1),
        }
    }
    Ok(done)
}

fn reason() -> Result<Description, TokenError> {
    Description::parse(REASON).map_err(|rule| passgate_kit::store::StoreError::unreadable(rule).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const OTHER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    fn ids(ids: &[&str]) -> Revocations {
        Revocations(ids.iter().map(|id| TokenId::parse(id).expect("an id")).collect())
    }

    #[test]
    fn ids_and_exported_audit_events_are_read() {
        let text = format!(
            "{{\"token_id\": \"{ONE}\"}}\n\n\
             {{\"kind\": \"token.revoked\", \"subject\": \"tokens/{OTHER}\", \"number\": \"7\"}}\n\
             {{\"kind\": \"token.created\", \"subject\": \"tokens/{ONE}\"}}\n\
             {{\"kind\": \"session.ended\", \"subject\": \"users/{ONE}\", \"after\": {{\"sessions\": [\"tokens/{ONE}\"]}}}}\n"
        );

        assert_eq!(Revocations::parse(&text), Ok(ids(&[ONE, OTHER, ONE])));
    }

    #[test]
    fn a_line_that_names_nothing_is_told_by_its_number() {
        for wrong in ["{}", "token", "{\"token_id\": \"x\"}", "{\"kind\": \"token.revoked\"}"] {
            let error = Revocations::parse(&format!("{{\"token_id\": \"{ONE}\"}}\n{wrong}")).expect_err(wrong);
            assert!(error.to_string().starts_with("line 2 is"), "{error}");
        }
    }
}
