//! One request on its way through.

use std::net::SocketAddr;

use http::request::Parts;
use hyper::body::Incoming;
use passgate_kit::client::credential::Credential;
use passgate_kit::client::credential::CredentialError;
use passgate_kit::client::headers::AT_LEAST_HEADER;
use tokio::time::Instant;

use super::headers;
use super::judge::Presented;
use super::refusal::{Refusal, Speech};

/// A request whose head is checked, and from which the credential and what callers may not say are taken.
pub(super) struct Call {
    pub(super) parts: Parts,
    pub(super) body: Incoming,
    pub(super) peer: SocketAddr,
    pub(super) speech: Speech,
    pub(super) arrived: Instant,
    presented: Presented,
}

impl Call {
    /// Takes out of the head what must not go on.
    pub(super) fn take(mut parts: Parts, body: Incoming, peer: SocketAddr) -> Result<Self, Refusal> {
        if headers::has_token_where_it_is_logged(&parts.headers) {
            return Err(Refusal::MisplacedToken);
        }
        headers::strip_asserted(&mut parts.headers);
        let mut presented = Credential::take(&mut parts.headers);
        // A token in a header of somebody's own is no credential, and no upstream's business either.
        if headers::strip_misplaced_tokens(&mut parts.headers) && matches!(presented, Ok(None)) {
            presented = Err(CredentialError);
        }
        let speech = Speech::of(&parts.headers);
        Ok(Self { parts, body, peer, speech, arrived: Instant::now(), presented })
    }

    /// The credential. The second time there is none.
    pub(super) fn presented(&mut self) -> Presented {
        std::mem::replace(&mut self.presented, Ok(None))
    }

    /// The refusal for what the right is there for, and nothing else.
    pub(super) fn nothing_there(&self) -> Refusal {
        match self.speech {
            Speech::Grpc => Refusal::NoSuchMethod,
            Speech::Http => Refusal::NothingThere,
        }
    }

    /// The change mark that the decision must not be older than.
    pub(super) fn at_least(&self) -> Option<String> {
        self.parts.headers.get(AT_LEAST_HEADER).and_then(|mark| mark.to_str().ok()).map(str::to_owned)
    }
}
