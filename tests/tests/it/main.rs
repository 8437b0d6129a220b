//! The whole system, as its users meet it.

#![cfg(test)]
#![expect(
    clippy::string_slice,
    reason = "a test that cannot go on fails: clippy knows the tests themselves, not their support"
)]

mod arrows;
mod both_or_neither;
mod contracts;
mod cut_off;
mod ending;
mod faults;
mod first_start;
mod floors;
mod forgeries;
mod full_disk;
mod readme;
mod restart;
mod secrets;
mod settings;
mod stories;
mod support;
mod tls;
mod undecidable;
mod verbs;
mod words;
