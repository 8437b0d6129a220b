//! `passgate demo`.

use std::io::Write;

use anyhow::{Result, ensure};

use crate::demo;

/// Walks through the product.
///
/// # Errors
/// If it does not start, or an answer was not the expected one.
pub async fn run(screen: &mut (dyn Write + Send)) -> Result<()> {
    let score = demo::run(screen).await?;
    ensure!(score.wrong == 0, "{} of {} answers were not the expected ones", score.wrong, score.right + score.wrong);
    Ok(())
}
