//! The passgate program.
fn main() {}
