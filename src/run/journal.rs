//! The JSON-lines files that a run appends to.

use std::fs::File;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::disk;
use crate::error::{Error, Kind, Result};
use crate::output::save_durably;

/// A file of JSON lines, each of which says its step.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Nothing while it is replaced: Windows replaces no file that is open.
    file: Option<File>,
}

impl Journal {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let mut journal = Journal { path, file: None };
        journal.file()?;
        Ok(journal)
    }

    /// The file, opened where it is not.
    fn file(&mut self) -> Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => disk::append(&self.path).map_err(|e| Error::io("write", &self.path, &e))?,
        };
        Ok(self.file.insert(file))
    }

    pub(super) fn append(&mut self, lines: &[impl Serialize]) -> Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(|e| Error::new(Kind::Other, format!("JSON: {e}")))?;
            text.push(b'\n');
        }
        if text.is_empty() {
            return Ok(());
        }
        disk::write_all(self.file()?, &text).map_err(|e| Error::io("write", &self.path, &e))
    }

    pub(super) fn sync(&self) -> Result<()> {
        let sync = |file| disk::sync(file).map_err(|e| Error::io("write", &self.path, &e));
        self.file.as_ref().map_or(Ok(()), sync)
    }

    /// Keeps the lines of some steps; a line that a kill cut short goes too.
    pub(super) fn cut(&mut self, stays: impl Fn(u32) -> bool) -> Result<()> {
        #[derive(Deserialize)]
        struct Line {
            step: u32,
        }
        let text = disk::read(&self.path).map_err(|e| Error::io("read", &self.path, &e))?;
        let is_kept = |line: &&[u8]| {
            line.ends_with(b"\n") && serde_json::from_slice::<Line>(line).is_ok_and(|line| stays(line.step))
        };
        let kept: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').filter(is_kept).collect();
        self.file = None;
        save_durably(&kept.concat(), &self.path)?;
        self.file().map(drop)
    }
}
