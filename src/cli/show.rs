//! `show`: a sample grid in the terminal.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::preview::{ColourMode, preview};
use crate::error::Result;
use crate::output::{Caption, Picture};
use crate::report::{Run, in_words};
use crate::run::records::Quality;
use clap::{ValueEnum, ValueHint};
use serde::Serialize;

use super::{announce, one_line, print_json};

/// Show a run's newest sample grid, or a picture, in the terminal, and what it says of itself
#[derive(clap::Args, Debug)]
#[command(
    after_help = "A character shows two squares of the picture, one above the other, in 24-bit or 256 colours, or as
ASCII where there is no colour: outside a terminal, with NO_COLOR set, or with --colour never.

Examples:
  dcgan-gpu show runs/mine                               its newest sample grid
  dcgan-gpu show runs/mine --step 400
  dcgan-gpu show grid.png --columns 120 --colour never
  dcgan-gpu show runs/mine --step 400 --json             which grid that is, and its size
  dcgan-gpu show grid.png --json                         also run, step, seed and class of a drawing"
)]
pub struct Arguments {
    /// A run folder, or a PNG or JPEG file
    #[arg(value_name = "RUN|FILE", value_hint = ValueHint::AnyPath)]
    source: PathBuf,
    /// The sample grid after this step, or the last one before it
    #[arg(long, value_name = "N")]
    step: Option<u32>,
    /// Characters of a line; by default the terminal's width, or 80
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    columns: Option<u16>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", alias = "color")]
    colour: Colour,
    /// Print which picture it is, its size, and what it says of itself, as JSON instead of drawing
    /// it
    #[arg(long, conflicts_with_all = ["columns", "colour"])]
    json: bool,
}

/// A picture: the step and the grid where it is of a run or says so, its size in pixels.
#[derive(Serialize)]
struct Found<'a> {
    picture: &'a Path,
    step: Option<u32>,
    /// The checkpoint whose weights the run began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    rows: Option<i64>,
    cols: Option<i64>,
    width: usize,
    height: usize,
    channels: usize,
    /// How good the samples of that step are.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<Quality>,
    /// What the file says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a Caption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// Where the terminal takes it
    Auto,
    /// 24-bit colour
    Always,
    /// 256 colours
    Palette,
    /// ASCII alone
    Never,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let run = if arguments.source.is_file() { None } else { Some(Run::read(&arguments.source)?) };
    let (step, file) = match &run {
        Some(run) => run.sample_at(arguments.step).map(|(step, file)| (Some(step), file))?,
        None => (None, arguments.source.as_path()),
    };
    let picture = Picture::read(file)?;
    let caption = Caption::read(file);
    if arguments.json {
        let setting = |key| run.as_ref()?.setting(&["output", key])?.as_integer();
        let told = |number: fn(&Caption) -> usize| i64::try_from(number(caption.as_ref()?)).ok();
        let rows = setting("rows").or_else(|| told(|caption| caption.rows));
        let cols = setting("cols").or_else(|| told(|caption| caption.cols));
        let step = step.or_else(|| caption.as_ref().map(|caption| caption.step));
        let from = run.as_ref().and_then(|run| run.setting(&["from"])?.as_str());
        let quality = quality_at(run.as_ref(), step);
        let Picture { width, height, channels, .. } = picture;
        let caption = caption.as_ref();
        return print_json(&Found { picture: file, step, from, rows, cols, width, height, channels, quality, caption });
    }
    // What pixels say was never told here.
    if let Some(quality) = quality_at(run.as_ref(), step).filter(|quality| quality.fd.is_some()) {
        announce(quiet)(&in_words(&quality));
    }
    if let Some(caption) = caption {
        announce(quiet)(&one_line(&caption.to_string()));
    }
    let stdout = std::io::stdout();
    let mode = match arguments.colour {
        Colour::Auto => mode(stdout.is_terminal()),
        Colour::Always => ColourMode::True,
        Colour::Palette => ColourMode::Palette,
        Colour::Never => ColourMode::Ascii,
    };
    let columns = arguments.columns.map_or_else(columns, usize::from);
    let _ = write!(stdout.lock(), "{}", preview(&picture, columns, mode));
    Ok(())
}

/// What a run recorded of the samples of a step.
fn quality_at(run: Option<&Run>, step: Option<u32>) -> Option<Quality> {
    run?.quality.iter().find(|line| Some(line.step) == step).copied()
}

/// A picture for people, on stderr.
pub fn tell_picture(picture: &Picture) {
    let _ = write!(std::io::stderr(), "{}", preview(picture, columns(), mode(std::io::stderr().is_terminal())));
}

fn mode(is_terminal: bool) -> ColourMode {
    ColourMode::detect(is_terminal, |name| std::env::var(name).ok())
}

/// The width of the terminal, if it is one.
fn columns() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into())
}
