//! Files that appear whole or not at all, and that replace nothing without permission.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Caption, Images, Picture};
use crate::disk;
use crate::error::{Error, Kind, Result};

/// How the names of temporary files begin; a process that is killed may leave one.
pub(crate) const TEMPORARY_PREFIX: &str = ".dcgan-gpu-";

/// Whether a file that already exists may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// An existing file is an error and keeps its bytes.
    Never,
    /// An existing file is replaced (`--force`).
    Always,
}

impl Overwrite {
    /// What `--force`, given or not, says.
    pub fn forced(force: bool) -> Self {
        if force { Overwrite::Always } else { Overwrite::Never }
    }

    /// Refuses a `path` that could not be saved to, so that a long computation need not come first.
    ///
    /// # Errors
    /// [`Kind::Io`] if its folder does not exist; [`Kind::Usage`] if it is a folder, or a file that
    /// may not be replaced.
    pub fn check(self, path: &Path) -> Result<()> {
        let folder = folder_of(path);
        if matches!(folder.try_exists(), Ok(false)) {
            let (path, folder) = (path.display(), folder.display());
            let message = format!("cannot write {path}: the folder {folder} does not exist; create it first");
            return Err(Error::new(Kind::Io, message));
        }
        if path.is_dir() {
            return Err(Error::usage(format!("{} is a folder; name a file in it", path.display())));
        }
        if self == Overwrite::Never && path.exists() {
            return Err(already_exists(path));
        }
        Ok(())
    }
}

/// Saves `picture` as an 8-bit PNG, grey or RGB.
///
/// # Errors
/// As [`Overwrite::check`]; [`Kind::Io`] if `path` cannot be written; [`Kind::Usage`] if the
/// picture has no pixels.
pub fn save_png(picture: &Picture, path: &Path, overwrite: Overwrite) -> Result<()> {
    save_bytes(&encode_png(picture, None, path)?, path, overwrite).map(drop)
}

/// As [`save_png`], with what the picture says of itself.
///
/// # Errors
/// As [`save_png`].
pub fn save_captioned(picture: &Picture, caption: &Caption, path: &Path, overwrite: Overwrite) -> Result<()> {
    save_bytes(&encode_png(picture, Some(caption), path)?, path, overwrite).map(drop)
}

/// Saves text.
///
/// # Errors
/// As [`Overwrite::check`]; [`Kind::Io`] if `path` cannot be written.
pub fn save_text(text: &str, path: &Path, overwrite: Overwrite) -> Result<()> {
    save_bytes(text.as_bytes(), path, overwrite).map(drop)
}

/// Images that are saved one by one, each as a PNG called by its number.
#[derive(Debug)]
pub struct ImageFiles {
    folder: PathBuf,
    next: u64,
    overwrite: Overwrite,
}

impl ImageFiles {
    /// Prepares the files of images number `numbers` in `folder`, which is created if only its
    /// parent exists.
    ///
    /// # Errors
    /// As [`Overwrite::check`], for each of the files.
    pub fn create(folder: &Path, numbers: Range<u64>, overwrite: Overwrite) -> Result<Self> {
        if !folder.is_dir() {
            fs::create_dir(folder).map_err(|cause| Error::io("create the folder", folder, &cause))?;
        }
        let files = ImageFiles { folder: folder.to_path_buf(), next: numbers.start, overwrite };
        numbers.into_iter().try_for_each(|number| overwrite.check(&files.path(number)))?;
        Ok(files)
    }

    /// Saves the next images, each with what `caption` says of its place among them, and with its
    /// number where it is drawn from a seed, whose it is.
    ///
    /// # Errors
    /// As [`save_png`].
    pub fn push(&mut self, images: &Images, caption: impl Fn(usize) -> Caption) -> Result<()> {
        for index in 0..images.count {
            let caption = caption(index);
            let image = (!caption.seeds.is_empty()).then_some(self.next);
            let caption = Caption { image, ..caption };
            save_captioned(&images.picture(index), &caption, &self.path(self.next), self.overwrite)?;
            self.next += 1;
        }
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        // One name a number, whatever numbers are drawn with it.
        self.folder.join(format!("{number:04}.png"))
    }
}

/// Puts `bytes` under the name `path` in one step: they are written to a temporary file beside it,
/// which is then renamed. Returns the open file, positioned at its end.
pub(super) fn save_bytes(bytes: &[u8], path: &Path, overwrite: Overwrite) -> Result<File> {
    save(bytes, path, overwrite, false)
}

/// As [`save_bytes`], with the bytes on the disk before they get their name, and the name on the
/// disk too: what must survive a power cut.
pub(crate) fn save_durably(bytes: &[u8], path: &Path) -> Result<()> {
    save(bytes, path, Overwrite::Always, true).map(drop)
}

/// Saves `picture`, with what it says of itself, as a PNG that survives a power cut, over an older
/// one.
///
/// # Errors
/// As [`save_png`].
pub(crate) fn save_png_durably(picture: &Picture, caption: &Caption, path: &Path) -> Result<()> {
    save_durably(&encode_png(picture, Some(caption), path)?, path)
}

/// Saves `bytes`; a file that is `durable` survives not only the end of this process, but that of
/// this machine's power.
fn save(bytes: &[u8], path: &Path, overwrite: Overwrite, durable: bool) -> Result<File> {
    let mut file = Unnamed::create(path, overwrite)?;
    file.write(bytes)?;
    file.name(durable)
}

/// A file on its way: it is written bit by bit under a temporary name, beside the place that it
/// gets in the end. Dropped before, it leaves nothing.
#[derive(Debug)]
pub(super) struct Unnamed {
    file: tempfile::NamedTempFile,
    path: PathBuf,
    overwrite: Overwrite,
}

impl Unnamed {
    /// Begins the file that is to be `path`.
    ///
    /// # Errors
    /// As [`Overwrite::check`]; [`Kind::Io`] if no file can be written there.
    pub(super) fn create(path: &Path, overwrite: Overwrite) -> Result<Unnamed> {
        overwrite.check(path)?;
        let mut options = tempfile::Builder::new();
        options.prefix(TEMPORARY_PREFIX);
        // Temporary files are private by default; what is saved gets the permissions of any other
        // new file.
        #[cfg(unix)]
        options.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = disk::temporary(&options, folder_of(path)).map_err(|cause| failed(path, &cause))?;
        Ok(Unnamed { file, path: path.to_path_buf(), overwrite })
    }

    /// Writes what comes next.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        disk::write_all(self.file.as_file_mut(), bytes).map_err(|cause| failed(&self.path, &cause))
    }

    /// The file for an encoder that keeps it: both go on where the other ended.
    ///
    /// # Errors
    /// [`Kind::Io`].
    pub(super) fn writer(&self) -> Result<impl Write + Debug + use<>> {
        self.file.as_file().try_clone().map(Counted).map_err(|cause| failed(&self.path, &cause))
    }

    /// What the file will be called.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name; one that is `durable` survives the end of this machine's power.
    /// Returns the open file, positioned at its end.
    ///
    /// # Errors
    /// [`Kind::Io`]; [`Kind::Usage`] if there is a file by now that may not be replaced.
    pub(super) fn name(self, durable: bool) -> Result<File> {
        let Unnamed { file, path, overwrite } = self;
        let failed = |cause: io::Error| failed(&path, &cause);
        if durable {
            disk::sync(file.as_file()).map_err(failed)?;
        }
        let file = disk::name(file, &path, overwrite == Overwrite::Always).map_err(failed)?;
        if durable {
            disk::sync_folder(folder_of(&path)).map_err(failed)?;
        }
        Ok(file)
    }
}

/// A file whose writes pass [`disk`].
#[derive(Debug)]
struct Counted(File);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        disk::write_all(&mut self.0, bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The error of a `path` that could not be saved to.
pub(super) fn failed(path: &Path, cause: &io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::AlreadyExists => already_exists(path),
        _ => Error::io("write", path, cause),
    }
}

/// The refusal of a picture without pixels, which neither PNG nor GIF can hold.
pub(super) fn check_not_empty(picture: &Picture, path: &Path) -> Result<()> {
    if picture.pixels.is_empty() {
        return Err(Error::usage(format!("cannot write {}: the picture has no pixels", path.display())));
    }
    Ok(())
}

fn encode_png(picture: &Picture, caption: Option<&Caption>, path: &Path) -> Result<Vec<u8>> {
    check_not_empty(picture, path)?;
    let mut bytes = Vec::new();
    let size = [side(picture.width, path)?, side(picture.height, path)?];
    let written = png_writer(&mut bytes, size, picture.channels, caption).and_then(|mut writer| {
        writer.write_image_data(&picture.pixels)?;
        writer.finish()
    });
    written.map_err(|cause| not_encoded(path, &cause.to_string()))?;
    Ok(bytes)
}

/// What a PNG file of `size` `[width, height]` begins with: its header, and what it says of itself.
/// The settings are those of the `image` crate, which once wrote these files: they keep their
/// bytes.
pub(super) fn png_writer<W: Write>(
    to: W,
    [width, height]: [u32; 2],
    channels: usize,
    caption: Option<&Caption>,
) -> std::result::Result<png::Writer<W>, png::EncodingError> {
    let mut encoder = png::Encoder::new(to, width, height);
    encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Adaptive);
    caption.map_or(Ok(()), |caption| caption.write(&mut encoder))?;
    encoder.write_header()
}

/// A PNG's side of so many pixels.
///
/// # Errors
/// [`Kind::Other`] when the format has no room for it.
pub(super) fn side(pixels: usize, path: &Path) -> Result<u32> {
    u32::try_from(pixels).map_err(|_| not_encoded(path, &format!("{pixels} pixels are too many a side")))
}

/// The error of a picture that an encoder refused.
pub(super) fn not_encoded(path: &Path, cause: &str) -> Error {
    Error::new(Kind::Other, format!("cannot encode {}: {cause}", path.display()))
}

fn already_exists(path: &Path) -> Error {
    Error::usage(format!("{} already exists; use --force to replace it", path.display()))
}

/// The folder that holds `path`; `.` for a bare file name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        Picture::new((0..=255).step_by(3).take(30).collect(), [2, 5, 3]).unwrap()
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn png_reads_back_equal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        let colour = picture();
        save_png(&colour, &path, Overwrite::Never).unwrap();
        let read = image::open(&path).unwrap();
        assert_eq!(read.color(), image::ColorType::Rgb8);
        assert_eq!((read.width(), read.height()), (5, 2));
        assert_eq!(read.into_bytes(), colour.pixels);

        let grey = Picture::new((0..=255).collect(), [8, 32, 1]).unwrap();
        save_png(&grey, &path, Overwrite::Always).unwrap();
        let read = image::open(&path).unwrap();
        assert_eq!(read.color(), image::ColorType::L8);
        assert_eq!(read.into_bytes(), grey.pixels);
        assert_eq!(names(dir.path()), ["a.png"], "no temporary file stays");
    }

    #[test]
    fn the_bytes_are_those_of_the_image_crate() {
        use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
        let waves = (0..60 * 50).map(|i| (128.0 + 100.0 * (i as f64 * 0.1).sin()) as u8).collect();
        for (channels, colour) in [(1, ExtendedColorType::L8), (3, ExtendedColorType::Rgb8)] {
            let picture = Picture::new(Vec::clone(&waves), [20, 150 / channels, channels]).unwrap();
            let mut expected = Vec::new();
            let encoder = PngEncoder::new(&mut expected);
            encoder.write_image(&picture.pixels, picture.width as u32, picture.height as u32, colour).unwrap();
            assert_eq!(encode_png(&picture, None, Path::new("a.png")).unwrap(), expected);
        }
    }

    #[test]
    fn an_existing_file_keeps_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        fs::write(&path, "old").unwrap();
        let error = save_png(&picture(), &path, Overwrite::Never).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.to_string(), format!("{} already exists; use --force to replace it", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["a.png"]);
    }

    #[test]
    fn failures_name_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("a.png");
        let error = save_png(&picture(), &path, Overwrite::Always).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        let folder = dir.path().join("missing");
        assert!(error.to_string().contains(&format!("the folder {} does not exist", folder.display())), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");

        fs::write(&folder, "a file").unwrap();
        let error = save_png(&picture(), &path, Overwrite::Always).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().starts_with(&format!("cannot write {}", path.display())), "{error}");

        let error = save_png(&picture(), dir.path(), Overwrite::Always).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("is a folder"), "{error}");

        let empty = Picture::new(vec![], [0, 4, 1]).unwrap();
        let error = save_png(&empty, &dir.path().join("b.png"), Overwrite::Never).unwrap_err();
        assert!(error.to_string().contains("no pixels"), "{error}");
    }

    #[test]
    fn a_bare_file_name_lies_in_the_current_folder() {
        assert_eq!(folder_of(Path::new("a.png")), Path::new("."));
        assert_eq!(folder_of(Path::new("x/a.png")), Path::new("x"));
        assert_eq!(folder_of(Path::new("/a.png")), Path::new("/"));
    }

    #[cfg(unix)]
    #[test]
    fn saved_files_have_ordinary_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (saved, plain) = (dir.path().join("saved"), dir.path().join("plain"));
        save_bytes(b"x", &saved, Overwrite::Never).unwrap();
        fs::write(&plain, "x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&saved), mode(&plain));
    }

    #[test]
    fn one_file_an_image_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("images");
        let images = Images::new((0..12).collect(), [3, 2, 2, 1]).unwrap();
        let of = |index| Caption { step: index as u32, seeds: vec![7], ..Caption::default() };
        let save_files = |out: &Path, overwrite| ImageFiles::create(out, 0..3, overwrite)?.push(&images, of);
        save_files(&out, Overwrite::Never).unwrap();
        assert_eq!(names(&out), ["0000.png", "0001.png", "0002.png"]);
        assert_eq!(image::open(out.join("0002.png")).unwrap().into_bytes(), [8, 9, 10, 11]);
        assert_eq!(Caption::read(&out.join("0002.png")), Some(Caption { image: Some(2), ..of(2) }));

        fs::remove_file(out.join("0000.png")).unwrap();
        let error = save_files(&out, Overwrite::Never).unwrap_err();
        assert!(error.to_string().contains("0001.png already exists"), "{error}");
        assert_eq!(names(&out), ["0001.png", "0002.png"], "nothing was written");
        save_files(&out, Overwrite::Always).unwrap();
        assert_eq!(names(&out).len(), 3);

        let error = save_files(&dir.path().join("a/b"), Overwrite::Never).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("cannot create the folder"), "{error}");
    }

    #[test]
    fn files_are_called_by_the_numbers_of_their_images() {
        let dir = tempfile::tempdir().unwrap();
        let images = Images::new((0..8).collect(), [2, 2, 2, 1]).unwrap();
        let mut files = ImageFiles::create(dir.path(), 9_999..10_003, Overwrite::Never).unwrap();
        files.push(&images, |_| Caption::default()).unwrap();
        files.push(&images, |_| Caption::default()).unwrap();
        assert_eq!(names(dir.path()), ["10000.png", "10001.png", "10002.png", "9999.png"]);
        let last = dir.path().join("10002.png");
        assert_eq!(image::open(&last).unwrap().into_bytes(), [4, 5, 6, 7]);
        assert_eq!(Caption::read(&last).unwrap().image, None, "it is of no seed");
        let again = ImageFiles::create(dir.path(), 9_999..10_000, Overwrite::Never).unwrap_err();
        assert!(again.to_string().contains("9999.png already exists"), "alone it has the same name: {again}");
    }

    #[test]
    fn a_file_on_its_way_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut file = Unnamed::create(&path, Overwrite::Never).unwrap();
        file.write(b"one ").unwrap();
        assert!(!path.exists(), "it has its name too early");
        drop(file);
        assert_eq!(names(dir.path()), [""; 0]);

        let mut file = Unnamed::create(&path, Overwrite::Never).unwrap();
        file.write(b"one ").unwrap();
        file.writer().unwrap().write_all(b"two ").unwrap();
        file.write(b"three").unwrap();
        // Somebody else was faster.
        fs::write(&path, "old").unwrap();
        assert!(file.name(false).unwrap_err().to_string().contains("already exists"));
        assert_eq!(names(dir.path()), ["a"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");

        let mut file = Unnamed::create(&path, Overwrite::Always).unwrap();
        file.write(b"one ").unwrap();
        file.writer().unwrap().write_all(b"two ").unwrap();
        file.write(b"three").unwrap();
        file.name(false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one two three");
    }
}
