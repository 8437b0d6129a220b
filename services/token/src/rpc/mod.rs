//! The contracts' side: one file per gRPC service. It knows messages and the domain, and neither database nor signatures.

mod audit;
mod authorization;
mod change;
mod convert;
mod fields;
mod issuing;
mod key;
mod token;

pub use audit::AuditRpc;
pub use authorization::AuthorizationRpc;
pub use change::{ChangeRpc, keys as keys_message};
pub use issuing::IssuingRpc;
pub use key::KeyRpc;
pub use token::TokenRpc;
