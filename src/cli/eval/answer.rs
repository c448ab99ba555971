//! What `eval` tells: a table for people, or JSON.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::{answer, table};
use crate::error::Result;
use crate::eval;
use crate::eval::evaluation::{Basis, Evaluation, Evaluator};
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
        let floor = eval::table::floor(&self.basis);
        let header = std::iter::once(String::new()).chain(names.iter().cloned()).chain([floor.to_string()]);
        let columns: Vec<_> =
            self.evaluated.iter().map(|one| &one.evaluation.measured).chain([&self.basis.floor]).collect();
        let mut rows = vec![header.collect::<Vec<_>>()];
        rows.extend(eval::table::rows(&columns, self.basis.real.as_ref()));
        let mut lines = table::lines_to_the_left(&rows);
        lines.push(String::new());
        for (one, name) in self.evaluated.iter().zip(&names) {
            let prefix = if self.evaluated.len() > 1 { format!("{name}: ") } else { String::new() };
            lines.extend(one.evaluation.says.iter().map(|sentence| format!("{prefix}{sentence}")));
        }
        lines.push(eval::table::against(&self.basis, &self.data));
        lines.push(
            "Distances: less is nearer, and what other real images get is as near as anything can be; in brackets the \
             interval of 95 %."
                .to_string(),
        );
        lines
    }
}
