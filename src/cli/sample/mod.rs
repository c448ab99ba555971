//! `sample`: images from a checkpoint, a batch at a time, so that a million of them take no more
//! memory than a hundred.

mod latents;
mod layout;
mod outputs;
mod writer;

use std::path::PathBuf;

use crate::engine::Generator;
use crate::error::Result;
use crate::model::config::Config;
use crate::output::{Caption, Images, NpyWriter, Overwrite, grid};
use crate::train::stop::Stop;
use clap::{ValueEnum, ValueHint};

use super::checkpoint::{Source, scales};
use super::progress::Counter;
use super::{answer, signals};
use latents::Latents;
use layout::Layout;
use writer::Writer;

/// Draw images from a checkpoint
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dcgan-gpu sample --out grid.png                                 64 images of the newest run
  dcgan-gpu sample --out big.png --rows 4 --cols 12 --scale 3 --seed 7
  dcgan-gpu sample --out digits.npy --format npy --count 1000     uint8 [N, H, W], or [N, H, W, 3]
  dcgan-gpu sample --out digits --format files --count 100 --checkpoint runs/mine
  dcgan-gpu sample --out one.png --seed 7 --index 500             the picture with that address
  dcgan-gpu sample --out grid.png --save-latents z.npy            and what it was drawn from
  dcgan-gpu sample --out again.png --latents z.npy                float32 [N, latent]
  dcgan-gpu sample --out threes.png --class 3                     of a run with classes
  dcgan-gpu sample --out classes.png --class all                  a row for each class")]
pub struct Arguments {
    /// The picture, the .npy file, or the folder of `--format files`
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    out: PathBuf,
    /// How many images; by default as many as the grid has cells, with --index one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST.into()))]
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
    /// Begin with image number K, counted from 0, of those that the seed gives
    #[arg(long, value_name = "K")]
    index: Option<u64>,
    /// Draw from the latents in a .npy file: floats of the shape (N, latent)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["seed", "count", "index"])]
    latents: Option<PathBuf>,
    /// Save the latents of the images, too: float32 of the shape (N, latent)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "latents")]
    save_latents: Option<PathBuf>,
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

/// The most images of one call.
const MOST: u32 = 1_000_000;

/// Rows and columns of a preview, at most.
const PREVIEWED: usize = 16;

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
    outputs::check(arguments, overwrite)?;
    let given = arguments.latents.as_deref().map(latents::open).transpose()?;
    let count = given.as_ref().map(|(_, count)| *count).or(arguments.count.map(|count| count as usize));
    // What can be refused without the checkpoint.
    Layout::new(arguments, count, None)?;
    let chosen = arguments.source.load(quiet)?;
    let checkpoint = &chosen.checkpoint;
    let config = &checkpoint.metadata.config;
    let asked = arguments.source.classes(config)?;
    let layout = Layout::new(arguments, count, layout::of_classes(config, asked.as_deref()))?;
    let mut latents = match given {
        Some((file, _)) => Latents::of_file(file, config)?,
        None => Latents::of_seed(config, arguments.seed, arguments.index, layout.count)?,
    };
    let classes = Classes { config, asked, cols: classes_in_a_row(arguments, config, &layout), first: latents.first() };
    if arguments.format == Format::Grid {
        layout.check_size(config, arguments.scale)?;
    }
    let generator = arguments.source.generator(checkpoint, quiet)?;

    // From here on a signal must not leave a part of a file behind.
    let watch = signals::watch()?;
    let stop = watch.begin();
    let seeds: Vec<_> = latents.address().map(|(seed, _)| seed).into_iter().collect();
    let caption = |size, labels: &[u32]| arguments.source.caption(&chosen, "sample", seeds.clone(), size, labels);
    let of_grid = Caption {
        image: latents.address().filter(|_| layout.count == 1).map(|(_, index)| index),
        ..caption([layout.rows, layout.cols], &classes.of(0, layout.count))
    };
    let writer = Writer::create(arguments, config, &layout, latents.first(), &of_grid, overwrite)?;
    let saved = arguments.save_latents.as_deref();
    let array = saved.map(|path| latents::saved_to(path, config, layout.count, overwrite)).transpose()?;
    let counter = Counter::new("images", layout.count, quiet);
    let drawing = Drawing { generator, writer, caption: &caption, saved: array, counter };
    let previewed = if arguments.preview { (PREVIEWED * PREVIEWED).min(layout.count) } else { 0 };
    let first_images = match drawing.draw(&mut latents, &classes, layout.count, previewed, stop)? {
        Ok(first_images) => first_images,
        Err((signal, drawn)) => {
            let left = match (arguments.format, saved) {
                (Format::Files, None) => "those are written",
                (Format::Files, Some(_)) => "those are written, but not their latents",
                _ => "nothing was written",
            };
            return Err(signals::stopped(signal, &format!("after {drawn} of {} images; {left}", layout.count)));
        }
    };
    if let Some(images) = first_images {
        super::show::tell_picture(&grid(&images, layout.rows.min(PREVIEWED), layout.cols.min(PREVIEWED)));
    }
    tell(arguments, &latents, layout.count)
}

/// Images in turn that have the same class, where none is asked for by an address: as in the grid
/// that is written or, with `--index`, in the one that training shows, whatever is written.
fn classes_in_a_row(arguments: &Arguments, config: &Config, layout: &Layout) -> usize {
    match (arguments.index, arguments.cols) {
        (Some(_), None) => config.output.cols as usize,
        (Some(_), Some(cols)) => cols as usize,
        (None, _) => layout.cols,
    }
}

/// Which class each image has.
struct Classes<'a> {
    config: &'a Config,
    /// Those of `--class`.
    asked: Option<Vec<u32>>,
    /// Images in turn that have the same one.
    cols: usize,
    /// The number of the first image.
    first: u64,
}

impl Classes<'_> {
    /// The classes of `count` images behind the first `drawn`; none where the run has none.
    fn of(&self, drawn: usize, count: usize) -> Vec<u32> {
        let all = self.config.classes.as_ref().map(|classes| (0..classes.count()).collect());
        let Some(classes) = self.asked.clone().or(all).filter(|classes| !classes.is_empty()) else {
            return Vec::new();
        };
        let row = |image: u64| (image / self.cols.max(1) as u64) as usize;
        (0..count).map(|image| classes[row(self.first + (drawn + image) as u64) % classes.len()]).collect()
    }
}

/// Everything that images are made with, and go to.
struct Drawing<'a> {
    generator: Generator,
    writer: Writer,
    /// What a picture says of itself, of these rows and columns of images of these classes.
    caption: &'a dyn Fn([usize; 2], &[u32]) -> Caption,
    /// Where the latents go, too.
    saved: Option<NpyWriter>,
    counter: Counter,
}

/// The first images, where they are wanted; or the signal that ended it, with the number of images
/// drawn.
type Drawn = std::result::Result<Option<Images>, (i32, usize)>;

impl Drawing<'_> {
    /// Draws `count` images, of which the first `kept` come back.
    fn draw(
        mut self,
        latents: &mut Latents,
        classes: &Classes<'_>,
        count: usize,
        kept: usize,
        stop: &Stop,
    ) -> Result<Drawn> {
        let (mut drawn, mut first_images) = (0, None::<Images>);
        while drawn < count {
            if let Some(signal) = stop.signal() {
                self.counter.finish();
                return Ok(Err((signal, drawn)));
            }
            let number = self.generator.batch().min(count - drawn);
            let batch = latents.take(classes.config, number)?;
            let labels = classes.of(drawn, number);
            let images = self.generator.generate(&batch, &labels)?;
            self.writer.push(&images, |image| (self.caption)([1, 1], labels.get(image..=image).unwrap_or_default()))?;
            if let Some(saved) = &mut self.saved {
                saved.push_latents(&batch)?;
            }
            if drawn < kept {
                keep(&mut first_images, &images, kept - drawn);
            }
            drawn += number;
            self.counter.reached(drawn);
        }
        self.counter.finish();
        // Latents first: what they give can be drawn again, but not the reverse.
        let latents = self.saved.as_ref().map(|saved| saved.path().to_path_buf());
        self.saved.map_or(Ok(()), NpyWriter::finish)?;
        self.writer.finish().map_err(|error| match latents {
            Some(latents) => {
                let message = format!("{error}; the latents are in {}", latents.display());
                error.reworded(message)
            }
            None => error,
        })?;
        Ok(Ok(first_images))
    }
}

/// Adds the first `most` of `images` to those that are kept.
fn keep(kept: &mut Option<Images>, images: &Images, most: usize) {
    let (count, size) = (images.count.min(most), images.height * images.width * images.channels);
    let kept = kept.get_or_insert_with(|| Images { pixels: Vec::new(), count: 0, ..*images });
    kept.pixels.extend_from_slice(&images.pixels[..count * size]);
    kept.count += count;
}

/// Says what was written, and what it was drawn from.
fn tell(arguments: &Arguments, latents: &Latents, count: usize) -> Result<()> {
    let out = &arguments.out;
    let mut written = serde_json::json!({ "out": out.to_string_lossy(), "images": count });
    if let Some((seed, index)) = latents.address() {
        written["seed"] = seed.into();
        written["index"] = index.into();
    }
    let files = [Some(out), arguments.save_latents.as_ref()];
    if let Some(latents) = arguments.save_latents.as_ref().or(arguments.latents.as_ref()) {
        written["latents"] = latents.to_string_lossy().into();
    }
    answer(arguments.source.json, written, |_| {
        files.into_iter().flatten().map(|file| file.display().to_string()).collect()
    })
}

/// Says what a verb that draws has written.
pub fn report(source: &Source, out: &std::path::Path, images: usize) -> Result<()> {
    let written = serde_json::json!({ "out": out.to_string_lossy(), "images": images });
    answer(source.json, written, |_| vec![out.display().to_string()])
}
