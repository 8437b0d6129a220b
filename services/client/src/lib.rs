//! What a Rust service needs to authorize calls with Passgate.
//!
//! Three layers, each usable without the next:
//!
//! 1. **Words** that everything shares, parsed once at the edge: [`id`]s, [`name`]s and [`route`] names, [`resource`]s and
//!    [`action`]s, [`pattern`]s and [`scopes`], [`reason`]s, [`position`]s; and what code takes from its surroundings,
//!    [`clock`] and [`ambient`].

pub mod action;
pub mod ambient;
pub mod clock;
pub mod id;
pub mod labels;
pub mod name;
pub mod pattern;
pub mod patterns;
pub mod position;
pub mod reason;
pub mod resource;
pub mod route;
pub mod scopes;
pub mod secret;

pub use action::Action;
pub use ambient::{Ambient, Random, SeededRandom, SystemRandom};
pub use clock::{Clock, ManualClock, Moment, SystemClock};
pub use id::{ApiUserId, GroupId, IdError, Jti, Principal, PrincipalKind, TokenId, UserId};
pub use labels::{LabelError, Labels};
pub use name::{Description, Name, NameError};
pub use pattern::{Pattern, PatternError};
pub use patterns::{MAX_PATTERNS, MAX_SCOPE_BYTES, Patterns};
pub use position::{ChangeNumber, FeedId, Position, Vector};
pub use reason::Reason;
pub use resource::{Resource, ResourceError};
pub use route::{EndpointName, MethodName, RouteNameError, ServiceName};
pub use scopes::{ScopeClaimError, Scopes};
pub use secret::SecretString;
