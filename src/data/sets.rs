//! The data sets that are known by name: what they are, who serves them, and what their files must
//! be.

use crate::shape::Shape;

/// A data set that is published as gzipped IDX files.
#[derive(Clone, Copy, Debug)]
pub struct Set {
    /// What `--data` calls it; also the name of its folder.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// One line on what it holds.
    pub about: &'static str,
    /// The terms it is published under.
    pub licence: &'static str,
    /// Base addresses in the order in which they are asked; each ends in `/` and is followed by the
    /// name of a file.
    pub sources: &'static [&'static str],
    /// What the labels mean, from 0 on.
    pub classes: &'static [&'static str],
    /// Training images, training labels, test images, test labels.
    pub files: &'static [File],
    /// The folder in which torchvision keeps it, as `FOLDER/raw`.
    pub torchvision: &'static str,
    /// Other files that hold the training images: what Keras keeps, what Kaggle and the authors
    /// offer.
    pub others: &'static [&'static str],
}

/// One file of a set.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its name, which ends in `.gz`.
    pub name: &'static str,
    /// Bytes of the `.gz` as it is published.
    pub bytes: u64,
    /// SHA-256 of the `.gz` as it is published.
    pub sha256: &'static str,
    /// Bytes of the content.
    pub content_bytes: u64,
    /// SHA-256 of the content, where it is known: it tells the file in whatever container it comes.
    pub content_sha256: Option<&'static str>,
}

impl Set {
    /// Bytes of all its files as they are published.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl File {
    /// The name of the unpacked file.
    pub fn unpacked(&self) -> &'static str {
        self.name.strip_suffix(".gz").unwrap_or(self.name)
    }

    /// The most bytes that are taken from a server: what is published, and half as much again where
    /// another container of the same content can be told.
    pub fn limit(&self) -> u64 {
        if self.content_sha256.is_some() { self.bytes + self.bytes / 2 + 1024 } else { self.bytes }
    }
}

/// The size of the images of all sets.
pub const SIZE: Shape = Shape { height: 28, width: 28, channels: 1 };

/// The set called `name`, if there is one.
pub fn named(name: &str) -> Option<&'static Set> {
    SETS.iter().find(|set| set.name == name)
}

/// All sets.
pub const SETS: [Set; 3] = [
    Set {
        name: "mnist",
        torchvision: "MNIST",
        others: &["mnist.npz", "mnist_train.csv", "digit-recognizer/train.csv"],
        title: "MNIST",
        about: "handwritten digits, by Yann LeCun and Corinna Cortes",
        licence: "CC BY-SA 3.0",
        sources: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ],
        classes: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        files: &[
            file(
                TRAIN_IMAGES,
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                Some("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
            ),
            file(
                TRAIN_LABELS,
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                Some("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
            ),
            file(
                TEST_IMAGES,
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                Some("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
            ),
            file(
                TEST_LABELS,
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                Some("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
            ),
        ],
    },
    Set {
        name: "fashion-mnist",
        torchvision: "FashionMNIST",
        others: &["fashion-mnist_train.csv"],
        title: "Fashion-MNIST",
        about: "photographs of clothes, by Zalando Research",
        licence: "MIT",
        sources: &[
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            // Where Keras gets this set from; the names of its files are the same.
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ],
        classes: &[
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        files: &[
            file(TRAIN_IMAGES, 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", None),
            file(TRAIN_LABELS, 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", None),
            file(TEST_IMAGES, 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", None),
            file(TEST_LABELS, 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", None),
        ],
    },
    Set {
        name: "kmnist",
        torchvision: "KMNIST",
        others: &["kmnist-train-imgs.npz"],
        title: "KMNIST",
        about: "cursive Japanese characters, by the ROIS-DS Center for Open Data in the Humanities",
        licence: "CC BY-SA 4.0",
        sources: &[
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            // The same server without TLS: the checksums hold all the same.
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        ],
        // Of ten hiragana, in Latin letters.
        classes: &["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
        files: &[
            file(TRAIN_IMAGES, 18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4", None),
            file(TRAIN_LABELS, 29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17", None),
            file(TEST_IMAGES, 3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5", None),
            file(TEST_LABELS, 5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c", None),
        ],
    },
];

/// What the files of all sets have in common: their names, and the bytes of their content.
const TRAIN_IMAGES: (&str, u64) = ("train-images-idx3-ubyte.gz", 47_040_016);
const TRAIN_LABELS: (&str, u64) = ("train-labels-idx1-ubyte.gz", 60_008);
const TEST_IMAGES: (&str, u64) = ("t10k-images-idx3-ubyte.gz", 7_840_016);
const TEST_LABELS: (&str, u64) = ("t10k-labels-idx1-ubyte.gz", 10_008);

/// A file with the bytes and the SHA-256 of its `.gz`, and the SHA-256 of its content where that is
/// known.
const fn file(
    (name, content_bytes): (&'static str, u64),
    bytes: u64,
    sha256: &'static str,
    content_sha256: Option<&'static str>,
) -> File {
    File { name, bytes, sha256, content_bytes, content_sha256 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_whole() {
        let is_hash =
            |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let mut hashes = BTreeSet::new();
        for set in &SETS {
            assert_eq!(named(set.name).unwrap().title, set.title);
            assert_eq!(set.classes.len(), 10, "{}", set.name);
            assert!(set.sources.len() >= 2, "{}: one source is one fault away from none", set.name);
            for source in set.sources {
                assert!(source.starts_with("http") && source.ends_with('/'), "{source}");
            }
            // Without capitals and blanks, the names are the ones that locate looks for.
            assert_eq!(
                set.files.iter().map(|f| f.name).collect::<Vec<_>>(),
                [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS].map(|(name, _)| name)
            );
            for file in set.files {
                assert!(is_hash(file.sha256), "{}/{}", set.name, file.name);
                assert!(file.content_sha256.is_none_or(is_hash), "{}/{}", set.name, file.name);
                // IDX: a header of 16 or 8 bytes, then 60,000 or 10,000 images of 28×28 or labels.
                let count = if file.name.starts_with("train") { 60_000 } else { 10_000 };
                let content = if file.name.contains("images") { 16 + count * 28 * 28 } else { 8 + count };
                assert_eq!(file.content_bytes, content, "{}/{}", set.name, file.name);
                assert!(file.bytes < content && file.limit() >= file.bytes);
                for hash in [file.sha256].into_iter().chain(file.content_sha256) {
                    assert!(hashes.insert(hash), "{}/{}: {hash} belongs to two files", set.name, file.name);
                }
            }
        }
        assert!(named("mnist ").is_none() && named("strokes").is_none());
    }
}
