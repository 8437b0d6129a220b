//! `passgate completion`: scripts that complete verbs and flags in a shell, made from the arguments themselves.

use clap::{Args, CommandFactory as _, ValueEnum};

use super::failure::Failure;
use super::screen::Screen;
use crate::cli::Cli;

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate completion bash > ~/.local/share/bash-completion/completions/passgate
  passgate completion zsh > ~/.zfunc/_passgate
  passgate completion fish > ~/.config/fish/completions/passgate.fish";

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// Its flags.
#[derive(Args, Debug)]
pub struct Completion {
    /// For which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the script.
///
/// # Errors
/// If the screen fails.
pub fn run(args: &Completion) -> Result<(), Failure> {
    Screen::of_process().text(&script(args.shell))
}

fn script(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "passgate", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_nouns_verbs_and_flags() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for word in ["api-user", "revoke-all", "delete-live-tokens", "who-can"] {
                assert!(script.contains(word), "{shell:?}: {word}");
            }
        }
    }
}
