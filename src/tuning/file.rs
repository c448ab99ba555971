//! Choices on disk: readable JSON, in the cache folder for all runs and in a run's folder for that
//! run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Choices, Tuning};
use crate::data::locate::cache_folder;
use crate::disk;
use crate::error::{Error, Result};
use crate::output::save_durably;

/// No cache that this program writes is larger.
const LARGEST: u64 = 1 << 20;

/// The file of the cache folder for a device; none where there is no cache folder.
pub fn cache_file(device: &str) -> Option<PathBuf> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = device.chars().map(plain).collect();
    let parts: Vec<_> = name.split('-').filter(|part| !part.is_empty()).collect();
    Some(cache_folder()?.join("tuning").join(format!("{}.json", parts.join("-"))))
}

/// What a file holds; nothing where there is none.
///
/// # Errors
/// An I/O error when it cannot be read; a usage error when it is not such a file.
pub fn load(path: &Path) -> Result<Option<Tuning>> {
    let failed = |cause: io::Error| Error::io("read", path, &cause);
    match fs::metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
        Ok(found) if found.len() > LARGEST => return Err(Error::usage(format!("{} is too large", path.display()))),
        Ok(_) => {}
    }
    let bytes = disk::read(path).map_err(failed)?;
    let tuning = serde_json::from_slice(&bytes);
    tuning.map(Some).map_err(|e| Error::usage(format!("{} holds no tuned choices: {e}", path.display())))
}

/// Puts choices into a file, whole or not at all.
///
/// # Errors
/// An I/O error when it cannot be written.
pub fn save(path: &Path, tuning: &Tuning) -> Result<()> {
    let text = serde_json::to_string_pretty(tuning).map_err(|e| Error::usage(e.to_string()))?;
    save_durably(format!("{text}\n").as_bytes(), path)
}

/// The cached choices; a file that is not to be used is a warning, and is replaced later.
pub(super) fn load_cache(path: &Path, device: &str) -> Option<Choices> {
    match load(path) {
        Ok(Some(tuning)) if tuning.device == device => return Some(tuning.choices),
        Ok(Some(Tuning { device, .. })) => {
            log::warn!("{} is for another device ({device}) and is replaced", path.display())
        }
        Ok(None) => {}
        Err(error) => log::warn!("{error}; it is replaced"),
    }
    None
}

pub(super) fn save_cache(path: &Path, tuning: &Tuning) -> Result<()> {
    if let Some(folder) = path.parent() {
        disk::create_folders(folder).map_err(|e| Error::io("create the folder", folder, &e))?;
    }
    save(path, tuning)
}
