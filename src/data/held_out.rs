//! The images that belong to a data set but not to its training images: where they are, told by
//! names.

use std::path::{Path, PathBuf};

use super::DataSet;
use super::locate;
use super::npz;
use super::reading::Reading;
use super::sets;
use crate::error::Result;

/// What stands in the names of training images.
const TRAIN: &str = "train";
/// What stands there in those of held-out ones, by MNIST's authors and by others.
const HELD_OUT: [&str; 4] = ["t10k", "test", "val", "valid"];

impl DataSet {
    /// The images held out of the training images that [`DataSet::read`] reads: `t10k-images…`
    /// beside `train-images…`, `x_test` beside `x_train` in an archive, `digits_test.csv` beside
    /// `digits_train.csv`, the folder `test` beside the folder `train`. `None` where there are
    /// none, and for strokes, of which any number can be drawn.
    ///
    /// # Errors
    /// As [`DataSet::read`].
    pub fn read_held_out(&self, data_dir: Option<&Path>, reading: &Reading) -> Result<Option<DataSet>> {
        if self.resident().is_none() {
            return Ok(None);
        }
        let Some(spec) = find(self.name(), data_dir)? else { return Ok(None) };
        log::debug!("held-out images: {spec}");
        DataSet::read(&spec, None, self.shape(), 0, reading).map(Some)
    }
}

/// What the held-out images of a data set are called.
fn find(spec: &str, data_dir: Option<&Path>) -> Result<Option<String>> {
    let path = match sets::named(spec) {
        Some(set) => locate::find_set(set, data_dir)?.images,
        None if Path::new(spec).is_dir() => match locate::find_in(Path::new(spec))? {
            Some(location) => location.images,
            None => PathBuf::from(spec),
        },
        None => PathBuf::from(spec),
    };
    let text = path.to_string_lossy().into_owned();
    let (file, key) = npz::split(&text).map_or((path.clone(), None), |(file, key)| (file, Some(key)));
    if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) && file.is_file() {
        let within = npz::choose(&file, key)?;
        let held_out = renamed(&within.key).find(|key| within.others.contains(key));
        if let Some(key) = held_out {
            return Ok(Some(format!("{}:{key}", file.display())));
        }
    }
    Ok(beside(&path).map(|path| path.to_string_lossy().into_owned()))
}

/// The file or folder beside `path` that is called so.
fn beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    let at = |name: String| {
        // Some programs unpack each file into a folder of its own name.
        let own = (folder.file_name()?.to_str()? == path.file_name()?.to_str()?)
            .then(|| folder.parent().map(|above| above.join(&name).join(&name)))
            .flatten();
        std::iter::once(folder.join(&name)).chain(own).find(|path| path.exists())
    };
    let gz = |name: String| match name.strip_suffix(".gz") {
        Some(plain) => [plain.to_string(), name.clone()],
        None => [name.clone(), format!("{name}.gz")],
    };
    renamed(name).flat_map(gz).find_map(at)
}

/// The names of held-out images for a name of training images; none for other names.
fn renamed(name: &str) -> impl Iterator<Item = String> {
    let place = name.to_ascii_lowercase().rfind(TRAIN);
    let renamed = move |word: &&str| {
        let place = place?;
        Some(format!("{}{word}{}", &name[..place], &name[place + TRAIN.len()..]))
    };
    HELD_OUT.iter().filter_map(renamed).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(files: &[&str], spec: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, []).unwrap();
        }
        let found = find(folder.path().join(spec).to_str().unwrap(), None).unwrap()?;
        Some(Path::new(&found).strip_prefix(folder.path()).unwrap().to_str().unwrap().to_string())
    }

    #[test]
    fn names_tell() {
        let idx = ["train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"];
        assert_eq!(found(&idx, "").as_deref(), Some(idx[1]));
        assert_eq!(found(&idx, idx[0]).as_deref(), Some(idx[1]));
        assert_eq!(found(&["train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"], "").as_deref(), Some(idx[1]));
        let own = ["train-images-idx3-ubyte/train-images-idx3-ubyte", "t10k-images-idx3-ubyte/t10k-images-idx3-ubyte"];
        assert_eq!(found(&own, own[0]).as_deref(), Some(own[1]));
        assert_eq!(found(&["mnist_train.csv", "mnist_test.csv"], "mnist_train.csv").as_deref(), Some("mnist_test.csv"));
        assert_eq!(found(&["train/a.png", "test/b.png"], "train").as_deref(), Some("test"));
        assert_eq!(found(&["trains/a.png", "other/b.png"], "trains"), None);
        assert_eq!(found(&["images.npy"], "images.npy"), None);
        assert_eq!(found(&["training.npy"], "training.npy"), None);
    }
}
