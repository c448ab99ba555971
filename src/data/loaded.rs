//! What was read of a data set, before it is one.

use std::path::Path;

use super::RawImages;
use super::files;
use super::labels::Labels;
use super::range::Span;
use super::survey::Survey;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// Images in the network's shape, and what there is to say of them.
#[derive(Debug)]
pub struct Loaded {
    /// `[count][height][width][channels]`.
    pub(super) pixels: Vec<u8>,
    /// How many images there are.
    pub(super) count: u32,
    /// What the images are of, or where that was looked for, or why it cannot be used.
    pub(super) labels: Result<Labels>,
    /// How the images were read, where that is not plain.
    pub(super) remark: Option<String>,
    /// What the images have in common.
    pub(super) survey: Option<Survey>,
    /// Files that were left out, each with the reason.
    pub(super) broken: Vec<String>,
    /// Whether each image is a file, so that their order depends on names.
    pub(super) is_of_files: bool,
}

impl Loaded {
    /// Images in the network's shape; where there are no labels, `none` says so. Labels that cannot
    /// be used do no harm where they are not asked for, and are remarked.
    pub(super) fn new(
        pixels: Vec<u8>,
        count: u32,
        remark: Option<String>,
        labels: Result<Option<Labels>>,
        none: Error,
    ) -> Loaded {
        let unused = labels.as_ref().err().map(|error| format!("the labels cannot be used: {error}"));
        let remarks: Vec<_> = remark.into_iter().chain(unused).collect();
        Loaded {
            pixels,
            count,
            labels: labels.and_then(|labels| labels.ok_or(none)),
            remark: (!remarks.is_empty()).then(|| remarks.join("; ")),
            survey: None,
            broken: Vec::new(),
            is_of_files: false,
        }
    }

    /// The images of the file `path`, brought to `shape`; `how` they were read, where that has to
    /// be said.
    pub(super) fn of_images(
        images: RawImages,
        path: &Path,
        shape: Shape,
        how: Option<String>,
        labels: Result<Option<Labels>>,
        none: Error,
    ) -> Result<Loaded> {
        let from = images.shape;
        let colours = (images.is_of_rows && from.channels == 3)
            .then(|| "of each row the colours of a pixel lie together (row, column, colour)".to_string());
        let brought = (from != shape).then(|| format!("images of {from}, brought to {shape}"));
        let remarks: Vec<_> = how.into_iter().chain(colours).chain(brought).collect();
        let remark = (!remarks.is_empty()).then(|| format!("{}: {}", path.display(), remarks.join("; ")));
        let RawImages { count, pixels, span, .. } = images.conformed(shape).map_err(files::at(path))?;
        log::debug!("{count} images of {shape} from {}", path.display());
        let mut loaded = Loaded::new(pixels, count, remark, labels, none);
        loaded.survey(shape, Some(span), 0);
        Ok(loaded)
    }

    /// Looks at the images; `span` is of the values in their files.
    pub(super) fn survey(&mut self, shape: Shape, span: Option<Span>, invisible: u32) {
        self.survey = Some(Survey::new(&self.pixels, shape, span, invisible));
    }
}
