//! Where feature networks are kept: in the cache folder, under the digests of what they learnt from
//! and the version of how.

use std::path::PathBuf;

use super::file::Filed;
use super::network::FEATURES_VERSION;
use super::real::Real;
use crate::data::locate::cache_folder;
use crate::disk;
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The folder within the cache folder.
const FOLDER: &str = "features";
/// Digits of a digest in a file's name.
const DIGITS: usize = 16;

/// The file for features of these data; none where there is no cache folder.
pub fn path_for(real: &Real<'_>) -> Option<PathBuf> {
    Some(cache_folder()?.join(FOLDER).join(file_name(real)))
}

/// What the file is called.
pub fn file_name(real: &Real<'_>) -> String {
    let Shape { height, width, channels } = real.shape();
    let learnt = match real.labels_digest() {
        Some(labels) => labels[..DIGITS].to_string(),
        None => "rotations".to_string(),
    };
    format!("v{FEATURES_VERSION}-{height}x{width}x{channels}-{}-{learnt}.safetensors", &real.digest()[..DIGITS])
}

/// The features of these data, where they are kept; a file that cannot be used is a warning.
pub fn find(real: &Real<'_>) -> Option<Filed> {
    let path = path_for(real).filter(|path| path.is_file())?;
    match Filed::load(&path) {
        Ok(filed) => Some(filed),
        Err(error) => {
            log::warn!("{error}; it is replaced when features are made again");
            None
        }
    }
}

/// Keeps features of these data; returns where, if there is a cache folder.
///
/// # Errors
/// An I/O error naming the file or folder.
pub fn keep(real: &Real<'_>, features: &Filed) -> Result<Option<PathBuf>> {
    let Some(path) = path_for(real) else { return Ok(None) };
    if let Some(folder) = path.parent() {
        disk::create_folders(folder).map_err(|e| Error::io("create the folder", folder, &e))?;
    }
    features.save(&path)?;
    Ok(Some(path))
}
