//! `sample`: images from a checkpoint.

use std::path::PathBuf;

use crate::engine::fixed_latents;
use crate::error::{Error, Result};
use crate::output::{Caption, Overwrite, grid, save_captioned, save_files, write_npy};
use clap::{ValueEnum, ValueHint};

use super::answer;
use super::checkpoint::{Source, check_extension, check_size, scales, sheet_bytes};

/// Draw images from a checkpoint
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu sample --out grid.png                                 64 images of the newest run
  dcgan-gpu sample --out big.png --rows 4 --cols 12 --scale 3 --seed 7
  dcgan-gpu sample --out digits.npy --format npy --count 1000     uint8 [N, H, W], or [N, H, W, 3]
  dcgan-gpu sample --out digits --format files --count 100 --checkpoint runs/mine
  dcgan-gpu sample --out threes.png --class 3                     of a run with classes
  dcgan-gpu sample --out classes.png --class all                  a row for each class")]
pub struct Arguments {
    /// The picture, the .npy file, or the folder of `--format files`
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    out: PathBuf,
    /// How many images; by default as many as the grid has cells
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: Option<u32>,
    /// Rows of the grid
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rows: Option<u32>,
    /// Columns of the grid
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=1000))]
    cols: Option<u32>,
    /// Seed of the latents; the run's own gives the grid that training shows
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Enlarge each pixel of a grid this many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = scales())]
    scale: u32,
    /// What to write
    #[arg(long, value_enum, default_value = "grid")]
    format: Format,
    /// Show the images in the terminal too
    #[arg(long)]
    preview: bool,
    #[command(flatten)]
    source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One PNG with all images
    Grid,
    /// One PNG an image, in a folder
    Files,
    /// A NumPy array
    Npy,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let overwrite = Overwrite::forced(arguments.source.force);
    layout(arguments, None)?;
    match arguments.format {
        Format::Grid => check_extension(&arguments.out, "png", "; --format takes npy and files too")?,
        Format::Npy => check_extension(&arguments.out, "npy", "")?,
        Format::Files => {}
    }
    if arguments.format != Format::Files {
        overwrite.check(&arguments.out)?;
    }
    let chosen = arguments.source.load(quiet)?;
    let checkpoint = &chosen.checkpoint;
    let config = &checkpoint.metadata.config;
    let asked = arguments.source.classes(config)?;
    // As training shows them, unless some are asked for.
    let all = config.classes.as_ref().map(|classes| (classes.count() as usize, config.output.rows as usize));
    let rows = asked.as_ref().map(|asked| (asked.len(), asked.len())).or(all);
    let rows = rows.filter(|(classes, _)| *classes > 1).map(|(_, rows)| rows);
    let (count, rows, cols) = layout(arguments, rows.map(|rows| [rows, config.output.cols as usize]))?;
    if arguments.format == Format::Grid {
        check_size("the grid", sheet_bytes(config, rows, cols, arguments.scale))?;
    }
    check_size("the images", count as u64 * u64::from(config.image.values().max(4 * config.latent.dim)))?;
    let labels: Vec<_> = match asked {
        Some(classes) => (0..count).map(|image| classes[image / cols % classes.len()]).collect(),
        None => config.classes_in_turn(count, cols),
    };
    let seed = arguments.seed.unwrap_or(config.seed);
    let latents = fixed_latents(config, seed, count);
    let images = arguments.source.generator(checkpoint, quiet)?.generate(&latents, &labels)?;
    if arguments.preview {
        super::show::tell_picture(&grid(&images, rows.min(16), cols.min(16)));
    }
    let (out, scale) = (&arguments.out, arguments.scale as usize);
    let caption = |size, labels: &[u32]| arguments.source.caption(&chosen, "sample", vec![seed], size, labels);
    match arguments.format {
        Format::Grid => {
            let picture = grid(&images, rows, cols).enlarged(scale);
            save_captioned(&picture, &caption([rows, cols], &labels), out, overwrite)?;
        }
        Format::Files => {
            let label = |image: usize| labels.get(image..=image).unwrap_or_default();
            let of = |image| Caption { image: Some(image), ..caption([1, 1], label(image)) };
            save_files(&images, of, out, overwrite)?;
        }
        Format::Npy => write_npy(&images, out, overwrite)?,
    }
    report(&arguments.source, out, count)
}

/// Says what was written.
pub fn report(source: &Source, out: &std::path::Path, images: usize) -> Result<()> {
    let written = serde_json::json!({ "out": out.to_string_lossy(), "images": images });
    answer(source.json, written, |_| vec![out.display().to_string()])
}

/// Images, rows and columns: what is not given follows from the rest, as square as possible, or
/// as many rows and columns as classes have.
fn layout(arguments: &Arguments, of_classes: Option<[usize; 2]>) -> Result<(usize, usize, usize)> {
    let [count, rows, cols] = [arguments.count, arguments.rows, arguments.cols].map(|n| n.map(|n| n as usize));
    let (rows, cols) = match (rows, cols) {
        (Some(rows), Some(cols)) => (rows, cols),
        (Some(rows), None) => (rows, count.map_or(8, |n| n.div_ceil(rows))),
        (None, Some(cols)) => (count.map_or(of_classes.map_or(8, |[rows, _]| rows), |n| n.div_ceil(cols)), cols),
        (None, None) if let Some([rows, cols]) = of_classes => (rows, count.map_or(cols, |n| n.div_ceil(rows))),
        (None, None) => {
            let count = count.unwrap_or(64);
            let cols = (1..=count).find(|c| c * c >= count).unwrap_or(1);
            (count.div_ceil(cols), cols)
        }
    };
    let count = count.unwrap_or(rows * cols);
    if arguments.format == Format::Grid && count > rows * cols {
        return Err(Error::usage(format!(
            "--count {count} images do not fit {rows} rows × {cols} columns; raise --rows or --cols"
        )));
    }
    if arguments.format != Format::Grid && arguments.scale != 1 {
        return Err(Error::usage("--scale enlarges a grid; leave it out, or leave --format out"));
    }
    if arguments.format == Format::Grid && rows.max(cols) > 1000 {
        return Err(Error::usage(format!("a grid of {rows}×{cols} images is too large; use --format files or npy")));
    }
    Ok((count, rows, cols))
}
