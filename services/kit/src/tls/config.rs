//! How configuration writes TLS.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The certificate of a port that anybody may call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The certificate and those between it and its CA, in PEM, the port's own first.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM (PKCS #8, PKCS #1 or SEC 1), in a file that only this user can read.
    pub key_file: PathBuf,
}

/// The certificate of a port that other services call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// The certificate and those between it and its CA, in PEM, the port's own first.
    pub certificate_file: PathBuf,
    /// Its private key, in PEM (PKCS #8, PKCS #1 or SEC 1), in a file that only this user can read.
    pub key_file: PathBuf,
    /// The CA, in PEM, whose certificates tell which service calls. Left out, no certificate is asked for.
    #[serde(default)]
    pub client_ca_file: Option<PathBuf>,
}

/// How other services are called at `https://` addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkTls {
    /// The CA, in PEM, that their certificates are of: only it is trusted. Left out, whom the operating system trusts.
    pub ca_file: Option<PathBuf>,
    /// The certificate by which they know this service, in PEM. Left out, they know it by its credential only.
    pub certificate_file: Option<PathBuf>,
    /// Its private key, in a file that only this user can read.
    pub key_file: Option<PathBuf>,
}

impl From<CertificateFiles> for ListenerTls {
    fn from(files: CertificateFiles) -> Self {
        let CertificateFiles { certificate_file, key_file } = files;
        Self { certificate_file, key_file, client_ca_file: None }
    }
}

impl ListenerTls {
    /// Every file.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        [&self.certificate_file, &self.key_file].into_iter().chain(&self.client_ca_file).cloned().collect()
    }
}

impl LinkTls {
    /// One that trusts certificates of this CA only, or those that the system trusts.
    #[must_use]
    pub fn trusting(ca_file: Option<&Path>) -> Self {
        Self { ca_file: ca_file.map(Path::to_owned), ..Self::default() }
    }

    /// Checks what the types do not. The text fits a violation of the key that this is the value of.
    ///
    /// # Errors
    /// If one half of the certificate's pair is missing.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.certificate_file.is_some() == self.key_file.is_some() {
            Ok(())
        } else {
            Err("must have both certificate_file and key_file, or neither")
        }
    }

    /// Certificate and key of this service.
    pub(super) fn pair(&self) -> Option<(&Path, &Path)> {
        self.certificate_file.as_deref().zip(self.key_file.as_deref())
    }

    /// Every file.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        [&self.ca_file, &self.certificate_file, &self.key_file].into_iter().flatten().cloned().collect()
    }
}
