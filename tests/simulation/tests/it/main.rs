//! Runs of the simulation: what every check of a change has time for. `passgate-simulation forever` runs on.

mod mutations;
mod schedules;
