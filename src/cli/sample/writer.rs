//! Where images go, as they come.

use crate::error::Result;
use crate::model::config::Config;
use crate::output::{self, Caption, ImageFiles, Images, NpyWriter, Overwrite, SheetWriter};

use super::layout::Layout;
use super::{Arguments, Format};

/// A file, or a folder of files, on its way.
#[derive(Debug)]
pub(super) enum Writer {
    Grid(Box<SheetWriter>),
    Files(ImageFiles),
    Npy(NpyWriter),
}

impl Writer {
    /// Begins what `--out` and `--format` name; files are called by the numbers of their images,
    /// of which `first` is the first. A grid says `caption` of itself.
    pub(super) fn create(
        arguments: &Arguments,
        config: &Config,
        layout: &Layout,
        first: u64,
        caption: &Caption,
        overwrite: Overwrite,
    ) -> Result<Writer> {
        let (out, Layout { count, rows, cols }) = (&arguments.out, *layout);
        let image = [config.image.height, config.image.width, config.image.channels].map(|side| side as usize);
        let [height, width, channels] = image;
        Ok(match arguments.format {
            Format::Grid => {
                let layout = output::Layout { rows, cols, scale: arguments.scale as usize, image };
                Writer::Grid(Box::new(SheetWriter::create(out, layout, caption, overwrite)?))
            }
            Format::Files => Writer::Files(ImageFiles::create(out, first..first + count as u64, overwrite)?),
            Format::Npy => Writer::Npy(NpyWriter::of_images(out, [count, height, width, channels], overwrite)?),
        })
    }

    /// Writes the next images; a file of its own says of itself what `caption` makes of its place
    /// among them.
    pub(super) fn push(&mut self, images: &Images, caption: impl Fn(usize) -> Caption) -> Result<()> {
        match self {
            Writer::Grid(sheet) => sheet.push(images),
            Writer::Files(files) => files.push(images, caption),
            Writer::Npy(array) => array.push_images(images),
        }
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Writer::Grid(sheet) => sheet.finish(),
            Writer::Files(_) => Ok(()),
            Writer::Npy(array) => array.finish(),
        }
    }
}
