//! Reading certificates and keys.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::TlsError;
use crate::keyfile::read_secret;

/// More than any chain or collection of CAs.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The one crypto provider. It is always named, so that no process-wide default decides.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The certificates in `file`: one at least.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { file: file.to_owned(), source };
    let mut text = Vec::new();
    File::open(file).and_then(|open| open.take(MAX_BYTES).read_to_end(&mut text)).map_err(unreadable)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let none = || TlsError::NoCertificate { file: file.to_owned() };
    read.ok().filter(|certificates| !certificates.is_empty()).ok_or_else(none)
}

/// The private key in `file`, which nobody else may read.
pub(super) fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read_secret(file)?;
    PrivateKeyDer::from_pem_slice(text.expose().as_bytes()).map_err(|_| TlsError::NoKey { file: file.to_owned() })
}

/// The CAs in `file`, and no others.
pub(super) fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|_| TlsError::Certificate { file: file.to_owned() })?;
    }
    Ok(roots)
}

/// The CAs that the operating system trusts.
pub(super) fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            errors = ?found.errors,
            "the operating system trusts no CA, so no https:// address without a CA of its own can be called: install \
             its CA certificates, or set SSL_CERT_FILE"
        );
    }
    roots
}
