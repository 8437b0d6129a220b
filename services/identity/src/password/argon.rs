//! argon2id whose memory is given back.
//!
//! The library takes its 19 MiB from the allocator, and glibc keeps a freed block of that size for the next one: four
//! threads that each hashed once held 80 MiB for ever. A block of more than 32 MiB comes from the system and goes back to
//! it (`M_MMAP_THRESHOLD` grows no further, mallopt(3)). So more is asked for than is touched: what is not touched costs
//! nothing.

use argon2::password_hash::{self, Decimal, Ident, Output, ParamsString, PasswordHash, PasswordHasher, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// The least that is asked for, in blocks of 1 KiB.
const AT_LEAST: usize = 33 * 1024;

/// Hashes, and by that checks, passwords.
#[derive(Debug)]
pub(super) struct Argon {
    params: Params,
}

impl Argon {
    /// argon2id, version 0x13, with these costs.
    pub(super) const fn new(params: Params) -> Self {
        Self { params }
    }
}

impl PasswordHasher for Argon {
    type Params = Params;

    fn hash_password<'a>(&self, password: &[u8], salt: impl Into<Salt<'a>>) -> password_hash::Result<PasswordHash<'a>> {
        hash(Algorithm::Argon2id, Version::V0x13, &self.params, password, salt.into())
    }

    fn hash_password_customized<'a>(
        &self,
        password: &[u8],
        algorithm: Option<Ident<'a>>,
        version: Option<Decimal>,
        params: Params,
        salt: impl Into<Salt<'a>>,
    ) -> password_hash::Result<PasswordHash<'a>> {
        let algorithm = algorithm.map(Algorithm::try_from).transpose()?.unwrap_or(Algorithm::Argon2id);
        let version = version.map(Version::try_from).transpose()?.unwrap_or(Version::V0x13);
        hash(algorithm, version, &params, password, salt.into())
    }
}

fn hash<'a>(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: Salt<'a>,
) -> password_hash::Result<PasswordHash<'a>> {
    let mut decoded = [0; 64];
    let decoded = salt.decode_b64(&mut decoded)?;
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let mut blocks = blocks(params.block_count());
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let output = Output::init_with(length, |out| {
        Ok(argon2.hash_password_into_with_memory(password, decoded, out, &mut blocks)?)
    })?;
    Ok(PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(salt),
        hash: Some(output),
    })
}

fn blocks(count: usize) -> Vec<Block> {
    let mut blocks = Vec::with_capacity(count.max(AT_LEAST));
    blocks.resize(count, Block::default());
    blocks
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordVerifier as _, SaltString};

    use super::*;

    #[test]
    fn the_hash_is_the_librarys() {
        let params = Params::new(1024, 2, 1, None).expect("params");
        let salt = SaltString::encode_b64(&[7; 16]).expect("a salt");

        let ours = Argon::new(params.clone()).hash_password(b"correct horse", &salt).expect("a hash");
        let theirs = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(b"correct horse", &salt);

        assert_eq!(ours, theirs.expect("a hash"));
    }

    #[test]
    fn a_hash_of_other_costs_is_checked_by_those() {
        let salt = SaltString::encode_b64(&[7; 16]).expect("a salt");
        let stored = Argon::new(Params::new(512, 1, 1, None).expect("params"));
        let stored = stored.hash_password(b"correct horse", &salt).expect("a hash").to_string();
        let stored = PasswordHash::new(&stored).expect("a hash");
        let todays = Argon::new(Params::new(1024, 2, 1, None).expect("params"));

        assert!(todays.verify_password(b"correct horse", &stored).is_ok());
        assert!(todays.verify_password(b"correct horsf", &stored).is_err());
    }

    #[test]
    fn what_is_asked_for_is_more_than_the_allocator_keeps() {
        assert!(blocks(8).capacity() * size_of::<Block>() > 32 << 20);
        assert_eq!(blocks(8).len(), 8);
    }
}
