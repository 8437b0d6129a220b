//! The whole system, as its users meet it.

#![cfg(test)]

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
