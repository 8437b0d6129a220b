//! Passwords that are tried first.
//!
//! `common.txt` holds the 30,000 most used passwords as zxcvbn 3.1.1 has them (MIT, Copyright (c) 2017 Josh Holmer; compiled
//! by Dan Wheeler from leaked lists). Only 31 of them are long enough to be set here at all, so the list is read more
//! strictly: a password that is one of them with digits and signs around it, or one of them or a short unit again and
//! again, or a run of neighbours in the alphabet, is as easy to guess and refused as well.

use std::collections::HashSet;
use std::sync::LazyLock;

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// Fewest letters that a repeated or padded password must have beside what repeats it.
const LONGEST_UNIT: usize = 8;

/// Whether a password is among those that are tried first.
pub fn is_common(text: &str) -> bool {
    let text = text.to_lowercase();
    if COMMON.contains(text.as_str()) || is_repeated(&text) || is_run(&text) {
        return true;
    }
    let core = text.trim_matches(|character: char| !character.is_alphabetic());
    COMMON.contains(core) || is_repeated(core)
}

/// Whether `text` is `word` again and again, with nothing but digits and signs around and between. Both are in lower case.
pub fn is_padded(text: &str, word: &str) -> bool {
    word.chars().count() > 2
        && text.contains(word)
        && text.replace(word, "").chars().all(|character| !character.is_alphabetic())
}

/// One unit of at most eight characters, or a common password, again and again.
fn is_repeated(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let repeats = |length: usize| characters.iter().zip(characters.iter().skip(length)).all(|(one, next)| one == next);
    let half = characters.len() / 2;
    let is_known = |length: usize| COMMON.contains(characters.iter().take(length).collect::<String>().as_str());
    (1..=half).any(|length| (length <= LONGEST_UNIT || is_known(length)) && repeats(length))
}

/// Each character follows the one before, up or down, as in `abcdef` and `987654`, with `0` after `9`.
fn is_run(text: &str) -> bool {
    let steps: Vec<u32> = text
        .chars()
        .zip(text.chars().skip(1))
        .map(|(one, next)| u32::from(next).wrapping_sub(u32::from(one)))
        .collect();
    let up = |step: &u32| *step == 1 || *step == u32::from('0').wrapping_sub(u32::from('9'));
    let down = |step: &u32| *step == u32::MAX || *step == u32::from('9') - u32::from('0');
    !steps.is_empty() && (steps.iter().all(up) || steps.iter().all(down))
}
