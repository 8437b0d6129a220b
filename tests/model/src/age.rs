//! Time as the models have it: ages in ticks that stop counting at "too old".

/// One tick older; at most `bound + 1`, which stands for every age beyond the bound.
///
/// So runs are of unbounded length while the states stay finite.
pub fn older(age: u8, bound: u8) -> u8 {
    (age + 1).min(bound + 1)
}
