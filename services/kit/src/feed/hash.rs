//! The chain: each row's hash is over the hash before it and everything in the row.

use aws_lc_rs::digest::{Context, SHA256};
use passgate_client::FeedId;

use super::row::Model;

const DOMAIN: &[u8] = b"passgate feed v1";

/// The hash before the first change of a feed.
pub fn genesis(feed: FeedId) -> [u8; 32] {
    let mut hasher = Hasher::new();
    hasher.bytes(feed.0.as_bytes());
    hasher.finish()
}

/// The hash of `row` after one with the hash `before`. Its own `hash` column plays no part.
///
/// Every column goes in with its length before it, and whether it is there: no two rows are the same bytes.
pub fn chain(before: &[u8; 32], row: &Model) -> [u8; 32] {
    let Model {
        number,
        feed,
        time_us,
        kind,
        subject,
        actor,
        actor_token,
        via,
        peer,
        before: was,
        after,
        touches,
        cause,
        hash: _,
    } = row;
    let mut hasher = Hasher::new();
    hasher.bytes(before);
    hasher.bytes(&number.to_be_bytes());
    hasher.bytes(feed.as_bytes());
    hasher.bytes(&time_us.to_be_bytes());
    hasher.bytes(kind.as_bytes());
    hasher.bytes(subject.as_bytes());
    hasher.bytes(actor.as_bytes());
    hasher.optional(actor_token.as_deref());
    hasher.bytes(via.as_bytes());
    hasher.optional(peer.as_deref());
    hasher.optional(was.as_deref());
    hasher.optional(after.as_deref());
    hasher.bytes(touches.as_bytes());
    hasher.optional(cause.as_deref());
    hasher.finish()
}

struct Hasher(Context);

impl Hasher {
    fn new() -> Self {
        let mut context = Context::new(&SHA256);
        context.update(DOMAIN);
        Self(context)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn optional(&mut self, text: Option<&str>) {
        self.bytes(&[u8::from(text.is_some())]);
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    fn finish(self) -> [u8; 32] {
        let mut sum = [0; 32];
        sum.copy_from_slice(self.0.finish().as_ref());
        sum
    }
}

#[cfg(test)]
mod tests {
    use passgate_client::FeedId;
    use uuid::Uuid;

    use super::*;

    fn row() -> Model {
        let text = |text: &str| text.to_owned();
        Model {
            number: 7,
            feed: text("f"),
            time_us: 1,
            kind: text("token.revoked"),
            subject: text("tokens/1"),
            actor: text("users/1"),
            actor_token: None,
            via: text("api"),
            peer: Some(text("127.0.0.1")),
            before: Some(text("{}")),
            after: None,
            touches: text("[]"),
            cause: None,
            hash: Vec::new(),
        }
    }

    #[test]
    fn any_edit_of_a_row_changes_its_hash() {
        let before = genesis(FeedId(Uuid::nil()));
        let edits: [fn(&mut Model); 14] = [
            |row| row.number += 1,
            |row| row.feed.push('x'),
            |row| row.time_us += 1,
            |row| row.kind.push('x'),
            |row| row.subject.push('x'),
            |row| row.actor.push('x'),
            |row| row.actor_token = Some(String::new()),
            |row| row.via.push('x'),
            |row| row.peer = None,
            |row| row.before = None,
            |row| row.after = Some(String::new()),
            |row| row.touches.push('x'),
            |row| row.cause = Some(String::new()),
            |row| row.actor = std::mem::replace(&mut row.subject, row.actor.clone()),
        ];

        let original = chain(&before, &row());
        for (index, edit) in edits.into_iter().enumerate() {
            let mut edited = row();
            edit(&mut edited);
            assert_ne!(chain(&before, &edited), original, "edit {index}");
        }
        assert_ne!(chain(&original, &row()), original, "another row before it");
    }

    #[test]
    fn each_feed_begins_with_a_hash_of_its_own() {
        assert_ne!(genesis(FeedId(Uuid::nil())), genesis(FeedId(Uuid::max())));
    }
}
