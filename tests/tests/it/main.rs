//! The whole system, as its users meet it.

mod arrows;
mod floors;
