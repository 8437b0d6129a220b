//! A step of the demo, as data: what is called, with whose token, and which answer is the right one.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use prost::Message;
use tonic::Code;

use super::world::{To, World};

/// A chapter: a heading and its steps.
pub struct Chapter {
    /// What the chapter shows.
    pub title: &'static str,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// One call and the answer that it must get.
pub struct Step {
    /// What it shows, for people.
    pub title: &'static str,
    /// What is called.
    pub call: Call,
    /// The right answer.
    pub expect: Expect,
}

/// What a step calls.
pub enum Call {
    /// A gRPC method.
    Rpc(Rpc),
    /// A named endpoint on the gateway's data port.
    Http(Http),
    /// Nothing: time passes.
    Wait(Duration),
}

/// A unary gRPC call.
pub struct Rpc {
    /// Where to.
    pub to: To,
    /// `package.Service/Method`.
    pub method: &'static str,
    /// The token that is sent, by the name it was kept under.
    pub token: Option<&'static str>,
    /// Makes the request.
    pub request: fn(&World) -> Result<Body>,
    /// Reads a good answer: keeps what later steps need, and says what the screen shows.
    pub read: fn(&mut World, &[u8]) -> Result<String>,
}

/// An HTTP request to a named endpoint.
pub struct Http {
    /// `GET`, `POST` …
    pub method: http::Method,
    /// The path on the gateway.
    pub path: &'static str,
    /// The token that is sent, by the name it was kept under.
    pub token: Option<&'static str>,
}

/// The right answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// gRPC `OK`, HTTP 200, or time that has passed.
    Good,
    /// A gRPC refusal with this code and reason.
    Refused(Code, &'static str),
    /// An HTTP refusal with this status and reason.
    Status(u16, &'static str),
}

impl Expect {
    /// True if `outcome` is this answer, its reason included.
    #[must_use]
    pub fn is(self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Good, Outcome::Good) => true,
            (Self::Refused(code, reason), Outcome::Refused(got, said)) => code == *got && reason == said,
            (Self::Status(status, reason), Outcome::Status(got, said)) => status == *got && reason == said,
            (Self::Good | Self::Refused(..) | Self::Status(..), _) => false,
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => out.write_str("OK"),
            Self::Refused(code, reason) => write!(out, "{code:?} {reason}"),
            Self::Status(status, reason) => write!(out, "{status} {reason}"),
        }
    }
}

/// What an answer was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// See [`Expect::Good`].
    Good,
    /// See [`Expect::Refused`].
    Refused(Code, String),
    /// See [`Expect::Status`]; also an upstream's own answer other than 200, which has no reason.
    Status(u16, String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => out.write_str("OK"),
            Self::Refused(code, reason) => write!(out, "{code:?} {reason}"),
            Self::Status(status, reason) => write!(out, "{status} {reason}"),
        }
    }
}

/// A request's bytes, and what the screen shows of it.
pub struct Body {
    /// The encoded message.
    pub bytes: Vec<u8>,
    /// The fields worth reading, never a secret.
    pub shown: String,
}

impl Body {
    /// A message, shown as `shown`.
    pub fn of(message: &impl Message, shown: impl Into<String>) -> Self {
        Self { bytes: message.encode_to_vec(), shown: shown.into() }
    }
}

/// The first characters of a secret: enough to recognise it, too few to use.
#[must_use]
pub fn glimpse(secret: &str) -> String {
    let start: String = secret.chars().take(12).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_another_reason_is_a_wrong_answer() {
        let wanted = Expect::Refused(Code::PermissionDenied, "NO_SCOPE");

        assert!(wanted.is(&Outcome::Refused(Code::PermissionDenied, "NO_SCOPE".to_owned())));
        assert!(!wanted.is(&Outcome::Refused(Code::PermissionDenied, "NO_GRANT".to_owned())));
        assert!(!wanted.is(&Outcome::Refused(Code::Unauthenticated, "NO_SCOPE".to_owned())));
        assert!(!wanted.is(&Outcome::Good));
    }
}
