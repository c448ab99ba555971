//! TensorBoard's event files: records of protocol buffers, each framed by its length and two
//! checksums.
//!
//! The frame is that of TensorFlow's `record_writer.h`: length (u64), masked CRC-32C of the length,
//! bytes, masked CRC-32C of the bytes, all little-endian. The messages are the part of
//! `event.proto` and `summary.proto` that is used here.

use std::fs::File;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::disk;
use crate::error::{Error, Result};

/// What TensorBoard expects of the first event.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`.
const START: i32 = 1;
/// What the names of event files begin with; TensorBoard reads a folder's files in the order of
/// their names.
const PREFIX: &str = "events.out.tfevents.";
/// What those of this program end with.
const SUFFIX: &str = ".dcgan-gpu";

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Content", tags = "2, 4")]
    value: Option<Content>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Content {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    #[prost(message, tag = "4")]
    Image(Image),
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// Channels.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

/// Bytes that wait to be written, at most.
const MOST_WAITING: usize = 1 << 20;

/// An event file that is being written.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
    /// Whole records that are not in the file yet.
    waiting: Vec<u8>,
}

impl EventFile {
    /// Begins a new file in the folder `dir`, which is made if it is missing, to tell all of a run.
    /// Files that are there stay: TensorBoard reads them first, as the new name sorts after theirs
    /// whatever the clock says, and then forgets what they hold.
    ///
    /// `wall_time` is in seconds since 1970, here and below.
    ///
    /// # Errors
    /// An I/O error naming the folder or the file.
    pub fn create(dir: &Path, wall_time: f64) -> Result<Self> {
        disk::create_folders(dir).map_err(|e| Error::io("create the folder", dir, &e))?;
        let entries = disk::list(dir).map_err(|e| Error::io("read", dir, &e))?;
        let time_of = |name: &str| name.strip_prefix(PREFIX)?.split('.').next()?.parse::<u64>().ok();
        let newest = entries.iter().filter_map(|path| time_of(path.file_name()?.to_str()?)).max();
        let time = (wall_time.max(0.0) as u64).max(newest.map_or(0, |newest| newest.saturating_add(1)));
        let path = dir.join(format!("{PREFIX}{time:010}{SUFFIX}"));
        let file = disk::create(&path).map_err(|e| Error::io("create", &path, &e))?;
        let mut events = EventFile { path, file, waiting: Vec::new() };
        events.write(0, wall_time, What::FileVersion(VERSION.to_string()))?;
        // Steps from this one on are to come again.
        events.write(1, wall_time, What::SessionLog(SessionLog { status: START }))?;
        events.flush()?;
        Ok(events)
    }

    /// Removes the files of this program that were there when this one was made.
    ///
    /// # Errors
    /// An I/O error when the folder cannot be read. A file that stays, because TensorBoard holds it
    /// open, does no harm.
    pub fn remove_older(&self) -> Result<()> {
        let Some(dir) = self.path.parent() else { return Ok(()) };
        let entries = disk::list(dir).map_err(|e| Error::io("read", dir, &e))?;
        let is_older = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(PREFIX) && name.ends_with(SUFFIX) && *path != self.path
        };
        for path in entries.into_iter().filter(is_older) {
            if let Err(cause) = disk::remove_file(&path) {
                log::warn!("cannot remove {}: {cause}; TensorBoard will pass over what it holds", path.display());
            }
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds numbers with their tags, such as `("loss/discriminator", 0.7)`. NaN and infinity are
    /// written as they are.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn scalars(&mut self, step: u32, wall_time: f64, values: &[(&str, f32)]) -> Result<()> {
        let value =
            |(tag, value): &(&str, f32)| Value { tag: (*tag).to_string(), value: Some(Content::SimpleValue(*value)) };
        self.summary(step, wall_time, values.iter().map(value).collect())
    }

    /// Adds a picture: the bytes of a PNG file of `[width, height, channels]`.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn image(&mut self, step: u32, wall_time: f64, tag: &str, png: &[u8], size: [u32; 3]) -> Result<()> {
        // No picture that this program makes has a side beyond 65,535 pixels.
        let [width, height, colorspace] = size.map(|n| i32::try_from(n).unwrap_or(i32::MAX));
        let image = Image { height, width, colorspace, encoded_image_string: png.to_vec() };
        self.summary(step, wall_time, vec![Value { tag: tag.to_string(), value: Some(Content::Image(image)) }])
    }

    /// Hands all that was added to the system, for TensorBoard to see.
    ///
    /// # Errors
    /// An I/O error naming the file.
    pub fn flush(&mut self) -> Result<()> {
        let records = std::mem::take(&mut self.waiting);
        disk::write_all(&mut self.file, &records).map_err(|e| Error::io("write", &self.path, &e))
    }

    fn summary(&mut self, step: u32, wall_time: f64, value: Vec<Value>) -> Result<()> {
        self.write(step.into(), wall_time, What::Summary(Summary { value }))
    }

    fn write(&mut self, step: i64, wall_time: f64, what: What) -> Result<()> {
        self.waiting.extend(frame(&Event { wall_time, step, what: Some(what) }.encode_to_vec()));
        if self.waiting.len() >= MOST_WAITING { self.flush() } else { Ok(()) }
    }
}

impl Drop for EventFile {
    fn drop(&mut self) {
        // Who wants to know whether it worked has flushed before.
        let _ = self.flush();
    }
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(bytes).to_le_bytes());
    record
}

/// The checksum as records hold it: rotated and shifted, so that the checksum of data that holds
/// checksums is none of them.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The events of a file, every length and checksum verified.
    fn read(path: &Path) -> Vec<Event> {
        let bytes = fs::read(path).unwrap();
        let (mut rest, mut events) = (bytes.as_slice(), Vec::new());
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(word(&rest[8..12]), masked(&rest[..8]));
            let data = &rest[12..][..length];
            assert_eq!(word(&rest[12 + length..][..4]), masked(data));
            events.push(Event::decode(data).unwrap());
            rest = &rest[16 + length..];
        }
        events
    }

    #[test]
    fn checksums_are_the_known_ones() {
        // RFC 3720, B.4: 32 bytes of zeros, of ones, and the numbers from 0.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c::crc32c(&std::array::from_fn::<u8, 32, _>(|i| i as u8)), 0x46dd_794e);
        assert_eq!(masked(&[]), 0xa282_ead8);
        assert_eq!(frame(b"").len(), 16);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/tensorboard");
        let mut file = EventFile::create(&folder, 1000.5).unwrap();
        file.scalars(7, 1001.0, &[("loss/d", 0.5), ("loss/g", f32::NAN)]).unwrap();
        file.image(8, 1002.0, "samples", b"png", [3, 2, 1]).unwrap();
        file.flush().unwrap();
        let events = read(&file.path);
        assert_eq!(events.len(), 4);
        assert_eq!((events[0].wall_time, &events[0].what), (1000.5, &Some(What::FileVersion(VERSION.to_string()))));
        assert_eq!((events[1].step, &events[1].what), (1, &Some(What::SessionLog(SessionLog { status: START }))));
        let Some(What::Summary(Summary { value })) = &events[2].what else { panic!("{:?}", events[2]) };
        assert_eq!((events[2].step, value[0].tag.as_str()), (7, "loss/d"));
        assert_eq!(value[0].value, Some(Content::SimpleValue(0.5)));
        assert!(matches!(value[1].value, Some(Content::SimpleValue(v)) if v.is_nan()));
        let image = Image { height: 2, width: 3, colorspace: 1, encoded_image_string: b"png".to_vec() };
        let image = Value { tag: "samples".to_string(), value: Some(Content::Image(image)) };
        assert_eq!(events[3].what, Some(What::Summary(Summary { value: vec![image] })));
    }

    #[test]
    fn a_resumed_run_adds_a_file_that_is_read_later() {
        let dir = tempfile::tempdir().unwrap();
        // The clock stands still, then goes back.
        let paths = [2000.0, 2000.0, 5.0].map(|time| {
            let file = EventFile::create(dir.path(), time).unwrap();
            assert_eq!(read(&file.path)[1].step, 1);
            file.path.clone()
        });
        assert!(paths.is_sorted_by(|a, b| a < b), "{paths:?}");
        assert!(paths[0].ends_with("events.out.tfevents.0000002000.dcgan-gpu"), "{paths:?}");
        let other = dir.path().join("events.out.tfevents.0000000007.host");
        fs::write(&other, "").unwrap();
        EventFile::create(dir.path(), 3000.0).unwrap().remove_older().unwrap();
        let left = disk::list(dir.path()).unwrap();
        assert_eq!(left, [other.clone(), dir.path().join("events.out.tfevents.0000003000.dcgan-gpu")]);
        assert_eq!(EventFile::create(&other, 0.0).unwrap_err().exit_code(), 5);
    }
}
