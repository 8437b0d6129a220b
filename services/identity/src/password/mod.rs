//! Passwords: which are good enough, and how they are hashed.
//!
//! A password is normalised once, to Unicode NFC, before it is hashed or compared, as RFC 8265's OpaqueString does; beyond
//! that nothing is changed, cut or mapped. At least 15 code points (NIST SP 800-63B-4 for a single factor), at most 1,024
//! bytes, no NUL.

mod argon;
mod common;
mod hash;
mod rules;

pub use hash::{Hasher, HasherConfig, PasswordHash};
pub use rules::{NewPassword, Password, PasswordError};
