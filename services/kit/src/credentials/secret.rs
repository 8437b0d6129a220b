//! The form of a service secret: `pgs_{instance}_{43 characters of base62}`, 256 bits.

use aws_lc_rs::digest::{SHA256, digest};
use passgate_client::{Ambient, SecretString};

use super::CredentialsError;

/// A new secret for `instance`.
///
/// # Errors
/// If the instance's name is none.
pub fn generate(instance: &str, ambient: &Ambient) -> Result<SecretString, CredentialsError> {
    if !is_instance(instance) {
        return Err(CredentialsError::Instance);
    }
    Ok(SecretString::new(format!("pgs_{instance}_{}", ambient.secret_base62(256).expose())))
}

/// What stands for a secret: its SHA-256. It opens nothing.
#[must_use]
pub fn fingerprint(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

pub(crate) fn is_instance(text: &str) -> bool {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    starts
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(super) fn instance_of(secret: &str) -> Option<&str> {
    let (instance, random) = secret.strip_prefix("pgs_")?.split_once('_')?;
    let is_random = random.len() == 43 && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_instance(instance) && is_random).then_some(instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_a_plain_name() {
        for wrong in ["", "-a", "A", "a_b", "a b", &"a".repeat(64)] {
            assert!(generate(wrong, &Ambient::system()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_secret_names_its_instance() {
        let secret = generate("gateway-1", &Ambient::system()).unwrap();

        assert_eq!(instance_of(secret.expose()), Some("gateway-1"));
        assert_eq!(instance_of("pgs_gateway-1_short"), None);
    }
}
