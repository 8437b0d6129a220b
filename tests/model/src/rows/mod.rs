//! The table: which configurations are searched, and what each must show.

mod feed;
mod head;
mod writers;

use crate::search::Bench;
use std::io;

/// How much of the table is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// What a check of every change has time for: each rule left out alone, and small bounds with every rule on.
    Small,
    /// All of it.
    All,
}

/// Runs the table.
///
/// # Errors
/// Those of the bench's writer.
pub fn run(bench: &mut Bench<'_>, size: Size) -> io::Result<()> {
    feed::with_every_rule(bench, size)?;
    feed::without_one_rule(bench)?;
    head::all(bench)?;
    writers::all(bench)
}
