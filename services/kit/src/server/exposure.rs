//! What goes over a network unencrypted can be read and changed on the way, tokens and credentials among it. So plaintext
//! stays on this machine: a port elsewhere has TLS, and so has an address, unless a setting with an ugly name says that something else protects the network.

use std::net::{IpAddr, SocketAddr};

use http::Uri;

/// The name of that setting, the same in every service's configuration.
pub const SETTING: &str = "dangerously_plaintext_off_loopback";

/// Where plaintext may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// To this machine only.
    Loopback,
    /// Anywhere: somebody set [`SETTING`].
    Anywhere,
}

/// Plaintext where it must not go. The text fits a violation of the key that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExposureError {
    /// To listen off loopback.
    #[error(
        "must be a loopback address, not {address}: tokens would be readable on the network; give the port a \
         certificate with `tls`, or set {SETTING} = true if the network between protects them"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
    },
    /// To dial off loopback.
    #[error(
        "must name a loopback address: tokens and credentials would be readable on the network; use https://, or set \
         {SETTING} = true if the network between protects them"
    )]
    Dial,
}

impl Exposure {
    /// By what [`SETTING`] says.
    #[must_use]
    pub const fn by_setting(plaintext_off_loopback: bool) -> Self {
        if plaintext_off_loopback { Self::Anywhere } else { Self::Loopback }
    }

    /// Whether a port may be opened at `address` without TLS.
    ///
    /// # Errors
    /// If it is off loopback, and nobody said that this is wanted.
    pub fn check_listen(self, address: SocketAddr) -> Result<(), ExposureError> {
        match self {
            Self::Anywhere => Ok(()),
            Self::Loopback if address.ip().to_canonical().is_loopback() => Ok(()),
            Self::Loopback => Err(ExposureError::Listen { address }),
        }
    }

    /// Whether another service may be called at `url` without TLS. What is no URL with a host is somebody else's to refuse.
    ///
    /// # Errors
    /// If it is off loopback, and nobody said that this is wanted.
    pub fn check_url(self, url: &str) -> Result<(), ExposureError> {
        let uri: Option<Uri> = url.parse().ok();
        let is_secure = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
        match uri.as_ref().and_then(Uri::host) {
            Some(host) if self == Self::Loopback && !is_secure && !is_loopback(host) => Err(ExposureError::Dial),
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether every resolver takes `host` for this machine: a loopback address, or `localhost` (RFC 6761 §6.3).
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn plaintext_off_loopback_is_refused_by_the_name_of_the_setting_that_allows_it() {
        for inside in ["127.0.0.1:80", "127.9.9.9:0", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert_eq!(Exposure::Loopback.check_listen(address(inside)), Ok(()), "{inside}");
        }
        for outside in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
            let error = Exposure::Loopback.check_listen(address(outside)).expect_err(outside).to_string();
            assert!(error.contains(SETTING) && error.contains(outside), "{error}");
            assert_eq!(Exposure::Anywhere.check_listen(address(outside)), Ok(()), "{outside}");
        }
    }

    #[test]
    fn dialling_in_plaintext_off_loopback_is_refused_too() {
        for inside in [
            "http://127.0.0.1:9082",
            "http://[::1]:9082",
            "http://localhost:9082",
            "http://LOCALHOST",
            "",
            "x y",
            "https://token",
        ] {
            assert_eq!(Exposure::Loopback.check_url(inside), Ok(()), "{inside}");
        }
        for outside in
            ["http://token:9082", "http://192.0.2.1:9082", "http://localhost.example:9082", "http://127.0.0.1.nip.io"]
        {
            let error = Exposure::Loopback.check_url(outside).expect_err(outside).to_string();
            assert!(error.contains(SETTING), "{error}");
            assert_eq!(Exposure::Anywhere.check_url(outside), Ok(()), "{outside}");
        }
    }
}
