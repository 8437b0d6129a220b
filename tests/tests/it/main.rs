//! The whole system, as its users meet it.

#![cfg(test)]
#![expect(
    clippy::string_slice,
    reason = "a test that cannot go on fails: clippy knows the tests themselves, not their support"
)]

mod arrows;
mod contracts;
mod faults;
mod floors;
mod forgeries;
mod readme;
mod restart;
mod secrets;
mod stories;
mod support;
