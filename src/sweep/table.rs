//! The table of a sweep: what each run was, and what came of it.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use toml::Value;

use super::folder::Sweep;
use super::journal::{Entry, Journal, Standing};
use crate::error::{Error, Kind, Result};
use crate::model::judged::JudgedBy;

/// The table for people.
pub const MARKDOWN: &str = "table.md";
/// The same for programs.
pub const JSON: &str = "table.json";
/// The configuration of the best run.
pub const WINNER: &str = "winner.toml";

/// What a sweep has come to, from the best run to the worst.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The folder.
    pub sweep: String,
    /// Whether all runs came to the end that is theirs.
    pub complete: bool,
    /// What runs are judged by; less is better.
    pub judge: String,
    /// The steps after which runs were compared.
    pub rungs: Vec<u32>,
    /// Seconds that the sweep took.
    pub seconds: f64,
    /// The best run.
    pub winner: Option<String>,
    /// All of them.
    pub runs: Vec<Row>,
}

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The name of its folder.
    pub run: String,
    /// The settings of which the plan has several values.
    pub settings: Map<String, Json>,
    /// Its seed, where the plan lists seeds.
    pub seed: Option<u64>,
    /// Steps done, as far as the sweep noted.
    pub steps: u32,
    /// How good its samples were at that step.
    pub score: Option<f64>,
    /// Minutes of training.
    pub minutes: f64,
    /// How it stands, in words.
    pub state: String,
    /// The settings as they are written, in the order of the plan.
    #[serde(skip)]
    cells: Vec<(String, String)>,
}

/// A score as people read it.
pub fn score(score: Option<f64>) -> String {
    score.map_or("–".to_string(), |score| format!("{score:.5}"))
}

impl Report {
    /// That of a sweep.
    pub fn of(sweep: &Sweep) -> Self {
        let journal = &sweep.journal;
        let winner = journal.winner();
        let standings = journal.standings();
        let row = |index: usize| Row::of(journal, index, standings[index], winner == Some(index));
        let judges = journal.runs.iter().flat_map(|entry| &entry.reached).map(|reached| reached.judge.as_str());
        let judge = judges.rev().find(|judge| !judge.is_empty()).unwrap_or("score");
        Report {
            sweep: sweep.path().display().to_string(),
            complete: journal.is_complete(),
            judge: judge.to_string(),
            rungs: journal.rungs.clone(),
            seconds: journal.seconds,
            winner: winner.map(|index| journal.runs[index].name.clone()),
            runs: journal.order().into_iter().map(row).collect(),
        }
    }

    /// The table with its header.
    pub fn table(&self) -> Vec<Vec<String>> {
        let cells = |row: &Row| row.cells.iter().cloned().unzip::<_, _, Vec<_>, Vec<_>>();
        let keys = self.runs.first().map(|row| cells(row).0).unwrap_or_default();
        let has_seeds = self.runs.iter().any(|row| row.seed.is_some());
        let text = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
        let seed = if has_seeds { text(&["seed"]) } else { Vec::new() };
        let header = [text(&["run"]), keys, seed, text(&["steps", &self.judge, "minutes", "state"])].concat();
        let row = |row: &Row| {
            let seed = row.seed.filter(|_| has_seeds).map(|seed| seed.to_string());
            let came = [row.steps.to_string(), score(row.score), format!("{:.1}", row.minutes), row.state.clone()];
            [vec![row.run.clone()], cells(row).1, seed.into_iter().collect(), came.to_vec()].concat()
        };
        std::iter::once(header).chain(self.runs.iter().map(row)).collect()
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (number, row) in self.table().into_iter().enumerate() {
            let cells: Vec<_> =
                row.iter().map(|cell| cell.replace('|', "\\|").replace(char::is_control, " ")).collect();
            text += &format!("| {} |\n", cells.join(" | "));
            if number == 0 {
                text += &format!("|{}\n", "---|".repeat(cells.len()));
            }
        }
        text
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// When JSON cannot hold it.
    pub fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::new(Kind::Other, format!("JSON: {e}")))?;
        Ok(text + "\n")
    }
}

impl Row {
    fn of(journal: &Journal, index: usize, standing: Standing, is_winner: bool) -> Self {
        let entry = &journal.runs[index];
        let last = entry.reached.last();
        let json = |value: &Value| serde_json::to_value(value).unwrap_or(Json::Null);
        Row {
            run: entry.name.clone(),
            settings: entry.settings.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
            seed: entry.seed,
            steps: last.map_or(0, |reached| reached.step),
            score: entry.score(),
            minutes: last.map_or(0.0, |reached| reached.seconds / 60.0),
            state: state(journal, standing, entry, is_winner),
            cells: cells(entry),
        }
    }
}

/// The settings of a run with their values, text without its quotes.
fn cells(entry: &Entry) -> Vec<(String, String)> {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    entry.settings.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
}

fn state(journal: &Journal, standing: Standing, entry: &Entry, is_winner: bool) -> String {
    match (standing, &entry.failed) {
        (_, Some(failure)) => format!("failed: {}", failure.reason),
        _ if is_winner && journal.is_complete() => "winner".to_string(),
        _ if is_winner => "best so far".to_string(),
        (Standing::Waiting, _) => "not begun".to_string(),
        (Standing::Out(rung), _) => format!("out at rung {rung}"),
        (Standing::At(0), _) => "begun".to_string(),
        (Standing::At(rung), _) => format!("at rung {rung}"),
        (Standing::Done | Standing::Failed, _) => "done".to_string(),
    }
}

/// The configuration of the best run as a file, with what it is in the first line.
///
/// # Errors
/// When the run's configuration cannot be read.
pub fn winner(sweep: &Sweep) -> Result<Option<String>> {
    let Some(index) = sweep.journal.winner() else { return Ok(None) };
    let entry = &sweep.journal.runs[index];
    let mut config = sweep.read_config(entry)?;
    if JudgedBy::is_by_features(config.judge.as_ref()) {
        // Who begins with it looks for features anew: these may not be there.
        config.judge = None;
    }
    let config = toml::to_string(&config).map_err(|e| Error::new(Kind::Other, format!("configuration: {e}")))?;
    let (name, words, found) = (&entry.name, entry.words(), entry.reached.last());
    let found = found.map_or(String::new(), |at| format!(": {} {} at step {}", at.judge, score(at.score), at.step));
    let line = format!("# The best run of a sweep, {name} ({words}){found}").replace(char::is_control, " ");
    Ok(Some(format!("{line}\n{config}")))
}
