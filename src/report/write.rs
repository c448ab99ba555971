//! Where a report goes.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::page::{MARKER, Page};
use super::run::Run;
use crate::disk;
use crate::error::{Error, Result};
use crate::output::{Overwrite, save_text};
use crate::run::files::REPORT;

/// What `report` wrote.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// The page.
    pub report: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// The run.
    pub run: PathBuf,
    /// Steps that the run has.
    pub steps: u32,
    /// The run's length, where it is known.
    pub total_steps: Option<u64>,
    /// Lines of `metrics.jsonl` that were read.
    pub records: usize,
    /// Sample grids that the run has.
    pub grids: usize,
    /// Sample grids in the page.
    pub grids_embedded: usize,
}

/// Writes the page about `run` to `out`, or to `report.html` in the run folder. It replaces an
/// earlier report; with [`Overwrite::Always`] any file.
///
/// # Errors
/// A usage error when `out` is something else than a report; an I/O error naming the file.
pub fn write_report(run: &Run, out: Option<&Path>, overwrite: Overwrite) -> Result<Written> {
    let out = out.map_or_else(|| run.path.join(REPORT), Path::to_path_buf);
    if overwrite == Overwrite::Never && out.is_file() && !is_report(&out)? {
        let message = format!("{} exists and is no report of this program; use --force to replace it", out.display());
        return Err(Error::usage(message));
    }
    let page = Page::of(run);
    save_text(&page.html, &out, Overwrite::Always)?;
    Ok(Written {
        report: out,
        bytes: page.html.len(),
        run: run.path.clone(),
        steps: run.steps(),
        total_steps: run.total_steps(),
        records: run.records.len(),
        grids: page.grids,
        grids_embedded: page.grids_embedded,
    })
}

fn is_report(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let read = disk::read_part(path, |file| file.take(MARKER.len() as u64).read_to_end(&mut head));
    read.map(|_| head == MARKER.as_bytes()).map_err(|e| Error::io("read", path, &e))
}
