//! The name of a service in its certificate.

use std::fmt;

use passgate_proto::access::Role;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::credentials::is_instance;

/// What every name begins with: the trust domain is the installation, whose CA is its own.
const PREFIX: &str = "spiffe://passgate/";

/// `spiffe://passgate/{role}/{instance}`, such as `spiffe://passgate/gateway/gateway-1`: in this spelling and no other, as
/// the one URI among a certificate's subject alternative names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName {
    /// `gateway`, `identity` or `token`.
    pub role: Role,
    /// `[a-z0-9][a-z0-9-]{0,62}`.
    pub instance: String,
}

impl ServiceName {
    /// Reads a name; `None` if it is none.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        let (role, instance) = uri.strip_prefix(PREFIX)?.split_once('/')?;
        let role = match role {
            "gateway" => Role::Gateway,
            "identity" => Role::Identity,
            "token" => Role::Token,
            _ => return None,
        };
        is_instance(instance).then(|| Self { role, instance: instance.to_owned() })
    }

    /// The name in a certificate, in DER; `None` if it names no service, or more than one URI.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok()??;
        let mut uris = names.value.general_names.iter().filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        match (uris.next(), uris.next()) {
            (Some(uri), None) => Self::parse(uri),
            _ => None,
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            Role::Gateway => "gateway",
            Role::Identity => "identity",
            Role::Token => "token",
        };
        write!(out, "{PREFIX}{role}/{}", self.instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_exact_or_none() {
        for good in ["spiffe://passgate/gateway/gateway-1", "spiffe://passgate/identity/a", "spiffe://passgate/token/0"]
        {
            assert_eq!(ServiceName::parse(good).map(|name| name.to_string()).as_deref(), Some(good));
        }
        for wrong in [
            "",
            "spiffe://passgate/",
            "spiffe://passgate/gateway",
            "spiffe://passgate/gateway/",
            "spiffe://passgate/gateway/*",
            "spiffe://passgate/*/gateway-1",
            "spiffe://passgate/gateway/gateway-1/",
            "spiffe://passgate/gateway/gateway-1/x",
            "spiffe://passgate//gateway/gateway-1",
            "spiffe://passgate/admin/gateway-1",
            "spiffe://passgate/Gateway/gateway-1",
            "spiffe://passgate/gateway/Gateway-1",
            "spiffe://passgate/gateway/gateway-1\0",
            "spiffe://passgate/gateway/gateway-1\0.evil.example",
            "spiffe://passgate/gateway/gateway%2d1",
            "spiffe://passgate/gateway/gateway-1?x",
            "spiffe://passgate/gateway/gateway-1#x",
            "spiffe://passgate:443/gateway/gateway-1",
            "spiffe://u@passgate/gateway/gateway-1",
            "spiffe://passgate.example/gateway/gateway-1",
            "spiffe://other/gateway/gateway-1",
            "SPIFFE://passgate/gateway/gateway-1",
            "https://passgate/gateway/gateway-1",
            " spiffe://passgate/gateway/gateway-1",
        ] {
            assert_eq!(ServiceName::parse(wrong), None, "{wrong:?}");
        }
    }
}
