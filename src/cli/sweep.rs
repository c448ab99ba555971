//! `sweep`: runs over a grid or a random choice of settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::model::cadence::Time;
use crate::model::config::Config;
use crate::model::judged::{JudgedBy, makes_features};
use crate::output::grouped;
use crate::shell::quoted;
use crate::sweep::conduct::{End, Orders, conduct};
use crate::sweep::judging;
use crate::sweep::plan::Plan;
use crate::sweep::rungs::{going_on, rungs};
use crate::sweep::table::{Report, WINNER, winner};
use crate::sweep::trials::{Trial, trials, words};
use crate::sweep::{Journal, Sweep, name};
use clap::ValueHint;

use super::train::make_absolute;
use super::{DeviceChoice, announce, answer, data, print_json, signals, table};

/// Search for settings: runs over a grid or a random choice of them, the worse ones ended early
#[derive(clap::Args, Debug)]
#[command(after_help = "A plan is a TOML file such as

  preset = \"quick\"           # or config = \"FILE\", seen from the plan: what all runs start from
  steps = 2000               # or epochs: the whole length
  halving = 2                # after each rung the better half goes on; without these two lines, all
  rungs = [200, 400, 1000]   # in steps; planned where they are left out
  seeds = [1, 2]             # each choice with each of them, judged by the mean
  method = \"grid\"            # or \"random\", with runs = 20 and, for other draws, seed = 1
  [settings]
  \"adam.lr\" = [2e-4, 5e-4]
  \"adam.beta1\" = { from = 0.0, to = 0.6, steps = 3 }            # a grid takes `steps` of a range
  \"average.half_life_images\" = { from = 1e3, to = 1e5, scale = \"log\", steps = 3 }

Keys are those of `train --set`; a single value is that of all runs. Runs are judged by the distance
of their samples to real images, as quality.jsonl has it.

Examples:
  dcgan-gpu sweep sweep.toml --dry-run                    the runs and their steps; runs nothing
  dcgan-gpu sweep sweep.toml --out tries --budget 2hours  begin, or go on
  dcgan-gpu sweep --resume tries --jobs 2                 go on, two runs at once
  dcgan-gpu train --config tries/winner.toml              the best settings once more")]
pub struct Arguments {
    /// The plan
    #[arg(value_name = "PLAN.toml", value_hint = ValueHint::FilePath, required_unless_present = "resume")]
    plan: Option<PathBuf>,
    /// Go on with the sweep in this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["plan", "out", "dry_run"])]
    resume: Option<PathBuf>,
    /// The sweep's folder, by default sweeps/DATE-PLAN-N; one that holds a sweep of this plan goes
    /// on
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
    /// The time that the sweep may take in all, such as 90minutes or 2hours. It decides whether
    /// another rung begins (without rungs, another run), never what comes of one; the first begins
    /// in any case. A sweep that goes on keeps it unless another is given
    #[arg(long, value_name = "TIME", value_parser = |text: &str| text.parse::<Time>())]
    budget: Option<Time>,
    /// Runs at once, which share the processor's cores
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    jobs: u32,
    /// Where mnist, fashion-mnist and kmnist are looked for first, and downloaded to
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "DCGAN_GPU_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceChoice,
    /// Run the default kernels instead of the fastest on this device
    #[arg(long)]
    no_tune: bool,
    /// List the runs and the rungs with their steps, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let mut say = announce(quiet);
    // Here, where it is told of: the runs write to their logs.
    let bring = |config: &Config| {
        let data_dir = arguments.data_dir.clone().or(config.data_dir.clone());
        data::ensure(&Config { data_dir, ..config.clone() }, quiet)
    };
    let mut sweep = match (&arguments.resume, &arguments.plan) {
        (Some(folder), _) => open(folder, &bring)?,
        (None, plan) => {
            let plan = Plan::read(plan.as_deref().unwrap_or(Path::new("")))?;
            let mut trials = trials(&plan)?;
            let rungs = rungs(&plan, &trials)?;
            if arguments.dry_run {
                return tell_plan(&plan, &trials, &rungs, arguments.json);
            }
            for trial in &mut trials {
                make_absolute(&mut trial.config)?;
            }
            match arguments.out.as_deref().filter(|out| Sweep::is_in(out)) {
                Some(out) => {
                    let sweep = open(out, &bring)?;
                    sweep.agree(&plan, &trials)?;
                    sweep
                }
                None => {
                    let claim = Sweep::claim(arguments.out.as_deref(), &plan)?;
                    // Finds a mistake in the choice, and says what `auto` means, before anything is
                    // made.
                    drop(arguments.device.open(quiet)?);
                    trials.iter().try_for_each(|trial| bring(&trial.config))?;
                    let is_open = trials.iter().all(|trial| trial.config.judge.is_none());
                    judging::settle(&mut trials, arguments.data_dir.as_deref())?;
                    say(&judged(&trials, is_open));
                    Sweep::create(claim, &plan, &trials, rungs)?
                }
            }
        }
    };
    let budget = match (arguments.budget, &sweep.journal.budget) {
        (Some(budget), _) => Some(budget),
        (None, Some(stored)) => Some(stored.parse().map_err(Error::usage)?),
        (None, None) => None,
    };
    sweep.journal.budget = budget.map(|budget| budget.to_string());
    let program =
        std::env::current_exe().map_err(|e| Error::new(Kind::Io, format!("cannot find this program: {e}")))?;
    let further = further(arguments)?;
    let watch = signals::watch()?;
    let jobs = arguments.jobs as usize;
    say(&in_words(&sweep));
    let orders = Orders { program: &program, arguments: &further, jobs, budget, stop: watch.begin() };
    let how = format!("go on with `dcgan-gpu sweep --resume {}`", quoted(sweep.path()));
    let end = conduct(&mut sweep, &orders, &mut say).map_err(|e| e.clone().reworded(format!("{e}; {how}")))?;
    if let End::Stopped(signal) = end {
        let (done, all) = (done(&sweep.journal), sweep.journal.runs.len());
        return Err(signals::stopped(signal, &format!("with {done} of {all} runs at their end; {how}")));
    }
    let best = winner(&sweep)?.map(|text| sweep.write(WINNER, &text)).transpose()?;
    answer(arguments.json, Report::of(&sweep), |report| table::lines(&report.table()))?;
    if let End::OutOfTime(why) = end {
        say(&format!("{why}; {how} and a longer --budget"));
    }
    match best {
        Some(path) => {
            say(&format!("the best run's configuration: `dcgan-gpu train --config {}`", quoted(&path)));
            Ok(())
        }
        None => Err(no_winner(&sweep)),
    }
}

/// What judges the runs, and how features come to where pixels do because there are none: where the
/// plan left that open.
fn judged(trials: &[Trial], is_open: bool) -> String {
    let Some(Trial { config, .. }) = trials.first() else { return String::new() };
    let told = JudgedBy::told(config.judge.as_ref());
    if JudgedBy::is_by_features(config.judge.as_ref()) || !is_open {
        return format!("runs are judged by {told}");
    }
    let makes = makes_features(&config.data, config.image, None);
    format!("runs are judged by {told}; features would judge better: `{makes}` makes them, before a sweep begins")
}

/// The sweep in a folder, and what its runs train on.
fn open(folder: &Path, bring: &dyn Fn(&Config) -> Result<()>) -> Result<Sweep> {
    let sweep = Sweep::open(folder)?;
    sweep.journal.runs.iter().try_for_each(|entry| bring(&sweep.read_config(entry)?))?;
    Ok(sweep)
}

/// Arguments of `train` that are the same for all runs.
fn further(arguments: &Arguments) -> Result<Vec<OsString>> {
    let patience = arguments.device.patience().as_secs().to_string();
    let mut words: Vec<OsString> =
        ["--device", &arguments.device.device, "--device-timeout", &patience].map(OsString::from).to_vec();
    words.extend(arguments.no_tune.then(|| "--no-tune".into()));
    if let Some(folder) = &arguments.data_dir {
        let folder = std::path::absolute(folder).map_err(|e| Error::io("find", folder, &e))?;
        words.extend(["--data-dir".into(), folder.into()]);
    }
    Ok(words)
}

/// Runs that came to the end that is theirs.
fn done(journal: &Journal) -> usize {
    let pending: usize = (0..journal.stages()).map(|stage| journal.pending(stage).len()).sum();
    journal.runs.len() - pending
}

/// Where a sweep is.
fn in_words(sweep: &Sweep) -> String {
    let (journal, folder) = (&sweep.journal, sweep.path().display());
    let (runs, rungs) = (journal.runs.len(), journal.rungs.len());
    let rungs = match rungs {
        0 => String::new(),
        1 => ", 1 rung".to_string(),
        _ => format!(", {rungs} rungs"),
    };
    match journal.seconds {
        0.0 => format!("sweeping {runs} runs{rungs}, in {folder}"),
        seconds => format!("sweeping {runs} runs{rungs}, in {folder}, {:.1} minutes so far", seconds / 60.0),
    }
}

/// A sweep of which no run can win.
fn no_winner(sweep: &Sweep) -> Error {
    let failed: Vec<_> = sweep.journal.runs.iter().filter_map(|entry| entry.failed.as_ref()).collect();
    let has_diverged = failed.iter().all(|failure| failure.code == Some(Kind::Diverged as i32));
    let kind = if has_diverged && !failed.is_empty() { Kind::Diverged } else { Kind::Other };
    let why = failed.first().map_or("no score is a number", |failure| failure.reason.as_str());
    Error::new(kind, format!("no run of the sweep in {} can win: {why}", sweep.path().display()))
}

/// `--dry-run`: the runs and the rungs.
fn tell_plan(plan: &Plan, trials: &[Trial], rungs: &[u32], json: bool) -> Result<()> {
    let seeds = plan.seeds.as_ref().map_or(1, |(seeds, _)| seeds.len());
    let factor = plan.halving.factor.unwrap_or(1);
    let length = trials.iter().map(|trial| trial.config.training.steps).collect::<Option<Vec<_>>>();
    let longest = length.as_ref().and_then(|length| length.iter().max().copied());
    // Each stage: the step at which it ends, the runs in it, and the steps that they do in it.
    let (mut stages, mut choices, mut from) = (Vec::new(), trials.len() / seeds, 0);
    for end in rungs.iter().copied().map(Some).chain([longest]) {
        let runs = choices * seeds;
        let steps = match (rungs, &length) {
            ([], Some(length)) => Some(length.iter().map(|&steps| u64::from(steps)).sum()),
            _ => end.map(|end| runs as u64 * u64::from(end - from)),
        };
        stages.push((end, runs, steps));
        (choices, from) = (going_on(choices, factor), end.unwrap_or(0));
    }
    let total = stages.iter().map(|(_, _, steps)| *steps).sum::<Option<u64>>();
    if json {
        let runs = trials.iter().map(|trial| {
            let settings: serde_json::Map<_, _> =
                trial.settings.iter().map(|(key, value)| (key.clone(), serde_json::json!(value))).collect();
            serde_json::json!({ "settings": settings, "seed": trial.seed, "steps": trial.config.training.steps })
        });
        let stages =
            stages.iter().map(|(end, runs, steps)| serde_json::json!({ "to": end, "runs": runs, "steps": steps }));
        let (runs, stages): (Vec<_>, Vec<_>) = (runs.collect(), stages.collect());
        return print_json(&serde_json::json!({ "runs": runs, "stages": stages, "steps": total }));
    }
    let rows = (1..).zip(trials).map(|(number, trial)| vec![name(number), words(&trial.settings, trial.seed)]);
    table::with_header(&["run", "settings"], rows).iter().for_each(|line| super::print(line));
    let shown = |count: Option<u64>| count.map_or("–".to_string(), grouped);
    let rows = stages.iter().enumerate().map(|(stage, (end, runs, steps))| {
        let to = if stage < rungs.len() { format!("rung {}", stage + 1) } else { "the end".to_string() };
        vec![to, shown(end.map(u64::from)), runs.to_string(), shown(*steps)]
    });
    table::with_header(&["to", "step", "runs", "steps of all"], rows).iter().for_each(|line| super::print(line));
    super::print(&format!("{} steps in all", shown(total)));
    Ok(())
}
