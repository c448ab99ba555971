//! Training images: where they come from and in which order they are visited.

mod background;
#[cfg(feature = "cli")]
pub mod fetch;
mod files;
mod folder;
mod format;
mod gzip;
mod held_out;
pub mod idx;
mod images;
mod kind;
pub mod labels;
mod loaded;
pub mod locate;
#[cfg(test)]
#[path = "../../tests/common/makers.rs"]
pub(crate) mod makers;
pub mod npy;
pub mod npz;
pub mod picture;
pub mod range;
pub mod reading;
mod resize;
pub mod sets;
mod shuffle;
pub mod strokes;
mod survey;
pub mod table;

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use self::images::RawImages;
use self::labels::Labels;
use self::loaded::Loaded;
use self::reading::Reading;
use self::sets::Set;
pub use self::shuffle::shuffled;
use self::survey::Survey;
use crate::error::{Error, Result};
use crate::model::checkpoint::hex;
use crate::shape::Shape;
use crate::threads;

/// Bytes of a piece that one thread digests: part of what a digest is.
const DIGESTED_PIECE: usize = 1 << 20;
/// Strokes that stand for all.
const DIGESTED_STROKES: u32 = 64;

/// A set of at least one image; all have the same shape.
pub struct DataSet {
    name: String,
    shape: Shape,
    /// The seed of strokes, which are drawn when they are asked for.
    seed: u64,
    /// All other images.
    resident: Option<Resident>,
    /// What the images are of, or where that was looked for, or why it cannot be used.
    labels: Result<Labels>,
    remark: Option<String>,
    /// The [`DataSet::digest`], once it was asked for.
    digest: OnceLock<String>,
}

/// Images in memory, in the network's shape.
#[derive(Debug)]
struct Resident {
    /// `[count][height][width][channels]`.
    pixels: Vec<u8>,
    count: u32,
    /// What the images have in common.
    survey: Option<Survey>,
    /// Files that were left out, each with the reason.
    broken: Vec<String>,
    /// Whether each image is a file, so that their order depends on names.
    is_of_files: bool,
}

impl DataSet {
    /// Opens the data set `spec` for a network that makes images of `shape`:
    ///
    /// - `strokes`: built-in digits, drawn at this shape from `seed`;
    /// - `mnist`, `fashion-mnist`, `kmnist`: looked for below `data_dir` in a folder of that name,
    ///   in `data_dir` itself, then in the cache folder; the program downloads what is in none of
    ///   them;
    /// - otherwise a folder with IDX files, one array or table, or pictures; or one file of IDX
    ///   images, an array, an archive of arrays or a table.
    ///
    /// Images of another size are scaled to cover `shape`, and their centre is cropped; grey is
    /// made of colours, or colours of grey.
    ///
    /// Strokes, IDX files and tables have labels of their own. An array has them in its archive, or
    /// in a `.npy` or CSV file beside it, pictures too, or else by the folders that they lie in
    /// ([`labels`]). Labels that
    /// cannot be used are an error only where they are asked for
    /// ([`DataSet::require_labels`]), but for those of IDX files.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when the set is missing or broken.
    pub fn open(spec: &str, data_dir: Option<&Path>, shape: Shape, seed: u64) -> Result<DataSet> {
        DataSet::read(spec, data_dir, shape, seed, &Reading::default())
    }

    /// As [`DataSet::open`], reading files as `reading` says.
    ///
    /// # Errors
    ///
    /// As [`DataSet::open`].
    pub fn read(spec: &str, data_dir: Option<&Path>, shape: Shape, seed: u64, reading: &Reading) -> Result<DataSet> {
        threads::start()?;
        let loaded = match (spec, sets::named(spec)) {
            ("", _) => Err(Error::data(
                "no data set is named, and the configuration has none of its own; name a folder of pictures or another \
                 data set with --data",
            )),
            ("strokes", _) => check_strokes(shape).map(|()| None),
            (_, Some(set)) => load_set(set, &locate::find_set(set, data_dir)?, shape, reading).map(Some),
            (path, None) => kind::load(Path::new(path), shape, reading).map(Some),
        };
        let name = spec.to_owned();
        Ok(match loaded? {
            Some(Loaded { pixels, count, labels, remark, survey, broken, is_of_files }) => {
                let resident = Some(Resident { pixels, count, survey, broken, is_of_files });
                DataSet { name, shape, seed, resident, labels, remark, digest: OnceLock::new() }
            }
            None => {
                let labels = Ok(Labels::of_drawn(&strokes::CLASSES));
                DataSet { name, shape, seed, resident: None, labels, remark: None, digest: OnceLock::new() }
            }
        })
    }

    /// What [`DataSet::open`] was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of images in an epoch; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a data set without images is never opened")]
    pub fn len(&self) -> u32 {
        self.resident.as_ref().map_or(strokes::EPOCH, |resident| resident.count)
    }

    /// The shape of each image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All pixels, `[len][height][width][channels]`, when they are in memory; `None` for strokes.
    pub fn resident(&self) -> Option<&[u8]> {
        self.resident.as_ref().map(|resident| resident.pixels.as_slice())
    }

    /// The names of the classes: those of the data set, of the folders, or of the labels in a file.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) for a data set without labels, saying where they
    /// were looked for and what to do; or what is wrong with the file that has them.
    pub fn require_labels(&self) -> Result<&[String]> {
        self.labels.as_ref().map(Labels::classes).map_err(Clone::clone)
    }

    /// What the classes are called; none where there are no labels.
    pub fn classes(&self) -> &[String] {
        self.labels.as_ref().map_or(&[], Labels::classes)
    }

    /// How many classes there are; 0 where there are no labels.
    pub fn class_count(&self) -> u32 {
        self.classes().len() as u32
    }

    /// What the class `class` is called, where there is one.
    pub fn class_name(&self, class: u32) -> Option<&str> {
        self.classes().get(class as usize).map(String::as_str)
    }

    /// The class of the image `index` in `epoch`, below [`DataSet::class_count`], where there are
    /// labels. What strokes show depends on the epoch.
    ///
    /// # Panics
    ///
    /// When the index is not below [`DataSet::len`].
    pub fn label_of(&self, epoch: u32, index: u32) -> Option<u32> {
        let labels = self.labels.as_ref().ok()?;
        assert!(index < self.len(), "image {index} of {}", self.len());
        Some(match self.resident {
            Some(_) => labels.of()[index as usize],
            None => strokes::label(self.seed, epoch, index).into(),
        })
    }

    /// Puts the classes of the images `indices` in `epoch` into `out`: those of the images that
    /// [`DataSet::fill`] copies.
    ///
    /// # Panics
    ///
    /// When there are no labels, an index is not below [`DataSet::len`], or `out` has another
    /// length.
    pub fn fill_labels(&self, epoch: u32, indices: &[u32], out: &mut [u32]) {
        assert_eq!(out.len(), indices.len(), "the output holds a label for each image");
        for (label, &index) in out.iter_mut().zip(indices) {
            *label = self.label_of(epoch, index).expect("the data set has labels");
        }
    }

    /// SHA-256, as hexadecimal digits, of the number of classes and of all labels, to know them
    /// again, apart from [`DataSet::digest`]; of strokes, of the first ones. `None` where there are
    /// no labels.
    pub fn labels_digest(&self) -> Option<String> {
        let labels = self.labels.as_ref().ok()?;
        let drawn: Vec<u32> = match self.resident {
            Some(_) => Vec::new(),
            None => (0..DIGESTED_STROKES).map(|index| strokes::label(self.seed, 0, index).into()).collect(),
        };
        Some(labels::digest(labels.classes().len(), if self.resident.is_some() { labels.of() } else { &drawn }))
    }

    /// What someone should know about how the images were read, where there is something: one line.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }

    /// What probably went wrong with the images, and what to do about it: one line, where there is
    /// something.
    pub fn doubts(&self) -> Option<String> {
        self.survey()?.remark()
    }

    /// Refuses images of which nothing can be learnt: all of one colour.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) for those.
    pub fn check(&self) -> Result<()> {
        let refusal = self.survey().and_then(Survey::refusal);
        refusal.map_or(Ok(()), |refusal| Err(Error::data(format!("{}: {refusal}", self.name))))
    }

    fn survey(&self) -> Option<&Survey> {
        self.resident.as_ref()?.survey.as_ref()
    }

    /// Files that were left out because they cannot be read, each with the reason.
    pub fn left_out(&self) -> &[String] {
        self.resident.as_ref().map_or(&[], |resident| &resident.broken)
    }

    /// Whether each image is a file, so that the order of the images depends on names.
    pub fn is_of_files(&self) -> bool {
        self.resident.as_ref().is_some_and(|resident| resident.is_of_files)
    }

    /// A digest of each image in memory, to know it again: the first half of the SHA-256 of its
    /// pixels and, where they are used, of its label, as hexadecimal digits.
    pub fn image_digests(&self, with_labels: bool) -> Vec<String> {
        let labels = self.labels.as_ref().ok().filter(|_| with_labels);
        let digest = |(index, pixels): (usize, &[u8])| {
            let mut all = Sha256::new();
            all.update(pixels);
            labels.into_iter().for_each(|labels| all.update(labels.of()[index].to_le_bytes()));
            hex(&all.finalize()[..16])
        };
        self.resident().unwrap_or_default().par_chunks_exact(self.shape.bytes()).enumerate().map(digest).collect()
    }

    /// The same images in another order: at each place the one that was at `order`'s.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when there is no memory for both orders at once.
    ///
    /// # Panics
    ///
    /// When the images are not in memory, or an index is not below [`DataSet::len`].
    pub fn in_order(self, order: &[u32]) -> Result<DataSet> {
        let mut pixels = files::room_for_images(order.len() as u32, self.shape)?;
        self.fill(0, order, &mut pixels);
        let labels = self.labels.map(|labels| labels.in_order(order));
        let resident = self.resident.map(|old| Resident { pixels, count: order.len() as u32, ..old });
        Ok(DataSet { resident, labels, digest: OnceLock::new(), ..self })
    }

    /// SHA-256, as hexadecimal digits, of number, shape and pixels of all images, to know them
    /// again; of strokes, which are drawn anew in every epoch, of the first ones. Pixels are
    /// digested in pieces, by all threads: MNIST's 47 MB take about 36 ms on two.
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| self.compute_digest())
    }

    fn compute_digest(&self) -> String {
        let mut drawn = Vec::new();
        let pixels = self.resident().unwrap_or_else(|| {
            drawn.resize(DIGESTED_STROKES as usize * self.shape.bytes(), 0);
            self.fill(0, &Vec::from_iter(0..DIGESTED_STROKES), &mut drawn);
            &drawn
        });
        let pieces: Vec<_> = pixels.par_chunks(DIGESTED_PIECE).map(Sha256::digest).collect();
        let mut all = Sha256::new();
        let Shape { height, width, channels } = self.shape;
        [self.len(), height, width, channels].iter().for_each(|n| all.update(n.to_le_bytes()));
        pieces.iter().for_each(|piece| all.update(piece));
        hex(&all.finalize())
    }

    /// Copies the images `indices` to `out`, `[indices][height][width][channels]`. Strokes are
    /// drawn anew in every `epoch`, on all threads; how many there are does not change a bit.
    ///
    /// # Panics
    ///
    /// When an index is not below [`DataSet::len`], or `out` has another size.
    pub fn fill(&self, epoch: u32, indices: &[u32], out: &mut [u8]) {
        let bytes = self.shape.bytes();
        assert_eq!(out.len(), indices.len() * bytes, "the output holds {} images of {}", indices.len(), self.shape);
        if let Some(pixels) = self.resident() {
            for (image, &index) in out.chunks_exact_mut(bytes).zip(indices) {
                image.copy_from_slice(&pixels[index as usize * bytes..][..bytes]);
            }
        } else {
            out.par_chunks_exact_mut(bytes).zip(indices).for_each(|(image, &index)| {
                assert!(index < strokes::EPOCH, "image {index} of {}", strokes::EPOCH);
                strokes::draw(self.seed, epoch, index, self.shape, image);
            });
        }
    }
}

impl fmt::Debug for DataSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataSet({}: {} images of {})", self.name, self.len(), self.shape)
    }
}

fn check_strokes(shape: Shape) -> Result<()> {
    if shape.channels != 1 || shape.pixels() == 0 {
        return Err(Error::data(format!(
            "strokes draws images of one channel, the network makes images of {shape}; give it one channel or choose \
             another --data"
        )));
    }
    Ok(())
}

/// Reads the files of a set, in whatever form they are.
fn load_set(set: &Set, location: &locate::Location, shape: Shape, reading: &Reading) -> Result<Loaded> {
    if !set.others.iter().any(|name| location.images.ends_with(name)) {
        return load_idx(location, shape, Some(set), reading);
    }
    let mut loaded = kind::load(&location.images, shape, reading)?;
    loaded.labels = loaded.labels.map(|labels| labels.called(set.classes));
    let what = format!("{}: {} images from {}", set.title, loaded.count, location.images.display());
    loaded.remark = Some(loaded.remark.map_or(what.clone(), |remark| format!("{what}; {remark}")));
    Ok(loaded)
}

/// Reads IDX files, those of `set` where they are known.
fn load_idx(location: &locate::Location, shape: Shape, set: Option<&Set>, reading: &Reading) -> Result<Loaded> {
    let images = idx::read_images(&location.images, reading.range)?;
    let images = if location.is_transposed() { images.transposed() } else { images };
    let labels = location.labels.as_deref().map(|path| idx_labels(images.count, path, set)).transpose()?;
    Loaded::of_images(images, &location.images, shape, None, Ok(labels), location.no_labels(set))
}

fn idx_labels(count: u32, path: &Path, set: Option<&Set>) -> Result<Labels> {
    let labels = idx::read_labels(path)?;
    labels::check_count(labels.len() as u64, count).map_err(files::at(path))?;
    Labels::of_bytes(&labels, set.map(|set| set.classes)).map_err(files::at(path))
}

/// The 64-bit FNV-1a hash, with which tests pin down long sequences.
#[cfg(test)]
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Kind;

    const TINY: Shape = Shape { height: 2, width: 2, channels: 1 };

    /// Two images of 2×2, and as many labels as asked for, under names that begin with `prefix`.
    fn folder_with_images(prefix: &str, labels: u8) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8];
        fs::write(folder.path().join(format!("{prefix}train-images-idx3-ubyte")), images).unwrap();
        let labels = [&[0, 0, 8, 1, 0, 0, 0, labels], vec![9; labels.into()].as_slice()].concat();
        fs::write(folder.path().join(format!("{prefix}train-labels-idx1-ubyte")), labels).unwrap();
        folder
    }

    fn open(folder: &Path, shape: Shape) -> Result<DataSet> {
        DataSet::open(folder.to_str().unwrap(), None, shape, 0)
    }

    #[track_caller]
    fn refused(result: Result<DataSet>, because: &str) {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), Kind::Data);
        assert!(error.to_string().contains(because), "{error} does not say {because:?}");
    }

    #[test]
    fn a_digest_covers_every_pixel_and_the_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images");
        let digest = |dimensions: [u8; 3], pixels: &[u8]| {
            let header = [&[0, 0, 8, 3][..], &dimensions.map(|n| [0, 0, 0, n]).concat()].concat();
            fs::write(&path, [&header, pixels].concat()).unwrap();
            let [_, height, width] = dimensions.map(u32::from);
            let shape = Shape { height, width, channels: 1 };
            DataSet::open(path.to_str().unwrap(), None, shape, 0).unwrap().digest().to_owned()
        };
        let pixels = [1, 2, 3, 4, 5, 6, 7, 8];
        let first = digest([2, 2, 2], &pixels);
        // Little-endian words 2, 2, 2, 1, then the SHA-256 of the eight bytes.
        assert_eq!(first, "bc554067a4498121a9adfc74ffe291bfc40eff3bc60f78cd366ef5956edbd968");
        assert!(digest([2, 2, 2], &[1, 2, 3, 4, 5, 6, 7, 9]) != first && digest([2, 4, 1], &pixels) != first);

        let strokes = |seed| DataSet::open("strokes", None, TINY, seed).unwrap().digest().to_owned();
        assert!(strokes(1) == strokes(1) && strokes(1) != strokes(2));
    }

    #[test]
    fn opens_a_folder() {
        let folder = folder_with_images("", 2);
        let set = open(folder.path(), TINY).unwrap();
        assert_eq!((set.len(), set.shape(), set.class_count()), (2, TINY, 1));
        assert_eq!(set.resident(), Some(&[1, 2, 3, 4, 5, 6, 7, 8][..]));
        let mut out = [0; 12];
        set.fill(0, &[1, 0, 1], &mut out);
        assert_eq!(out, [5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn other_sizes_and_channels_are_brought_to_the_network_and_remarked() {
        let folder = folder_with_images("", 2);
        assert_eq!(open(folder.path(), TINY).unwrap().remark(), None);
        let colour = open(folder.path(), Shape { channels: 3, ..TINY }).unwrap();
        assert_eq!(colour.resident().unwrap()[..6], [1, 1, 1, 2, 2, 2]);
        let wide = open(folder.path(), Shape { width: 1, ..TINY }).unwrap();
        assert_eq!((wide.len(), wide.resident()), (2, Some(&[2, 4, 6, 8][..])));
        let remark = wide.remark().unwrap();
        assert!(remark.ends_with("train-images-idx3-ubyte: images of 2×2×1, brought to 2×1×1"), "{remark}");
    }

    #[test]
    fn turns_emnist_upright() {
        let folder = folder_with_images("emnist-digits-", 2);
        assert_eq!(open(folder.path(), TINY).unwrap().resident(), Some(&[1, 3, 2, 4, 5, 7, 6, 8][..]));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let colour = Shape { channels: 3, ..TINY };
        let folder = folder_with_images("", 3);
        refused(open(folder.path(), TINY), "3 labels for 2 images");
        refused(DataSet::open("strokes", None, colour, 0), "2×2×3");
        refused(DataSet::open("", None, TINY, 0), "no data set is named");
    }

    #[test]
    fn idx_labels_become_classes_in_their_order() {
        let folder = folder_with_images("", 2);
        let labels = folder.path().join("train-labels-idx1-ubyte");
        fs::write(&labels, [0, 0, 8, 1, 0, 0, 0, 2, 9, 4]).unwrap();
        let labels_of = |set: &DataSet| [0, 1].map(|index| set.label_of(0, index).unwrap());
        let set = open(folder.path(), TINY).unwrap();
        assert_eq!((labels_of(&set), set.require_labels().unwrap()), ([1, 0], &["4", "9"].map(String::from)[..]));

        // A set that is known by name has its classes, whichever occur.
        let named = |name: &str| DataSet::open(name, Some(folder.path()), TINY, 0).unwrap();
        assert_eq!((labels_of(&named("mnist")), named("mnist").class_count()), ([9, 4], 10));
        assert_eq!(named("fashion-mnist").class_name(9), Some("Ankle boot"));
        assert_eq!(named("kmnist").class_name(4), Some("na"));

        fs::remove_file(labels).unwrap();
        let message = |set: DataSet| set.require_labels().unwrap_err().to_string();
        let end = "-ubyte has no labels: neither train-labels-idx1-ubyte nor train-labels-idx1-ubyte.gz is beside it; put one there";
        assert!(message(open(folder.path(), TINY).unwrap()).ends_with(end));
        assert!(
            message(named("kmnist"))
                .contains(&format!("{end}; `dcgan-gpu data get kmnist` leaves one in the cache folder, to copy to "))
        );
        let odd = folder.path().join("digits");
        fs::rename(folder.path().join("train-images-idx3-ubyte"), &odd).unwrap();
        let message = message(open(&odd, TINY).unwrap());
        assert!(message.contains("as train-labels-idx1-ubyte is by that of train-images-idx3-ubyte"), "{message}");
    }

    #[test]
    fn strokes_are_labelled_as_they_are_drawn() {
        let shape = Shape { height: 28, width: 28, channels: 1 };
        let set = DataSet::open("strokes", None, shape, 5).unwrap();
        assert_eq!((set.class_count(), set.class_name(7)), (10, Some("7")));
        let (indices, mut labels) = ([17, 3, strokes::EPOCH - 1], [0; 3]);
        set.fill_labels(2, &indices, &mut labels);
        for (index, label) in indices.into_iter().zip(labels) {
            let drawn = strokes::draw(5, 2, index, shape, &mut vec![0; shape.bytes()]);
            assert_eq!((Some(label), label), (set.label_of(2, index), drawn.into()));
        }
        let all = |epoch| (0..100).map(|index| set.label_of(epoch, index)).collect::<Vec<_>>();
        assert!(all(2) != all(3) && all(2).iter().all(|label| *label < Some(10)));
        let digest = |seed| DataSet::open("strokes", None, shape, seed).unwrap().labels_digest();
        assert!(digest(5) == set.labels_digest() && digest(6) != digest(5));
    }

    #[test]
    fn strokes_do_not_depend_on_threads_or_batches() {
        let shape = Shape { height: 28, width: 28, channels: 1 };
        let set = DataSet::open("strokes", None, shape, 5).unwrap();
        assert_eq!((set.len(), set.resident()), (strokes::EPOCH, None));
        let fill = |epoch, indices: &[u32]| {
            let mut out = vec![0; indices.len() * shape.bytes()];
            set.fill(epoch, indices, &mut out);
            out
        };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fill(2, &(0..64).collect::<Vec<u32>>()))
        };
        let images = on(1);
        assert_eq!(images, on(5));
        assert_eq!(images[17 * shape.bytes()..][..shape.bytes()], fill(2, &[17]));
        assert_ne!(fill(2, &[17]), fill(3, &[17]));
    }
}
