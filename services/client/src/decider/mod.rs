//! The decider: decisions in memory, and why they may be used.
//!
//! A gateway that asks for every request is slow, and one that remembers can be wrong. This one remembers, and keeps a
//! promise nevertheless. **After the reply of RevokeToken, DisableUser or a grant's removal nothing is allowed on it later
//! than `max_staleness` after that reply**, whatever is delayed, cut, paused, crashed or restored (*bounded*); nothing once
//! the change was applied here (*delivered*); and when faults end, what is good is allowed again (*heals*).
//!
//! [`CachedDecisions`] is what services use, [`AuthorizeLayer`] puts it in front of a tonic or axum service, and [`Hold`]
//! holds open streams to it. [`Core`] is the part that decides, without task, socket or clock.
//!
//! # Terms
//!
//! A *feed* is the token service's changes in order. A [position](crate::position::Position) names one by its number, and its
//! whole past by its hash. *Evidence* (n, q) says: every change whose reply left before the moment q has a number ≤ n. The
//! *lease* is the newest evidence whose n is applied here. A *line* is the stretch of the feed since the memory was last empty.
//!
//! # Why it holds, rule by rule
//!
//! The rules are numbered as in the protocol, of which the feed (rule 2), the hops (rule 6) and the database (most of rule 8)
//! are the token service's. Take a use at moment t of an allow that was computed from position a, and a revocation with
//! number k whose reply left at r. Let t − r be more than the bound. The use must not happen.
//!
//! **1. Time.** Every age here is a difference of two [`Moment`](crate::clock::Moment)s of this machine, and is the largest
//! that three clocks say. A suspended machine, a stepped clock, a resumed snapshot make ages larger, never smaller. No moment
//! is sent; what comes from elsewhere is an age, which was not rounded down.
//!
//! **5. Lease.** The echo of a nonce says: after your nonce had arrived, my evidence for position n was this old. The nonce was
//! sent before it arrived, so evidence was not older than `age` at some moment after the sending: every change whose reply left
//! before q = sending − age has a number ≤ n. When the echo arrives plays no part, so a stream delayed by an hour gives a
//! lease an hour old. The echo counts once this decider has applied everything up to n ([`Core::echo`], `Streams::waiting`).
//!
//! **9. Use.** The use happened under a lease with t − q ≤ bound, so q > r: the reply left before q. By the evidence k ≤ n, and
//! n was applied here before the lease counted. So change k was applied when the lease was seen. Readers take lease and line in
//! one picture (`Standing`) first and look at the cells afterwards; the writer goes the other way. Whoever sees the lease sees
//! what k touched. The check is made at each use and repeated after each wait: [`CachedDecisions::is_good`]. The only gap left
//! is a process that stops exactly between the check and the first byte; without the upstream's help nobody can close that.
//!
//! **3. Fill rule.** Change k touched something that the allow rests on, so one of its cells says at least k (`cells.rs`; what
//! cannot be read touches everything). The allow is used only if a ≥ every one of its cells, so a ≥ k: it was computed from a
//! memory that had the revocation, of the same past, and would not be an allow. This is one check, made at each use, and so
//! it holds for what is kept, for the request that waited for the answer, and for those that joined it
//! ([`Core::may_tell`]). It does not matter when something is put into the cache, or that nothing is taken out.
//! Changes from before the line are not in the cells. What was computed before the line began is below the *floor*, and not
//! used; nor is an answer to a question that was asked in an earlier line.
//!
//! **4. Stream.** "Everything up to n is applied" needs changes without holes: each stream tells them in order, and one that
//! leaves a number out is ended ([`Broken::Hole`]). Streams of several replicas share one position; a change that another
//! stream told before is skipped. Where a stream does not go on, the line ends: new cells, no lease, empty memory. One thing
//! was added to the protocol: a stream that does not go on is refused while another does, under a live lease. The other proves
//! that the feed goes on here, so the new one is behind or of a past that is over, and would only empty the memory.
//!
//! **8. Feed identity.** "Of the same past" is by hash. A restored database may have the same feed and numbers with other
//! changes. The hashes of the last positions are remembered (`past.rs`): a change, echo or answer with another hash is of
//! another past. An answer *ahead* of the stream cannot be compared yet. Suppose it were kept: its past ends by a restore, the
//! stream goes on from a position that both pasts have, and a revocation of the new past has a number ≤ a. The fill rule would
//! take it for included. So an answer that is ahead is used by who asked, on its own evidence, and no lease speaks for it until
//! the stream has told its very position. (The property test found this; the first text of the rule did not have it.)
//!
//! **7. Authorize.** Whoever asked may use the answer without a lease while (t − asked) + age ≤ bound: as with the nonce, the
//! evidence is not older than asked − age, and the answer was computed from a memory that has everything up to it. What is
//! kept lives by the lease alone. [`Core::answer`] and [`Core::is_good`] know the difference by [`Answer`], which carries that
//! evidence for who asked.
//!
//! **10. Denials and expiry.** Expiry is compared with the wall clock at each use. A denial needs no lease, as it allows
//! nothing; it has cells like an allow, so a new grant takes it away when it is applied. A change mark is met by what is
//! applied here, of the same feed, or asked about.
//!
//! *Delivered* is the fill rule at a use after the change was applied, and needs no clock. *Heals*: a stream that is broken,
//! silent or elsewhere is opened again ([`Watching`]), starts over if it must, and gives a lease by the next echo; a question
//! that was overtaken is asked again.
//!
//! # What keeps strangers out
//!
//! Only decisions about genuine tokens enter: those that say what they rest on. A forged token costs one verification and
//! reaches neither the memory nor the token service. Its key is looked up among those that the stream tells; a key that is not
//! among them does not exist while the lease is live, and cannot be known otherwise. The memory is bounded in bytes, a token
//! has a share of it, the questions under way are bounded in number, and an answer is kept under the whole token's digest,
//! the resource and the action, all compared in full.
//!
//! # The checks
//!
//! `tests/rules.rs` has each rule by itself, `tests/property.rs` all of them under random steps against the truth, and each
//! rule left out once ([`Rule`]) to see that it is noticed.

mod asking;
mod cache;
mod cells;
mod core;
mod edge;
mod feed;
mod flight;
mod held;
mod held_body;
mod known;
mod layer;
mod lease;
mod past;
mod refusal;
mod replica;
mod resources;
mod rules;
mod settings;
mod shares;
mod source;
mod standing;
mod stats;
mod streams;
mod thing;
mod watch;

#[cfg(test)]
mod tests;

pub use core::{Asking, Came, Core, Judged, MemoryUse};
pub use feed::{Applied, Begin, Begun};
pub use held::{Hold, Holding, Over};
pub use held_body::HeldBody;
pub use known::{Answer, Asked, Known};
pub use layer::{Access, AuthorizeLayer, AuthorizeService, ByGrpcPath, ByRequest, Needs};
pub use lease::Lease;
pub use rules::{Rule, Rules};
pub use settings::{MAX_STALENESS, MEMORY, Settings};
pub use source::{CachedDecisions, Parts, Watching};
pub use stats::Stats;
pub use streams::{Broken, Echo, Nonce, StreamId};
pub use thing::Thing;
