//! Who judges the samples of a run, and how many samples that takes.

use std::path::Path;

use super::quality::{IMAGES, Reference};
use crate::data::DataSet;
use crate::error::{Error, Result};
use crate::eval::judge::Judge;
use crate::model::config::Config;
use crate::model::judged::{By, JudgedBy, makes_features};
use crate::output::Images;
use crate::run::records::Quality;

/// Pixels, and features where those judge the run.
#[derive(Debug)]
pub(super) struct Judging {
    pixels: Reference,
    /// Samples of the grid and of its measures.
    of_grid: usize,
    features: Option<Features>,
}

#[derive(Debug)]
struct Features {
    judge: Judge,
    /// Samples of an estimate.
    samples: u32,
}

impl Judging {
    /// Judges a run of this configuration; `judge` is what [`settle`] found.
    pub(super) fn new(config: &Config, data: &DataSet, judge: Option<Judge>) -> Self {
        let settled = config.judge.as_ref().and_then(|judged| judged.samples);
        let features = judge.map(|judge| Features { samples: settled.unwrap_or(judge.samples()), judge });
        Judging {
            pixels: Reference::new(data, config.seed, config.classes.is_some()),
            of_grid: (config.output.rows as usize * config.output.cols as usize).max(IMAGES),
            features,
        }
    }

    /// How many samples of the fixed latents a step's quality takes: the first ones of them are the
    /// grid, so each is drawn once.
    pub(super) fn samples(&self) -> usize {
        self.features.as_ref().map_or(0, |features| features.samples as usize).max(self.of_grid)
    }

    /// Measures the [`Judging::samples`] of a step.
    ///
    /// # Errors
    /// When the features cannot be computed.
    pub(super) fn measure(&mut self, step: u32, samples: &Images) -> Result<Quality> {
        let quality = self.pixels.measure(step, &samples.first(self.of_grid));
        let Some(Features { judge, samples: count }) = &mut self.features else { return Ok(quality) };
        let fd = judge.measure(&samples.first(*count as usize))?;
        Ok(Quality { fd: Some(fd), samples: Some(*count), ..quality })
    }
}

/// Tells a configuration what judges its run, which is kept in the folder `run`; features are
/// looked for, never trained. With `begins`, a run that says nothing of it is judged by features
/// where there are some; when it goes on, it is judged by pixels.
///
/// # Errors
/// A data error with the remedy where features are asked for and there are none; a usage error
/// where the run is to end by an estimate that nobody makes.
pub(super) fn settle(config: &mut Config, data: &DataSet, run: &Path, begins: bool) -> Result<Option<Judge>> {
    let judge = match &config.judge {
        Some(JudgedBy { by: By::Pixels, .. }) => None,
        Some(judged @ JudgedBy { features: Some(_), .. }) => Some(Judge::of_run(judged, run, data, config)?),
        Some(_) => Some(Judge::find(data, config)?.ok_or_else(|| {
            let command = makes_features(&config.data, config.image, None);
            Error::data(format!(
                "judge.by = features, but there are none of {} yet; `{command}` makes them, or use --judge pixels",
                data.name()
            ))
        })?),
        None if begins => Judge::find(data, config)?,
        None => None,
    };
    if let Some(judge) = &judge {
        let samples = config.judge.as_ref().and_then(|judged| judged.samples).unwrap_or(judge.samples());
        let features = Some(judge.digest().to_string());
        config.judge = Some(JudgedBy { by: By::Features, features, samples: Some(samples) });
    }
    config.check_condition()?;
    Ok(judge)
}
