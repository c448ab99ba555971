//! Labels: one whole number an image.

use std::io::BufRead;

use super::header::{Dtype, Number};
use super::values::{signed, word};
use super::{Content, read_header};
use crate::data::files::{opening, read_exactly, size_of};
use crate::error::Result;

/// Reads labels from the content of a file of `length` bytes, of which `check` is told the number
/// before they are read.
///
/// # Errors
///
/// As [`read`](super::read), without the file's name; and what `check` says.
pub fn parse_labels(mut source: impl BufRead, length: u64, check: impl FnOnce(u64) -> Result<()>) -> Result<Vec<i64>> {
    opening(&mut source)?;
    let header = read_header(&mut source, Content::Labels)?;
    let size = size_of(&header.shape, header.element.bytes as u64)?;
    let shape = &header.shape;
    // Some write a column.
    let &([count] | [count, 1]) = &shape[..] else {
        return Err(Content::Labels.unusable(&format!("its shape {shape:?} has not one axis")));
    };
    check(count)?;
    let bytes = read_exactly(source, size, length)?;
    bytes.chunks_exact(header.element.bytes).map(|bytes| value(bytes, header.element)).collect()
}

/// The number that an element is.
fn value(bytes: &[u8], element: Dtype) -> Result<i64> {
    let value = word(bytes, element.little);
    if element.kind == Number::Signed {
        return Ok(signed(value, bytes.len()));
    }
    i64::try_from(value)
        .map_err(|_| Content::Labels.unusable(&format!("it holds the value {value}, more than {}", i64::MAX)))
}
