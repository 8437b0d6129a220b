//! Tests of the command line as a whole: every verb teaches by examples that parse, and `docs/cli.md` says what there is.

use std::fs;

use clap::{Arg, ArgAction, Command, CommandFactory as _, Parser as _, Subcommand as _};

use super::exit::Exit;
use crate::cli::Cli;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
const BEGIN: &str = "<!-- begin: made from the program's arguments by `PASSGATE_WRITE_DOCS=1 cargo nextest run -p passgate reference` -->\n";
const END: &str = "<!-- end -->\n";
/// Flags that the document explains once.
const COMMON: [&str; 7] =
    ["server", "token_file", "ca_file", "send_secrets_in_clear_text", "output", "help", "version"];
/// The nouns and verbs of administration.
fn administration() -> Vec<Command> {
    let own = super::Verb::augment_subcommands(Command::new("administration"));
    let is_own = |noun: &&Command| noun.get_name() == "token" || own.find_subcommand(noun.get_name()).is_some();
    let mut root = Cli::command();
    root.build();
    root.get_subcommands().filter(is_own).cloned().collect()
}

/// Every verb with the words that call it.
fn leaves(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
    let path = format!("{path} {}", command.get_name());
    let below: Vec<_> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if below.is_empty() {
        found.push((path, command.clone()));
    } else {
        below.into_iter().for_each(|below| leaves(below, &path, found));
    }
}

fn all_leaves() -> Vec<(String, Command)> {
    let mut found = Vec::new();
    for noun in administration() {
        leaves(&noun, "passgate", &mut found);
    }
    found
}

fn help_after(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn every_verb_has_examples_and_each_of_them_parses() {
    let leaves = all_leaves();
    assert!(leaves.len() > 45, "{}", leaves.len());
    for (path, command) in leaves {
        let help = help_after(&command);
        let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  passgate ")).collect();
        assert!(help.starts_with("Examples:\n") && !examples.is_empty(), "{path} has no examples");
        for example in examples {
            let words = shlex::split(example).expect("quotes that end");
            let words = words.into_iter().take_while(|word| !matches!(word.as_str(), ">" | "<" | "|"));
            let parsed = Cli::try_parse_from(std::iter::once("passgate".to_owned()).chain(words));
            assert!(
                parsed.is_ok(),
                "passgate {example}: {}",
                parsed.err().map(|error| error.to_string()).unwrap_or_default()
            );
            assert!(format!("passgate {example}").starts_with(&path), "{path} shows another verb's example: {example}");
        }
    }
}

#[test]
fn no_flag_takes_a_secret_on_the_command_line() {
    for (path, command) in all_leaves() {
        for arg in command.get_arguments() {
            let name = arg.get_id().as_str();
            let secret = ["password", "secret", "bearer"].iter().any(|word| name.contains(word));
            let harmless = name.ends_with("_file") || matches!(arg.get_action(), ArgAction::SetTrue);
            assert!(!secret || harmless, "{path} takes --{name}");
        }
    }
}

#[test]
fn every_verb_that_takes_something_away_asks_first() {
    for (path, command) in all_leaves() {
        let breaks = ["delete", "disable", "revoke", "revoke-all", "remove"].contains(&command.get_name());
        let asks = command.get_arguments().any(|arg| arg.get_id() == "yes");
        assert!(!breaks || asks, "{path} does not ask");
    }
}

#[test]
fn the_reference_in_the_document_is_what_the_program_takes() {
    let document = fs::read_to_string(DOCUMENT).expect("docs/cli.md");
    let (head, rest) = document.split_once(BEGIN).expect("the begin mark");
    let (_, tail) = rest.split_once(END).expect("the end mark");
    let expected = format!("{head}{BEGIN}{}{END}{tail}", reference());
    if std::env::var_os("PASSGATE_WRITE_DOCS").is_some() {
        fs::write(DOCUMENT, &expected).expect("docs/cli.md can be written");
        return;
    }
    assert!(document == expected, "docs/cli.md is not what the program takes: run the command that is in it");
}

#[test]
fn the_document_has_every_exit_code() {
    let document = fs::read_to_string(DOCUMENT).expect("docs/cli.md");
    for exit in Exit::ALL {
        let row = format!("| {} | {} |\n", exit.code(), exit.meaning());
        assert!(document.contains(&row), "docs/cli.md lacks: {row}");
    }
}

fn reference() -> String {
    let mut text = String::new();
    for noun in administration() {
        let mut verbs = Vec::new();
        leaves(&noun, "passgate", &mut verbs);
        let about = noun.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("\n### passgate {}\n\n{about}.\n\n", noun.get_name()));
        for (path, verb) in verbs {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!("- `{}`\n", synopsis(&path, &verb)));
            if verb.get_name() != noun.get_name() {
                text.push_str(&format!("  {about}\n"));
            }
        }
    }
    text.push('\n');
    text
}

/// The verb with what it takes, as manuals write it.
fn synopsis(path: &str, verb: &Command) -> String {
    let mut words = vec![path.to_owned()];
    let own = verb.get_arguments().filter(|arg| !COMMON.contains(&arg.get_id().as_str()) && !arg.is_hide_set());
    let (positional, flags): (Vec<&Arg>, Vec<&Arg>) = own.partition(|arg| arg.is_positional());
    words.extend(positional.into_iter().map(positional_word));
    words.extend(flags.into_iter().map(flag_word));
    words.join(" ")
}

fn positional_word(arg: &Arg) -> String {
    let name = value_name(arg);
    let name = if many(arg) { format!("{name}...") } else { name };
    if arg.is_required_set() { name } else { format!("[{name}]") }
}

fn flag_word(arg: &Arg) -> String {
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    let dots = if many(arg) { "..." } else { "" };
    if arg.get_action().takes_values() { format!("[{flag} {}]{dots}", value_name(arg)) } else { format!("[{flag}]") }
}

fn many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

fn value_name(arg: &Arg) -> String {
    let choices = arg.get_possible_values();
    if !choices.is_empty() {
        return choices.iter().map(|choice| choice.get_name().to_owned()).collect::<Vec<_>>().join("|");
    }
    let named = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    named.unwrap_or_else(|| arg.get_id().as_str().to_uppercase())
}
