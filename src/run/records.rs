//! What a run records, as training writes it and all else reads it: `metrics.jsonl` and
//! `quality.jsonl`.
//!
//! A file may end in the middle of a line, because a run is still writing it or was killed: such a
//! line is left out. A value that is absent, `null` or no number is NaN.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::disk;
use crate::error::{Error, Result};
use crate::model::columns::{GROUPS, Values};

/// Longest line that is looked at; this program's have less than 300 bytes.
const LONGEST_LINE: u64 = 64 << 10;

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps done, this one included.
    pub step: u32,
    /// The epoch that the step belongs to, counted from 1; 0 where it is not recorded.
    #[serde(default)]
    pub epoch: u32,
    /// What the step recorded.
    #[serde(flatten)]
    pub values: Values,
    /// Real images per second since the losses were last read.
    #[serde(default = "absent", deserialize_with = "number")]
    pub images_per_second: f64,
    /// Seconds of training since the run's start.
    #[serde(default = "absent", deserialize_with = "number")]
    pub seconds: f64,
}

/// One line of `quality.jsonl`: how the samples of a step compare with real images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Steps done when the grid was drawn.
    pub step: u32,
    /// Mean pairwise distance (L2 over pixels) of the samples, divided by that of real images: 1 is
    /// as diverse as the data, 0 means that all samples are the same.
    #[serde(default = "absent", deserialize_with = "number")]
    pub diversity: f64,
    /// Sliced Wasserstein distance between samples and real images, 0 for equal sets; pixels count
    /// from 0 to 1.
    #[serde(default = "absent", deserialize_with = "number")]
    pub distance: f64,
    /// Fréchet distance between samples and real images in the features that judge the run, 0 for
    /// equal moments; nothing where pixels judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<f64>,
    /// Samples that it was estimated from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
}

impl Quality {
    /// How far the samples are from real images, in what judges the run: less is better, and NaN is
    /// nothing.
    pub fn score(&self) -> f64 {
        match (self.fd, self.samples) {
            (Some(fd), _) => fd,
            // JSON has no NaN.
            (None, Some(_)) => f64::NAN,
            (None, None) => self.distance,
        }
    }

    /// What [`Quality::score`] is: the name of its member.
    pub fn judge(&self) -> &'static str {
        if self.samples.is_some() { "fd" } else { "distance" }
    }
}

/// The line of the best score, the earliest one of several; none where no score is a number.
pub fn best(lines: &[Quality]) -> Option<Quality> {
    lines.iter().filter(|line| !line.score().is_nan()).copied().reduce(|a, b| if b.score() < a.score() { b } else { a })
}

fn absent() -> f64 {
    f64::NAN
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// The records of `metrics.jsonl`, in the order of their steps; none where there is no such file.
///
/// Lines that are no record are left out. Where the steps go back, as after a resumed run whose
/// later lines were not dropped, the newer lines count.
///
/// # Errors
/// An I/O error when the file is there but cannot be read.
pub fn read_metrics(path: &Path) -> Result<Vec<Record>> {
    read(path, usize::MAX, |record: &Record| record.step)
}

/// As [`read_metrics`], but of a long file only every second, fourth, eighth, … line, at most
/// `most` and the last: memory does not grow with the run.
///
/// # Errors
/// As [`read_metrics`].
pub fn read_some_metrics(path: &Path, most: usize) -> Result<Vec<Record>> {
    read(path, most, |record: &Record| record.step)
}

/// The lines of `quality.jsonl`, as [`read_metrics`].
///
/// # Errors
/// As [`read_metrics`].
pub fn read_quality(path: &Path) -> Result<Vec<Quality>> {
    read(path, usize::MAX, |quality: &Quality| quality.step)
}

fn read<T: DeserializeOwned + Clone>(path: &Path, most: usize, step: impl Fn(&T) -> u32) -> Result<Vec<T>> {
    let failed = |cause: std::io::Error| Error::io("read", path, &cause);
    let file = match disk::read_part(path, Ok) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(failed)?,
    };
    let (mut reader, mut lines, mut line) = (BufReader::new(file), Vec::new(), Vec::new());
    let (mut parsed_lines, mut stride, mut newest) = (0_usize, 1, None);
    for number in 1.. {
        line.clear();
        if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        let whole = line.ends_with(b"\n");
        match serde_json::from_slice(&line) {
            // Without its end a line may lack digits of its last number, and still be read.
            Ok(parsed) if whole => {
                while lines.last().is_some_and(|last| step(last) >= step(&parsed)) {
                    lines.pop();
                }
                if parsed_lines.is_multiple_of(stride) {
                    lines.push(parsed.clone());
                }
                (parsed_lines, newest) = (parsed_lines + 1, Some(parsed));
                if lines.len() > most {
                    let mut keep = false;
                    lines.retain(|_| {
                        keep = !keep;
                        keep
                    });
                    stride *= 2;
                }
            }
            _ if whole => log::warn!("{} line {number} is no record and is left out", path.display()),
            _ => {}
        }
    }
    lines.extend(newest.filter(|newest| lines.last().is_none_or(|last| step(last) < step(newest))));
    Ok(lines)
}

/// The middle one of `values` that are numbers, the lower of two; NaN where there is none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The mean of `values` that are numbers; NaN where there is none.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.filter(|v| v.is_finite()).fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / count
}

/// The mean of every column that is to be told of `records`.
pub fn means(records: &[Record]) -> Values {
    let told = GROUPS.iter().flat_map(|group| group.told(records.iter().map(|record| &record.values)));
    let of = |name: &str| mean(records.iter().map(|record| record.values.get(name)));
    told.map(|column| (column.name, of(column.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::columns::{D_LOSS, G_LOSS};
    use crate::run::files::METRICS;

    fn steps(text: &[u8]) -> Vec<u32> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(METRICS);
        std::fs::write(&path, text).unwrap();
        read_metrics(&path).unwrap().iter().map(|record| record.step).collect()
    }

    #[test]
    fn a_long_file_is_thinned_out_evenly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(METRICS);
        let steps = |lines: u32, most| {
            let text: String = (1..=lines).map(|step| format!("{{\"step\":{step}}}\n")).collect();
            std::fs::write(&path, text).unwrap();
            read_some_metrics(&path, most).unwrap().iter().map(|record| record.step).collect::<Vec<_>>()
        };
        assert_eq!(steps(4, 4), [1, 2, 3, 4]);
        assert_eq!(steps(5, 4), [1, 3, 5]);
        assert_eq!(steps(6, 4), [1, 3, 5, 6]);
        assert_eq!(steps(12, 4), [1, 5, 9, 12]);
        assert_eq!(steps(0, 4), [0; 0]);
        assert!(steps(5000, 64).len() <= 65);
    }

    #[test]
    fn a_torn_last_line_is_left_out() {
        let whole = "{\"step\":1,\"d_loss\":1.5}\n{\"step\":2,\"d_loss\":1.25,\"seconds\":0.5}\n";
        assert_eq!(steps(whole.as_bytes()), [1, 2]);
        for length in 0..whole.len() {
            let complete = whole[..length].matches('\n').count();
            assert_eq!(steps(&whole.as_bytes()[..length]).len(), complete, "{length} bytes");
        }
        // Complete JSON, yet perhaps not the whole number.
        assert_eq!(steps(b"{\"step\":1}\n12"), [1]);
    }

    #[test]
    fn what_is_no_record_is_left_out() {
        assert!(steps(b"").is_empty());
        assert_eq!(steps(b"\n{\"step\":1}\n[]\n\xff\xfe\n{\"step\":-3}\n{\"step\":2}\n"), [1, 2]);
        let mut long = vec![b'x'; 3 * LONGEST_LINE as usize];
        long.extend(b"\n{\"step\":7}\n");
        assert_eq!(steps(&long), [7]);
    }

    #[test]
    fn newer_lines_count_where_steps_go_back() {
        assert_eq!(steps(b"{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n{\"step\":2}\n{\"step\":4}\n"), [1, 2, 4]);
    }

    #[test]
    fn absent_values_are_nan() {
        let record: Record = serde_json::from_str(r#"{"step":5,"d_loss":null,"g_loss":0.5,"new_key":[1]}"#).unwrap();
        assert!(record.values.get(D_LOSS).is_nan() && record.seconds.is_nan());
        assert_eq!((record.values.get(G_LOSS), record.epoch), (0.5, 0));
        assert!(serde_json::from_str::<Record>(r#"{"d_loss":1.0}"#).is_err(), "a record has a step");
    }

    #[test]
    fn a_missing_file_has_no_lines_and_a_folder_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read_metrics(&dir.path().join("none")).unwrap(), []);
        assert_eq!(read_quality(&dir.path().join("none")).unwrap(), []);
        assert_eq!(read_metrics(dir.path()).unwrap_err().exit_code(), 5);
    }

    #[test]
    fn medians_and_means_pass_over_nan() {
        assert_eq!(median([3.0, f64::NAN, 1.0, 2.0, 9.0].into_iter()), 2.0);
        assert_eq!(mean([1.0, f64::NAN, 2.0].into_iter()), 1.5);
        assert!(median([f64::NAN].into_iter()).is_nan() && mean(std::iter::empty()).is_nan());
    }
}
