//! The core by itself: each rule, and all of them against a model of the truth.

mod desk;
mod fake;
mod holds;
mod io;
mod layer;
mod property;
mod rules;
mod truth;
