//! The files of a call: refused before anything is read where they could not be written.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::checkpoint::check_extension;
use crate::error::{Error, Result};
use crate::output::{Overwrite, folder_of};

use super::{Arguments, Format};

/// Refuses what could not be written.
///
/// # Errors
/// As [`Overwrite::check`]; a usage error for names that do not end as their formats do, and for
/// two files with one name.
pub(super) fn check(arguments: &Arguments, overwrite: Overwrite) -> Result<()> {
    match arguments.format {
        Format::Grid => check_extension(&arguments.out, "png", "; --format takes npy and files too")?,
        Format::Npy => check_extension(&arguments.out, "npy", "")?,
        Format::Files => {}
    }
    if arguments.format != Format::Files {
        overwrite.check(&arguments.out)?;
    }
    let Some(latents) = &arguments.save_latents else { return Ok(()) };
    if !latents.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy")) {
        return Err(Error::usage(format!("--save-latents {} does not end in .npy", latents.display())));
    }
    if place(latents) == place(&arguments.out) {
        return Err(Error::usage(format!("--save-latents and --out are both {}; name two files", latents.display())));
    }
    overwrite.check(latents)
}

/// Where a file is, however its path is written, also before it is there.
fn place(path: &Path) -> (PathBuf, OsString) {
    let folder = folder_of(path);
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let name = path.file_name().unwrap_or_default();
    // Elsewhere most disks take capitals and small letters for the same.
    let name = if cfg!(target_os = "linux") { name.into() } else { name.to_string_lossy().to_lowercase().into() };
    (folder, name)
}
