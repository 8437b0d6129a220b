//! What a request does to a resource.

use std::fmt;

/// `read` or `write`. There is no third.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Looks only.
    Read,
    /// May change something.
    Write,
}

impl Action {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::Read, Self::Write];

    /// Reads `read` or `write`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            _ => None,
        }
    }

    /// `read` or `write`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_spelled_in_one_way() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
        }
        for wrong in ["", "READ", "read ", "*", "readwrite"] {
            assert_eq!(Action::parse(wrong), None);
        }
    }
}
