//! How a "no" travels to those who keep decisions: the stream of changes, the leases, and the confirmations.
//!
//! **Order.** The [`log`](ChangeLog) takes a change in after this replica's memory has applied it. Each stream reads the log
//! on from a number and has no other state, so it has no holes, and one that is slow holds nobody up.
//!
//! **Where a stream begins.** A position is a feed, a number and a hash. A decider goes on at its own if the log has just
//! that; else it starts over at the newest, with an empty memory. One that has seen *more* of this very feed, or other
//! changes, shows that the database went back, which raises the [`doubt`].
//!
//! **Leases.** A nonce is answered by an echo: the newest change in the log, and the age of the evidence for the memory,
//! taken after the nonce arrived. The evidence is taken *before* the log is read, and everything in the log is on the
//! stream before the echo: so the echo says of the decider's memory, once it has applied all of that, what the evidence
//! says of this one. Without evidence that is fresh there is no echo; the nonce waits for some.
//!
//! **Who watches** is in the database before the first lease and until after the last ([`deciders`]); a
//! [`confirmation`](Confirmer) of a change is exact because of that.

mod begin;
mod confirm;
mod deciders;
mod doubt;
mod end;
mod guests;
mod list;
mod load;
mod log;
mod outbox;
mod stats;
mod stream;
mod sync;

pub use confirm::{Confirmed, Confirmer, Missing};
pub use deciders::Deciders;
pub use doubt::Doubt;
pub use end::End;
pub use guests::Guests;
pub use list::{DeciderList, Listed};
pub use load::load;
pub use log::{ChangeLog, Found};
pub use outbox::Messages;
pub use stats::StreamStats;
pub use stream::{Changes, Start};
pub use sync::Syncer;
