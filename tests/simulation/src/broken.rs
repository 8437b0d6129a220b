//! Rules broken on purpose: a checker that finds nothing wrong with them is no checker.

use passgate_client::decider::{Rule, Rules};

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// One of the deciders' own.
    Decider(Rule),
    /// The machines' clocks do not count the time for which they were suspended (rule 1).
    Suspends,
}

impl Broken {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Rule::ALL.into_iter().map(Self::Decider).chain([Self::Suspends])
    }

    /// How it is called on the command line.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Decider(rule) => format!("{rule:?}"),
            Self::Suspends => "Suspends".to_owned(),
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|broken| broken.name() == name)
    }

    /// What the deciders keep.
    #[must_use]
    pub fn rules(broken: Option<Self>) -> Rules {
        match broken {
            Some(Self::Decider(rule)) => Rules::without(rule),
            Some(Self::Suspends) | None => Rules::default(),
        }
    }
}
