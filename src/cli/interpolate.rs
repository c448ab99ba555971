//! `interpolate`: a walk between latents.

use std::path::PathBuf;

use crate::engine::fixed_latents;
use crate::error::{Error, Result};
use crate::output::walk::{Interpolation, walk};
use crate::output::{AnimatedGif, Overwrite, grid, save_captioned};
use clap::{ValueEnum, ValueHint};

use super::checkpoint::{Source, check_size, scales, sheet_bytes};
use super::sample::report;

/// Walk between images in latent space: a strip as PNG, or a looping GIF
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu interpolate --out strip.png --seeds 1,2 --frames 8           from one image to another
  dcgan-gpu interpolate --out walk.gif --seeds 1,2,3,4 --frames 12 --scale 4
  dcgan-gpu interpolate --out walk.gif --checkpoint runs/mine --method lerp --force
  dcgan-gpu interpolate --out digits.gif --seeds 5,5 --class 3,8         from one class to another")]
pub struct Arguments {
    /// strip.png or walk.gif
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    out: PathBuf,
    /// Seeds of the images to pass through, at least two
    #[arg(long, value_name = "S,S,…", value_delimiter = ',', default_values_t = [1, 2, 3, 4])]
    seeds: Vec<u64>,
    /// Images between two of them
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=1000))]
    frames: u32,
    /// Along the sphere that latents lie on, or in a straight line
    #[arg(long, value_enum, default_value = "slerp")]
    method: Method,
    /// Enlarge each pixel this many times
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = scales())]
    scale: u32,
    #[command(flatten)]
    source: Source,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    /// Spherical
    Slerp,
    /// Linear
    Lerp,
}

/// Hundredths of a second that a frame is shown.
const DELAY: u16 = 8;

pub fn run(arguments: &Arguments, quiet: bool) -> Result<()> {
    let out = &arguments.out;
    let animated = match out.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("png") => false,
        Some("gif") => true,
        _ => return Err(Error::usage(format!("--out {} ends neither in .png nor in .gif", out.display()))),
    };
    if !(2..=100).contains(&arguments.seeds.len()) {
        return Err(Error::usage(format!("--seeds takes 2 to 100 seeds, not {}", arguments.seeds.len())));
    }
    let overwrite = Overwrite::forced(arguments.source.force);
    overwrite.check(out)?;
    let mut chosen = arguments.source.load(quiet)?;
    let config = &chosen.checkpoint.metadata.config;
    let images = arguments.seeds.len() * (arguments.frames as usize + 1);
    let scale = if animated { 1 } else { arguments.scale };
    check_size("the images", sheet_bytes(config, 1, images, scale))?;
    let keys: Vec<_> = arguments.seeds.iter().flat_map(|&seed| fixed_latents(config, seed, 1)).collect();
    let method = match arguments.method {
        Method::Slerp => Interpolation::Spherical,
        Method::Lerp => Interpolation::Linear,
    };
    let path = walk(&keys, arguments.frames as usize, method, animated);
    let last = path.len().saturating_sub(1).max(1) as f32;
    let places: Vec<_> = (0..path.len()).map(|image| image as f32 / last).collect();
    let classes = arguments.source.classes_on_the_way(config)?;
    let caption = arguments.source.caption(&chosen, "interpolate", arguments.seeds.clone(), [1, path.len()], &classes);
    let labels = arguments.source.labels_on_the_way(&mut chosen.checkpoint, &places)?;
    let images = arguments.source.generator(&chosen.checkpoint, quiet)?.generate(&path, &labels)?;
    let scale = arguments.scale as usize;
    if animated {
        let mut gif = AnimatedGif::create(out, DELAY, overwrite)?;
        for index in 0..images.count {
            gif.push(&images.picture(index).enlarged(scale))?;
        }
        gif.finish(DELAY)?;
    } else {
        save_captioned(&grid(&images, 1, images.count).enlarged(scale), &caption, out, overwrite)?;
    }
    report(&arguments.source, out, images.count)
}
