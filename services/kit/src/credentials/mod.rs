//! Service credentials: how Passgate's services know each other.
//!
//! A secret is `pgs_{instance}_{43 characters of base62}`, 256 bits. Its holder keeps it in a 0600 file; whoever accepts it
//! keeps only its SHA-256, in a file of instances and roles. An instance may have two at a time, for rotation. A line that
//! is taken out of the file stops working at once, also on streams that are open.

mod accepted;
mod error;
mod file;
mod secret;
#[cfg(test)]
mod tests;

pub use self::accepted::{Accepted, GRACE};
pub use self::error::CredentialsError;
pub use self::file::{AcceptedLine, Edit, RoleName, SECRETS_PER_INSTANCE, accept, add, remove};
pub(crate) use self::secret::is_instance;
pub use self::secret::{fingerprint, generate};
