//! Signing keys: the only code that touches private halves.
//!
//! A key lies in the database sealed with the master key. The first one is made under the row of the installation, so that
//! of many replicas that start at once exactly one makes it.

mod first;
mod ring;
mod seal;
mod signer;

pub use first::make_sure;
pub use ring::{KeyFailure, Keys, ListedKey};
pub use seal::{MasterKey, SealError};
pub use signer::{Signer, SignerError};
