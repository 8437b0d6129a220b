//! The client as its users see it.

#![expect(clippy::expect_used, reason = "a test that finds something else must fail")]

mod memory;
mod sample;
