//! What judges all runs of a sweep: the same, settled before the first begins.
//!
//! Numbers of different features, or of other numbers of samples, cannot be compared, and whether
//! features are there may change while a sweep goes on.

use std::path::Path;

use super::trials::Trial;
use crate::error::{Error, Result};
use crate::eval::judge;
use crate::model::config::Config;
use crate::model::judged::{By, JudgedBy};
use crate::train::trainer::open_data;

/// Tells every run what judges it, where the plan leaves that open: the features that are kept of
/// their data, on as few samples as the run that can afford the fewest; pixels where there are
/// none, or where the runs have other data.
///
/// # Errors
/// A data error when the data of a run cannot be used; a usage error when runs would be judged by
/// different things, or are to end by an estimate that nobody makes.
pub fn settle(trials: &mut [Trial], data_dir: Option<&Path>) -> Result<()> {
    let is_open = |config: &Config| match &config.judge {
        None => true,
        Some(judged) => judged.by == By::Features && judged.features.is_none(),
    };
    let same_data = |a: &Config, b: &Config| {
        (&a.data, a.data_range, a.data_background, a.image) == (&b.data, b.data_range, b.data_background, b.image)
    };
    let first = trials.iter().map(|trial| &trial.config).find(|config| is_open(config)).cloned();
    let mut found = None;
    if let Some(first) = first
        && trials.iter().all(|trial| same_data(&trial.config, &first))
    {
        let data_dir = data_dir.map(Path::to_path_buf).or(first.data_dir.clone());
        let data = open_data(&Config { data_dir, ..first })?;
        for trial in trials.iter().filter(|trial| is_open(&trial.config)) {
            let Some((digest, samples)) = judge::afforded(&trial.config, &data)? else { break };
            let (_, fewest) = found.get_or_insert((digest, samples));
            *fewest = samples.min(*fewest);
        }
    }
    let judged = match found {
        Some((digest, samples)) => JudgedBy { by: By::Features, features: Some(digest), samples: Some(samples) },
        None => JudgedBy { by: By::Pixels, features: None, samples: None },
    };
    for trial in trials.iter_mut().filter(|trial| is_open(&trial.config)) {
        // Features that were asked for and are not there are the run's own error.
        if trial.config.judge.is_none() || judged.by == By::Features {
            trial.config.judge = Some(judged.clone());
        }
    }
    if trials.windows(2).any(|pair| pair[0].config.judge != pair[1].config.judge) {
        let message = "the runs of a sweep are compared, and these are judged by different things";
        return Err(Error::usage(format!("{message}; give judge.by, and judge.samples, one value for all of them")));
    }
    trials.iter().try_for_each(|trial| trial.config.check_condition())
}
