//! Asking before something breaks.
//!
//! Whoever is asked is told what will break. Where nobody can be asked, nothing is done: a script says `--yes`.

use std::future::Future;

use clap::Args;

use super::failure::Failure;
use super::screen::Screen;

/// The flag of every verb that asks.
#[derive(Args, Clone, Copy, Debug)]
pub struct Sure {
    /// Do it without asking.
    #[arg(long, short)]
    pub yes: bool,
}

impl Sure {
    /// Goes on only if it is to be done. `breaks` finds out what will break; it is not asked where nobody wants to know.
    ///
    /// # Errors
    /// If the person says no, or there is none; what `breaks` says.
    pub async fn confirm(
        self,
        screen: &mut Screen,
        what: &str,
        breaks: impl Future<Output = Result<Vec<String>, Failure>>,
    ) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let breaks = breaks.await?;
        let refused = |why, breaks| Failure::NotConfirmed { what: what.to_owned(), why, breaks };
        if !screen.is_interactive() {
            return Err(refused("nobody can be asked here: add --yes to do it all the same", breaks));
        }
        screen.note(what)?;
        for one in &breaks {
            screen.note(&format!("  {one}"))?;
        }
        let answer = screen.ask("Go on? [y/N] ")?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(refused("you did not say yes", Vec::new())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::exit::Exit;
    use super::super::screen::testing;
    use super::*;

    async fn asked(sure: bool, keys: Option<&str>) -> (Result<(), Exit>, String) {
        let (mut screen, _, aside) = testing::screen(keys);
        let breaks = async { Ok(vec!["2 live tokens stop working: laptop, ci".to_owned()]) };
        let done = Sure { yes: sure }.confirm(&mut screen, "disable alice", breaks).await;
        (done.map_err(|failure| failure.exit()), aside.text())
    }

    #[tokio::test]
    async fn a_person_is_told_what_will_break_and_asked() {
        let (done, told) = asked(false, Some("y\n")).await;

        assert_eq!(done, Ok(()));
        assert_eq!(told, "disable alice\n  2 live tokens stop working: laptop, ci\nGo on? [y/N] ");
    }

    #[tokio::test]
    async fn anything_but_a_yes_is_a_no() {
        for keys in ["\n", "n\n", "yellow\n", "", "yes please\n"] {
            assert_eq!(asked(false, Some(keys)).await.0, Err(Exit::NotConfirmed), "{keys:?}");
        }
        for keys in ["y\n", "YES\n", " y \n"] {
            assert_eq!(asked(false, Some(keys)).await.0, Ok(()), "{keys:?}");
        }
    }

    #[tokio::test]
    async fn where_nobody_can_be_asked_nothing_is_done_without_yes() {
        assert_eq!(asked(false, None).await, (Err(Exit::NotConfirmed), String::new()));
        assert_eq!(asked(true, None).await, (Ok(()), String::new()));
    }
}
