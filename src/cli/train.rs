//! `train`: a new run, or the rest of an old one.

use std::path::{Path, PathBuf};

use crate::data::{DataSet, npz, sets};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::model::cadence::Unit;
use crate::model::config::Config;
use crate::model::inherit::inherit;
use crate::model::parameters::NETWORKS;
use crate::model::sources::Merge;
use crate::run::checkpoints::{self, Found};
use crate::run::claim::Claim;
use crate::run::files::{CONFIG, QUALITY};
use crate::run::folder::RunFolder;
use crate::run::records::read_quality;
use crate::run::schedule::Schedule;
use crate::shell::quoted;
use crate::train::trainer::{self, Outcome, Trainer};
use crate::tuning::Tune;
use clap::ValueHint;

use super::checkpoint::Chosen;
use super::progress::Display;
use super::settings::Settings;
use super::{DeviceChoice, announce, answer, data, dry_run, repeat, signals, table};

/// What stands for the run that saved last.
const NEWEST: &str = "newest";

/// Train a GAN: writes checkpoints, sample grids, metrics and an animated GIF to a run folder
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu train --preset quick                        built-in digits; two minutes on two cores
  dcgan-gpu train --epochs 50                           MNIST, the PyTorch recipe
  dcgan-gpu train --data path/to/images --preset keras  pictures, IDX files, .npy, .npz or CSV
  dcgan-gpu train --preset conditional                  digits by class; a row of the grid each
  dcgan-gpu train --loss least-squares --average 10000  another loss; draws from an average of G
  dcgan-gpu train --config mine.toml --lr 1e-4          a file of your own, one value changed
  dcgan-gpu train --resume runs/mine --epochs 100       go on, to a new end
  dcgan-gpu train --resume-or-start runs/job            start or go on: for scripts that repeat it
  dcgan-gpu train --from runs/mine --data kmnist        a new run with its weights and settings
  dcgan-gpu train --patience 20                         end when samples have ceased to get better
  dcgan-gpu train --preset quick --pause-at 500         rest at a step; --resume goes on
  dcgan-gpu train --dry-run --preset tf-tutorial        layers, FLOPs and memory; runs nothing

A cadence is a number with a unit: 200steps or 2epochs; without one it counts in the unit of the
run's length. Checkpoints also follow the clock: 90seconds, 10minutes or 2hours. `config show` takes
the same flags and shows what they resolve to.")]
pub struct Arguments {
    /// Go on with a run from its newest checkpoint; `newest` is the run under runs/ that saved last
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with_all = ["out", "force", "dry_run", "from"])]
    resume: Option<PathBuf>,
    /// Go on with the run in this folder, or start it there where there is none: a command that can
    /// be repeated until the run is done. Flags and environment are those of the start, and have to
    /// ask for the same run each time, but for what --resume may change; --from is of the start
    /// alone
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath, conflicts_with_all = ["resume", "out", "force", "dry_run"])]
    resume_or_start: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceChoice,
    /// The run folder; by default runs/DATE-PRESET-N
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "DCGAN_GPU_OUT")]
    out: Option<PathBuf>,
    /// Replace a run that is there
    #[arg(long)]
    force: bool,
    /// Run the default kernels instead of the fastest on this device: the same bits whatever was
    /// measured. A resumed run keeps to what it recorded
    #[arg(long, conflicts_with = "dry_run")]
    no_tune: bool,
    /// Draw each sample grid in the terminal too
    #[arg(long, conflicts_with_all = ["dry_run", "quiet"])]
    preview: bool,
    /// Rest when STEP steps are done, saved as by Ctrl-C but with exit code 0; --resume goes on as
    /// if there had been no pause. The run's length and the ends of its schedules stay
    #[arg(long, value_name = "STEP", conflicts_with = "dry_run",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pause_at: Option<u32>,
    /// Print layers, shapes, parameters, FLOPs and memory, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    if let Some(run) = &arguments.resume {
        return resume(arguments, &named(run)?, quiet);
    }
    match arguments.resume_or_start.as_deref().map(Claim::existing_or_new).transpose()? {
        Some((claim, true)) => go_on(arguments, claim, quiet),
        Some((claim, false)) => start(arguments, Some(claim), quiet),
        None => start(arguments, None, quiet),
    }
}

/// Starts a run, in a folder that is held already where there is one.
fn start(arguments: &Arguments, claim: Option<Claim>, quiet: bool) -> Result<()> {
    let mut say = announce(quiet);
    let (merge, source) = arguments.settings.resolve(&mut say)?;
    let config = merge.finish()?;
    check_rows(&config, &arguments.settings)?;
    // What cannot be built is refused before anything is opened.
    let layouts = config.layouts()?;
    if let Some(problem) = config.norm_of_one_value(&layouts) {
        return Err(Error::usage(problem));
    }
    if config.judge.is_some() {
        config.check_condition()?;
    }
    // Before the data are known, so are not all classes.
    let inherited = source.as_ref().map(|source| inherit(&config, &source.checkpoint)).transpose()?;
    if arguments.dry_run {
        if let Some(classes) = config.classes.as_ref().filter(|classes| classes.names.is_empty()) {
            say(&format!("{} classes stand for those of the data, which are not opened", classes.count()));
        }
        inherited.iter().for_each(|inherited| say(&inherited.lines.join("\n  ")));
        return dry_run::print_plan(&config, arguments.json);
    }
    let claim = match (claim, &arguments.out) {
        (Some(claim), _) => claim,
        (None, Some(out)) => {
            keep_source(&config, out)?;
            Claim::new_run(out, arguments.force)?
        }
        (None, None) => Claim::fresh(&config.name)?,
    };
    // While the file is there: the other run may go on.
    let ancestor = source.as_ref().map(|Chosen { path, checkpoint }| checkpoint.ancestor(path)).transpose()?;
    train(arguments, config, quiet, trainer::open_data, |config, data, device, tune| match source.zip(ancestor) {
        Some((Chosen { checkpoint, .. }, ancestor)) => {
            Trainer::start_from((&checkpoint, ancestor), config, data, device, claim, tune)
        }
        None => Trainer::start(config, data, device, claim, tune),
    })
}

/// The run that `--resume` names: a folder, or the newest under `runs/`.
fn named(run: &Path) -> Result<PathBuf> {
    if run != Path::new(NEWEST) || run.exists() {
        return Ok(run.to_path_buf());
    }
    let none = || Error::checkpoint("there is no run with a checkpoint under runs/; name one with --resume RUN");
    RunFolder::newest().ok_or_else(none)
}

/// Refuses another number of rows for a run that has one for each class.
fn check_rows(config: &Config, settings: &Settings) -> Result<()> {
    if config.classes.is_some() && settings.give("--rows") {
        return Err(Error::usage("--rows: a run with classes has a row for each of them; leave it out"));
    }
    Ok(())
}

/// Refuses to replace the run whose weights the new one begins with.
fn keep_source(config: &Config, out: &Path) -> Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    if let (Some(from), Some(run)) = (config.from.as_deref().and_then(real), real(out))
        && from.starts_with(run)
    {
        let out = out.display();
        return Err(Error::usage(format!(
            "{out} holds the weights that the run is to begin with; choose another --out"
        )));
    }
    Ok(())
}

/// Paths are stored so that the run can go on from another folder.
pub(super) fn make_absolute(config: &mut Config) -> Result<()> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(|e| Error::io("find", path, &e));
    if !(matches!(config.data.as_str(), "strokes" | "") || sets::named(&config.data).is_some()) {
        config.data = match npz::split(&config.data) {
            Some((file, key)) => format!("{}:{key}", absolute(&file)?.display()),
            None => absolute(Path::new(&config.data))?.display().to_string(),
        };
    }
    config.data_dir = config.data_dir.as_deref().map(absolute).transpose()?;
    Ok(())
}

fn resume(arguments: &Arguments, run: &Path, quiet: bool) -> Result<()> {
    if let Some(flag) = arguments.settings.fixed() {
        return Err(Error::usage(format!("{flag} cannot change on a resumed run; start a new one for that")));
    }
    go_on(arguments, Claim::existing(run)?, quiet)
}

/// Goes on with the run in a folder.
fn go_on(arguments: &Arguments, claim: Claim, quiet: bool) -> Result<()> {
    let run = &claim.path().to_path_buf();
    let mut announce = announce(quiet);
    let found = checkpoints::newest(run)?;
    let (saved, (mut stored, edits)) = match &found {
        Some(Found { checkpoint, .. }) => {
            let saved = checkpoint.metadata.config.clone();
            let newer = RunFolder::newer_config(run, &saved)?;
            (saved, newer)
        }
        None => {
            let config = RunFolder::read_config(run)?;
            let line = || format!("{} was edited: the run begins again as it says", run.join(CONFIG).display());
            let edits = RunFolder::is_edited(run).then(line).into_iter().collect();
            (config.clone(), (config, edits))
        }
    };
    claim.check()?;
    let set_aside = found.as_ref().map(Found::set_aside).transpose()?.unwrap_or_default();
    set_aside.iter().for_each(|line| announce(line));
    match arguments.resume_or_start.is_some() && !edits.is_empty() {
        true => announce(&format!("{} was edited, but the command decides", run.join(CONFIG).display())),
        false => edits.iter().for_each(|line| announce(line)),
    }
    // What it was to be until somebody edited its configuration.
    let before = if edits.is_empty() { stored.clone() } else { saved };
    let planned = found.as_ref().map(|found| before.total_steps(found.checkpoint.metadata.steps_per_epoch));
    let config = if arguments.resume_or_start.is_some() {
        let (mut asked, are_its_own) = arguments.settings.again(&stored)?;
        make_absolute(&mut asked)?;
        // Its own settings have the smaller learning rates already.
        let rollbacks = found.as_ref().filter(|_| !are_its_own).map_or(0, |found| found.checkpoint.metadata.rollbacks);
        repeat::agree(asked, &stored, rollbacks, run)?
    } else {
        keep_units(&mut stored, &arguments.settings);
        let mut config = arguments.settings.apply(Merge::from_run(&stored)?)?;
        make_absolute(&mut config)?;
        config
    };
    check_rows(&config, &arguments.settings)?;
    // What cannot be built is refused before anything is opened.
    config.layouts()?;
    config.check_condition()?;
    let per_epoch = found.as_ref().map_or(0, |found| found.checkpoint.metadata.steps_per_epoch);
    tell_schedules(&before, &config, per_epoch, &mut announce);
    if let Some(Found { path, checkpoint, .. }) = &found {
        let (done, seconds) = (checkpoint.metadata.step, checkpoint.metadata.seconds);
        let end = config.total_steps(checkpoint.metadata.steps_per_epoch);
        if let Some(planned) = planned.filter(|planned| done >= end && done < *planned) {
            // What it recorded only because it ended here went when it was taken further, and
            // cannot be made of a checkpoint.
            return Err(Error::usage(format!(
                "{} is at step {done} on its way to step {planned}, and cannot end at step {end} any more; give a longer \
                 --epochs or --steps, or none",
                run.display()
            )));
        }
        // What is there only because the run was to end here, a longer run has not, and it decides
        // nothing.
        let ending = match done < end && Schedule::without_end(&checkpoint.metadata).samples(done) {
            true => RunFolder::ending(run, &config.training, done)?,
            false => None,
        };
        if done >= arguments.pause_at.map_or(end, |step| step.min(end)) || ending.is_some() {
            // It may have been killed just before it did this.
            claim.check()?;
            checkpoints::prune(run, config.output.keep)?;
            let shown = run.display();
            announce(&match &ending {
                None if done >= end => {
                    format!("{shown} has all its {done} steps; give a longer --epochs or --steps to go on")
                }
                None => format!("{shown} rests at step {done} of {end}; {}", to_go_on(run)),
                Some(ending) => {
                    let flag = ending.goes_on_with();
                    format!("{shown} ended at step {done} of {end}: {ending}; give {flag} or another to go on")
                }
            });
            let ended = ending.map(|ending| ending.to_string());
            let quality = read_quality(&run.join(QUALITY))?.into_iter().next_back();
            let (run, gif, checkpoint) = (run.to_path_buf(), run.join(&config.output.gif), Some(path.clone()));
            let (sample, losses, stopped_by) = (None, None, None);
            let outcome =
                Outcome { run, steps: done, sample, gif, checkpoint, losses, seconds, quality, ended, stopped_by };
            return answer(arguments.json, outcome, |_| Vec::new());
        }
    }
    let from = found.as_ref().map(|found| &found.checkpoint);
    let open = |config: &Config| match from {
        Some(from) => trainer::reopen_data(config, run, &from.metadata),
        None => trainer::open_data(config),
    };
    let load = |config, data, device, tune: Tune<'_>| Trainer::resume(config, data, device, claim, from, tune);
    train(arguments, config, quiet, open, load)
}

/// The command that goes on with a run.
fn to_go_on(run: &Path) -> String {
    format!("go on with `dcgan-gpu train --resume {}`", quoted(run))
}

/// Says where a schedule gets another end, and where the run goes on beyond one.
fn tell_schedules(stored: &Config, config: &Config, steps_per_epoch: u32, announce: &mut dyn FnMut(&str)) {
    for (network, [before, now]) in
        NETWORKS.iter().zip([0, 1].map(|n| [stored.optimizers()[n], config.optimizers()[n]]))
    {
        let Some(end) = now.schedule.and_then(|schedule| schedule.end) else { continue };
        if before.schedule != now.schedule {
            announce(&format!(
                "{network}.optimizer.schedule ends at step {end} now: from here on, this is another run"
            ));
        } else if now.rates(end, end + 1)[0] == 0.0 && config.total_steps(steps_per_epoch) > end {
            let flag = if *network == NETWORKS[0] { "--g-schedule-end" } else { "--d-schedule-end" };
            announce(&format!(
                "the {network} learns nothing from step {end} on, where its schedule ends; {flag} moves that"
            ));
        }
    }
}

/// A cadence without a unit keeps its meaning when the run's new length is given in the other unit.
fn keep_units(stored: &mut Config, settings: &Settings) {
    let unit = stored.unit();
    let other = if unit == Unit::Steps { "--epochs" } else { "--steps" };
    if settings.give(other) {
        let saves = stored.output.checkpoint_every.counted();
        saves.into_iter().chain([&mut stored.output.sample_every]).for_each(|cadence| {
            cadence.unit.get_or_insert(unit);
        });
    }
}

/// Opens data, as `open` does, and device, and trains what `load` makes of them to its end, or
/// until a signal comes.
fn train<O, F>(arguments: &Arguments, mut config: Config, quiet: bool, open: O, load: F) -> Result<()>
where
    O: FnOnce(&Config) -> Result<DataSet>,
    F: FnOnce(Config, DataSet, Device, Tune<'_>) -> Result<Trainer>,
{
    data::ensure(&config, quiet)?;
    let data = open(&config)?;
    // How the images were read, where that is not plain, and what seems to be wrong with them.
    let remarks = [data.remark().map(str::to_string), data.doubts()];
    remarks.iter().flatten().for_each(|line| announce(quiet)(line));
    make_absolute(&mut config)?;
    let device = arguments.device.open(quiet)?;
    let mut say = announce(quiet);
    let watch = signals::watch()?;
    let mut trainer = load(config.clone(), data, device, Tune { wanted: !arguments.no_tune, announce: &mut say })?;
    let stop = watch.begin();
    let (done, total) = trainer.position();
    let until = arguments.pause_at.map_or(total, |step| step.min(total));
    if until < total {
        trainer.pause_at(until);
    }
    let (name, data, device) = (&config.name, &config.data, trainer.device().name());
    let out = trainer.path().display();
    say(&format!("training {name} on {data}, device {device}, steps {done} to {until}, in {out}"));
    let mut display = Display::new([done, until], config.images_per_step(), quiet, arguments.preview);
    let outcome = trainer.run(&mut display, stop);
    display.finish();
    let outcome = outcome?;
    answer(arguments.json, &outcome, report)?;
    match outcome.stopped_by {
        Some(signal) => {
            let (steps, how) = (outcome.steps, to_go_on(&outcome.run));
            Err(signals::stopped(signal, &format!("after step {steps} of {total}; {how}")))
        }
        None if outcome.ended.is_none() && outcome.steps < total => {
            let (steps, how) = (outcome.steps, to_go_on(&outcome.run));
            say(&format!("resting after step {steps} of {total}; {how}"));
            Ok(())
        }
        None => {
            let minutes = outcome.seconds / 60.0;
            let of = outcome.ended.as_ref().map_or(String::new(), |_| format!(" of {total}"));
            say(&format!("done: {} steps{of}, {minutes:.1} minutes of training", outcome.steps));
            Ok(())
        }
    }
}

/// What the run left, as a table on stdout.
fn report(outcome: &Outcome) -> Vec<String> {
    let row = |name: &str, path: &Path| vec![name.to_string(), path.display().to_string()];
    let mut rows = vec![row("run", &outcome.run)];
    rows.extend(outcome.sample.as_deref().map(|path| row("samples", path)));
    rows.push(row("animation", &outcome.gif));
    rows.extend(outcome.checkpoint.as_deref().map(|path| row("checkpoint", path)));
    table::lines(&rows)
}
