//! Successive halving (Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and
//! Hyperparameter Optimization"): after each rung, a number of steps, the better part of the
//! choices goes on.
//!
//! A rung ends when all of its runs are there, so which ones go on depends on no clock.

use super::plan::{Halving, Plan};
use super::trials::Trial;
use crate::error::{Error, Result};
use crate::model::cadence::Unit;
use crate::model::config::Config;

/// The rungs of a plan, in steps, before the runs' end; none where all go to their end.
///
/// # Errors
/// A usage error when a rung lies at or beyond a run's end, or where a run measures no quality.
pub fn rungs(plan: &Plan, trials: &[Trial]) -> Result<Vec<u32>> {
    let Halving { rungs, factor: Some(factor) } = &plan.halving else { return Ok(Vec::new()) };
    let (path, line) = (plan.path.display(), rungs.as_ref().map_or(1, |(_, line)| *line));
    let mut shortest = (u32::MAX, u32::MAX);
    for Trial { config, .. } in trials {
        let Some(steps) = config.training.steps else {
            let what = "rungs count steps, but the runs' length counts epochs";
            return Err(Error::usage(format!("{path}: {what}; give it as `steps = N`")));
        };
        let Some(every) = sample_every(config) else {
            let every = "output.sample_every";
            let what = format!("rungs count steps, but {every} counts epochs");
            return Err(Error::usage(format!("{path}: {what}; add `\"{every}\" = \"100steps\"` to [settings]")));
        };
        shortest = shortest.min((steps, every));
    }
    let choices = trials.last().map_or(0, |trial| trial.choice + 1);
    let rungs = match rungs {
        Some((rungs, _)) => rungs.clone(),
        None => planned(shortest.0, shortest.1, *factor, choices),
    };
    for Trial { config, .. } in trials {
        let (steps, every) = (config.training.steps.unwrap_or(0), sample_every(config).unwrap_or(1));
        if let Some(rung) = rungs.iter().find(|rung| **rung >= steps) {
            return Err(
                plan.at(line, &format!("rung {rung} is not before the runs' end at step {steps}; leave it out"))
            );
        }
        if let Some(rung) = rungs.iter().find(|rung| !rung.is_multiple_of(every)) {
            let what =
                format!("rung {rung} is not a multiple of output.sample_every = {every}, when quality is measured");
            return Err(plan.at(line, &format!("{what}; move it, or set output.sample_every in [settings]")));
        }
    }
    Ok(rungs)
}

fn sample_every(config: &Config) -> Option<u32> {
    let cadence = config.output.sample_every;
    (cadence.unit.unwrap_or(config.unit()) == Unit::Steps).then_some(cadence.count)
}

/// As many rungs as there is something to choose among, each the length of the next one divided by
/// `factor`, rounded down to steps at which there are samples.
fn planned(steps: u32, every: u32, factor: u32, choices: usize) -> Vec<u32> {
    let (mut rungs, mut left, mut rung) = (Vec::new(), choices, steps);
    while left > 1 {
        rung /= factor;
        let at = rung / every * every;
        if at == 0 {
            break;
        }
        if rungs.last() != Some(&at) {
            rungs.push(at);
        }
        left = going_on(left, factor);
    }
    rungs.reverse();
    rungs
}

/// How many of `count` choices go on.
pub fn going_on(count: usize, factor: u32) -> usize {
    count.div_ceil(factor as usize)
}

/// Choices from the best to the worst, each with the scores of its runs: by their mean, less being
/// better, those of one score by their number. A choice of which a run failed, or whose score is no
/// number, is not among them.
pub fn ranked(choices: Vec<(usize, Vec<Option<f64>>)>) -> Vec<(usize, f64)> {
    let mean = |scores: Vec<Option<f64>>| {
        let count = scores.len() as f64;
        Some(scores.into_iter().sum::<Option<f64>>()? / count).filter(|mean| mean.is_finite())
    };
    let mut ranked: Vec<_> = choices.into_iter().filter_map(|(choice, scores)| Some((choice, mean(scores)?))).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_planned_from_the_end_on_steps_with_samples() {
        assert_eq!(planned(2000, 50, 2, 8), [250, 500, 1000]);
        assert_eq!(planned(2000, 200, 2, 8), [200, 400, 1000]);
        assert_eq!(planned(2000, 200, 2, 100), [200, 400, 1000], "shorter ones have no samples");
        assert_eq!(planned(2700, 100, 3, 9), [300, 900]);
        assert_eq!(planned(2000, 50, 2, 1), [0; 0], "there is nothing to choose");
        assert_eq!(planned(10, 50, 2, 4), [0; 0]);
    }

    #[test]
    fn the_better_part_is_rounded_up() {
        assert_eq!([1, 2, 3, 7, 8, 9].map(|count| going_on(count, 2)), [1, 1, 2, 4, 4, 5]);
        assert_eq!([1, 3, 4, 9].map(|count| going_on(count, 3)), [1, 1, 2, 3]);
    }

    #[test]
    fn choices_are_judged_by_the_mean_of_their_seeds() {
        let scores = vec![
            (0, vec![Some(0.3), Some(0.1)]),
            (1, vec![Some(0.1), None]),
            (2, vec![Some(0.1), Some(0.1)]),
            (3, vec![Some(f64::NAN), Some(0.0)]),
            (4, vec![Some(0.05), Some(0.15)]),
            (5, vec![Some(0.0), Some(0.1)]),
        ];
        let order: Vec<_> = ranked(scores).into_iter().map(|(choice, _)| choice).collect();
        assert_eq!(order, [5, 2, 4, 0], "of equal ones the first is better; failures and no numbers are out");
    }
}
