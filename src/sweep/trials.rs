//! The runs of a sweep with their configurations, all checked before the first begins.

use std::path::Path;

use toml::Value;

use super::choices::{Choice, MOST, choices};
use super::plan::{Base, Plan};
use crate::error::{Error, Result};
use crate::model::cadence::Unit;
use crate::model::config::Config;
use crate::model::origins::Origin;
use crate::model::sources::{DEFAULT_PRESET, Merge, in_turns};

/// One run to be.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Which choice of values it tries, counted from 0.
    pub choice: usize,
    /// Its seed, where the plan lists seeds.
    pub seed: Option<u64>,
    /// The settings of which the plan has several values, each with the one of this run.
    pub settings: Vec<(String, Value)>,
    /// All of its settings.
    pub config: Config,
}

/// The runs of a plan: each choice with each seed, choice after choice.
///
/// # Errors
/// A usage error naming the file, the key, and what is possible.
pub fn trials(plan: &Plan) -> Result<Vec<Trial>> {
    let base = match &plan.base {
        Base::Preset(name) => Merge::new(name.as_deref().unwrap_or(DEFAULT_PRESET)),
        Base::File(path) => Merge::from_file(path),
    };
    let mut base = base.map_err(|e| e.clone().reworded(format!("{}: {e}", plan.path.display())))?;
    if let Some((unit, count, line)) = plan.length {
        let key = if unit == Unit::Steps { "steps" } else { "epochs" };
        set(plan, &mut base, (&format!("training.{key}"), line), i64::from(count).into())?;
    }
    let choices = choices(plan)?;
    let seeds: Vec<_> = match &plan.seeds {
        Some((seeds, line)) => seeds.iter().map(|seed| Some((*seed, *line))).collect(),
        None => vec![None],
    };
    if choices.len() * seeds.len() > MOST {
        let (choices, seeds, path) = (choices.len(), seeds.len(), plan.path.display());
        let message = format!("{path}: {choices} choices with {seeds} seeds each are more than {MOST} runs; try fewer");
        return Err(Error::usage(message));
    }
    let mut trials = Vec::new();
    for (number, choice) in choices.iter().enumerate() {
        for &seed in &seeds {
            let settings = plan.settings.iter().zip(choice).filter(|(varied, _)| varied.values.vary());
            let settings = settings.map(|(varied, value)| (varied.key.clone(), value.clone())).collect();
            let config = resolve(plan, base.clone(), choice, seed)?;
            let trial = Trial { choice: number, seed: seed.map(|(seed, _)| seed), settings, config };
            check(plan, &trial, trials.len() + 1)?;
            trials.push(trial);
        }
    }
    Ok(trials)
}

fn set(plan: &Plan, merge: &mut Merge, (key, line): (&str, usize), value: Value) -> Result<()> {
    let path: Vec<_> = key.split('.').collect();
    merge.set(&path, value, Origin::File(plan.path.clone(), line)).map_err(|e| plan.at(line, &e.to_string()))
}

fn resolve(plan: &Plan, mut merge: Merge, choice: &Choice, seed: Option<(u64, usize)>) -> Result<Config> {
    let settings = plan.settings.iter().zip(choice).collect();
    in_turns(settings, |(varied, value)| set(plan, &mut merge, (&varied.key, varied.line), (*value).clone()))?;
    if let Some((seed, line)) = seed {
        let value = i64::try_from(seed).map_err(|_| plan.at(line, &format!("seed {seed} is too large for TOML")))?;
        set(plan, &mut merge, ("seed", line), value.into())?;
    }
    let mut config = merge.finish()?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(|e| Error::io("find", path, &e));
    config.from = config.from.as_deref().map(absolute).transpose()?;
    Ok(config)
}

/// Refuses what fits together in no network.
fn check(plan: &Plan, trial: &Trial, number: usize) -> Result<()> {
    let which = format!("{}: run {number} ({})", plan.path.display(), words(&trial.settings, trial.seed));
    let layouts = trial.config.layouts().map_err(|e| e.clone().reworded(format!("{which}: {e}")))?;
    match trial.config.norm_of_one_value(&layouts) {
        Some(problem) => Err(Error::usage(format!("{which}: {problem}"))),
        None => Ok(()),
    }
}

/// The settings of a run in a line: `adam.lr = 0.0002, seed = 1`.
pub fn words(settings: &[(String, Value)], seed: Option<u64>) -> String {
    let settings = settings.iter().map(|(key, value)| format!("{key} = {value}"));
    let all: Vec<_> = settings.chain(seed.map(|seed| format!("seed = {seed}"))).collect();
    if all.is_empty() { "as it is".to_string() } else { all.join(", ") }
}
