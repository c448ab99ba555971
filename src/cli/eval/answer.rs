//! What `eval` tells: a table for people, or JSON.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::{answer, table};
use crate::error::Result;
use crate::eval::evaluation::{Basis, Evaluation, Evaluator, Measured};
use crate::eval::metrics::{Score, Scores};
use crate::eval::network::Task;
use crate::eval::real::Others;
use crate::output::grouped;

/// All that is told.
#[derive(Serialize)]
pub struct Told {
    /// The real images.
    data: String,
    basis: Basis,
    evaluated: Vec<One>,
}

#[derive(Serialize)]
struct One {
    what: PathBuf,
    /// Of a checkpoint.
    step: Option<u32>,
    #[serde(flatten)]
    evaluation: Evaluation,
}

impl Told {
    /// Nothing yet, against these real images.
    pub fn new(evaluator: &Evaluator<'_>, data: &str) -> Self {
        Told { data: data.to_string(), basis: evaluator.basis().clone(), evaluated: Vec::new() }
    }

    pub fn add(&mut self, what: &Path, step: Option<u32>, evaluation: Evaluation) {
        self.evaluated.push(One { what: what.to_path_buf(), step, evaluation });
    }

    pub fn tell(self, json: bool) -> Result<()> {
        answer(json, self, |told| told.lines())
    }

    fn lines(&self) -> Vec<String> {
        let names = self.evaluated.iter().map(|one| match one.step {
            Some(step) => format!("{} at step {}", one.what.display(), grouped(step.into())),
            None => one.what.display().to_string(),
        });
        let names: Vec<_> = names.collect();
        let floor = match self.basis.floor_of {
            Others::HeldOut => "other real images",
            Others::OtherHalf => "the other half of the data",
        };
        let header = std::iter::once(String::new()).chain(names.iter().cloned()).chain([floor.to_string()]);
        let columns: Vec<_> =
            self.evaluated.iter().map(|one| &one.evaluation.measured).chain([&self.basis.floor]).collect();
        let mut rows = vec![header.collect::<Vec<_>>()];
        for (name, score) in DISTANCES {
            let cells = columns.iter().map(|measured| shown(score(&measured.scores)));
            rows.push(std::iter::once(name.to_string()).chain(cells).collect());
        }
        if let Some(real) = &self.basis.real {
            let of_classes = |name: &str, cell: &dyn Fn(&Measured) -> Option<String>| {
                let cells = columns.iter().map(|measured| cell(measured).unwrap_or_default());
                std::iter::once(name.to_string()).chain(cells).collect::<Vec<_>>()
            };
            rows.push(of_classes("confidence", &|one| Some(shown(one.classified.as_ref()?.confidence))));
            rows.push(of_classes("classes off", &|one| {
                Some(format!("{:.1} %", 100.0 * one.classified.as_ref()?.variation(real)))
            }));
        }
        let mut lines = table::lines_to_the_left(&rows);
        lines.push(String::new());
        for (one, name) in self.evaluated.iter().zip(&names) {
            let prefix = if self.evaluated.len() > 1 { format!("{name}: ") } else { String::new() };
            lines.extend(one.evaluation.says.iter().map(|sentence| format!("{prefix}{sentence}")));
        }
        let Basis { count, features, accuracy, task, .. } = &self.basis;
        let what = match task {
            Task::Classes(classes) => format!("{} classes", classes.len()),
            Task::Rotations => "four rotations".to_string(),
        };
        let right =
            accuracy.map(|(share, tested)| format!(", {:.2} % of {} right", 100.0 * share, grouped(tested.into())));
        lines.push(format!(
            "{} images of each kind, against {}; features {} of {what}{}.",
            grouped((*count).into()),
            self.data,
            &features[..12.min(features.len())],
            right.unwrap_or_default()
        ));
        lines.push(
            "Distances: less is nearer, and what other real images get is as near as anything can be; in brackets the \
             interval of 95 %."
                .to_string(),
        );
        lines
    }
}

/// The rows of the table.
const DISTANCES: [(&str, fn(&Scores) -> Score); 7] = [
    ("Fréchet distance", |scores| scores.frechet),
    ("kernel distance", |scores| scores.kernel),
    ("sliced distance", |scores| scores.sliced),
    ("precision", |scores| scores.precision),
    ("recall", |scores| scores.recall),
    ("density", |scores| scores.density),
    ("coverage", |scores| scores.coverage),
];

/// A number with its interval, with as many digits as the interval leaves.
fn shown(score: Score) -> String {
    let width = (score.high - score.low).abs();
    let digits =
        if width > 0.0 && width.is_finite() { (1.0 - width.log10().floor()).clamp(0.0, 6.0) } else { 4.0 } as usize;
    let Score { value, low, high } = score;
    format!("{value:.digits$} ({low:.digits$} to {high:.digits$})")
}
