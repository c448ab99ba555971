//! An animated GIF that is a complete file after every frame, so that a run that is killed leaves
//! its animation.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ::gif::{Encoder, EncodingError, Frame, Repeat};

use super::save::{check_not_empty, save_bytes};
use super::{Overwrite, Picture};
use crate::disk;
use crate::error::{Error, Kind, Result};

/// Where a frame, which starts with its graphic control extension, holds its delay (GIF89a, section
/// 23).
const DELAY_OFFSET: u64 = 4;

/// An endlessly repeating animation, written frame by frame.
///
/// The file appears with the first frame and is a valid GIF from then on, at every instant: a new
/// frame is first written behind the trailer, where decoders do not look, and then joined by
/// overwriting the trailer with its first byte. Dropping the value without [`AnimatedGif::finish`]
/// therefore loses nothing.
#[derive(Debug)]
pub struct AnimatedGif {
    path: PathBuf,
    overwrite: Overwrite,
    delay: u16,
    stream: Option<Stream>,
}

/// The file as it is after at least one frame.
#[derive(Debug)]
struct Stream {
    file: File,
    /// `[height, width, channels]` of every frame.
    shape: [usize; 3],
    /// Offset of the last frame.
    last_frame: u64,
    /// Offset of the trailer, the last byte.
    trailer: u64,
}

impl AnimatedGif {
    /// A frame's usual delay in centiseconds.
    pub const DELAY: u16 = 20;

    /// Prepares an animation that shows each frame for `delay` centiseconds. Nothing is written
    /// before the first frame.
    ///
    /// # Errors
    /// As [`Overwrite::check`].
    pub fn create(path: &Path, delay: u16, overwrite: Overwrite) -> Result<Self> {
        overwrite.check(path)?;
        Ok(AnimatedGif { path: path.to_path_buf(), overwrite, delay, stream: None })
    }

    /// Appends a frame. Grey is stored exactly; a colour frame with more than 256 colours is
    /// quantised.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the frame is empty or too large for a GIF; [`Kind::Other`] if its size is
    /// not that of the first one; otherwise as [`save_png`](super::save_png). The frames before it
    /// stay intact.
    pub fn push(&mut self, picture: &Picture) -> Result<()> {
        let shape = [picture.height, picture.width, picture.channels];
        if let Some(stream) = &self.stream
            && stream.shape != shape
        {
            let (path, first) = (self.path.display(), stream.shape);
            let message = format!("frames of {path} are {first:?} (height, width, channels), this one is {shape:?}");
            return Err(Error::new(Kind::Other, message));
        }
        let (bytes, start) = encode_single(picture, self.delay, &self.path)?;
        match &mut self.stream {
            None => {
                let file = save_bytes(&bytes, &self.path, self.overwrite)?;
                self.stream = Some(Stream { file, shape, last_frame: start as u64, trailer: bytes.len() as u64 - 1 });
            }
            Some(stream) => {
                let frame = &bytes[start..];
                splice(&mut stream.file, stream.trailer, frame)
                    .map_err(|cause| Error::io("write", &self.path, &cause))?;
                stream.last_frame = stream.trailer;
                stream.trailer += frame.len() as u64 - 1;
            }
        }
        Ok(())
    }

    /// Holds the last frame for `delay` centiseconds instead, before the animation starts again.
    /// Without any frame there is no file, and nothing is done.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be written.
    pub fn finish(&mut self, delay: u16) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        write_at(&mut stream.file, stream.last_frame + DELAY_OFFSET, &delay.to_le_bytes())
            .map_err(|cause| Error::io("write", &self.path, &cause))
    }
}

/// A whole GIF of one frame, and the offset at which the frame starts; what follows the frame is
/// the trailer. All that comes before depends on the frame's shape only.
fn encode_single(picture: &Picture, delay: u16, path: &Path) -> Result<(Vec<u8>, usize)> {
    check_not_empty(picture, path)?;
    let (Ok(width), Ok(height)) = (u16::try_from(picture.width), u16::try_from(picture.height)) else {
        let (path, width, height) = (path.display(), picture.width, picture.height);
        let message = format!("cannot write {path}: {width}x{height} pixels, but a GIF has at most 65535 a side");
        return Err(Error::usage(message));
    };
    let greys: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
    let (palette, frame) = match picture.channels {
        1 => (greys.as_slice(), Frame { width, height, buffer: picture.pixels.as_slice().into(), ..Frame::default() }),
        _ => (&[][..], Frame::from_rgb(width, height, &picture.pixels)),
    };
    let encode = || -> std::result::Result<_, EncodingError> {
        let mut encoder = Encoder::new(Vec::new(), width, height, palette)?;
        encoder.set_repeat(Repeat::Infinite)?;
        let start = encoder.get_ref().len();
        encoder.write_frame(&Frame { delay, ..frame })?;
        Ok((encoder.into_inner()?, start))
    };
    encode().map_err(|cause| Error::new(Kind::Other, format!("cannot encode {}: {cause}", path.display())))
}

/// Replaces the trailer of a GIF by `frame`, which ends with a trailer of its own. The first byte
/// is written last.
fn splice(file: &mut (impl Write + Seek), trailer: u64, frame: &[u8]) -> io::Result<()> {
    write_at(file, trailer + 1, &frame[1..])?;
    write_at(file, trailer, &frame[..1])
}

fn write_at(file: &mut (impl Write + Seek), offset: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    disk::write_all(file, bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Cursor;

    use ::gif::{ColorOutput, DecodeOptions};

    use super::*;

    /// Every frame as RGBA with its delay, read to the trailer.
    fn decode(bytes: &[u8]) -> Vec<(Vec<u8>, u16)> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let mut decoder = options.read_info(bytes).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            assert_eq!((frame.left, frame.top), (0, 0));
            frames.push((frame.buffer.to_vec(), frame.delay));
        }
        assert_eq!(decoder.repeat(), Repeat::Infinite);
        frames
    }

    fn rgba(picture: &Picture) -> Vec<u8> {
        let pixels = picture.pixels.chunks_exact(picture.channels);
        pixels.flat_map(|pixel| [pixel[0], pixel[pixel.len() / 2], pixel[pixel.len() - 1], 255]).collect()
    }

    /// 16×32 pixels that hold all 256 greys, in another order for every `step`.
    fn grey(step: usize) -> Picture {
        Picture::new((0..512).map(|i| (i * (2 * step + 1) + step) as u8).collect(), [16, 32, 1]).unwrap()
    }

    /// `side`² colours: red grows to the right, green downwards, blue with both.
    fn colours(side: usize) -> Picture {
        let level = |position: usize| (position * 255 / (2 * side)) as u8;
        let pixels = (0..side * side).flat_map(|i| [2 * (i % side), 2 * (i / side), i % side + i / side].map(level));
        Picture::new(pixels.collect(), [side, side, 3]).unwrap()
    }

    #[test]
    fn complete_after_every_frame() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gif");
        let mut gif = AnimatedGif::create(&path, AnimatedGif::DELAY, Overwrite::Never).unwrap();
        assert!(!path.exists());
        let mut expected = Vec::new();
        for step in 0..5 {
            gif.push(&grey(step)).unwrap();
            expected.push((rgba(&grey(step)), 20));
            let bytes = fs::read(&path).unwrap();
            assert_eq!(bytes.last(), Some(&0x3b), "the trailer ends the file");
            assert_eq!(decode(&bytes), expected);
        }
        gif.finish(200).unwrap();
        expected[4].1 = 200;
        assert_eq!(decode(&fs::read(&path).unwrap()), expected);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn one_frame_can_be_held_and_none_makes_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gif");
        AnimatedGif::create(&path, 20, Overwrite::Never).unwrap().finish(200).unwrap();
        assert!(!path.exists());
        let mut gif = AnimatedGif::create(&path, 20, Overwrite::Never).unwrap();
        gif.push(&grey(3)).unwrap();
        gif.finish(0x1234).unwrap();
        assert_eq!(decode(&fs::read(&path).unwrap()), [(rgba(&grey(3)), 0x1234)]);
    }

    /// A file on a disk that takes `left` more bytes: all that a killed process would have written.
    struct Dying {
        file: Cursor<Vec<u8>>,
        left: usize,
    }

    impl Write for Dying {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = self.file.write(&bytes[..bytes.len().min(self.left)])?;
            self.left -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Dying {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.file.seek(position)
        }
    }

    #[test]
    fn valid_wherever_the_process_is_killed() {
        let path = Path::new("a.gif");
        let (first, _) = encode_single(&grey(0), 20, path).unwrap();
        let (second, start) = encode_single(&grey(1), 20, path).unwrap();
        let frame = &second[start..];
        for left in 0..=frame.len() {
            let mut dying = Dying { file: Cursor::new(first.clone()), left };
            let outcome = splice(&mut dying, first.len() as u64 - 1, frame);
            let whole = left == frame.len();
            assert_eq!(outcome.is_ok(), whole);
            let frames = decode(dying.file.get_ref());
            assert_eq!(frames.len(), if whole { 2 } else { 1 }, "killed after {left} bytes");
            assert_eq!(frames[0].0, rgba(&grey(0)));
        }
    }

    #[test]
    fn colours_are_exact_up_to_256_and_close_beyond() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gif");
        let mut gif = AnimatedGif::create(&path, 5, Overwrite::Never).unwrap();
        gif.push(&colours(16)).unwrap();
        assert_eq!(decode(&fs::read(&path).unwrap()), [(rgba(&colours(16)), 5)]);

        for side in [17, 23, 64] {
            let picture = colours(side);
            let (bytes, _) = encode_single(&picture, 5, &path).unwrap();
            assert_eq!(bytes, encode_single(&picture, 5, &path).unwrap().0, "the palette is deterministic");
            let shown = &decode(&bytes)[0].0;
            let error: usize = shown.iter().zip(rgba(&picture)).map(|(a, b)| usize::from(a.abs_diff(b))).sum();
            assert!(error < 10 * shown.len(), "mean error {} of {side}x{side}", error as f64 / shown.len() as f64);
        }
    }

    #[test]
    fn frames_that_do_not_fit_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gif");
        let mut gif = AnimatedGif::create(&path, 20, Overwrite::Never).unwrap();
        let wide = Picture::new(vec![0; 65536], [1, 65536, 1]).unwrap();
        assert_eq!(gif.push(&wide).unwrap_err().exit_code(), 2);
        assert!(gif.push(&Picture::new(vec![], [0, 0, 1]).unwrap()).is_err());
        assert!(!path.exists());

        gif.push(&grey(0)).unwrap();
        let error = gif.push(&colours(16)).unwrap_err();
        assert!(error.to_string().contains("are [16, 32, 1] (height, width, channels), this one is [16, 16, 3]"));
        gif.push(&grey(1)).unwrap();
        assert_eq!(decode(&fs::read(&path).unwrap()).len(), 2, "a refused frame leaves no trace");
    }

    #[test]
    fn an_existing_file_is_kept_until_there_is_a_frame() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gif");
        let mut early = AnimatedGif::create(&path, 20, Overwrite::Never).unwrap();
        fs::write(&path, "old").unwrap();
        assert_eq!(early.push(&grey(0)).unwrap_err().exit_code(), 2, "it came after the check");
        assert_eq!(AnimatedGif::create(&path, 20, Overwrite::Never).unwrap_err().exit_code(), 2);
        let mut gif = AnimatedGif::create(&path, 20, Overwrite::Always).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        gif.push(&grey(0)).unwrap();
        assert_eq!(decode(&fs::read(&path).unwrap()).len(), 1);
    }
}
