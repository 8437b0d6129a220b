//! Gives a feed a new identity: what is done with a database that was restored, or lost commits at a fail-over.
//!
//! The numbers go on, the identity is another: whoever read the feed before starts over, with an empty memory and without a
//! lease, whatever it had seen of the changes that are lost. The rows from before stay, as the audit that they are.

use passgate_client::FeedId;
use sea_orm::{EntityTrait as _, IntoActiveModel as _, QuerySelect as _, Set};
use serde_json::json;

use super::append::feed_head;
use super::change::{Actor, Change, Touch};
use super::hash::genesis;
use super::row;
use crate::store::{StoreError, Tx};

/// What the lines that give a feed a new identity are about.
pub const FEED_SUBJECT: &str = "feed";

/// A feed that was adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// What it was.
    pub before: FeedId,
    /// What it is.
    pub after: FeedId,
    /// The last change from before.
    pub number: u64,
}

/// Gives the feed a new identity, in the caller's transaction, which writes a line of it that touches everything.
///
/// # Errors
/// If the database does not answer.
pub async fn adopt(tx: &mut Tx, actor: &Actor) -> Result<Adopted, StoreError> {
    let head = feed_head::Entity::find_by_id(1).lock_exclusive().one(tx.connection()).await?;
    let head = head.ok_or_else(|| StoreError::unreadable("feed_head has no row: run `passgate migrate`"))?;
    let before = row::position(&head.feed, head.number, &head.hash)?;
    let after = FeedId(tx.ambient().uuid_v7());

    let mut adopted = head.into_active_model();
    adopted.feed = Set(after.to_string());
    if before.number.0 == 0 {
        adopted.hash = Set(genesis(after).to_vec()); // nothing comes before its first row
    }
    feed_head::Entity::update(adopted).exec(tx.connection()).await?;
    let was = json!({ "feed": before.feed.to_string(), "number": before.number.0 });
    let change = Change::new("feed.adopted", FEED_SUBJECT)
        .before(was)
        .after(json!({ "feed": after.to_string() }))
        .touch(Touch::Everything);
    tx.append(change, actor);
    Ok(Adopted { before: before.feed, after, number: before.number.0 })
}
