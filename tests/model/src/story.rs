//! Counterexamples told in words.

use stateright::{Model, Path};
use std::fmt::Debug;
use std::hash::Hash;
use std::io::{self, Write};

/// A model that can tell what happened.
pub trait Story: Model {
    /// One step; empty for a tick.
    fn step(&self, was: &Self::State, action: Self::Action, now: &Self::State) -> String;

    /// What is wrong in the last state.
    fn ending(&self, state: &Self::State) -> String;
}

/// Writes a path one line a step, each with the tick at which it happens.
///
/// # Errors
/// Those of `out`.
pub fn tell<M: Story>(model: &M, path: Path<M::State, M::Action>, out: &mut dyn Write) -> io::Result<()>
where
    M::State: Clone + Debug + Hash + PartialEq,
    M::Action: Copy + Debug + PartialEq,
{
    let mut tick = 0;
    let mut steps = path.into_vec().into_iter().peekable();
    while let Some((was, action)) = steps.next() {
        let (Some(action), Some((now, _))) = (action, steps.peek()) else {
            writeln!(out, "    {tick}: {}", model.ending(&was))?;
            break;
        };
        match model.step(&was, action, now) {
            words if words.is_empty() => tick += 1,
            words => writeln!(out, "    {tick}: {words}")?,
        }
    }
    Ok(())
}
