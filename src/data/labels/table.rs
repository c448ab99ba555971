//! Labels as comma-separated values: one a line in the order of the images, or lines `file,label`.
//!
//! The first line names the columns where it has a cell `label` or `class`. All labels are whole
//! numbers, or all are names.

use std::collections::HashMap;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::{Labels, check_count, shown};
use crate::data::files::damaged;
use crate::error::{Error, Result};

/// What the column of labels is called.
pub const LABEL: [&str; 5] = ["label", "labels", "class", "target", "y"];

/// What the column of files is called.
const FILE: [&str; 4] = ["file", "filename", "path", "image"];

/// The most bytes of a label.
pub const LONGEST: usize = 255;

/// The most characters of a cell that a message quotes.
const QUOTED: usize = 60;

/// Which images the lines of a table are about.
#[derive(Clone, Copy, Debug)]
pub enum Images<'a> {
    /// So many, in their order.
    InOrder(u32),
    /// Files, by the bytes of their relative paths with `/` between the parts.
    Files(&'a [Vec<u8>]),
}

/// Reads a label for each image.
///
/// # Errors
///
/// [`Kind::Data`](crate::error::Kind::Data), with the line, when there is not exactly one for each.
pub fn parse(mut source: impl Read, images: Images<'_>) -> Result<Labels> {
    let mut text = Vec::new();
    source.read_to_end(&mut text).map_err(|cause| damaged(&cause.to_string()))?;
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(&text[..]);
    let mut table = Table::new(images);
    let (mut columns, mut row) = (None, ByteRecord::new());
    let (mut line, mut counted) = (1, 0);
    while reader.read_byte_record(&mut row).map_err(|cause| damaged(&cause.to_string()))? {
        // The reader's own number is that of the end of the row before: blank lines lie between,
        // and half of a line's end where that is \r\n.
        let before = row.position().map_or(0, csv::Position::byte) as usize;
        let begin = before + text[before..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        line += text[counted..begin].iter().filter(|&&byte| byte == b'\n').count() as u64;
        counted = begin;
        let columns = match &columns {
            Some(columns) => columns,
            None => {
                let (found, is_header) = Columns::of(&row, images)?;
                let found = columns.insert(found);
                if is_header {
                    continue;
                }
                found
            }
        };
        table.add(&row, columns, line)?;
    }
    table.labels()
}

/// Where in a line the cells are.
#[derive(Debug)]
struct Columns {
    file: Option<usize>,
    label: usize,
}

impl Columns {
    /// What the first line says, and whether it is a line of names.
    fn of(first: &ByteRecord, images: Images<'_>) -> Result<(Columns, bool)> {
        let named = |names: &[&str]| {
            let is_one = |cell: &[u8]| names.iter().any(|name| cell.eq_ignore_ascii_case(name.as_bytes()));
            first.iter().position(is_one)
        };
        let wanted = |why: &str, what: &str| Err(unusable(&format!("its first line {why}"), what));
        match (images, named(&LABEL), first.len()) {
            (Images::InOrder(_), Some(_), _) if named(&FILE).is_some() => {
                wanted("has a column of files, which an array has none of", IN_ORDER)
            }
            (Images::InOrder(_), Some(label), _) => Ok((Columns { file: None, label }, true)),
            (Images::InOrder(_), None, 1) => Ok((Columns { file: None, label: 0 }, false)),
            (Images::InOrder(_), None, _) => wanted("names no column label or class", IN_ORDER),
            (Images::Files(_), Some(label), _) => match named(&FILE) {
                None => wanted("names no column file", BY_FILE),
                file => Ok((Columns { file, label }, true)),
            },
            (Images::Files(_), None, 2) => Ok((Columns { file: Some(0), label: 1 }, false)),
            (Images::Files(_), None, 1) => wanted("has one column", BY_FILE),
            (Images::Files(_), None, _) => wanted("names no columns file and label", BY_FILE),
        }
    }
}

const IN_ORDER: &str = "write one label a line, in the order of the images, or a column called label";
const BY_FILE: &str = "write lines file,label, with commas";

/// A table that cannot be used, and what it should be.
fn unusable(why: &str, what: &str) -> Error {
    Error::data(format!("{why}; {what}"))
}

/// The labels read so far.
struct Table<'a> {
    images: Images<'a>,
    /// The place of each file.
    places: HashMap<&'a [u8], usize>,
    /// The line that labels each image, 0 where none has.
    lines: Vec<u64>,
    labels: Vec<Vec<u8>>,
    /// Lines in all; those beyond the last image are only counted.
    count: u64,
}

impl<'a> Table<'a> {
    fn new(images: Images<'a>) -> Table<'a> {
        let files = if let Images::Files(files) = images { files } else { &[] };
        let places = files.iter().enumerate().map(|(place, file)| (file.as_slice(), place)).collect();
        let (lines, labels) = (vec![0; files.len()], vec![Vec::new(); files.len()]);
        Table { images, places, lines, labels, count: 0 }
    }

    fn add(&mut self, row: &ByteRecord, columns: &Columns, line: u64) -> Result<()> {
        let correct = |why: &str| Error::data(format!("line {line} {why}; correct the file or remove it"));
        let last = columns.label.max(columns.file.unwrap_or(0));
        if row.len() <= last {
            return Err(correct(&format!("has {} of {} columns", row.len(), last + 1)));
        }
        let label = &row[columns.label];
        if label.is_empty() || label.len() > LONGEST {
            let length = label.len();
            return Err(correct(&format!("has a label of {length} bytes, which has to have 1 to {LONGEST}")));
        }
        self.count += 1;
        match (self.images, columns.file) {
            (Images::InOrder(images), _) if self.count > images.into() => {}
            (_, None) => self.labels.push(label.to_vec()),
            (_, Some(column)) => {
                let file = &row[column];
                let Some(place) = self.place(file) else {
                    // The names of columns may be ones that are not known here.
                    let header = if line == 1 { " (columns are called file and label)" } else { "" };
                    return Err(correct(&format!("names {}, which is no picture in the folder{header}", quoted(file))));
                };
                if self.lines[place] > 0 {
                    let (file, before) = (quoted(file), self.lines[place]);
                    return Err(correct(&format!("names {file}, which line {before} has labelled already")));
                }
                self.lines[place] = line;
                self.labels[place] = label.to_vec();
            }
        }
        Ok(())
    }

    /// The image that a file is, as other programs may write it, too.
    fn place(&self, file: &[u8]) -> Option<usize> {
        let known = |file: &[u8]| self.places.get(file).copied();
        known(file).or_else(|| {
            let slashes: Vec<u8> = file.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect();
            known(slashes.strip_prefix(b"./").unwrap_or(&slashes))
        })
    }

    fn labels(self) -> Result<Labels> {
        match self.images {
            Images::InOrder(images) => check_count(self.count, images)?,
            Images::Files(files) => {
                let missing: Vec<_> = files.iter().zip(&self.lines).filter(|(_, line)| **line == 0).collect();
                if let Some((first, _)) = missing.first() {
                    let (missing, all, first) = (missing.len(), files.len(), quoted(first));
                    return Err(Error::data(format!(
                        "it has no line for {missing} of {all} pictures, the first is {first}; add them or remove it"
                    )));
                }
            }
        }
        Labels::of_cells(&self.labels)
    }
}

/// A cell in a message.
fn quoted(cell: &[u8]) -> String {
    let text = shown(&cell[..cell.len().min(4 * QUOTED)]);
    if text.chars().count() > QUOTED {
        return format!("{}…", text.chars().take(QUOTED).collect::<String>());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }

    #[track_caller]
    fn read_as(labels: Result<Labels>, of: &[u32], classes: &[&str]) {
        let labels = labels.unwrap();
        assert_eq!(
            (labels.of(), labels.classes()),
            (of, &classes.iter().map(ToString::to_string).collect::<Vec<_>>()[..])
        );
    }

    #[track_caller]
    fn refused(labels: Result<Labels>, because: &str) {
        let message = labels.unwrap_err().to_string();
        assert!(message.contains(because) && !message.contains('\n'), "{message:?} does not say {because:?}");
    }

    #[test]
    fn reads_labels_in_the_order_of_the_images() {
        let three = |text: &str| parse(text.as_bytes(), Images::InOrder(3));
        for text in
            ["7\n3\n7\n", "label\n7\n3\n7", "\u{feff}Label\r\n7\r\n3\r\n7\r\n", "id,class,x\n0, 7 ,a\n1,3\n\n2,7,c,d"]
        {
            read_as(three(text), &[1, 0, 1], &["3", "7"]);
        }
        read_as(three("dog\n\"cat, wild\"\n7\n"), &[2, 1, 0], &["7", "cat, wild", "dog"]);
        read_as(three("10\n9\n-1\n"), &[2, 1, 0], &["-1", "9", "10"]);
    }

    #[test]
    fn reads_labels_of_files_in_any_order() {
        let names = files(&["a/1.png", "a/2.png", "b.png"]);
        let parsed = |text: &str| parse(text.as_bytes(), Images::Files(&names));
        for text in [
            "b.png,x\na/2.png,y\na/1.png,x\n",
            "file,label\na\\1.png,x\n./a/2.png,y\nb.png,x\n",
            "index,Class,Path\n9,x,a/1.png\n8,y,a/2.png\n7,x,b.png\n",
        ] {
            read_as(parsed(text), &[0, 1, 0], &["x", "y"]);
        }
    }

    #[test]
    fn refuses_lines_that_do_not_match_the_images() {
        let two = |text: &str| parse(text.as_bytes(), Images::InOrder(2));
        refused(two(""), "it holds 0 labels for 2 images");
        refused(two("1\n2\n3\n4\n"), "it holds 4 labels for 2 images");
        refused(two("1\n\"\"\n"), "line 2 has a label of 0 bytes");
        refused(two(&"x".repeat(256)), "line 1 has a label of 256 bytes");
        refused(two("a,b\n1,2\n"), "its first line names no column label or class; write one label a line");
        refused(two("file,label\na.png,2\n"), "has a column of files, which an array has none of");
        refused(two("id,label\n1\n"), "line 2 has 1 of 2 columns; correct the file or remove it");

        let names = files(&["a.png", "b.png"]);
        let parsed = |text: &str| parse(text.as_bytes(), Images::Files(&names));
        refused(parsed("a.png,1\nc.png,2\n"), "line 2 names c.png, which is no picture in the folder; correct");
        refused(
            parsed("picture,what\na.png,1\n"),
            "line 1 names picture, which is no picture in the folder (columns are",
        );
        refused(parsed("a.png,1\nb.png,2\na.png,1\n"), "line 3 names a.png, which line 1 has labelled already");
        refused(parsed("a.png,1\r\nc.png,2\r\n"), "line 2 names c.png");
        refused(parsed("\r\n\r\na.png,1\n\nc.png,2"), "line 5 names c.png");
        refused(parsed("a.png,1\r\nb.png,2\r\na.png,1\r\n"), "line 3 names a.png, which line 1 has");
        refused(parsed("a.png,1\n"), "it has no line for 1 of 2 pictures, the first is b.png; add them");
        refused(parsed(""), "it has no line for 2 of 2 pictures");
        refused(parsed("a.png;1\nb.png;2\n"), "its first line has one column; write lines file,label, with commas");
        refused(parsed("a,b,c\n"), "its first line names no columns file and label");
        refused(parsed("id,label\n1,2\n"), "its first line names no column file");
        let long = format!("{}\u{7},1\n", "é".repeat(300));
        refused(parsed(&long), &format!("line 1 names {}…, which", "é".repeat(60)));
    }
}
