//! The change feed of a service: every change to what a decision depends on, in the order in which it was committed.
//!
//! **Order.** A transaction's changes are numbered as its last statements, under the row lock of the feed's head, which is
//! held to the end of COMMIT. So the next writer reads the head only after this commit: numbers grow in commit order,
//! without holes, and whoever sees number *n* sees everything below it.
//!
//! **Chain.** Each row's hash is over the row before and everything in this one (`hash.rs`). A reader names the whole
//! position it stands at (feed, number, hash); if the feed has another hash there, or ends below, the database went back.
//!
//! **Evidence.** [`read_after`] reads the rows after a position and the head in one statement, so in one snapshot; taken with
//! the moment just before it was sent, it says that every change whose reply left before then is among what was read
//! ([`Evidence`]). A [`Follower`] keeps a memory at the feed's head that way.

mod adopt;
mod append;
mod applied;
mod change;
mod evidence;
mod follower;
mod hash;
mod read;
pub(crate) mod row;

pub use adopt::{Adopted, FEED_SUBJECT, adopt};
pub use applied::{Applied, NotApplied};
pub use change::{Actor, Change, Touch};
pub use evidence::Evidence;
pub use follower::{Follower, Memory, read as read_current};
pub use read::{BREAK_CURE, Break, Page, ReadError, head, newest_of, position_at, read_after};
pub use row::FeedRow;

pub(crate) use append::append;
pub(crate) use hash::{chain, genesis};
