//! `passgate standalone`.

use anyhow::Result;

use crate::cli::StandaloneArgs;
use crate::launch::{self, Surroundings};
use crate::ready::Announcer;
use crate::standalone::{self, ADMINISTRATOR, Addresses};

/// Runs until told to end.
///
/// # Errors
/// Why it does not start, or ended.
pub async fn run(args: &StandaloneArgs, announcer: &mut Announcer) -> Result<()> {
    let addresses = Addresses::of(args)?;
    let surroundings = Surroundings::system();
    let standalone::Standalone { launched, first_password_file, held } =
        standalone::start(&args.data, addresses, &surroundings).await?;
    announcer.tell(&format!("data             {}", args.data.display()))?;
    if first_password_file.exists() {
        announcer.tell(&format!("administrator    {ADMINISTRATOR}"))?;
        announcer.tell(&format!("first password   in {} until you have signed in", first_password_file.display()))?;
    }
    let served = launch::serve(launched, &surroundings, announcer).await;
    drop(held); // the folder is this process's own until everything has ended
    served
}
