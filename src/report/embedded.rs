//! Pictures inside a page.

use std::path::Path;

/// The bytes that all grids of a page may take together, and a single picture.
pub(super) const MOST_GRID_BYTES: u64 = 24 << 20;

/// A grid of images: step, PNG, width and height.
pub(super) struct Grid {
    pub(super) step: u32,
    pub(super) png: Vec<u8>,
    pub(super) size: [u32; 2],
}

/// A PNG file with its size; none where it cannot be read or is none.
pub(super) fn grid(step: u32, path: &Path) -> Option<Grid> {
    let png = std::fs::read(path).ok()?;
    // Signature, then the first chunk: length, name, width, height.
    let (head, rest) = png.split_at_checked(16)?;
    let side = |at: usize| Some(u32::from_be_bytes(rest.get(at..at + 4)?.try_into().ok()?));
    let size = [side(0)?, side(4)?];
    (head.starts_with(b"\x89PNG\r\n\x1a\n") && head.ends_with(b"IHDR")).then_some(Grid { step, png, size })
}
