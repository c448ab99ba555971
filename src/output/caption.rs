//! What a picture says of itself, in the text chunks of its PNG file: `Software`, a keyword of the
//! standard, with program and version, and `dcgan-gpu` with one line of JSON.
//!
//! Nothing in it depends on the time or on where a run's folder is, so a grid's file has the same
//! bytes in a run that was interrupted.

use std::fmt;
use std::io::{Cursor, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use png::{Decoder, EncodingError, Limits};
use serde::{Deserialize, Serialize};

use crate::disk;

/// The keyword of the chunk with JSON.
const KEYWORD: &str = "dcgan-gpu";
/// The bytes of a file that are looked at, and the most that its chunks may take: the text stands
/// in front of the picture.
const LONGEST_HEAD: usize = 1 << 20;

/// Where a picture comes from: which program drew it, of which run and step, with what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Caption {
    /// The program's version.
    pub version: String,
    /// The verb that drew it: `train`, `sample`, `interpolate` or `explore`.
    pub verb: String,
    /// The run, by the name of its configuration.
    pub run: String,
    /// The name of the run's folder, where a verb drew from one. Training's own grids do not have
    /// it: the folder may be renamed before the run goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Steps that the run had done.
    pub step: u32,
    /// The seeds of the latents: one, but for a walk through several.
    pub seeds: Vec<u64>,
    /// Which image of those that the seed gives it is, where it is one alone, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
    /// The names of the classes that are shown, in their order; none where the run has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// `average` where it was drawn with the moving average of G, else `raw`.
    pub weights: String,
    /// Rows of images.
    pub rows: usize,
    /// Columns of images.
    pub cols: usize,
}

impl Caption {
    /// What the PNG file at `path` says of itself; nothing where it says nothing, or is none.
    pub fn read(path: &Path) -> Option<Caption> {
        let mut head = Vec::new();
        disk::read_part(path, |file| file.take(LONGEST_HEAD as u64).read_to_end(&mut head)).ok()?;
        Caption::parse(&head)
    }

    /// What a PNG file says of itself, given its bytes or the first of them.
    pub fn parse(bytes: &[u8]) -> Option<Caption> {
        let decoding = || {
            let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: LONGEST_HEAD });
            decoder.set_ignore_iccp_chunk(true);
            let reader = decoder.read_info().ok()?;
            let chunk = reader.info().utf8_text.iter().find(|chunk| chunk.keyword == KEYWORD)?;
            serde_json::from_str(&chunk.get_text().ok()?).ok()
        };
        // The decoder panics on a file in a million of those that are damaged.
        catch_unwind(AssertUnwindSafe(decoding)).ok().flatten()
    }

    /// Puts it into a file that is about to be written.
    pub(super) fn write(&self, encoder: &mut png::Encoder<'_, impl Write>) -> Result<(), EncodingError> {
        let json = serde_json::to_string(self).map_err(|e| EncodingError::IoError(e.into()))?;
        encoder.add_text_chunk("Software".to_string(), format!("dcgan-gpu {}", self.version))?;
        encoder.add_itxt_chunk(KEYWORD.to_string(), json)
    }
}

impl fmt::Display for Caption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Caption { version, verb, run, step, weights, .. } = self;
        let folder = self.folder.as_ref().map_or(String::new(), |folder| format!(" in {folder}"));
        let list = |name: &str, items: Vec<String>| match items.len() {
            0 => String::new(),
            1 => format!(", {name} {}", items.join("")),
            _ => format!(", {name}s {}", items.join(", ")),
        };
        let seeds = list("seed", self.seeds.iter().map(u64::to_string).collect());
        let classes = list("class", self.classes.clone()).replacen("classs", "classes", 1);
        let image = self.image.map_or(String::new(), |image| format!(", image {image}"));
        write!(f, "{run}{folder}, step {step}{seeds}{image}{classes}, {weights} weights; dcgan-gpu {version} {verb}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Overwrite, Picture, save_captioned, save_png};

    fn caption() -> Caption {
        Caption {
            version: "1.2.3".to_string(),
            verb: "sample".to_string(),
            run: "größe".to_string(),
            folder: Some("日本".to_string()),
            step: 20,
            seeds: vec![7, u64::MAX],
            classes: vec!["cat".to_string(), "a\"\nb".to_string()],
            weights: "raw".to_string(),
            rows: 2,
            cols: 5,
            image: None,
        }
    }

    #[test]
    fn a_caption_reads_back_and_changes_no_pixel() {
        let folder = tempfile::tempdir().unwrap();
        let [with, without] = ["with.png", "without.png"].map(|name| folder.path().join(name));
        let picture = Picture::new((0..30).collect(), [2, 5, 3]).unwrap();
        save_captioned(&picture, &caption(), &with, Overwrite::Never).unwrap();
        save_png(&picture, &without, Overwrite::Never).unwrap();
        assert_eq!((Caption::read(&with), Caption::read(&without)), (Some(caption()), None));
        assert_eq!(Picture::read(&with).unwrap(), picture);
        let bytes = std::fs::read(&with).unwrap();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(has(b"tEXtSoftware\0dcgan-gpu 1.2.3") && has(b"iTXtdcgan-gpu\0"));
    }

    #[test]
    fn a_damaged_or_huge_caption_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let picture = Picture::new((0..30).collect(), [2, 5, 3]).unwrap();
        save_captioned(&picture, &caption(), &path, Overwrite::Never).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for end in 0..bytes.len() {
            let _ = Caption::parse(&bytes[..end]);
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let _ = Caption::parse(&damaged);
        }
        assert_eq!(Caption::parse(b"\xff\xd8\xff"), None);
        let huge = Caption { run: "x".repeat(LONGEST_HEAD), ..caption() };
        save_captioned(&picture, &huge, &path, Overwrite::Always).unwrap();
        assert_eq!(Caption::read(&path), None);
    }

    #[test]
    fn a_caption_is_a_line_for_people() {
        let line = "größe in 日本, step 20, seeds 7, 18446744073709551615, classes cat, a\"\nb, raw weights; dcgan-gpu 1.2.3 sample";
        assert_eq!(caption().to_string(), line);
        let plain =
            Caption { folder: None, seeds: vec![1], classes: vec!["3".to_string()], image: Some(4), ..caption() };
        assert_eq!(plain.to_string(), "größe, step 20, seed 1, image 4, class 3, raw weights; dcgan-gpu 1.2.3 sample");
    }
}
