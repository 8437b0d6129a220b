//! What a verb's exit code tells a script.
//!
//! The codes never change their meaning: scripts branch on them, as programs branch on the reason.

use std::fmt::Write as _;
use std::process::ExitCode;

use tonic::Code;

macro_rules! exits {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// How a verb ended.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Exit {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl Exit {
            /// All of them, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What it means, in a line for `--help` and the documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc,)+).trim_ascii(),)+
                }
            }
        }
    };
}

exits! {
    /// done, and acknowledged by the service
    Done = 0,
    /// something else went wrong; what it was is on standard error
    Failed = 1,
    /// the command line is wrong
    Usage = 2,
    /// the server found a field wrong
    InvalidField = 3,
    /// not signed in, or the token is no good
    Unauthenticated = 4,
    /// the right is missing
    PermissionDenied = 5,
    /// there is no such thing
    NotFound = 6,
    /// the name is taken, or somebody else changed it at the same time
    Conflict = 7,
    /// the state of things forbids it, such as a limit or the last administrator
    Forbidden = 8,
    /// the server is away or could not know: repeat
    Unavailable = 9,
    /// it was not confirmed, so nothing was done
    NotConfirmed = 10,
    /// the name fits more than one thing
    Ambiguous = 11,
    /// the question was answered with no (`explain`, `token inspect`, `audit verify`)
    No = 12,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// How a refusal with this gRPC code ends. `can_wait` says whether the server told when to try again.
    #[must_use]
    pub const fn of(code: Code, can_wait: bool) -> Self {
        match code {
            Code::Ok => Self::Done,
            Code::InvalidArgument => Self::InvalidField,
            Code::Unauthenticated => Self::Unauthenticated,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists | Code::Aborted => Self::Conflict,
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Self::Unavailable,
            Code::ResourceExhausted if can_wait => Self::Unavailable,
            Code::FailedPrecondition | Code::ResourceExhausted | Code::OutOfRange => Self::Forbidden,
            Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => Self::Failed,
        }
    }

    /// All codes, one a line.
    #[must_use]
    pub fn table() -> String {
        let mut table = String::from("Exit codes:\n");
        for exit in Self::ALL {
            let _never_fails = writeln!(table, "  {:>2}  {}", exit.code(), exit.meaning());
        }
        table
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_must_tell_apart_has_a_code_of_its_own() {
        let codes = [
            Code::InvalidArgument,
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::NotFound,
            Code::AlreadyExists,
            Code::FailedPrecondition,
            Code::Unavailable,
            Code::Internal,
        ];
        let exits = codes.map(|code| Exit::of(code, false).code());

        assert_eq!(exits, [3, 4, 5, 6, 7, 8, 9, 1]);
        assert_eq!(Exit::of(Code::ResourceExhausted, true), Exit::Unavailable, "a repeat helps");
        assert_eq!(Exit::of(Code::ResourceExhausted, false), Exit::Forbidden, "a repeat does not help");
    }

    #[test]
    fn codes_are_told_in_their_order_and_each_once() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();

        assert_eq!(codes, (0..13).collect::<Vec<u8>>());
        assert!(Exit::table().contains("\n   9  the server is away or could not know: repeat\n"), "{}", Exit::table());
    }
}
