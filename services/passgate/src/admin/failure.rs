//! What can go wrong with a verb, and how a person and a script are told: the one place where a gRPC status becomes words and
//! an exit code.
//!
//! Each failure says what is wrong, with which field, and what to do. None holds a secret: requests are never part of it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use passgate_kit::client::{ERROR_DOMAIN, Reason};
use passgate_kit::keyfile::KeyFileError;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::advice::advice;
use super::exit::Exit;
use super::screen::plain;

/// No message is longer on a screen.
const LONGEST: usize = 2_000;

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server refused, or did not answer.
    #[error("{}", .0.message)]
    Refused(Box<Refused>),
    /// The command line does not fit together.
    #[error("{0}")]
    Usage(String),
    /// There is no credential to send.
    #[error("you are not signed in to {server}")]
    NotSignedIn {
        /// Which server.
        server: String,
    },
    /// Nothing has this name.
    #[error("{0}")]
    NotFound(String),
    /// More than one thing has this name.
    #[error("{name:?} fits more than one {kind}: name one by its id")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What kind of thing.
        kind: &'static str,
        /// What it fits, each with its id.
        candidates: Vec<String>,
    },
    /// A person said no, or nobody could be asked.
    #[error("{what}: not done, because {why}")]
    NotConfirmed {
        /// What was to be confirmed.
        what: String,
        /// Why it was not.
        why: &'static str,
        /// What would have broken.
        breaks: Vec<String>,
    },
    /// The question was answered with no. The answer is on the screen already.
    #[error("no")]
    No,
    /// A file for secrets cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The system refused.
    #[error("{what}: {source}")]
    Local {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The screen is gone: whoever read it has enough.
    #[error("the output cannot be written: {0}")]
    Screen(#[source] io::Error),
    /// An answer does not fit this program's contracts.
    #[error("the server's answer does not fit this program ({0}): use the passgate program of the server's version")]
    Contract(&'static str),
}

/// A refusal as the server told it.
#[derive(Debug)]
pub struct Refused {
    /// The gRPC code.
    pub code: Code,
    /// The stable reason; empty if the answer was not Passgate's own.
    pub reason: String,
    /// What is wrong, for people.
    pub message: String,
    /// Each wrong field with its rule.
    pub fields: Vec<(String, String)>,
    /// When trying again can help.
    pub retry_after: Option<Duration>,
    /// Which credential was sent, if the refusal is about it.
    pub sent: Option<String>,
    /// What to do besides, each a line.
    pub advice: Vec<String>,
}

impl Failure {
    /// What a status says. `server` is who was asked.
    #[must_use]
    pub fn of(status: &Status, server: &str) -> Self {
        let details = status.get_error_details();
        let ours = details.error_info().filter(|info| info.domain == ERROR_DOMAIN);
        let reason = ours.map(|info| info.reason.clone()).unwrap_or_default();
        let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        let fields: Vec<_> = violations.iter().map(|field| (field.field.clone(), field.description.clone())).collect();
        let message = match ours {
            None => foreign(status, server),
            // The message of several fields is the list of them, which follows line by line.
            Some(_) if fields.len() > 1 => format!("{} fields are wrong", fields.len()),
            Some(_) => status.message().to_owned(),
        };
        Self::Refused(Box::new(Refused {
            code: status.code(),
            advice: Reason::parse(&reason).and_then(advice).map(str::to_owned).into_iter().collect(),
            reason,
            message,
            fields,
            sent: None,
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }))
    }

    /// The same, with one more thing to do if the server is to be asked again.
    #[must_use]
    pub fn or_repeat(mut self, how: &str) -> Self {
        let helps = self.exit() == Exit::Unavailable;
        if let (Self::Refused(refused), true) = (&mut self, helps) {
            refused.advice.push(how.to_owned());
        }
        self
    }

    /// The reason, if the server told one.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(refused) => Reason::parse(&refused.reason),
            _ => None,
        }
    }

    /// How the verb ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(refused) => Exit::of(refused.code, refused.retry_after.is_some()),
            Self::Usage(_) => Exit::Usage,
            Self::NotSignedIn { .. } => Exit::Unauthenticated,
            Self::NotFound(_) => Exit::NotFound,
            Self::Ambiguous { .. } => Exit::Ambiguous,
            Self::NotConfirmed { .. } => Exit::NotConfirmed,
            Self::No => Exit::No,
            Self::Screen(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::File(_) | Self::Local { .. } | Self::Screen(_) | Self::Contract(_) => Exit::Failed,
        }
    }

    /// Tells it to a person: what is wrong, then a line for each thing to know.
    ///
    /// # Errors
    /// Fails if the screen does.
    pub fn tell(&self, screen: &mut dyn Write) -> io::Result<()> {
        let silent = matches!(self, Self::No) || self.exit() == Exit::Done;
        if silent {
            return Ok(());
        }
        writeln!(screen, "error: {}", plain(&self.to_string(), LONGEST))?;
        for line in self.lines() {
            writeln!(screen, "  {}", plain(&line, LONGEST))?;
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Self::Refused(refused) => refused.lines(),
            Self::NotSignedIn { .. } => vec!["do: run `passgate login`, or put a token into PASSGATE_TOKEN".to_owned()],
            Self::Ambiguous { candidates, .. } => candidates.iter().map(|one| format!("candidate: {one}")).collect(),
            Self::NotConfirmed { breaks, .. } => breaks.iter().map(|one| format!("it breaks: {one}")).collect(),
            _ => Vec::new(),
        }
    }
}

impl Refused {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.reason.is_empty() {
            lines.push(format!("reason: {}", self.reason));
        }
        lines.extend(self.sent.iter().map(|sent| format!("sent: {sent}")));
        lines.extend(self.fields.iter().map(|(field, rule)| format!("field {field}: {rule}")));
        if let Some(wait) = self.retry_after.filter(|wait| !wait.is_zero()) {
            lines.push(format!("again in: {}", humantime::format_duration(wait)));
        }
        lines.extend(self.advice.iter().map(|advice| format!("do: {advice}")));
        lines
    }
}

/// What is told of a status that is not one of Passgate's own refusals.
fn foreign(status: &Status, server: &str) -> String {
    let mut causes = String::new();
    let mut next = std::error::Error::source(status);
    while let Some(cause) = next {
        let _never_fails = write!(causes, ": {cause}");
        next = cause.source();
    }
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => format!(
            "{server} does not answer{causes}: is the gateway running there? (--server or PASSGATE_SERVER names another)"
        ),
        code => format!(
            "{server} answered as no gateway of Passgate does ({code:?}: {}{causes}): name the gateway's data port with --server",
            status.message()
        ),
    }
}

#[cfg(test)]
mod tests {
    use passgate_kit::problem::ERROR_DOMAIN;
    use tonic_types::ErrorDetails;

    use super::*;

    fn told(failure: &Failure) -> String {
        let mut screen = Vec::new();
        failure.tell(&mut screen).expect("a screen in memory");
        String::from_utf8(screen).expect("text")
    }

    fn refused(code: Code, reason: &str, message: &str, details: ErrorDetails) -> Failure {
        let mut details = details;
        details.set_error_info(reason, ERROR_DOMAIN, []);
        Failure::of(&Status::with_error_details(code, message, details), "http://here")
    }

    #[test]
    fn a_refusal_is_told_with_its_reason_and_every_wrong_field() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("name", "must not be empty");
        details.add_bad_request_violation("ttl", "must be at most 365 days");

        let failure = refused(
            Code::InvalidArgument,
            "INVALID_FIELD",
            "name: must not be empty; ttl: must be at most 365 days",
            details,
        );

        assert_eq!(
            told(&failure),
            "error: 2 fields are wrong\n  reason: INVALID_FIELD\n  field name: must not be empty\n  field ttl: must be at most 365 days\n"
        );
        assert_eq!(failure.exit(), Exit::InvalidField);
    }

    #[test]
    fn what_a_server_says_cannot_move_the_cursor() {
        let failure = refused(Code::NotFound, "NOT_FOUND", "no \u{1b}[2J\nerror: forged", ErrorDetails::new());

        assert_eq!(told(&failure), "error: no \\u{1b}[2J\\u{a}error: forged\n  reason: NOT_FOUND\n");
    }

    #[test]
    fn a_repeat_is_proposed_only_where_it_helps() {
        let away = refused(Code::Unavailable, "DEPENDENCY_UNAVAILABLE", "away", ErrorDetails::new()).or_repeat("again");
        let taken = refused(Code::AlreadyExists, "NAME_TAKEN", "taken", ErrorDetails::new()).or_repeat("again");

        assert!(told(&away).contains("do: again\n") && away.exit() == Exit::Unavailable);
        assert!(!told(&taken).contains("again") && taken.exit() == Exit::Conflict);
    }

    #[test]
    fn a_reason_of_somebody_else_is_not_passed_on_as_ours() {
        let details = ErrorDetails::with_error_info("TOKEN_MISSING", "example.com", []);
        let failure = Failure::of(&Status::with_error_details(Code::Unauthenticated, "hm", details), "http://here");

        assert_eq!(failure.reason(), None);
        assert!(told(&failure).contains("http://here answered as no gateway of Passgate does"), "{}", told(&failure));
    }

    #[test]
    fn a_closed_screen_is_the_end_and_no_failure() {
        let closed = Failure::Screen(io::ErrorKind::BrokenPipe.into());

        assert_eq!((closed.exit(), told(&closed)), (Exit::Done, String::new()));
        assert_eq!(Failure::Screen(io::ErrorKind::StorageFull.into()).exit(), Exit::Failed);
    }
}
