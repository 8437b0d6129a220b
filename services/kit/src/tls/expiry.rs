//! Until when a certificate counts, and saying so in time.

use std::path::Path;

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TlsError;
use crate::keyfile::shown;

/// How many days before the end it is said.
const DAYS: i64 = 14;

/// When the first certificate of `file`'s chain stops to count.
pub(super) fn not_after(file: &Path, chain: &[CertificateDer<'_>]) -> Result<OffsetDateTime, TlsError> {
    let wrong = || TlsError::Certificate { file: file.to_owned() };
    let first = chain.first().ok_or_else(wrong)?;
    let (_, read) = X509Certificate::from_der(first).map_err(|_| wrong())?;
    OffsetDateTime::from_unix_timestamp(read.validity().not_after.timestamp()).map_err(|_| wrong())
}

/// What was said of a certificate's end: once a day, not at every look.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<Option<(OffsetDateTime, i64)>>);

impl Said {
    /// Says that the certificate in `file` ends soon, or has ended, if that is so at `now` and was not said today.
    pub(super) fn say(&self, file: &Path, not_after: OffsetDateTime, now: OffsetDateTime) {
        let days = (not_after - now).whole_days();
        let said = self.0.lock().replace((not_after, days));
        if said == Some((not_after, days)) {
            return;
        }
        let file = shown(file);
        if now >= not_after {
            tracing::error!(%not_after, "the certificate in {file} has expired, and nobody accepts it: put a new one there");
        } else if days < DAYS {
            tracing::warn!(%not_after, "the certificate in {file} expires in {days} days: put a new one there");
        } else if said.map(|(before, _)| before) != Some(not_after) {
            tracing::info!(%not_after, "the certificate in {file} counts until {not_after}");
        }
    }
}
