//! Where decisions come from. The token service decides in its own process; everybody else asks it, by
//! [`DecisionClient`](crate::client::DecisionClient).

use std::fmt;
use std::time::Duration;

use crate::convert::Unreadable;
use crate::decision::{Decision, Question};

/// Answers questions.
#[tonic::async_trait]
pub trait DecisionSource: Send + Sync + fmt::Debug {
    /// Decides, now. A denial is an answer.
    ///
    /// # Errors
    /// If it cannot be known. Then the request is refused, with `UNDECIDABLE`: what cannot be known is never allowed.
    async fn decide(&self, question: &Question) -> Result<Decision, Undecidable>;
}

/// Why there is no decision. Callers get one text and reason for all of these; the cause goes to the log.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Undecidable {
    /// The token service did not answer, or not in time.
    #[error("it cannot be decided now whether this is allowed: the token service did not answer; try again")]
    Unreachable(#[source] Option<Box<tonic::Status>>),
    /// The token service says that it does not know: its own evidence is too old, or the change asked for has not arrived.
    #[error("it cannot be decided now whether this is allowed: the token service is not up to date; try again")]
    NotUpToDate(#[source] Option<Box<tonic::Status>>),
    /// The token service does not take the service credential of this process.
    #[error("it cannot be decided whether this is allowed: the token service refuses this service's credential")]
    NotTrusted(#[source] Box<tonic::Status>),
    /// The token service refuses the question itself, such as a change mark of another installation.
    #[error("the question was refused: {}", .0.message())]
    BadQuestion(#[source] Box<tonic::Status>),
    /// The answer was too old when it came.
    #[error(
        "it cannot be decided now whether this is allowed: what is known is {age:?} old, and may be {bound:?}; try again"
    )]
    Stale {
        /// How old what it rests on was.
        age: Duration,
        /// How old it may be.
        bound: Duration,
    },
    /// So many questions are being asked that this one is not.
    #[error("it cannot be decided now whether this is allowed: too much is being asked at once; try again")]
    Busy,
    /// The answer cannot be read.
    #[error("it cannot be decided whether this is allowed: the token service's answer cannot be read")]
    BadAnswer(#[from] Unreadable),
}
