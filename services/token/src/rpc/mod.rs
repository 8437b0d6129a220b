//! The contracts' side: one file per gRPC service. It knows messages and the domain, and neither database nor signatures.

mod authorization;
mod convert;
mod fields;
mod issuing;
mod key;
mod token;

pub use authorization::AuthorizationRpc;
pub use issuing::IssuingRpc;
pub use key::KeyRpc;
pub use token::TokenRpc;
