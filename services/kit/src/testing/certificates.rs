//! Throw-away CAs and certificates for tests. Each is made anew: nothing secret is in the source.

#![expect(clippy::expect_used, reason = "a test that lacks its certificates must fail")]

use std::path::{Path, PathBuf};

use passgate_client::Ambient;
use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use time::{Duration, OffsetDateTime};

use crate::keyfile::write_new_secret;
use crate::tls::{CertificateFiles, ListenerTls};

/// A CA.
#[derive(Debug)]
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Ca {
    /// A new one.
    ///
    /// # Panics
    /// If there is no randomness.
    #[must_use]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Certificates name their CA: two CAs of one name could not be told apart.
        let number: String = key.public_key_raw().iter().rev().take(8).map(|byte| format!("{byte:02x}")).collect();
        params.distinguished_name.push(DnType::CommonName, format!("CA {number} for one test"));
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for what stands after `dns:`, `ip:` and `uri:` in `names`, good for a day.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> Pair {
        self.issue_until(names, Ambient::system().now() + Duration::DAY)
    }

    /// The same, good until `end`.
    ///
    /// # Panics
    /// If a name is none.
    #[must_use]
    pub fn issue_until(&self, names: &[&str], end: OffsetDateTime) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.subject_alt_names = names.iter().map(|name| san(name)).collect();
        params.not_before = end - Duration::days(30);
        params.not_after = end;
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// Writes the CA's own certificate into `folder`, and says where.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, &self.pem).expect("written");
        file
    }
}

impl Default for Ca {
    fn default() -> Self {
        Self::new()
    }
}

impl Pair {
    /// Writes both into `folder` as `{name}.pem` and `{name}.key`, in the place of what is there, and says where.
    ///
    /// # Panics
    /// If they cannot be written.
    #[must_use]
    pub fn write(&self, folder: &Path, name: &str) -> CertificateFiles {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        let files = CertificateFiles { certificate_file: file("pem"), key_file: file("key") };
        std::fs::write(&files.certificate_file, &self.certificate).expect("written");
        let _ = std::fs::remove_file(&files.key_file); // there is none at first
        write_new_secret(&files.key_file, &self.key).expect("written");
        files
    }
}

impl CertificateFiles {
    /// For a port whose callers may have certificates of the CA in `file`.
    #[must_use]
    pub fn for_services_of(self, file: PathBuf) -> ListenerTls {
        ListenerTls { client_ca_file: Some(file), ..self.into() }
    }
}

fn san(name: &str) -> SanType {
    let ia5 = |text: &str| Ia5String::try_from(text.to_owned()).expect("ASCII");
    match name.split_once(':') {
        Some(("dns", name)) => SanType::DnsName(ia5(name)),
        Some(("ip", address)) => SanType::IpAddress(address.parse().expect("an address")),
        Some(("uri", uri)) => SanType::URI(ia5(uri)),
        _ => SanType::Rfc822Name(ia5(name)),
    }
}
