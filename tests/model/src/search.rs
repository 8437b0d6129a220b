//! Searches a configuration and compares what is found with what the rules say must be found.

use crate::story::{Story, tell};
use Expect::{Breaks, Holds};
use stateright::{Checker, Expectation, HasDiscoveries};
use std::fmt::Debug;
use std::hash::Hash;
use std::io::{self, Write};
use std::time::Instant;

/// What a row must show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// Every property holds in every state.
    Holds,
    /// The named property has a counterexample.
    Breaks(&'static str),
}

/// No counterexample here takes more steps.
const MAX_DEPTH: usize = 40;

/// Runs rows, writes a line for each, and counts those that did not come out as expected.
pub struct Bench<'a> {
    out: &'a mut dyn Write,
    only: Option<String>,
    rows: usize,
    wrong: usize,
}

impl<'a> Bench<'a> {
    /// A bench that runs the rows whose name contains `only`, or all.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: &'a mut dyn Write, only: Option<String>) -> io::Result<Self> {
        writeln!(out, "| configuration | states | seconds | verdict |\n|---|--:|--:|---|")?;
        Ok(Self { out, only, rows: 0, wrong: 0 })
    }

    /// How many rows were run.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many of them did not come out as expected.
    pub fn wrong(&self) -> usize {
        self.wrong
    }

    /// Searches one configuration: to its end if it must hold, for a shortest counterexample if it must break.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn row<M>(&mut self, name: &str, model: M, expect: Expect) -> io::Result<()>
    where
        M: Story + Clone + Send + Sync + 'static,
        M::State: Clone + Hash + Send + Sync + Debug + PartialEq,
        M::Action: Copy + Send + Sync + Debug + PartialEq,
    {
        if self.only.as_ref().is_some_and(|word| !name.contains(word.as_str())) {
            return Ok(());
        }
        let start = now();
        let search = |depth: usize| search(&model, expect, depth);
        // Deeper one step at a time: the first counterexample is then a shortest one.
        let checker = match expect {
            Holds => search(0),
            Breaks(p) => (2..MAX_DEPTH).map(search).find(|c| c.discovery(p).is_some()).unwrap_or_else(|| search(0)),
        };
        let seconds = now().duration_since(start).as_secs_f32();
        let found = checker.discoveries();
        // "Always" fails by a counterexample, "sometimes" by the lack of an example.
        let failed = |p: &stateright::Property<M>| match p.expectation {
            Expectation::Sometimes => !found.contains_key(p.name),
            Expectation::Always | Expectation::Eventually => found.contains_key(p.name),
        };
        let properties = checker.model().properties();
        let (holds, verdict) = match expect {
            Holds => (!properties.iter().any(failed), "holds".to_owned()),
            Breaks(name) => (properties.iter().any(|p| p.name == name && failed(p)), format!("breaks `{name}`")),
        };
        self.rows += 1;
        self.wrong += usize::from(!holds);
        let verdict = if holds { verdict } else { "**NOT AS EXPECTED**".to_owned() };
        writeln!(self.out, "| {name} | {} | {seconds:.1} | {verdict} |", checker.unique_state_count())?;
        for property in properties.iter().filter(|p| expect == Breaks(p.name) || (expect == Holds && failed(p))) {
            if let Some(path) = found.get(property.name) {
                tell(checker.model(), path.clone(), self.out)?;
            }
        }
        Ok(())
    }
}

/// Breadth first, down to `depth` steps (0: to the end).
fn search<M>(model: &M, expect: Expect, depth: usize) -> impl Checker<M>
where
    M: Story + Clone + Send + Sync + 'static,
    M::State: Clone + Hash + Send + Sync + Debug + PartialEq,
    M::Action: Copy + Send + Sync + Debug + PartialEq,
{
    let until = match expect {
        Holds => HasDiscoveries::AnyFailures,
        Breaks(property) => HasDiscoveries::AnyOf([property].into()),
    };
    model.clone().checker().threads(2).target_max_depth(depth).finish_when(until).spawn_bfs().join()
}

/// Only to tell how long a search took.
#[expect(clippy::disallowed_methods, reason = "a figure for the reader; nothing is decided by it")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{Head, Source};

    const SOUND: Head = Head { s: 2, synchronous: true, source: Source::Commit };
    const UNSOUND: Head = Head { source: Source::StandbyRead, ..SOUND };

    fn search_one(model: Head, expect: Expect, only: Option<&str>) -> (usize, usize, String) {
        let mut out = Vec::new();
        let mut bench = Bench::new(&mut out, only.map(str::to_owned)).expect("a vector takes everything");
        bench.row("head: one", model, expect).expect("a vector takes everything");
        let (rows, wrong) = (bench.rows(), bench.wrong());
        (rows, wrong, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn a_sound_configuration_that_holds_is_as_expected() {
        let (rows, wrong, text) = search_one(SOUND, Holds, None);

        assert_eq!((rows, wrong), (1, 0));
        assert!(text.contains("| head: one | 242 |"), "every state was searched: {text}");
    }

    #[test]
    fn a_broken_rule_is_told_as_the_shortest_story() {
        let (_, wrong, text) = search_one(UNSOUND, Breaks("bounded"), None);

        assert_eq!(wrong, 0);
        let story: Vec<_> = text.lines().filter(|line| line.starts_with("    ")).map(str::trim_start).collect();
        assert_eq!(story.len(), 5, "{text}");
        assert_eq!(
            story.get(..3),
            Some(["0: REVOKE commits at the primary", "0: the standby stores it", "0: the reply leaves"].as_slice())
        );
        assert_eq!(story.last(), Some(&"3: a request comes: ALLOWED, 3 ticks or more after the reply"));
    }

    #[test]
    fn a_rule_that_is_on_and_breaks_counts_as_wrong() {
        let (_, wrong, text) = search_one(UNSOUND, Holds, None);

        assert_eq!(wrong, 1);
        assert!(text.contains("**NOT AS EXPECTED**") && text.contains("ALLOWED"), "{text}");
    }

    #[test]
    fn a_rule_that_is_left_out_and_does_no_harm_counts_as_wrong() {
        let (_, wrong, text) = search_one(SOUND, Breaks("bounded"), None);

        assert_eq!(wrong, 1);
        assert!(text.contains("**NOT AS EXPECTED**"), "{text}");
    }

    #[test]
    fn a_word_chooses_rows_by_their_names() {
        assert_eq!(search_one(SOUND, Holds, Some("writers")).0, 0);
        assert_eq!(search_one(SOUND, Holds, Some("head:")).0, 1);
    }
}
