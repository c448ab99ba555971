//! Which class each image is of: from labels in a file beside the images, or from the folders that
//! they lie in.
//!
//! `a.npy` has its labels in `a-labels.npy`, `a_labels.npy` or `a.csv`, or else in `labels.npy` or
//! `labels.csv` in the same folder. The pictures in the folder `a` have them in `a/labels.npy` or
//! `a/labels.csv`, or else in `a-labels.npy`, `a_labels.npy` or `a.csv` beside the folder, or else
//! each is of the class of the folder directly below `a` that it is in. Two files of a kind are
//! refused.

pub mod beside;
pub mod table;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::model::checkpoint::hex;

/// The most classes of a data set: more are identifiers, or descriptions.
const MOST_CLASSES: usize = 1 << 16;

/// The class of each image of a data set, and what the classes are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    of: Vec<u32>,
    classes: Vec<String>,
}

impl Labels {
    /// Classes without images: those of images that are drawn when they are asked for.
    pub(super) fn of_drawn(classes: &[&str]) -> Labels {
        Labels { of: Vec::new(), classes: classes.iter().map(ToString::to_string).collect() }
    }

    /// The classes called `names`, which bytes count from 0; where a byte has no name among them,
    /// all are plain numbers.
    ///
    /// # Errors
    ///
    /// As [`Labels::of_numbers`].
    pub(super) fn of_bytes(values: &[u8], names: Option<&[&str]>) -> Result<Labels> {
        match names {
            Some(names) if values.iter().all(|&value| usize::from(value) < names.len()) => {
                let of = values.iter().copied().map(u32::from).collect();
                Ok(Labels { of, ..Labels::of_drawn(names) })
            }
            _ => Labels::of_numbers(&values.iter().copied().map(i64::from).collect::<Vec<_>>()),
        }
    }

    /// A class for each number that occurs, in their order, called as the number.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when there are too many.
    pub fn of_numbers(values: &[i64]) -> Result<Labels> {
        let (of, distinct) = numbered(values)?;
        Ok(Labels { of, classes: distinct.iter().map(ToString::to_string).collect() })
    }

    /// A class for each name that occurs, by the bytes of the names. What is no text, or no text of
    /// one line, is replaced where it is shown.
    ///
    /// # Errors
    ///
    /// [`Kind::Data`](crate::error::Kind::Data) when there are too many.
    pub fn of_names(names: &[Vec<u8>]) -> Result<Labels> {
        let (of, distinct) = numbered(names)?;
        Ok(Labels { of, classes: distinct.iter().map(|name| shown(name)).collect() })
    }

    /// The labels in cells of a table: numbers if all of them are, otherwise names.
    ///
    /// # Errors
    ///
    /// As [`Labels::of_numbers`].
    pub fn of_cells(cells: &[Vec<u8>]) -> Result<Labels> {
        let number = |cell: &Vec<u8>| str::from_utf8(cell).ok()?.parse().ok();
        match cells.iter().map(number).collect::<Option<Vec<i64>>>() {
            Some(numbers) => Labels::of_numbers(&numbers),
            None => Labels::of_names(cells),
        }
    }

    /// The classes called `names`, which are numbered from 0, where all classes are such numbers.
    pub(super) fn called(self, names: &[&str]) -> Labels {
        let number = |class: &String| class.parse().ok().filter(|&number: &usize| number < names.len());
        match self.classes.iter().map(number).collect::<Option<Vec<_>>>() {
            Some(numbers) => {
                let of = self.of.iter().map(|&class| numbers[class as usize] as u32).collect();
                Labels { of, ..Labels::of_drawn(names) }
            }
            None => self,
        }
    }

    /// Those of images in another order.
    pub(super) fn in_order(mut self, order: &[u32]) -> Labels {
        if !self.of.is_empty() {
            self.of = order.iter().map(|&index| self.of[index as usize]).collect();
        }
        self
    }

    /// The class of each image, below the number of classes.
    pub fn of(&self) -> &[u32] {
        &self.of
    }

    /// What the classes are called.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
}

/// The SHA-256, as hexadecimal digits, of the number of classes and of labels.
pub(super) fn digest(classes: usize, labels: &[u32]) -> String {
    let mut all = Sha256::new();
    all.update((classes as u32).to_le_bytes());
    labels.iter().for_each(|label| all.update(label.to_le_bytes()));
    hex(&all.finalize())
}

/// The distinct values in order, and the place of each value among them.
fn numbered<T: Ord>(values: &[T]) -> Result<(Vec<u32>, Vec<&T>)> {
    let mut distinct: Vec<&T> = values.iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > MOST_CLASSES {
        let many = distinct.len();
        return Err(Error::data(format!(
            "it tells {many} classes apart, and at most {MOST_CLASSES} are possible; give each image one of a few labels"
        )));
    }
    let of = values.iter().map(|value| distinct.partition_point(|other| *other < value) as u32).collect();
    Ok((of, distinct))
}

/// Text on one line.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "\u{fffd}")
}

/// Refuses labels that are not one an image.
pub(super) fn check_count(labels: u64, images: u32) -> Result<()> {
    if labels == u64::from(images) {
        return Ok(());
    }
    Err(Error::data(format!(
        "it holds {labels} labels for {images} images; replace it with the labels of these images or remove it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_classes_in_their_order() {
        let labels = Labels::of_numbers(&[10, -3, 9, 10]).unwrap();
        assert_eq!((labels.of(), labels.classes()), (&[2, 0, 1, 2][..], &["-3", "9", "10"].map(String::from)[..]));
        let as_they_are = Labels::of_numbers(&[2, 0, 1, 1]).unwrap();
        assert_eq!(as_they_are.of(), [2, 0, 1, 1]);
    }

    #[test]
    fn named_bytes_keep_classes_that_do_not_occur() {
        let named = Labels::of_bytes(&[2, 0], Some(&["a", "b", "c"])).unwrap();
        assert_eq!((named.of(), named.classes()), (&[2, 0][..], &["a", "b", "c"].map(String::from)[..]));
        let beyond = Labels::of_bytes(&[3, 0], Some(&["a", "b", "c"])).unwrap();
        assert_eq!((beyond.of(), beyond.classes()), (&[1, 0][..], &["0", "3"].map(String::from)[..]));
    }

    #[test]
    fn numbers_are_called_by_their_names() {
        let called = Labels::of_numbers(&[2, 0, 2]).unwrap().called(&["a", "b", "c"]);
        assert_eq!((called.of(), called.classes()), (&[2, 0, 2][..], &["a", "b", "c"].map(String::from)[..]));
        let beyond = Labels::of_numbers(&[3, 0]).unwrap();
        assert_eq!(beyond.clone().called(&["a", "b", "c"]), beyond);
        let turned = beyond.in_order(&[1, 0]);
        assert_eq!((turned.of(), turned.classes()), (&[0, 1][..], &["0", "3"].map(String::from)[..]));
    }

    #[test]
    fn names_go_by_their_bytes_and_are_shown_on_one_line() {
        let names = [&b"b"[..], b"a-b", b"a\nb", b"\xff", b"b"].map(<[u8]>::to_vec);
        let labels = Labels::of_names(&names).unwrap();
        assert_eq!(labels.of(), [2, 1, 0, 3, 2]);
        assert_eq!(labels.classes(), ["a\u{fffd}b", "a-b", "b", "\u{fffd}"]);
    }

    #[test]
    fn identifiers_are_no_classes() {
        let many: Vec<i64> = (0..=MOST_CLASSES as i64).collect();
        assert_eq!(Labels::of_numbers(&many[1..]).unwrap().classes().len(), MOST_CLASSES);
        let message = Labels::of_numbers(&many).unwrap_err().to_string();
        assert!(message.starts_with("it tells 65537 classes apart"), "{message}");
    }

    #[test]
    fn a_digest_covers_labels_and_the_number_of_classes() {
        // Little-endian words 3, 2, 0.
        let first = digest(3, &[2, 0]);
        assert_eq!(first, hex(&Sha256::digest([3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0])));
        assert!(digest(4, &[2, 0]) != first && digest(3, &[0, 2]) != first);
    }
}
