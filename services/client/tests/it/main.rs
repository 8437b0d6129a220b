//! The client as its users see it.

mod memory;
mod sample;
