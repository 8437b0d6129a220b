//! The lines that changes of tokens and sessions leave in the feed: what was, what is, and which decisions they touch.

use passgate_kit::client::{Jti, TokenId, UserId};
use passgate_kit::feed::{Change, Touch};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::model::{Life, Token};

/// A token came into being.
pub fn created(after: &Token) -> Change {
    let kind = if after.is_provisional() { "token.prepared" } else { "token.created" };
    touching(Change::new(kind, after.resource_name()).after(value(after)), after)
}

/// A token became another.
pub fn changed(kind: &'static str, before: &Token, after: &Token) -> Change {
    touching(Change::new(kind, after.resource_name()).before(value(before)).after(value(after)), after)
}

/// A provisional token vanished.
pub fn dropped(before: &Token) -> Change {
    touching(Change::new("token.dropped", before.resource_name()).before(value(before)), before)
}

fn touching(change: Change, token: &Token) -> Change {
    token
        .secrets
        .iter()
        .fold(change.touch(Touch::Token(token.id)), |change, secret| change.touch(Touch::Jti(secret.jti)))
}

/// A user signed in.
pub fn session_began(id: TokenId, jti: Jti, owner: UserId, ends: OffsetDateTime) -> Change {
    Change::new("session.began", id.resource_name())
        .after(json!({ "owner": owner.resource_name(), "expire_time": time(ends) }))
        .touch(Touch::Token(id))
        .touch(Touch::Jti(jti))
}

/// Sessions of a user ended.
pub fn sessions_ended(owner: UserId, sessions: &[TokenId]) -> Change {
    let names: Vec<String> = sessions.iter().map(|id| id.resource_name()).collect();
    let change = Change::new("session.ended", owner.resource_name()).after(json!({ "sessions": names }));
    sessions.iter().fold(change, |change, id| change.touch(Touch::Token(*id)))
}

/// A token as the feed shows it: without any secret.
fn value(token: &Token) -> Value {
    let mut value = json!({
        "owner": token.owner.to_string(),
        "name": token.name.as_str(),
        "description": token.description.as_str(),
        "labels": token.labels.as_map(),
        "scopes": token.scopes.patterns().map(|patterns| patterns.to_strings()),
        "state": "ACTIVE",
        "expire_time": token.expire_time.map(time),
        "created_by": token.created_by.to_string(),
        "created_with": token.created_with.map(|id| id.resource_name()),
        "revision": token.revision,
    });
    if let Some(members) = value.as_object_mut() {
        match &token.life {
            Life::Provisional => drop(members.insert("state".to_owned(), "PROVISIONAL".into())),
            Life::Active => {}
            Life::Disabled { at } => {
                members.insert("state".to_owned(), "DISABLED".into());
                members.insert("disable_time".to_owned(), time(*at).into());
            }
            Life::Revoked { at, by, reason } => {
                members.insert("state".to_owned(), "REVOKED".into());
                members.insert("revoke_time".to_owned(), time(*at).into());
                members.insert("revoked_by".to_owned(), by.as_str().into());
                members.insert("revoke_reason".to_owned(), reason.as_str().into());
            }
        }
    }
    value
}

fn time(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
