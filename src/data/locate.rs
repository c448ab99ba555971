//! Where the files of a data set are.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files;
use super::format::PICTURES;
use super::sets::{File, SETS, Set};
use crate::disk;
use crate::error::{Error, Result};
use crate::model::nearest::nearest;

/// The names that the training images of MNIST and its relatives go by.
const TRAINING_IMAGES: [&str; 2] = ["train-images-idx3-ubyte", "train-images.idx3-ubyte"];

/// The name of the labels of the first of them.
const TRAINING_LABELS: &str = "train-labels-idx1-ubyte";

/// The files of one data set.
#[derive(Debug, PartialEq, Eq)]
pub struct Location {
    /// The file of images.
    pub images: PathBuf,
    /// The file that belongs to `images` by its name.
    pub labels: Option<PathBuf>,
}

impl Location {
    /// The error for images without labels: where they were looked for, and what to do.
    pub fn no_labels(&self, set: Option<&Set>) -> Error {
        let images = self.images.display();
        let name = self.images.file_name().unwrap_or_default().to_string_lossy();
        let Some(labels) = stem_of_labels(&name) else {
            return Error::data(format!(
                "{images} has no labels: they are found by the name of the images, as {} is by that of {}; name both so",
                TRAINING_LABELS, TRAINING_IMAGES[0]
            ));
        };
        let get = |set: &Set| {
            let folder = self.images.parent().unwrap_or(Path::new(""));
            format!(
                "; `dcgan-gpu data get {}` leaves one in the cache folder, to copy to {}",
                set.name,
                folder.display()
            )
        };
        let get = set.map(get).unwrap_or_default();
        Error::data(format!(
            "{images} has no labels: neither {labels} nor {labels}.gz is beside it; put one there{get}"
        ))
    }

    /// Whether rows and columns are swapped in the file, as they are in all of EMNIST.
    pub fn is_transposed(&self) -> bool {
        self.images.file_name().is_some_and(|name| stem(&name.to_string_lossy()).starts_with("emnist"))
    }
}

/// Finds the training images in the folder `path`, or takes `path` itself where it is a file.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when `path` does not exist or cannot be read, or when
/// it holds no images or those of several data sets.
pub fn find(path: &Path) -> Result<Location> {
    if path.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A folder that cannot be listed only hides the labels, which are optional.
        let names = list(folder).unwrap_or_default();
        return Ok(Location { images: path.to_owned(), labels: labels_of(&name, folder, &names) });
    }
    find_in(path)?.ok_or_else(|| {
        let (folder, example) = (path.display(), TRAINING_IMAGES[0]);
        Error::data(format!(
            "{folder} holds no images in IDX format; put a file such as {example}.gz there or name another folder"
        ))
    })
}

/// Finds the training images in `folder`, if there are any.
///
/// # Errors
///
/// As [`find`], but for a folder without images.
pub fn find_in(folder: &Path) -> Result<Option<Location>> {
    let names = list(folder).map_err(|cause| unreadable(folder, &cause))?;
    match training_images(&names).as_slice() {
        [] => Ok(None),
        [stem] => Ok(named(folder, &names, stem)),
        several => Err(Error::data(format!(
            "{} holds the images of several data sets ({}); name one of these files instead of the folder",
            folder.display(),
            several.iter().filter_map(|stem| with_stem(&names, stem)).cloned().collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// Where a set is, or that it is nowhere.
type Found = std::result::Result<Location, Absence>;

/// A set that is nowhere.
#[derive(Debug)]
pub struct Absence {
    set: &'static Set,
    looked: Vec<PathBuf>,
}

/// Finds the set `set` in `data_dir`, or in the cache folder: each in a folder of the set's name,
/// and in `data_dir` itself; as IDX files, also where torchvision and Kaggle have those, or as
/// another file of the set.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when a folder cannot be read, or when the set is in
/// none of them.
pub fn find_set(set: &'static Set, data_dir: Option<&Path>) -> Result<Location> {
    search(set, data_dir, cache_folder().as_deref())?.map_err(|absence| absence.error(None))
}

/// Whether [`find_set`] finds nothing.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data) when a folder cannot be read.
pub fn absence(set: &'static Set, data_dir: Option<&Path>) -> Result<Option<Absence>> {
    Ok(search(set, data_dir, cache_folder().as_deref())?.err())
}

/// Whether `folder` itself has training images that may be those of `set`.
pub fn holds(folder: &Path, set: &Set) -> bool {
    matches!(training_images_in(folder, set), Ok(Some(_)))
}

fn search(set: &'static Set, data_dir: Option<&Path>, cache: Option<&Path>) -> Result<Found> {
    let given = data_dir.into_iter().flat_map(|folder| [folder.join(set.name), folder.to_owned()]);
    let looked: Vec<_> = given.chain(cache.map(|folder| folder.join(set.name))).collect();
    for folder in &looked {
        let raw = [PathBuf::from("raw"), Path::new(set.torchvision).join("raw")].map(|raw| folder.join(raw));
        for folder in std::iter::once(folder).chain(&raw) {
            match training_images_in(folder, set) {
                Ok(Some(location)) => return Ok(Ok(location)),
                Ok(None) => {}
                Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(cause) => return Err(unreadable(folder, &cause)),
            }
        }
        if let Some(location) = unpacked(folder).filter(|location| !is_of_another(&location.images, set)) {
            return Ok(Ok(location));
        }
    }
    // Only then: other forms may have another order, or fewer images.
    let others = looked.iter().flat_map(|folder| set.others.iter().map(|name| folder.join(name)));
    if let Some(images) = others.into_iter().find(|path| path.is_file()) {
        return Ok(Ok(Location { images, labels: None }));
    }
    Ok(Err(Absence { set, looked }))
}

fn training_images_in(folder: &Path, set: &Set) -> io::Result<Option<Location>> {
    let names = list(folder)?;
    let found = TRAINING_IMAGES.iter().find_map(|stem| named(folder, &names, stem));
    Ok(found.filter(|location| !is_of_another(&location.images, set)))
}

/// Training images in folders of their own names, as some programs unpack `.gz` and Kaggle's MNIST.
fn unpacked(folder: &Path) -> Option<Location> {
    let within = |stem: &str| Some(folder.join(stem).join(stem)).filter(|path| path.is_file());
    let (stem, images) = TRAINING_IMAGES.iter().find_map(|stem| Some((stem, within(stem)?)))?;
    Some(Location { images, labels: stem_of_labels(stem).and_then(|stem| within(&stem)) })
}

/// Whether a file is another set's: the files of all sets are called the same, but their sizes tell
/// them apart.
fn is_of_another(images: &Path, set: &Set) -> bool {
    let (name, bytes) = (images.file_name(), fs::metadata(images).ok().map(|metadata| metadata.len()));
    let is_at = |file: &File| name == Some(OsStr::new(file.name)) && bytes == Some(file.bytes);
    let has = |set: &Set| set.files.iter().any(is_at);
    !has(set) && SETS.iter().any(has)
}

/// The folder in which data sets are kept between runs: `$DCGAN_GPU_CACHE`, or `dcgan-gpu` in the
/// user's cache folder; `None` where the environment names neither.
pub fn cache_folder() -> Option<PathBuf> {
    cache_folder_from(|name| std::env::var_os(name))
}

fn cache_folder_from(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification has relative paths ignored.
    let xdg = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let of_user = || match std::env::consts::OS {
        "windows" => folder("LOCALAPPDATA"),
        "macos" => Some(folder("HOME")?.join("Library/Caches")),
        _ => Some(folder("HOME")?.join(".cache")),
    };
    folder("DCGAN_GPU_CACHE").or_else(|| Some(xdg.or_else(of_user)?.join("dcgan-gpu")))
}

/// The names of the files in `folder`, in alphabetical order, without hidden ones.
fn list(folder: &Path) -> io::Result<Vec<String>> {
    let files = disk::list(folder)?.into_iter().filter(|path| path.is_file());
    let names = files.filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
    Ok(names.filter(|name| !name.starts_with('.')).collect())
}

/// A file's name without what differs between copies of the same file: capitals and `.gz`.
fn stem(name: &str) -> String {
    let lower = name.to_lowercase();
    lower.strip_suffix(".gz").map(str::to_owned).unwrap_or(lower)
}

/// Whether a file is one of IDX images by its name; a picture that came out of such a file may bear
/// its name.
fn is_idx_images(name: &str) -> bool {
    let stem = stem(name);
    let is_picture = PICTURES.iter().any(|ending| stem.ends_with(&format!(".{ending}")));
    stem.contains("images") && stem.contains("idx") && !is_picture
}

/// The stems of the training images among `names`; of all images where none are called training
/// images.
fn training_images(names: &[String]) -> Vec<String> {
    let mut stems: BTreeSet<_> = names.iter().filter(|name| is_idx_images(name)).map(|name| stem(name)).collect();
    if stems.iter().any(|stem| stem.contains("train")) {
        stems.retain(|stem| stem.contains("train"));
    }
    Vec::from_iter(stems)
}

/// The images called `wanted`, and their labels.
fn named(folder: &Path, names: &[String], wanted: &str) -> Option<Location> {
    let name = with_stem(names, wanted)?;
    Some(Location { images: folder.join(name), labels: labels_of(name, folder, names) })
}

/// The file that has the labels of the file `images`.
fn labels_of(images: &str, folder: &Path, names: &[String]) -> Option<PathBuf> {
    with_stem(names, &stem_of_labels(images)?).map(|name| folder.join(name))
}

/// What the file that has the labels of the file `images` is called, where that can be told.
fn stem_of_labels(images: &str) -> Option<String> {
    let images = stem(images);
    let labels = images.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1");
    (labels != images).then_some(labels)
}

/// The first name with this stem: the unpacked file comes before its `.gz`, which takes longer to
/// read.
fn with_stem<'a>(names: &'a [String], wanted: &str) -> Option<&'a String> {
    names.iter().find(|name| stem(name) == wanted)
}

fn unreadable(folder: &Path, cause: &io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::NotFound => {
            let name = folder.display().to_string();
            let near = nearest(&name, SETS.iter().map(|set| set.name).chain(["strokes"]));
            let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
            Error::data(format!(
                "there is no data set, folder or file `{name}`; {near}use mnist, fashion-mnist, kmnist, strokes, a \
                 folder with pictures or IDX files, or an .npy, .npz or CSV file"
            ))
        }
        _ => files::unreadable(folder, cause),
    }
}

impl Absence {
    /// The error that says where the set is not, `why` it could not be downloaded, and what to do.
    pub fn error(&self, why: Option<&str>) -> Error {
        let Absence { set, looked } = self;
        let looked = match looked.as_slice() {
            [] => "in a data folder (--data-dir names one)".to_owned(),
            some => format!("in {}", some.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(" or ")),
        };
        let why = why.map_or(String::new(), |why| format!(", and {why}"));
        Error::data(format!(
            "{} is not {looked}{why}; put train-images-idx3-ubyte.gz (and train-labels-idx1-ubyte.gz, if labels are wanted) \
             from {} there, or use --data strokes, which needs no download",
            set.title,
            set.sources.join(" or ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::error::Kind;

    fn folder_with(names: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), []).unwrap();
        }
        folder
    }

    #[track_caller]
    fn found(names: &[&str], images: &str, labels: Option<&str>) {
        let folder = folder_with(names);
        let at = |name: &str| folder.path().join(name);
        assert_eq!(find(folder.path()).unwrap(), Location { images: at(images), labels: labels.map(at) });
    }

    #[track_caller]
    fn refused(path: &Path, because: &str) {
        let error = find(path).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), Kind::Data);
        assert!(message.contains(because) && !message.contains('\n'), "{message:?} does not say {because:?}");
    }

    #[test]
    fn finds_training_images_and_their_labels() {
        let (images, labels) = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz");
        found(&["t10k-images-idx3-ubyte.gz", images, labels, ".hidden-images-idx3-ubyte"], images, Some(labels));
        found(
            &["train-images.idx3-ubyte", "train-labels.idx1-ubyte"],
            "train-images.idx3-ubyte",
            Some("train-labels.idx1-ubyte"),
        );
        found(&["train-images-idx3-ubyte", images], "train-images-idx3-ubyte", None);
        found(
            &["faces-images-idx4-ubyte", "faces-labels-idx1-ubyte.gz"],
            "faces-images-idx4-ubyte",
            Some("faces-labels-idx1-ubyte.gz"),
        );
    }

    #[test]
    fn a_file_chooses_among_several_sets() {
        let names = ["emnist-digits-train-images-idx3-ubyte.gz", "emnist-letters-train-images-idx3-ubyte.gz"];
        let folder = folder_with(&names);
        refused(folder.path(), "(emnist-digits-train-images-idx3-ubyte.gz, emnist-letters-train-images-idx3-ubyte.gz)");
        refused(folder.path(), "name one of these files");
        let location = find(&folder.path().join(names[1])).unwrap();
        assert!(location.is_transposed() && location.labels.is_none());
    }

    #[test]
    fn refuses_folders_without_images() {
        refused(Path::new("no-such-folder"), "no data set, folder or file `no-such-folder`");
        refused(folder_with(&[]).path(), "no images in IDX format");
        refused(folder_with(&["train-labels-idx1-ubyte", "notes.txt"]).path(), "no images in IDX format");
    }

    #[test]
    fn finds_each_set_below_the_data_folder() {
        for set in &SETS {
            let folder = tempfile::tempdir().unwrap();
            let (root, cache) = (folder.path(), folder.path().join("cache"));
            let look = || search(set, Some(root), Some(&cache)).unwrap();
            let message = look().unwrap_err().error(Some("it rains")).to_string();
            let places = [cache.join(set.name), root.to_owned(), root.join(set.name)];
            for part in places.iter().map(|place| place.to_str().unwrap()).chain(set.sources.iter().copied()) {
                assert!(message.contains(part), "{message:?} does not say {part:?}");
            }
            assert!(message.starts_with(&format!("{} is not in ", set.title)), "{message:?}");
            assert!(message.contains(", and it rains; put ") && message.contains("--data strokes"), "{message:?}");
            for place in places {
                fs::create_dir_all(&place).unwrap();
                fs::write(place.join("train-images-idx3-ubyte.gz"), []).unwrap();
                assert_eq!(look().unwrap().images, place.join("train-images-idx3-ubyte.gz"));
            }
        }
    }

    #[test]
    fn finds_sets_where_others_keep_them() {
        let (images, labels) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
        let found = |set: usize, files: &[&str]| {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                let path = root.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, []).unwrap();
            }
            let location = search(&SETS[set], Some(root.path()), None).unwrap().unwrap();
            let relative = |path: PathBuf| path.strip_prefix(root.path()).unwrap().display().to_string();
            (relative(location.images).replace('\\', "/"), location.labels.is_some())
        };
        for (set, folder) in
            [(0, "MNIST/raw"), (1, "FashionMNIST/raw"), (2, "KMNIST/raw"), (0, "raw"), (0, "mnist/raw")]
        {
            let files = [images, labels].map(|name| format!("{folder}/{name}"));
            assert_eq!(found(set, &[&files[0], &files[1]]), (files[0].clone(), true));
        }
        let nested = [images, labels].map(|name| format!("{name}/{name}"));
        assert_eq!(found(0, &[&nested[0], &nested[1]]), (nested[0].clone(), true));
        for (set, file) in [(0, "mnist.npz"), (0, "mnist/mnist_train.csv"), (0, "digit-recognizer/train.csv")]
            .into_iter()
            .chain([(1, "fashion-mnist_train.csv"), (2, "kmnist/kmnist-train-imgs.npz")])
        {
            assert_eq!(found(set, &[file]), (file.to_string(), false));
        }
    }

    #[test]
    fn the_images_of_another_set_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train-images-idx3-ubyte.gz");
        for set in &SETS {
            fs::File::create(&path).unwrap().set_len(set.files[0].bytes).unwrap();
            for other in &SETS {
                let found = search(other, Some(folder.path()), None).unwrap();
                assert_eq!(found.is_ok(), other.name == set.name, "{} in a folder of {}", other.name, set.name);
                assert_eq!(holds(folder.path(), other), other.name == set.name);
            }
        }
    }

    #[test]
    fn a_misspelt_set_is_suggested() {
        refused(Path::new("fashion_mnist"), "did you mean `fashion-mnist`?");
        refused(Path::new("kminst"), "did you mean `kmnist`?");
    }

    #[test]
    fn the_cache_folder_follows_the_environment() {
        let root = if cfg!(windows) { r"C:\u" } else { "/u" };
        let from = |set: &'static [&'static str]| {
            cache_folder_from(move |name| set.contains(&name).then(|| OsString::from(root)))
        };
        assert_eq!(from(&["DCGAN_GPU_CACHE", "XDG_CACHE_HOME", "HOME"]), Some(PathBuf::from(root)));
        assert_eq!(from(&["XDG_CACHE_HOME", "HOME"]), Some(Path::new(root).join("dcgan-gpu")));
        assert!(from(&["HOME", "LOCALAPPDATA"]).unwrap().ends_with("dcgan-gpu"));
        assert_eq!(from(&[]), None);
    }
}
