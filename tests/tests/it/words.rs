//! What messages and pages tell people to run exists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::run;

/// Every source and page of the repository.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                files(&path, found);
            }
        } else if name.ends_with(".rs") || name.ends_with(".md") || name.ends_with(".sh") {
            found.push(path);
        }
    }
}

/// The verbs of every `passgate …` in backticks: `passgate credentials add NAME` names `credentials add`.
fn commands(text: &str) -> impl Iterator<Item = Vec<String>> {
    text.split("`passgate ").skip(1).filter_map(|rest| {
        let (command, _) = rest.split_once('`')?;
        let is_verb =
            |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-');
        let verbs: Vec<String> = command.split_whitespace().take_while(is_verb).map(str::to_owned).collect();
        (!verbs.is_empty()).then_some(verbs)
    })
}

#[test]
fn every_command_that_is_named_exists() {
    let mut found = Vec::new();
    files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &mut found);
    let mut named: BTreeMap<Vec<String>, PathBuf> = BTreeMap::new();
    for file in found {
        let text = fs::read_to_string(&file).expect("text");
        for command in commands(&text) {
            named.entry(command).or_insert_with(|| file.clone());
        }
    }
    assert!(named.len() >= 8, "only these were found: {named:?}");

    let mut unknown = Vec::new();
    for (command, file) in named {
        let mut arguments = command.clone();
        arguments.push("--help".to_owned());
        if !run(&arguments).status.success() {
            unknown.push(format!("passgate {} ({})", command.join(" "), file.display()));
        }
    }
    assert!(unknown.is_empty(), "no such command: {}", unknown.join("; "));
}

#[test]
fn a_command_is_read_up_to_its_arguments() {
    let read: Vec<_> =
        commands("run `passgate credentials add NAME --role x`, or `passgate --help`, or `passgate identity|token`")
            .collect();

    assert_eq!(read, [vec!["credentials".to_owned(), "add".to_owned()]]);
}
