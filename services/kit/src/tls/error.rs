//! Why files cannot be used for TLS.

use std::path::PathBuf;

use crate::keyfile::{KeyFileError, shown};

/// Why files cannot be used for TLS. Each case says what to do, and none repeats what is in a file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file with certificates cannot be read.
    #[error("cannot read the certificates in {}: {source}", shown(.file))]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds no certificate.
    #[error("{} holds no certificate: it must have one or more `-----BEGIN CERTIFICATE-----` blocks, and all of them whole", shown(.file))]
    NoCertificate {
        /// Which.
        file: PathBuf,
    },
    /// A certificate is none.
    #[error("{} holds a certificate that cannot be read: make it anew", shown(.file))]
    Certificate {
        /// Which.
        file: PathBuf,
    },
    /// The private key's file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A file holds no private key.
    #[error("{} holds no private key: it must have a `-----BEGIN PRIVATE KEY-----` block, not encrypted", shown(.file))]
    NoKey {
        /// Which.
        file: PathBuf,
    },
    /// Certificate and key do not belong together, or the key is of a kind that is not used.
    #[error("the certificate in {} and the key in {} cannot be used together: {source}", shown(.certificate), shown(.key))]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the library said.
        source: rustls::Error,
    },
    /// The certificates that tell who calls.
    #[error("the CA in {} cannot be used: {rule}", shown(.file))]
    Ca {
        /// Which.
        file: PathBuf,
        /// What the library said.
        rule: String,
    },
    /// A certificate that no other service would take for a service's.
    #[error("the certificate in {} names no service: its one URI must be spiffe://passgate/ROLE/INSTANCE, ROLE being gateway, identity or token", shown(.file))]
    NotAService {
        /// Which.
        file: PathBuf,
    },
    /// The library cannot be set up, which a build does not let happen.
    #[error("TLS cannot be set up: {0}")]
    Library(#[source] rustls::Error),
}
