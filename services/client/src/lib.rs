//! What a Rust service needs to authorize calls with Passgate.
//!
//! Three layers, each usable without the next:
//!
//! 1. **Words** that everything shares, parsed once at the edge: [`id`]s, [`name`]s and [`route`] names, [`resource`]s and
//!    [`action`]s, [`pattern`]s and [`scopes`], [`reason`]s, [`position`]s; and what code takes from its surroundings,
//!    [`clock`], [`ambient`] and, in a simulation, a [`world`].
//! 2. **Guards** over what was presented: [`credential`] finds the one token of a request and takes it out, [`verifier`]
//!    says with a [`keyset`] whether it is genuine, and what it [claims]. What writes answer is a [`mark`].
//! 3. **Decisions**: a [`decision`] answers a question, a [`source`] makes decisions, [`client`] asks the token service.

// The example is run by a test, and names this crate as its users do.
#[cfg(test)]
extern crate self as passgate_client;

pub mod action;
pub mod ambient;
pub mod claims;
pub mod client;
pub mod clock;
pub mod convert;
pub mod credential;
pub mod decider;
pub mod decision;
pub mod headers;
pub mod id;
pub mod keyset;
pub mod labels;
pub mod mark;
pub mod name;
pub mod pattern;
pub mod patterns;
pub mod position;
pub mod reason;
pub mod resource;
pub mod route;
pub mod scopes;
pub mod secret;
pub mod source;
pub mod verifier;
pub mod world;

pub use action::Action;
pub use ambient::{Ambient, Random, SeededRandom, SystemRandom};
pub use claims::{Claims, TokenKind};
pub use client::DecisionClient;
pub use clock::{Clock, ManualClock, Moment, SystemClock};
pub use credential::{Credential, CredentialError, looks_like_token};
pub use decider::CachedDecisions;
pub use decision::{Allowed, Decision, Denied, Holder, Question, RestsOn};
pub use headers::{AT_LEAST_HEADER, ERROR_DOMAIN, MARK_HEADER, PEER_HEADER, REASON_HEADER, SERVICE_HEADER};
pub use id::{ApiUserId, GroupId, IdError, Jti, Principal, PrincipalKind, TokenId, UserId};
pub use keyset::{KeyError, KeySet, KeyState, Kid, PublicKey};
pub use labels::{LabelError, Labels};
pub use mark::{ChangeMark, MarkError, MarkKey};
pub use name::{Description, Name, NameError};
pub use pattern::{Pattern, PatternError};
pub use patterns::{MAX_PATTERNS, MAX_SCOPE_BYTES, Patterns};
pub use position::{ChangeNumber, FeedId, Position, Vector};
pub use reason::Reason;
pub use resource::{Resource, ResourceError};
pub use route::{EndpointName, MethodName, RouteNameError, ServiceName};
pub use scopes::{ScopeClaimError, Scopes};
pub use secret::SecretString;
pub use source::{DecisionSource, Undecidable};
pub use verifier::{Refusal, Verified, verify};
