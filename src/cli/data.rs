//! `data`: the data sets that are known by name, and downloading them.

use std::path::{Path, PathBuf};

use crate::data::DataSet;
use crate::data::fetch::{self, FetchObserver, FetchOptions};
use crate::data::locate;
use crate::data::reading::Reading;
use crate::data::sets::{self, SETS, Set};
use crate::error::{Error, Kind, Result};
use crate::eval::cache;
use crate::eval::real::Real;
use crate::model::config::Config;
use crate::output::size;
use crate::shell::quoted;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use indicatif::ProgressBar;
use serde::Serialize;

use super::progress::{bar, is_terminal};
use super::{DeviceChoice, answer, features, print, print_json, table, tell};

/// Download data sets, or list those that are known by name
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu data                                          what there is, and what is here
  dcgan-gpu data get mnist                                to the cache folder, where `train` looks
  dcgan-gpu data get kmnist --data-dir sets               to sets/kmnist
  dcgan-gpu data get mnist --mirror https://host/{set}/   from a server of your own

Proxies come from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, certificates of your own from
SSL_CERT_FILE; DCGAN_GPU_OFFLINE=1 forbids every connection. Exit codes: 4 when a server sent
something else than the file (a login page, wrong bytes), 5 when no server could be reached or none
gave it.")]
pub struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where sets are kept and looked for, in folders of their names; the cache folder by default
    #[arg(long, value_name = "DIR", env = "DCGAN_GPU_DATA_DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the sets: size, licence, and where each is
    #[command(after_help = "Examples:
  dcgan-gpu data list
  dcgan-gpu data list --json")]
    List,
    /// Check the files of a set, and download what is missing or broken
    #[command(after_help = "Examples:
  dcgan-gpu data get fashion-mnist
  dcgan-gpu data get mnist --features                     and what judges samples of it
  dcgan-gpu data get mnist --data-dir sets --json         the files, and what was downloaded")]
    Get {
        /// mnist, fashion-mnist or kmnist
        #[arg(value_parser = PossibleValuesParser::new(SETS.map(|set| set.name)))]
        set: String,
        /// Ask this address instead of the public ones; {set} stands for the set's name. May be
        /// repeated, or hold several, with commas
        #[arg(long = "mirror", value_name = "URL", env = MIRRORS, value_delimiter = ',')]
        mirrors: Vec<String>,
        /// Train a feature network on the set too, once, by which `train` judges its samples and
        /// `eval` measures; about a minute on two cores
        #[arg(long)]
        features: bool,
        #[command(flatten)]
        device: DeviceChoice,
    },
}

/// The variable with addresses that are asked instead of the public ones.
const MIRRORS: &str = "DCGAN_GPU_MIRROR";

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let data_dir = arguments.data_dir.as_deref();
    match &arguments.verb {
        None | Some(Verb::List) => list(data_dir, arguments.json),
        Some(Verb::Get { set, mirrors, features, device }) => {
            let set = sets::named(set).ok_or_else(|| Error::new(Kind::Other, "clap let an unknown set pass"))?;
            let report = get(set, data_dir, mirrors, quiet)?;
            let features = features.then(|| make_features(set, &report, device, quiet)).transpose()?.flatten();
            if arguments.json {
                return print_json(&Got { report, features });
            }
            tell_got(&report, quiet);
            features.iter().for_each(|path| print(&path.display().to_string()));
            Ok(())
        }
    }
}

/// A set in the list.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    about: &'static str,
    bytes: u64,
    licence: &'static str,
    /// The folder with the training images; `None` where the set is not here.
    folder: Option<PathBuf>,
}

fn list(data_dir: Option<&Path>, json: bool) -> Result<()> {
    let sets = SETS.iter().map(|set| {
        let images = locate::find_set(set, data_dir).ok().map(|location| location.images);
        let folder = images.and_then(|path| path.parent().map(Path::to_owned));
        Row { name: set.name, about: set.about, bytes: set.bytes(), licence: set.licence, folder }
    });
    let row = |set: Row| {
        let here = match set.folder {
            Some(folder) => folder.display().to_string(),
            None => {
                let to = data_dir.map_or(String::new(), |folder| format!(" --data-dir {}", quoted(folder)));
                format!("not here: dcgan-gpu data get {}{to}", set.name)
            }
        };
        vec![set.name.to_string(), size(set.bytes), set.licence.to_string(), set.about.to_string(), here]
    };
    let header = ["--data", "size", "licence", "what", "where"];
    answer(json, sets.collect::<Vec<_>>(), |sets| table::with_header(&header, sets.into_iter().map(row)))
}

/// What `get` leaves.
#[derive(Serialize)]
struct Got {
    #[serde(flatten)]
    report: fetch::FetchReport,
    /// The feature network, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<PathBuf>,
}

fn get(set: &Set, data_dir: Option<&Path>, mirrors: &[String], quiet: bool) -> Result<fetch::FetchReport> {
    let options = options(mirrors.iter().map(String::as_str))?;
    let folder = fetch::destination(set, data_dir)?;
    let report = fetch::get(set, &folder, &options, &mut Watcher::new(quiet))?;
    if report.files.iter().all(|file| file.from.is_none()) && !quiet {
        tell(&format!("{} is in {}", set.title, folder.display()));
    }
    Ok(report)
}

fn tell_got(report: &fetch::FetchReport, quiet: bool) {
    for file in &report.files {
        if !(file.verified || quiet) {
            let what = "has the right size; no checksum is known for it as long as it is not in the original .gz";
            tell(&format!("{} {what}", file.path.display()));
        }
        print(&file.path.display().to_string());
    }
}

/// Trains features of the set that was just brought, unless they are kept; returns where they are,
/// if there is a cache folder.
fn make_features(
    set: &Set,
    report: &fetch::FetchReport,
    device: &DeviceChoice,
    quiet: bool,
) -> Result<Option<PathBuf>> {
    let folder = report.files.first().and_then(|file| file.path.parent());
    let data = DataSet::open(set.name, folder, sets::SIZE, 0)?;
    let held_out = data.read_held_out(folder, &Reading::default())?;
    let real = Real::new(&data, held_out.as_ref())?;
    if cache::find(&real).is_none() {
        features::train(&real, &device.open(quiet)?, quiet)?;
    }
    Ok(cache::path_for(&real).filter(|path| path.is_file()))
}

/// Brings the set that `config` trains on, where it is known by name and not here yet.
pub fn ensure(config: &Config, quiet: bool) -> Result<()> {
    ensure_set(&config.data, config.data_dir.as_deref(), quiet)
}

/// Brings the set `name`, where it is known by name and not here yet.
pub fn ensure_set(name: &str, data_dir: Option<&Path>, quiet: bool) -> Result<()> {
    if sets::named(name).is_none() {
        return Ok(());
    }
    let mirrors = std::env::var(MIRRORS).unwrap_or_default();
    let options = options(mirrors.split(','))?;
    fetch::ensure(name, data_dir, &options, &mut Watcher::new(quiet))
}

/// Options with these mirrors; an empty variable names none.
fn options<'a>(mirrors: impl Iterator<Item = &'a str>) -> Result<FetchOptions> {
    FetchOptions::new(&mirrors.filter(|mirror| !mirror.is_empty()).map(String::from).collect::<Vec<_>>())
}

/// Lines on stderr, and a bar where that is a terminal.
struct Watcher {
    quiet: bool,
    /// Its message is the file that it is about.
    bar: ProgressBar,
}

impl Watcher {
    fn new(quiet: bool) -> Self {
        Watcher { quiet, bar: ProgressBar::hidden() }
    }

    fn clear(&mut self) {
        std::mem::replace(&mut self.bar, ProgressBar::hidden()).finish_and_clear();
    }
}

impl FetchObserver for Watcher {
    fn note(&mut self, line: &str) {
        self.clear();
        if !self.quiet {
            tell(&line.replace(char::is_control, " "));
        }
    }

    fn progress(&mut self, name: &str, arrived: u64, total: u64) {
        if self.bar.message() != name {
            self.clear();
            let template = "{bar:24} {decimal_bytes}/{decimal_total_bytes}  {msg}  {decimal_bytes_per_sec}  {eta} left";
            self.bar = bar(template, total, arrived, !self.quiet && is_terminal()).with_message(name.to_owned());
            self.bar.reset_eta();
        }
        self.bar.set_position(arrived);
        if arrived >= total {
            self.bar.finish_and_clear();
        }
    }
}
