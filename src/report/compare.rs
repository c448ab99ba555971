//! Several runs side by side: how they were made, how they went, and in which settings they differ.

use std::collections::BTreeMap;

use serde::Serialize;

use super::chart::shown;
use super::facts::{self, LAST};
use super::run::Run;
use crate::output::grouped;
use crate::run::records::{Record, mean, median};

/// Settings that say where a run was or how it is called, not how it was trained.
const INCIDENTAL: [&str; 2] = ["about", "data_dir"];

/// Settings that a table tells in any case.
const ALWAYS_TOLD: [&str; 3] = ["name", "data", "seed"];

/// Losses and D(x), each at one moment or as a mean. NaN becomes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "as in `metrics.jsonl`")]
pub struct Losses {
    pub d_loss: Option<f64>,
    pub g_loss: Option<f64>,
    pub d_real: Option<f64>,
    pub d_fake: Option<f64>,
}

impl Losses {
    fn over(records: &[Record]) -> Self {
        let of = |value: fn(&Record) -> f64| mean(records.iter().map(value));
        Losses {
            d_loss: of(|r| r.d_loss),
            g_loss: of(|r| r.g_loss),
            d_real: of(|r| r.d_real),
            d_fake: of(|r| r.d_fake),
        }
    }
}

/// The sample grid that was nearest to the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Best {
    /// Steps done.
    pub step: u32,
    /// Sliced Wasserstein distance to real images.
    pub distance: f64,
    /// Diversity, as in `quality.jsonl`.
    pub diversity: Option<f64>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The folder, as it was given.
    pub run: String,
    /// Name of the preset or configuration.
    pub preset: Option<String>,
    /// The data.
    pub data: Option<String>,
    /// The device.
    pub device: Option<String>,
    /// The program that saved the newest checkpoint.
    pub program_version: Option<String>,
    /// The seed; a string, because not every reader of JSON has 64 bits.
    pub seed: Option<String>,
    /// Steps done.
    pub steps: u32,
    /// The run's length, where it is known.
    pub total_steps: Option<u64>,
    /// Epochs begun.
    pub epochs: Option<u32>,
    /// Median of the recorded images per second.
    pub images_per_second: Option<f64>,
    /// Minutes of training.
    pub minutes: Option<f64>,
    /// The last record.
    pub last: Losses,
    /// Means over the last records, 100 at most.
    pub mean_of_last: Losses,
    /// The best sample grid, where quality was recorded.
    pub best: Option<Best>,
}

/// Runs side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// In the order given.
    pub runs: Vec<Row>,
    /// The settings that are not the same in all runs: for each its key, and its value in each run, as TOML writes it; nothing
    /// where a run does not have it.
    pub differences: BTreeMap<String, Vec<Option<String>>>,
}

/// Puts runs side by side.
pub fn compare(runs: &[Run]) -> Comparison {
    let settings: Vec<_> = runs.iter().map(|run| flat(&run.config)).collect();
    let mut differences = BTreeMap::new();
    for key in settings.iter().flat_map(BTreeMap::keys).filter(|key| !INCIDENTAL.contains(&key.as_str())) {
        let values: Vec<_> = settings.iter().map(|settings| settings.get(key).cloned()).collect();
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            differences.insert(key.clone(), values);
        }
    }
    Comparison { runs: runs.iter().map(Row::of).collect(), differences }
}

impl Row {
    fn of(run: &Run) -> Self {
        let records = &run.records;
        let finite = run.quality.iter().filter(|quality| quality.distance.is_finite());
        let best = finite.min_by(|a, b| a.distance.total_cmp(&b.distance));
        Row {
            run: run.path.display().to_string(),
            preset: run.setting_text(&["name"]),
            data: run.setting_text(&["data"]),
            device: run.device(),
            program_version: run.program_version(),
            seed: run.setting_text(&["seed"]),
            steps: run.steps(),
            total_steps: run.total_steps(),
            epochs: records.last().map(|record| record.epoch).filter(|epoch| *epoch > 0),
            images_per_second: median(records.iter().map(|record| record.images_per_second)),
            minutes: run.seconds().map(|seconds| seconds / 60.0),
            last: Losses::over(&records[records.len().saturating_sub(1)..]),
            mean_of_last: Losses::over(&records[records.len().saturating_sub(LAST)..]),
            best: best.map(|best| Best {
                step: best.step,
                distance: best.distance,
                diversity: Some(best.diversity).filter(|value| value.is_finite()),
            }),
        }
    }

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_string());
        let number = |value: Option<f64>| shown(value.unwrap_or(f64::NAN));
        let steps = facts::steps(self.steps, self.total_steps);
        let mut cells = vec![text(&self.preset), text(&self.data), text(&self.device), text(&self.seed), steps];
        cells.push(self.epochs.map_or_else(|| "–".to_string(), |epochs| grouped(epochs.into())));
        cells.push(number(self.images_per_second.map(f64::round)).trim_end_matches(".000").to_string());
        cells.push(self.minutes.map_or_else(|| "–".to_string(), |minutes| facts::duration(minutes * 60.0)));
        let pairs = |pick: fn(&Losses) -> Option<f64>| [number(pick(&self.last)), number(pick(&self.mean_of_last))];
        for pick in [|l: &Losses| l.d_loss, |l: &Losses| l.g_loss, |l: &Losses| l.d_real, |l: &Losses| l.d_fake] {
            cells.push(pairs(pick).join(", "));
        }
        cells.push(self.best.map_or_else(
            || "–".to_string(),
            |best| {
                format!("{}, {} at step {}", shown(best.distance), number(best.diversity), grouped(best.step.into()))
            },
        ));
        cells
    }
}

impl Comparison {
    /// The rows of a table: a column for each run, first what is always told, then the settings that differ.
    pub fn table(&self) -> Vec<Vec<String>> {
        const NAMES: [&str; 13] = [
            "preset",
            "data",
            "device",
            "seed",
            "steps",
            "epochs",
            "images/s (median)",
            "training time",
            "D loss: last, mean",
            "G loss: last, mean",
            "D(x) real: last, mean",
            "D(x) generated: last, mean",
            "best distance, diversity",
        ];
        let cells: Vec<_> = self.runs.iter().map(Row::cells).collect();
        let header = self.runs.iter().map(|row| row.run.clone());
        let mut table = vec![std::iter::once("run".to_string()).chain(header).collect::<Vec<_>>()];
        for (i, name) in NAMES.iter().enumerate() {
            table
                .push(std::iter::once((*name).to_string()).chain(cells.iter().map(|cells| cells[i].clone())).collect());
        }
        for (key, values) in self.differences.iter().filter(|(key, _)| !ALWAYS_TOLD.contains(&key.as_str())) {
            let values = values.iter().map(|value| value.clone().unwrap_or_else(|| "–".to_string()));
            table.push(std::iter::once(key.clone()).chain(values).collect());
        }
        table
    }
}

/// Every value under its whole key: `adam.lr`, `generator.layers[2].slope`.
fn flat(table: &toml::Table) -> BTreeMap<String, String> {
    fn walk(key: &str, value: &toml::Value, found: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (name, value) in table {
                    walk(&if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, value, found);
                }
            }
            toml::Value::Array(values) if values.iter().any(toml::Value::is_table) => {
                for (i, value) in values.iter().enumerate() {
                    walk(&format!("{key}[{i}]"), value, found);
                }
            }
            value => {
                found.insert(key.to_string(), value.to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk("", &toml::Value::Table(table.clone()), &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &std::path::Path, name: &str, config: &str, metrics: &str, quality: &str) -> Run {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        for (file, text) in [("config.toml", config), ("metrics.jsonl", metrics), ("quality.jsonl", quality)] {
            std::fs::write(path.join(file), text).unwrap();
        }
        Run::read(&path).unwrap()
    }

    #[test]
    fn only_what_differs_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let config = |lr: &str, layers: &str| {
            format!("name = \"x\"\nabout = \"{lr}\"\nseed = 1\n[adam]\nlr = {lr}\n[generator]\nlayers = [{layers}]\n")
        };
        let one = "{\"step\":10,\"epoch\":1,\"d_loss\":1.0,\"images_per_second\":10.0,\"seconds\":30.0}\n";
        let two = format!("{one}{{\"step\":20,\"d_loss\":null,\"images_per_second\":30.0,\"seconds\":60.0}}\n");
        let quality =
            "{\"step\":10,\"diversity\":0.9,\"distance\":0.5}\n{\"step\":20,\"distance\":0.25}\n{\"step\":30}\n";
        let a = run(dir.path(), "a", &config("0.1", "{type=\"relu\"}"), one, "");
        let b = run(dir.path(), "b", &config("0.2", "{type=\"relu\"}, {type=\"tanh\"}"), &two, quality);
        let comparison = compare(&[a.clone(), b]);
        let keys: Vec<_> = comparison.differences.keys().map(String::as_str).collect();
        assert_eq!(keys, ["adam.lr", "generator.layers[1].type"]);
        let some = |text: &str| Some(text.to_string());
        assert_eq!(comparison.differences["adam.lr"], [some("0.1"), some("0.2")]);
        assert_eq!(comparison.differences["generator.layers[1].type"], [None, some("\"tanh\"")]);
        let row = &comparison.runs[1];
        assert_eq!((row.steps, row.minutes, row.images_per_second), (20, Some(1.0), Some(10.0)));
        assert_eq!((row.last.d_loss, row.mean_of_last.d_loss), (None, Some(1.0)));
        assert_eq!(row.best, Some(Best { step: 20, distance: 0.25, diversity: None }));
        let table = comparison.table();
        assert!(table.iter().all(|row| row.len() == 3), "{table:?}");
        assert!(compare(&[a.clone(), a]).differences.is_empty());
    }
}
