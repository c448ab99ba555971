//! Elements of an array as pixels.

use super::header::{Dtype, Number};
use crate::data::range::{Range, Span, shown};
use crate::error::{Error, Result};

/// The bits of an element.
pub(super) fn word(bytes: &[u8], little: bool) -> u64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    if little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
}

/// The number that `bytes` bytes are in two's complement.
pub(super) fn signed(word: u64, bytes: usize) -> i64 {
    let beyond = 64 - 8 * bytes as u32;
    (word << beyond).cast_signed() >> beyond
}

/// The float that an element is.
pub(super) fn float(bytes: &[u8], element: Dtype) -> f64 {
    let word = word(bytes, element.little);
    if element.bytes == 4 { f32::from_bits(word as u32).into() } else { f64::from_bits(word) }
}

/// What is black and white where nobody says so, if the type tells.
fn range_of(element: Dtype) -> Option<Range> {
    match (element.kind, element.bytes) {
        (Number::Float | Number::Bool, _) => Some(Range::UNIT),
        (Number::Unsigned, 1) => Some(Range::BYTES),
        _ => None,
    }
}

/// Makes pixels of the elements `bytes`.
///
/// # Errors
///
/// A data error when a value is outside of the range, or when the type has none and none is chosen.
pub(super) fn pixels(bytes: Vec<u8>, element: Dtype, chosen: Option<Range>) -> Result<(Vec<u8>, Span)> {
    if (element.kind, element.bytes, chosen) == (Number::Unsigned, 1, None) {
        let span = Span::of_bytes(&bytes);
        return Ok((bytes, span));
    }
    let values = || bytes.chunks_exact(element.bytes).map(|bytes| value(bytes, element));
    let Some(range) = chosen.or(range_of(element)) else {
        let mut span = Span::of(Range::BYTES);
        values().for_each(|value| span.add(value));
        return Err(unclear(&format!("whole numbers of {} bits", 8 * element.bytes), span, ""));
    };
    let range = if (element.kind, element.bytes) == (Number::Float, 4) { range.single() } else { range };
    let mut span = Span::of(range);
    let pixel = |value: f64| {
        span.add(value);
        let pixel = match (element.kind, element.bytes, chosen) {
            // In their own precision, as they always were: the last bit depends on it.
            (Number::Float, 4, None) if (0.0..=1.0).contains(&value) => Some((value as f32 * 255.0).round() as u8),
            _ => range.pixel(value),
        };
        pixel.ok_or_else(|| {
            let mut all = Span::of(range);
            values().for_each(|value| all.add(value));
            match value.is_finite() {
                true => unclear("values", all, &format!(", beyond {range}")),
                false => Error::data(format!("it holds the value {value}, which is no pixel; save numbers alone")),
            }
        })
    };
    let pixels = values().map(pixel).collect::<Result<Vec<_>>>()?;
    Ok((pixels, span))
}

/// The refusal of values that do not say which of them are black and white.
fn unclear(what: &str, span: Span, beyond: &str) -> Error {
    let [low, high] = span.ends().map(shown);
    Error::data(format!(
        "it holds {what} from {low} to {high}{beyond}; say which of them are black and white, such as with --data-range {}",
        span.probable()
    ))
}

/// The number that an element is; of whole numbers beyond 2⁵³ the nearest.
fn value(bytes: &[u8], element: Dtype) -> f64 {
    let word = word(bytes, element.little);
    match (element.kind, element.bytes) {
        (Number::Bool | Number::Unsigned, _) => word as f64,
        (Number::Signed, bytes) => signed(word, bytes) as f64,
        (Number::Float, _) => float(bytes, element),
    }
}
