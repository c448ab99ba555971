//! How many images there are, and how a grid lays them out.

use crate::cli::checkpoint::{check_size, sheet_bytes};
use crate::error::{Error, Result};
use crate::model::config::Config;

use super::{Arguments, Format};

/// Images, and the rows and columns of their grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) count: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
}

/// Rows and columns as training shows the classes of a run, or a row for each that is asked for;
/// nothing where they are not several.
pub(super) fn of_classes(config: &Config, asked: Option<&[u32]>) -> Option<[usize; 2]> {
    let all = config.classes.as_ref().map(|classes| (classes.count() as usize, config.output.rows as usize));
    let (classes, rows) = asked.map(|asked| (asked.len(), asked.len())).or(all)?;
    (classes > 1).then_some([rows, config.output.cols as usize])
}

impl Layout {
    /// What is not given follows from the rest, as square as possible, or as many rows and columns
    /// as classes have. Images that are drawn by their address do not depend on the others, so
    /// classes do not shape their grid.
    ///
    /// # Errors
    /// A usage error for a grid that cannot hold the images, or that nobody could look at.
    pub(super) fn new(arguments: &Arguments, count: Option<usize>, of_classes: Option<[usize; 2]>) -> Result<Self> {
        let [rows, cols] = [arguments.rows, arguments.cols].map(|n| n.map(|n| n as usize));
        let by_address = arguments.index.is_some();
        let (count, of_classes) = match (rows, cols) {
            (None, None) if by_address => (Some(count.unwrap_or(1)), None),
            _ => (count, of_classes.filter(|_| !by_address)),
        };
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
        let is_grid = arguments.format == Format::Grid;
        if is_grid && count > rows * cols {
            return Err(Error::usage(format!(
                "--count {count} images do not fit {rows} rows × {cols} columns; raise --rows or --cols"
            )));
        }
        if !is_grid && arguments.scale != 1 {
            return Err(Error::usage("--scale enlarges a grid; leave it out, or leave --format out"));
        }
        if is_grid && rows.max(cols) > 1000 {
            return Err(Error::usage(format!(
                "a grid of {rows}×{cols} images is too large; use --format files or npy"
            )));
        }
        Ok(Layout { count, rows, cols })
    }

    /// Refuses a grid of more than 4 GiB.
    pub(super) fn check_size(&self, config: &Config, scale: u32) -> Result<()> {
        check_size("the grid", sheet_bytes(config, self.rows, self.cols, scale))
    }
}
