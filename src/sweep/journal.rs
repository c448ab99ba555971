//! What a sweep has come to: the runs, what they reached, and which of them go on.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Value;

use super::rungs::{going_on, ranked};
use super::trials::{Trial, words};

/// The version of the format.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The state of a sweep, as `sweep.json` holds it.
///
/// A stage is what lies between two rungs; the last one ends with the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    /// The version of the format.
    pub format_version: u32,
    /// The steps after which runs are compared, before their end.
    pub rungs: Vec<u32>,
    /// After each rung the better 1/`factor` of the choices go on.
    pub factor: u32,
    /// The budget, as it was given last.
    pub budget: Option<String>,
    /// Seconds that the sweep has taken so far, in all its processes.
    pub seconds: f64,
    /// Stages that have begun.
    pub begun: usize,
    /// The runs.
    pub runs: Vec<Entry>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, with four digits: the name of its folder, its configuration and its log.
    pub name: String,
    /// Which choice of values it tries, counted from 0.
    pub choice: usize,
    /// Its seed, where the plan lists seeds.
    pub seed: Option<u64>,
    /// The settings of which the plan has several values.
    pub settings: Vec<(String, Value)>,
    /// Its length in steps, where it is known beforehand.
    pub length: Option<u32>,
    /// Whether it has begun.
    pub begun: bool,
    /// What it was at the end of each stage.
    pub reached: Vec<Reached>,
    /// Why it ended before its time.
    pub failed: Option<Failure>,
}

/// A run at the end of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// Steps done.
    pub step: u32,
    /// How good its samples were, less being better; nothing where that was no number.
    pub score: Option<f64>,
    /// What the score is.
    pub judge: String,
    /// Seconds of training.
    pub seconds: f64,
}

/// The end of a run that could not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its exit code, if it had one.
    pub code: Option<i32>,
    /// What it said.
    pub reason: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not begun.
    Waiting,
    /// It is to go on from a rung, counted from 1; 0 before the first.
    At(usize),
    /// It was not good enough at a rung, counted from 1.
    Out(usize),
    /// It came to its end.
    Done,
    /// It could not go on.
    Failed,
}

/// What the run of a number, counted from 1, is called.
pub fn name(number: usize) -> String {
    format!("{number:04}")
}

impl Entry {
    pub(super) fn new(number: usize, trial: &Trial) -> Self {
        Entry {
            name: name(number),
            choice: trial.choice,
            seed: trial.seed,
            settings: trial.settings.clone(),
            length: trial.config.training.steps,
            begun: false,
            reached: Vec::new(),
            failed: None,
        }
    }

    /// Its settings, in a line.
    pub fn words(&self) -> String {
        words(&self.settings, self.seed)
    }

    /// The newest score.
    pub fn score(&self) -> Option<f64> {
        self.reached.last()?.score
    }
}

impl Journal {
    /// What this program would not have written, in words.
    pub(super) fn problem(&self) -> Option<String> {
        if self.format_version != FORMAT_VERSION {
            return Some(format!("its format has version {}, of a later program", self.format_version));
        }
        if self.factor == 0 {
            return Some("factor = 0".to_string());
        }
        if self.rungs.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Some("its rungs do not rise".to_string());
        }
        let mut choices = 0;
        for (number, entry) in (1..).zip(&self.runs) {
            if entry.name != name(number) {
                return Some(format!("run {number} is called {}", entry.name));
            }
            if entry.choice != choices && entry.choice + 1 != choices {
                return Some(format!("run {} tries no choice of this sweep", entry.name));
            }
            choices = entry.choice + 1;
        }
        None
    }

    /// Stages of the sweep.
    pub fn stages(&self) -> usize {
        self.rungs.len() + 1
    }

    /// The step at which a stage ends; nothing where it ends with the runs.
    pub fn target(&self, stage: usize) -> Option<u32> {
        self.rungs.get(stage).copied()
    }

    /// The steps that a run has done, as far as is noted.
    fn done(entry: &Entry) -> u32 {
        entry.reached.last().map_or(0, |reached| reached.step)
    }

    /// `choices`, each with the scores that its runs had at the end of a stage.
    fn scores(&self, choices: &[usize], stage: usize) -> Vec<(usize, Vec<Option<f64>>)> {
        let mut scores = vec![Vec::new(); self.choices()];
        for entry in &self.runs {
            scores[entry.choice].push(entry.reached.get(stage).and_then(|reached| reached.score));
        }
        choices.iter().map(|&choice| (choice, std::mem::take(&mut scores[choice]))).collect()
    }

    /// How many choices there are.
    fn choices(&self) -> usize {
        self.runs.iter().map(|entry| entry.choice + 1).max().unwrap_or(0)
    }

    /// The choices that go into a stage; known when the stage before it is complete.
    pub fn entering(&self, stage: usize) -> Vec<usize> {
        let mut entering: Vec<usize> = (0..self.choices()).collect();
        for before in 0..stage {
            let count = going_on(entering.len(), self.factor);
            entering =
                ranked(self.scores(&entering, before)).into_iter().take(count).map(|(choice, _)| choice).collect();
        }
        entering.sort_unstable();
        entering
    }

    /// The same, for each choice.
    fn enters(&self, stage: usize) -> Vec<bool> {
        let mut enters = vec![false; self.choices()];
        self.entering(stage).into_iter().for_each(|choice| enters[choice] = true);
        enters
    }

    /// The runs, by index, that have to come to the end of a stage yet.
    pub fn pending(&self, stage: usize) -> Vec<usize> {
        let enters = self.enters(stage);
        let is_pending = |entry: &Entry| entry.failed.is_none() && entry.reached.len() == stage && enters[entry.choice];
        (0..self.runs.len()).filter(|&index| is_pending(&self.runs[index])).collect()
    }

    /// The first stage that is not complete; the number of stages where all are.
    pub fn stage(&self) -> usize {
        (0..self.stages()).find(|&stage| !self.pending(stage).is_empty()).unwrap_or(self.stages())
    }

    /// Whether all runs have come to the end that is theirs.
    pub fn is_complete(&self) -> bool {
        self.stage() == self.stages()
    }

    /// The best run, by index: of the best choice, the one with the best score. What counts is the
    /// last stage that is complete; where there are no rungs, all runs that are done. A choice of
    /// which a run failed, be it later, does not win.
    pub fn winner(&self) -> Option<usize> {
        let complete = if self.rungs.is_empty() { 1 } else { self.stage() };
        let mut has_failed = vec![false; self.choices()];
        self.runs.iter().for_each(|entry| has_failed[entry.choice] |= entry.failed.is_some());
        (0..complete).rev().find_map(|stage| {
            let choices: Vec<_> = self.entering(stage).into_iter().filter(|&choice| !has_failed[choice]).collect();
            let (best, _) = ranked(self.scores(&choices, stage)).into_iter().next()?;
            let runs = (0..self.runs.len()).filter(|&index| self.runs[index].choice == best);
            let score = |index: usize| self.runs[index].reached.get(stage).and_then(|reached| reached.score);
            runs.min_by(|&a, &b| score(a).unwrap_or(f64::NAN).total_cmp(&score(b).unwrap_or(f64::NAN)))
        })
    }

    /// How each run stands.
    pub fn standings(&self) -> Vec<Standing> {
        let stage = self.stage();
        let enters = self.enters(stage);
        let standing = |entry: &Entry| match entry.reached.len() {
            _ if entry.failed.is_some() => Standing::Failed,
            reached if reached == self.stages() => Standing::Done,
            0 if !entry.begun => Standing::Waiting,
            reached if reached < stage => Standing::Out(reached),
            reached if reached > 0 && reached == stage && !enters[entry.choice] => Standing::Out(reached),
            reached => Standing::At(reached),
        };
        self.runs.iter().map(standing).collect()
    }

    /// The indices of the runs from the best to the worst: the winner, then who came further, then
    /// whose score is less; those that failed last.
    pub fn order(&self) -> Vec<usize> {
        let winner = self.winner();
        let mut order: Vec<usize> = (0..self.runs.len()).collect();
        order.sort_by(|&a, &b| {
            let key = |index: usize| {
                let entry = &self.runs[index];
                (winner != Some(index), entry.failed.is_some(), std::cmp::Reverse(entry.reached.len()))
            };
            let score = |index: usize| self.runs[index].score().unwrap_or(f64::INFINITY);
            key(a).cmp(&key(b)).then(score(a).total_cmp(&score(b)))
        });
        order
    }

    /// The time that runs will take to the end of a stage, one after the other, by the measured
    /// seconds a step; nothing where none is measured.
    pub fn prediction(&self, runs: &[usize], stage: usize) -> Option<Duration> {
        let measured = || self.runs.iter().filter_map(|entry| entry.reached.last());
        let (seconds, steps) =
            measured().fold((0.0, 0.0), |(seconds, steps), at| (seconds + at.seconds, steps + f64::from(at.step)));
        if steps == 0.0 {
            return None;
        }
        // A length that is counted in epochs is that of the runs which are done.
        let longest = measured().map(|reached| reached.step).max().unwrap_or(0);
        let left = runs.iter().map(|&index| {
            let entry = &self.runs[index];
            let end = self.target(stage).or(entry.length).unwrap_or(longest);
            f64::from(end.saturating_sub(Journal::done(entry)))
        });
        Duration::try_from_secs_f64(left.sum::<f64>() * seconds / steps).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sweep of choices, each with one run and these scores at the ends of stages.
    fn journal(rungs: &[u32], scores: &[&[f64]]) -> Journal {
        let runs = scores.iter().enumerate().map(|(choice, scores)| Entry {
            name: format!("{:04}", choice + 1),
            choice,
            seed: None,
            settings: Vec::new(),
            length: Some(100),
            begun: !scores.is_empty(),
            reached: scores.iter().zip((1..).map(|n| n * 10)).map(reached).collect(),
            failed: None,
        });
        let (rungs, budget) = (rungs.to_vec(), None);
        Journal { format_version: 1, rungs, factor: 2, budget, seconds: 0.0, begun: 0, runs: runs.collect() }
    }

    fn reached((score, step): (&f64, u32)) -> Reached {
        Reached { step, score: Some(*score), judge: String::new(), seconds: f64::from(step) * 0.5 }
    }

    #[test]
    fn a_rung_ends_when_all_are_there() {
        let mut journal = journal(&[10, 20], &[&[0.3], &[0.1], &[], &[0.2]]);
        assert_eq!((journal.stage(), journal.pending(0)), (0, vec![2]));
        assert_eq!(journal.winner(), None);
        let at = Standing::At(1);
        assert_eq!(journal.standings(), [at, at, Standing::Waiting, at], "nobody is out before all are there");
        journal.runs[2].reached.push(reached((&0.05, 10)));
        journal.runs[2].begun = true;
        assert_eq!((journal.stage(), journal.entering(1), journal.pending(1)), (1, vec![1, 2], vec![1, 2]));
        assert_eq!(journal.winner(), Some(2));
        assert_eq!(journal.standings(), [Standing::Out(1), at, at, Standing::Out(1)]);
        assert_eq!(journal.prediction(&[1, 2], 1), Some(Duration::from_secs(10)));
        journal.runs[2].failed = Some(Failure { code: Some(7), reason: String::new() });
        journal.runs[1].reached.push(reached((&0.09, 20)));
        assert_eq!((journal.stage(), journal.entering(2), journal.winner()), (2, vec![1], Some(1)));
        journal.runs[1].failed = Some(Failure { code: Some(7), reason: String::new() });
        assert!(journal.is_complete());
        assert_eq!(journal.winner(), Some(3), "the best of those that did not fail");
        assert_eq!(journal.order(), [3, 0, 1, 2]);
    }

    #[test]
    fn without_rungs_what_is_done_counts() {
        let journal = journal(&[], &[&[0.3], &[0.1], &[], &[0.1]]);
        assert_eq!((journal.winner(), journal.pending(0), journal.is_complete()), (Some(1), vec![2], false));
        assert_eq!(journal.order(), [1, 3, 0, 2]);
    }
}
