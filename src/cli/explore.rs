//! `explore`: a sheet over a plane of two latent directions.

use std::path::PathBuf;

use crate::engine::fixed_latents;
use crate::error::{Error, Result};
use crate::output::walk::plane;
use crate::output::{Overwrite, grid, save_captioned};
use clap::ValueHint;

use super::checkpoint::{Source, check_extension, check_size, scales, sheet_bytes};
use super::sample::report;

/// Look at a plane of latent space: a sheet of images over two random directions
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu explore --out sheet.png                      11×11 images around the centre of a plane
  dcgan-gpu explore --out wide.png --seed 3 --rows 7 --cols 15 --extent 2 --scale 2
  dcgan-gpu explore --out classes.png --class 4,9        from one class, left, to another, right")]
pub struct Arguments {
    /// The picture
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    out: PathBuf,
    /// Seed of the plane: its centre and its two directions
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Rows of the sheet
    #[arg(long, value_name = "R", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=100))]
    rows: u32,
    /// Columns of the sheet
    #[arg(long, value_name = "C", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=100))]
    cols: u32,
    /// How far the sheet reaches from its centre, in lengths of a typical latent
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    extent: f64,
    /// Enlarge each pixel this many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = scales())]
    scale: u32,
    #[command(flatten)]
    source: Source,
}

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    if !(0.0..=100.0).contains(&arguments.extent) {
        return Err(Error::usage(format!("--extent {} is outside 0 to 100", arguments.extent)));
    }
    check_extension(&arguments.out, "png", "")?;
    let overwrite = Overwrite::forced(arguments.source.force);
    overwrite.check(&arguments.out)?;
    let mut chosen = arguments.source.load(quiet)?;
    let config = &chosen.checkpoint.metadata.config;
    let (rows, cols) = (arguments.rows as usize, arguments.cols as usize);
    check_size("the sheet", sheet_bytes(config, rows, cols, arguments.scale))?;
    let keys = fixed_latents(config, arguments.seed, 3);
    let sheet = plane(&keys[0], &keys[1], &keys[2], rows, cols, arguments.extent);
    let last = cols.saturating_sub(1).max(1) as f32;
    let places: Vec<_> = (0..cols).map(|column| column as f32 / last).collect();
    let classes = arguments.source.classes_on_the_way(config)?;
    let caption = arguments.source.caption(&chosen, "explore", vec![arguments.seed], [rows, cols], &classes);
    let labels = arguments.source.labels_on_the_way(&mut chosen.checkpoint, &places)?.repeat(rows);
    let images = arguments.source.generator(&chosen.checkpoint, quiet)?.generate(&sheet, &labels)?;
    let picture = grid(&images, rows, cols).enlarged(arguments.scale as usize);
    save_captioned(&picture, &caption, &arguments.out, overwrite)?;
    report(&arguments.source, &arguments.out, images.count)
}
