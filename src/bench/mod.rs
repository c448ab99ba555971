//! Measurements: what a training step costs, what it would cost at least, and how it grows.
//!
//! Everything here runs what `train` runs: the plan that [`crate::engine::record`] records, through
//! [`crate::engine::Engine`]. `docs/performance.md` explains the numbers.

pub mod ceilings;
pub mod floor;
pub mod networks;
pub mod runner;
pub mod step;
pub mod sweep;

/// The middle of some values, the mean of the two middle ones for an even number; 0 for none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// `a / b`, or 0 where there is nothing to divide by: a clock can be too coarse for a small kernel.
pub fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ratios_of_little_are_defined() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!((ratio(1.0, 0.0), ratio(1.0, 4.0)), (0.0, 0.25));
    }
}
