//! `passgate demo`: the whole product on a throw-away folder, walked through step by step.

mod call;
mod chapters;
mod runner;
mod step;
mod upstream;
mod world;
