//! Images as comma-separated values, one a line: the pixels, row by row, and a label before or
//! behind them, as Kaggle and OpenML have MNIST.
//!
//! A first line that is not of numbers names the columns. Semicolons and tabs separate values, too.
//! Lines are split here, not by a CSV parser: no pixel holds a separator, and an open quote must
//! not take the whole file into memory.

use std::io::{BufRead, Read};
use std::path::Path;

use super::RawImages;
use super::files::{at, damaged, open, opening, size_of};
use super::images::{flattened, pixel};
use super::labels::Labels;
use super::labels::table::{LABEL, LONGEST};
use super::npy::Wanted;
use super::range::{Range, Span};
use crate::error::{Error, Result};
use crate::shape::Shape;

/// The most bytes of a line: a million pixels.
const LONGEST_LINE: u64 = 4 << 20;

/// Images out of a table.
#[derive(Debug)]
pub struct Parsed {
    /// The images.
    pub images: RawImages,
    /// Their labels, where there is a column of them.
    pub labels: Result<Option<Labels>>,
    /// Which column was taken for labels, where the first line does not say so.
    pub how: Option<String>,
}

/// Reads images, and labels where there is a column of them.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data), with the line, when the file cannot be read, or its
/// lines are not images of one shape.
pub fn read(path: &Path, wanted: Wanted) -> Result<Parsed> {
    let (source, length) = open(path)?;
    parse(source, length, wanted).map_err(at(path))
}

/// Reads from the content of a file of `length` bytes.
///
/// # Errors
///
/// As [`read`], without the file's name.
pub fn parse(mut source: impl BufRead, length: u64, wanted: Wanted) -> Result<Parsed> {
    opening(&mut source)?;
    let mut table: Option<Table> = None;
    let (mut text, mut delimiter) = (Vec::new(), b',');
    for line in 1.. {
        text.clear();
        let read = (&mut source).take(LONGEST_LINE + 1).read_until(b'\n', &mut text);
        if read.map_err(|cause| damaged(&cause.to_string()))? == 0 {
            break;
        }
        if text.len() as u64 > LONGEST_LINE {
            let most = LONGEST_LINE >> 20;
            return Err(Error::data(format!("line {line} is longer than {most} MiB; {WANTED}")));
        }
        let content = if line == 1 { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text) } else { &text };
        if content.trim_ascii().is_empty() {
            continue;
        }
        let table = match &mut table {
            Some(table) => table,
            None => {
                delimiter = [b',', b';', b'\t'].into_iter().find(|byte| content.contains(byte)).unwrap_or(b',');
                let (columns, is_header) = Columns::of(&cells(content, delimiter), wanted.network)?;
                let found = table.insert(Table::new(columns, wanted.range, length)?);
                if is_header {
                    continue;
                }
                found
            }
        };
        table.add(&cells(content, delimiter), line)?;
    }
    table.map_or_else(|| Err(Error::data(format!("it holds no images; {WANTED}"))), Table::finish)
}

/// What such a file has to be.
const WANTED: &str = "write an image a line, its pixels separated by commas, with a label before them if there are any";

/// The cells of a line, without the spaces and the quotes around them.
fn cells(line: &[u8], delimiter: u8) -> Vec<&[u8]> {
    line.split(|&byte| byte == delimiter).map(|cell| unquoted(cell.trim_ascii())).collect()
}

fn unquoted(cell: &[u8]) -> &[u8] {
    cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell)
}

/// What a column of row numbers is called; pandas leaves its name out.
const INDEX: [&str; 3] = ["", "id", "index"];

/// Where in a line the cells are; all others are pixels.
#[derive(Clone, Copy, Debug)]
struct Columns {
    /// How many there are.
    all: usize,
    label: Option<usize>,
    /// Whether that is so because one column is too many.
    is_guess: bool,
    index: Option<usize>,
    shape: Shape,
}

impl Columns {
    /// What the first line says, and whether it is a line of names.
    fn of(first: &[&[u8]], network: Shape) -> Result<(Columns, bool)> {
        let is_one_of = |cell: &[u8], names: &[&str]| names.iter().any(|n| cell.eq_ignore_ascii_case(n.as_bytes()));
        let all = first.len();
        let words: Vec<_> = (0..all).filter(|&column| number(first[column]).is_none()).collect();
        let named_as = |names: &[&str]| words.iter().filter(|&&column| is_one_of(first[column], names)).count();
        let names = [named_as(&LABEL), named_as(&INDEX)];
        // Names are words; pandas numbers columns that have none.
        let is_header = 2 * words.len() > all && words.len() > 1
            || !words.is_empty() && names.iter().sum::<usize>() == words.len() && names.iter().all(|&n| n < 2)
            || all > 2 && (0..all).all(|column| number(first[column]) == Some(column as f64));
        let named = |names: &[&str]| (0..all).find(|&column| is_header && is_one_of(first[column], names));
        let (index, mut label) = (named(&INDEX), named(&LABEL));
        let mut pixels = all - usize::from(index.is_some()) - usize::from(label.is_some());
        let shape = |values: usize| flattened(values as u64, network);
        // A label that is a word.
        let word = words.first().copied().filter(|_| !is_header && words.len() == 1);
        let wants_label = word.is_some() || shape(pixels).is_none();
        let is_guess = label.is_none() && wants_label && pixels > 0 && shape(pixels - 1).is_some();
        if is_guess {
            label = word.or((0..all).find(|column| Some(*column) != index));
            pixels -= 1;
        }
        let shape = shape(pixels).ok_or_else(|| {
            Error::data(format!(
                "its first line has {pixels} columns of pixels, which are neither a square nor {network}; {WANTED}"
            ))
        })?;
        Ok((Columns { all, label, is_guess, index, shape }, is_header))
    }
}

/// The images read so far.
struct Table {
    columns: Columns,
    chosen: Option<Range>,
    pixels: Vec<u8>,
    span: Span,
    labels: Vec<Vec<u8>>,
    count: u64,
}

impl Table {
    /// Of a file of `length` bytes, in which each pixel takes two at least.
    fn new(columns: Columns, chosen: Option<Range>, length: u64) -> Result<Table> {
        size_of(&[length.div_ceil(2)], 1)?;
        let span = Span::of(chosen.unwrap_or(Range::BYTES));
        Ok(Table { columns, chosen, pixels: Vec::new(), span, labels: Vec::new(), count: 0 })
    }

    fn add(&mut self, row: &[&[u8]], line: u64) -> Result<()> {
        let Columns { all, label, index, .. } = self.columns;
        let wrong = |why: &str| Error::data(format!("line {line} {why}; correct the file"));
        if row.len() != all {
            return Err(wrong(&format!("has {} of {all} columns", row.len())));
        }
        self.count += 1;
        let range = self.span.range();
        for (column, &cell) in row.iter().enumerate() {
            if Some(column) == label {
                if cell.is_empty() || cell.len() > LONGEST {
                    let length = cell.len();
                    return Err(wrong(&format!("has a label of {length} bytes, which has to have 1 to {LONGEST}")));
                }
                self.labels.push(cell.to_vec());
            }
            if Some(column) == label || Some(column) == index {
                continue;
            }
            let shown = || String::from_utf8_lossy(&cell[..cell.len().min(60)]).replace(char::is_control, "\u{fffd}");
            let value = number(cell).ok_or_else(|| wrong(&format!("has `{}` in column {}", shown(), column + 1)))?;
            self.span.add(value);
            self.pixels.push(match (self.chosen, value) {
                (None, 0.0..=255.0) => value.round() as u8,
                _ => pixel(value, range).map_err(|error| Error::data(format!("line {line}: {error}")))?,
            });
        }
        Ok(())
    }

    fn finish(self) -> Result<Parsed> {
        let Columns { label, is_guess, shape, .. } = self.columns;
        let count = u32::try_from(self.count).ok().filter(|&count| count > 0);
        let count = count.ok_or_else(|| Error::data(format!("it holds {} images; {WANTED}", self.count)))?;
        let labels = label.map(|_| Labels::of_cells(&self.labels)).transpose();
        let how = label.filter(|_| is_guess).map(|column| format!("the labels are those in column {}", column + 1));
        let images = RawImages { shape, count, pixels: self.pixels, span: self.span, is_of_rows: true };
        Ok(Parsed { images, labels, how })
    }
}

/// The number that a cell is.
fn number(cell: &[u8]) -> Option<f64> {
    // Bytes are what there is most of.
    if let [b'0'..=b'9', rest @ ..] = cell
        && rest.len() < 3
        && rest.iter().all(u8::is_ascii_digit)
    {
        return Some(cell.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')).into());
    }
    str::from_utf8(cell).ok()?.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Shape = Shape { height: 2, width: 3, channels: 1 };

    fn parsed(text: &str) -> Result<Parsed> {
        parse(text.as_bytes(), text.len() as u64, Wanted { network: NETWORK, range: None })
    }

    #[track_caller]
    fn read_as(text: &str, shape: Shape, pixels: &[u8], labels: Option<(&[u32], &[&str])>) {
        let Parsed { images, labels: read, .. } = parsed(text).unwrap();
        assert_eq!((images.shape, &images.pixels[..]), (shape, pixels), "{text:?}");
        let read = read.unwrap();
        let read = read.as_ref().map(|labels| (labels.of(), labels.classes()));
        let classes = labels.map(|(of, classes)| (of, classes.iter().map(ToString::to_string).collect::<Vec<_>>()));
        assert_eq!(read, classes.as_ref().map(|(of, classes)| (*of, &classes[..])), "{text:?}");
    }

    #[test]
    fn reads_pixels_with_and_without_labels_and_names() {
        let square = Shape { height: 2, width: 2, channels: 1 };
        let pixels = [0, 9, 255, 8, 1, 2, 3, 4];
        let labels = Some((&[1, 0][..], &["3", "7"][..]));
        read_as("0,9,255,8\n1,2,3,4\n", square, &pixels, None);
        read_as("a,b,c,d\n0,9,255,8\n1,2,3,4", square, &pixels, None);
        read_as("7,0,9,255,8\n3,1,2,3,4\n", square, &pixels, labels);
        read_as("label,1x1,1x2,2x1,2x2\r\n7,0,9,255,8\r\n3,1,2,3,4\r\n", square, &pixels, labels);
        read_as("a;b;c;d;Class\n0;9;255.0;8;7\n1; 2 ;3;4;3\n\n", square, &pixels, labels);
        read_as("0\t9\t255\t8\n1\t2\t3\t4\n", square, &pixels, None);
        read_as("1,2,3,4,5,6\n", NETWORK, &[1, 2, 3, 4, 5, 6], None);
        read_as("x,6,5,4,3,2,1\n", NETWORK, &[6, 5, 4, 3, 2, 1], Some((&[0], &["x"])));
        let how = parsed("7,0,9,255,8\n").unwrap().how.unwrap();
        assert_eq!(how, "the labels are those in column 1");
        assert_eq!(parsed("label,a,b,c,d\n7,0,9,255,8\n").unwrap().how, None);
        read_as("\u{feff}\"a\",\"b\",\"c\",\"d\"\n0,9,255,8\n\"1\",2,3,4\n", square, &pixels, None);
        // As pandas writes them.
        read_as("0,1,2,3\n0,9,255,8\n1,2,3,4\n", square, &pixels, None);
        read_as(",label,0,1,2,3\n0,7,0,9,255,8\n1,3,1,2,3,4\n", square, &pixels, labels);
        read_as("label,0,1,2,3\n7,0,9,255,8\n3,1,2,3,4\n", square, &pixels, labels);
        read_as("id,a,b,c,d\n0,0,9,255,8\n1,1,2,3,4\n", square, &pixels, None);
    }

    #[test]
    fn values_have_a_range() {
        let text = "0,0.5\n1,0.25\n";
        let range = Some("0,1".parse().unwrap());
        let network = Shape { height: 1, width: 2, channels: 1 };
        let ranged = parse(text.as_bytes(), text.len() as u64, Wanted { network, range }).unwrap();
        assert_eq!(ranged.images.pixels, [0, 128, 255, 64]);
        let dark = parse(text.as_bytes(), text.len() as u64, Wanted { network, range: None }).unwrap();
        assert!(dark.images.span.remark().unwrap().ends_with("--data-range 0,1"));
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let message = parsed(&"7,".repeat(3 << 20)).unwrap_err().to_string();
        assert!(message.starts_with("line 1 is longer than 4 MiB"), "{message}");
    }

    #[test]
    fn refuses_what_are_no_images() {
        for (text, because) in [
            ("", "it has no content"),
            ("\n\n", "it holds no images"),
            ("a,b,c,d\n", "it holds 0 images"),
            ("1,2,3\n", "its first line has 3 columns of pixels, which are neither a square nor 2×3×1"),
            ("1,2,3,4\n1,2,3\n", "line 2 has 3 of 4 columns; correct the file"),
            ("1,2,3,4\n\n\n1,2,3\n", "line 4 has 3 of 4 columns; correct the file"),
            ("1,,,4\n", "line 1 has `` in column 2"),
            ("7,1,2,3,4\n,1,2,3,4\n", "line 2 has a label of 0 bytes, which has to have 1 to 255"),
            ("1,2,3,4\n1,2,,4\n", "line 2 has `` in column 3"),
            ("1,2,3,4\n1,2,x,4\n", "line 2 has `x` in column 3"),
            ("1,2,3,256\n", "line 1: it holds the value 256, which is outside of 0 to 255"),
            ("1,2,3,nan\n", "line 1 has `nan` in column 4"),
            ("<html>", "it is a web page"),
        ] {
            let message = parsed(text).map(|_| ()).unwrap_err().to_string();
            assert!(message.contains(because) && !message.contains('\n'), "{text:?}: {message}");
        }
    }
}
