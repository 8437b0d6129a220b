//! Named tokens: making them, changing them, taking them away.
//!
//! Every change is one transaction with its line in the feed. What a call gives is contained in what its caller holds
//! ([`power`]), judged in that transaction. An answer leaves once this replica's memory contains the change: so a token that
//! was revoked is refused on the very next call here, and elsewhere within the bound.

mod change;
mod create;
mod examples;
mod lifetime;
pub(crate) mod lines;
mod model;
mod new;
mod power;
mod prepare;
pub mod provisional;
mod revoke;
mod tokens;

pub use change::TokenChange;
pub use create::Issued;
pub use examples::Examples;
pub use lifetime::{Lifetime, LifetimeRules};
pub use model::{Creation, Life, Secret, State, Token};
pub use new::{NewToken, parse_scopes};
pub use prepare::Preparation;
pub use revoke::revoke_again;
pub use tokens::Tokens;

/// How many live tokens an owner has at most.
pub const MAX_LIVE_TOKENS: usize = 200;
