//! The passgate program.
mod cli;
mod demo;
mod failure;
mod ready;
mod standalone;
fn main() {}
