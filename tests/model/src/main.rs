//! Searches the protocol of the change feed exhaustively, then leaves each rule out and tells the shortest way to a
//! wrong allow. What the rules are, and what the model leaves out, stands in the README beside this crate.
//!
//! ```text
//! passgate-model small          what every change is checked with
//! passgate-model all [WORD]     everything, or the rows whose name contains the word
//! ```
//!
//! The exit code is 0 only if every row came out as expected.

mod age;
mod feed;
mod head;
mod pair;
mod rows;
mod search;
mod story;
mod writers;

use anyhow::{Context, bail};
use rows::Size;
use search::Bench;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let size = match args.next().as_deref() {
        Some("small") => Size::Small,
        Some("all") => Size::All,
        _ => bail!("say how much to search: `small` or `all`, and perhaps a word that the rows' names contain"),
    };
    let mut out = std::io::stdout();
    let mut bench = Bench::new(&mut out, args.next()).context("cannot write the table")?;
    rows::run(&mut bench, size).context("cannot write the table")?;
    match (bench.rows(), bench.wrong()) {
        (0, _) => bail!("no row has such a name"),
        (_, 0) => Ok(()),
        (rows, wrong) => bail!("{wrong} of {rows} rows did not come out as expected"),
    }
}
