//! Several runs side by side: how they were made, how they went, and in which settings they differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::chart::shown;
use super::facts::{self, LAST};
use super::run::Run;
use crate::eval::evaluation::Kept;
use crate::eval::metrics::Score;
use crate::eval::table;
use crate::model::columns::{Column, Values, columns};
use crate::model::judged::{FRECHET, JudgedBy};
use crate::output::grouped;
use crate::run::records::{Quality, best, means, median};

/// Settings that say where a run was or how it is called, not how it was trained.
const INCIDENTAL: [&str; 2] = ["about", "data_dir"];

/// Settings that a table tells in any case.
const ALWAYS_TOLD: [&str; 3] = ["name", "data", "seed"];

/// What the settings begin with that a row of its own tells.
const JUDGE: &str = "judge.";

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
    /// Median of the recorded images per second; NaN where there are none.
    pub images_per_second: f64,
    /// Minutes of training.
    pub minutes: Option<f64>,
    /// The last record.
    pub last: Values,
    /// Means over the last records, 100 at most.
    pub mean_of_last: Values,
    /// What judges its samples.
    pub judge: Option<JudgedBy>,
    /// The samples that were nearest to the data in what judges, where quality was recorded.
    pub best: Option<Quality>,
    /// Those nearest in pixels.
    pub nearest: Option<Quality>,
    /// What `eval` found of its newest evaluated checkpoint.
    pub evaluated: Option<Found>,
}

/// The Fréchet distance of an evaluation, and what it was measured by.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The checkpoint's step.
    pub step: u32,
    /// The distance with its interval.
    pub frechet: Score,
    /// The digest of the features.
    pub features: String,
    /// The digest of the data.
    pub data: String,
    /// Images on each side.
    pub count: u32,
}

impl Found {
    fn of((step, found): &(u32, Kept)) -> Self {
        let Kept { basis, evaluation } = found;
        Found {
            step: *step,
            frechet: evaluation.measured.scores.frechet,
            features: basis.features.clone(),
            data: basis.data.clone(),
            count: basis.count,
        }
    }

    /// Whether both were measured alike.
    fn is_like(&self, other: &Found) -> bool {
        (&self.features, &self.data, self.count) == (&other.features, &other.data, other.count)
    }
}

/// Runs side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// In the order given.
    pub runs: Vec<Row>,
    /// The settings that are not the same in all runs: for each its key, and its value in each run,
    /// as TOML writes it; nothing where a run does not have it.
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
            last: means(&records[records.len().saturating_sub(1)..]),
            mean_of_last: means(&records[records.len().saturating_sub(LAST)..]),
            judge: run.judge(),
            best: best(&run.quality),
            nearest: finite.min_by(|a, b| a.distance.total_cmp(&b.distance)).copied(),
            evaluated: run.evaluation.as_ref().map(Found::of),
        }
    }

    /// Its features and the size of its estimates, where features judge it.
    fn features(&self) -> Option<&JudgedBy> {
        self.judge.as_ref().filter(|judged| JudgedBy::is_by_features(Some(judged)))
    }

    /// The cells with the names of their rows; `told` are the columns to tell of, `judges` says how
    /// many features judge.
    fn cells(&self, told: &[&Column], judges: usize) -> Vec<(String, String)> {
        let told_of = |quality: Option<Quality>, value: fn(&Quality) -> f64| {
            quality.map(|quality| {
                let (value, step) = (shown(value(&quality)), grouped(quality.step.into()));
                format!("{value}, {} at step {step}", shown(quality.diversity))
            })
        };
        let nearest = told_of(self.nearest, |quality| quality.distance);
        let estimate = match (judges, self.features()) {
            (0, _) => None,
            (1, Some(_)) => Some(text(&told_of(self.best, Quality::score))),
            (1, None) => Some(text(&None)),
            // Numbers of different features, or of other n, mean nothing beside each other.
            (_, features) => Some(features.map_or_else(|| text(&None), |_| "not comparable".to_string())),
        };
        let judged = (judges > 0).then(|| ("judged by".to_string(), JudgedBy::told(self.judge.as_ref())));
        let estimate = estimate.map(|estimate| (format!("best {FRECHET}, diversity"), estimate));
        let speed = shown(self.images_per_second.round());
        let rows = [
            ("run", self.run.clone()),
            ("preset", text(&self.preset)),
            ("data", text(&self.data)),
            ("device", text(&self.device)),
            ("seed", text(&self.seed)),
            ("steps", facts::steps(self.steps, self.total_steps)),
            ("epochs", text(&self.epochs.map(|epochs| grouped(epochs.into())))),
            ("images/s (median)", speed.trim_end_matches(".000").to_string()),
            ("training time", text(&self.minutes.map(|minutes| facts::duration(minutes * 60.0)))),
        ];
        let recorded = told.iter().map(|column| {
            let [last, mean] = [&self.last, &self.mean_of_last].map(|values| shown(values.get(column.name)));
            (format!("{}: last, mean", column.label), format!("{last}, {mean}"))
        });
        let rows = rows.into_iter().map(|(name, cell)| (name.to_string(), cell)).chain(recorded);
        rows.chain([("best distance, diversity".to_string(), text(&nearest))]).chain(judged).chain(estimate).collect()
    }
}

impl Comparison {
    /// The rows of a table: a column for each run, first what is always told, then the settings
    /// that differ.
    pub fn table(&self) -> Vec<Vec<String>> {
        let is_told = |column: &&Column| self.runs.iter().any(|row| row.mean_of_last.has(column.name));
        let told: Vec<_> = columns().filter(is_told).collect();
        let judges = self.runs.iter().filter_map(Row::features).map(|judge| (&judge.features, judge.samples));
        let judges = judges.collect::<BTreeSet<_>>().len();
        let mut table: Vec<Vec<String>> = Vec::new();
        for row in &self.runs {
            for (i, (name, cell)) in row.cells(&told, judges).into_iter().enumerate() {
                if table.len() == i {
                    table.push(vec![name]);
                }
                table[i].push(cell);
            }
        }
        table.extend(self.evaluated());
        let is_told = |key: &str| ALWAYS_TOLD.contains(&key) || key.starts_with(JUDGE);
        for (key, values) in self.differences.iter().filter(|(key, _)| !is_told(key)) {
            table.push(std::iter::once(key.clone()).chain(values.iter().map(text)).collect());
        }
        table
    }
}

impl Comparison {
    /// The row of evaluations; none where no run was evaluated.
    fn evaluated(&self) -> Option<Vec<String>> {
        let first = self.runs.iter().find_map(|row| row.evaluated.as_ref())?;
        let are_alike = self.runs.iter().filter_map(|row| row.evaluated.as_ref()).all(|found| found.is_like(first));
        let cell = |found: &Found| match are_alike {
            true => format!("{} at step {}", table::shown(found.frechet), grouped(found.step.into())),
            false => "not comparable".to_string(),
        };
        let name = format!("eval: {FRECHET}, n = {}", grouped(first.count.into()));
        let cells = self.runs.iter().map(|row| text(&row.evaluated.as_ref().map(cell)));
        Some(std::iter::once(name).chain(cells).collect())
    }
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_else(|| "–".to_string())
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
    use crate::model::columns::D_LOSS;
    use crate::run::files::{CONFIG, METRICS, QUALITY};

    fn run(folder: &std::path::Path, name: &str, config: &str, metrics: &str, quality: &str) -> Run {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        for (file, text) in [(CONFIG, config), (METRICS, metrics), (QUALITY, quality)] {
            std::fs::write(path.join(file), text).unwrap();
        }
        Run::read(&path).unwrap()
    }

    #[test]
    fn numbers_of_other_features_stand_in_no_row() {
        let dir = tempfile::tempdir().unwrap();
        let of = |name: &str, features: &str, samples: u32, fd: f64| {
            let config = format!("[judge]\nby = \"features\"\nfeatures = \"{features}\"\nsamples = {samples}\n");
            // Nearest in pixels, not in features.
            let first = format!("{{\"step\":1,\"diversity\":0.5,\"distance\":0.1,\"fd\":99.0,\"samples\":{samples}}}");
            let second = format!("{{\"step\":2,\"diversity\":0.7,\"distance\":0.2,\"fd\":{fd},\"samples\":{samples}}}");
            run(dir.path(), name, &config, "", &format!("{first}\n{second}\n"))
        };
        let pixels = run(dir.path(), "p", "seed = 1\n", "", "{\"step\":3,\"diversity\":0.9,\"distance\":0.3}\n");
        let (a, b) = (of("a", "0123456789abcdef", 1000, 20.0), of("b", "0123456789abcdef", 1000, 30.0));
        let (c, d) = (of("c", "fedcba9876543210", 1000, 5.0), of("d", "0123456789abcdef", 500, 4.0));
        let rows = |runs: &[&Run], name: &str| {
            let runs: Vec<_> = runs.iter().map(|run| (*run).clone()).collect();
            compare(&runs).table().into_iter().find(|row| row[0] == name).map(|row| row[1..].to_vec())
        };
        let (fd, judged) = ("best Fréchet distance, diversity", "judged by");
        let strings = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(rows(&[&a, &b, &pixels], fd), strings(&["20.000, 0.700 at step 2", "30.000, 0.700 at step 2", "–"]));
        let by = "features 01234567, n = 1,000";
        assert_eq!(rows(&[&a, &pixels], judged), strings(&[by, "pixels"]));
        assert_eq!(rows(&[&a, &c], "judge.features"), None, "told already");
        for other in [&c, &d] {
            assert_eq!(rows(&[&a, other, &pixels], fd), strings(&["not comparable", "not comparable", "–"]));
        }
        let distance = strings(&["0.100, 0.500 at step 1", "0.300, 0.900 at step 3"]);
        assert_eq!(rows(&[&a, &pixels], "best distance, diversity"), distance, "of pixels, which all have");
        assert_eq!([fd, judged].map(|name| rows(&[&pixels, &pixels], name)), [None, None], "as ever");
        assert_eq!(compare(&[a, c]).runs[0].best.unwrap().step, 2);
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
        assert_eq!((row.steps, row.minutes, row.images_per_second), (20, Some(1.0), 10.0));
        assert!(row.last.get(D_LOSS).is_nan());
        assert_eq!(row.mean_of_last.get(D_LOSS), 1.0);
        let best = row.best.unwrap();
        assert!((best.step, best.distance) == (20, 0.25) && best.diversity.is_nan(), "{best:?}");
        let table = comparison.table();
        assert!(table.iter().all(|row| row.len() == 3), "{table:?}");
        assert!(compare(&[a.clone(), a]).differences.is_empty());
    }
}
