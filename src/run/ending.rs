//! Whether a run has come to its end before its time: a bound that an estimate of quality has
//! passed, or no better estimate for too long.
//!
//! The lines of `quality.jsonl` alone decide, so a run that was killed and goes on ends at the same
//! step as one that was left in peace.

use std::fmt;

use super::records::{Quality, best};
use crate::model::condition::{Condition, Estimate};
use crate::model::config::Training;

/// Why a run ends before its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// An estimate passed the bound of `training.stop_when`.
    Condition {
        /// The bound.
        condition: Condition,
        /// The estimate.
        estimate: f64,
    },
    /// As many estimates as `training.patience` says had no better score.
    Patience {
        /// How many.
        patience: u32,
        /// The step of the best one; nothing where none was a number.
        best: Option<u32>,
    },
}

/// Whether a run that recorded `lines` ends with the last of them.
pub fn ending(lines: &[Quality], training: &Training) -> Option<Ending> {
    let last = lines.last()?;
    if let Some(condition) = training.stop_when {
        let estimate = match condition.of {
            Estimate::Fd => last.fd.unwrap_or(f64::NAN),
            Estimate::Distance => last.distance,
            Estimate::Diversity => last.diversity,
        };
        if condition.holds(estimate) {
            return Some(Ending::Condition { condition, estimate });
        }
    }
    let best = best(lines).map(|line| line.step);
    let since = lines.iter().rev().take_while(|line| Some(line.step) != best).count();
    let patience = training.patience;
    (patience > 0 && since >= patience as usize).then_some(Ending::Patience { patience, best })
}

impl Ending {
    /// The flag with which the run goes on.
    pub fn goes_on_with(&self) -> &'static str {
        match self {
            Ending::Condition { .. } => "--stop-when \"\"",
            Ending::Patience { .. } => "--patience 0",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Condition { condition, estimate } => {
                write!(f, "{} is {estimate:.4}, and training.stop_when is {condition}", condition.of.name())
            }
            Ending::Patience { patience, best } => {
                write!(f, "training.patience is {patience}, and no estimate ")?;
                match best {
                    Some(step) => write!(f, "since that of step {step} was better"),
                    None => f.write_str("is a number"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sources::preset;

    /// Lines of these scores, every ten steps.
    fn lines(scores: &[f64], by_features: bool) -> Vec<Quality> {
        let line = |(step, &score): (u32, &f64)| Quality {
            step,
            diversity: 0.5,
            distance: if by_features { 1.0 / score } else { score },
            fd: by_features.then_some(score),
            samples: by_features.then_some(100),
        };
        (1..).map(|n| 10 * n).zip(scores).map(line).collect()
    }

    fn training(stop_when: &str, patience: u32) -> Training {
        let stop_when = (!stop_when.is_empty()).then(|| stop_when.parse().unwrap());
        Training { stop_when, patience, ..preset("quick").unwrap().training }
    }

    /// The steps at which a run ends that is asked at each line.
    fn ends(scores: &[f64], stop_when: &str, patience: u32) -> Vec<u32> {
        let (lines, training) = (lines(scores, true), training(stop_when, patience));
        (1..=lines.len()).filter(|&n| ending(&lines[..n], &training).is_some()).map(|n| lines[n - 1].step).collect()
    }

    #[test]
    fn nothing_ends_what_nobody_asked_to_end() {
        assert_eq!(ends(&[3.0, 2.0, 5.0, 5.0, 5.0], "", 0), [0; 0]);
        assert_eq!(ending(&[], &training("fd<1", 1)), None);
    }

    #[test]
    fn the_newest_estimate_passes_a_bound() {
        assert_eq!(ends(&[30.0, 20.0, 19.9, 25.0, 10.0], "fd<20", 0), [30, 50]);
        assert_eq!(ends(&[30.0, f64::NAN, 20.0], "fd<=20", 0), [30]);
        assert_eq!(ends(&[0.5, 2.0], "distance<1", 0), [20], "its own number, whatever judges");
        assert_eq!(ends(&[0.5], "diversity>=0.5", 0), [10]);
        let of_pixels = lines(&[0.1], false);
        assert_eq!(ending(&of_pixels, &training("fd<20", 0)), None, "there is none");
    }

    #[test]
    fn patience_counts_estimates_without_a_better_one() {
        assert_eq!(ends(&[5.0, 4.0, 4.0, 4.5, 3.0, 3.5, 3.6], "", 2), [40, 70], "an equal one is no better");
        assert_eq!(ends(&[5.0, 6.0, 4.0], "", 1), [20]);
        let nothing = [f64::NAN, f64::NAN, f64::NAN];
        assert_eq!(ends(&nothing, "", 3), [30], "what is no number is no better");
        assert_eq!(ends(&[5.0, f64::NAN, f64::NAN, 1.0], "", 2), [30]);
        let by_pixels = ending(&lines(&[1.0, 2.0], false), &training("", 1));
        assert_eq!(by_pixels, Some(Ending::Patience { patience: 1, best: Some(10) }));
    }

    #[test]
    fn an_ending_says_why() {
        let said = |scores: &[f64], stop_when, patience| {
            ending(&lines(scores, true), &training(stop_when, patience)).unwrap().to_string()
        };
        assert_eq!(said(&[12.34567], "fd<20", 0), "fd is 12.3457, and training.stop_when is fd<20");
        assert_eq!(
            said(&[1.0, 2.0, 3.0], "", 2),
            "training.patience is 2, and no estimate since that of step 10 was better"
        );
        assert_eq!(said(&[f64::NAN], "", 1), "training.patience is 1, and no estimate is a number");
    }
}
