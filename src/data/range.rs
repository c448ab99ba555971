//! Which of the values in a file are black and white, and which of them occur.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The values in files that are black and white; what lies between is grey, and what lies outside
/// is an error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct Range {
    black: f64,
    white: f64,
}

impl Range {
    /// That of bytes.
    pub const BYTES: Range = Range { black: 0.0, white: 255.0 };
    /// That of samples of 16 bits in pictures.
    pub const WORDS: Range = Range { black: 0.0, white: 65535.0 };
    /// That of floats and of truths.
    pub const UNIT: Range = Range { black: 0.0, white: 1.0 };

    /// The range whose ends are floats of 32 bits: those of values that are such floats.
    pub fn single(self) -> Range {
        Range { black: (self.black as f32).into(), white: (self.white as f32).into() }
    }

    /// The pixel that a value is, or `None` where it lies outside.
    pub fn pixel(self, value: f64) -> Option<u8> {
        let share = (value - self.black) / (self.white - self.black);
        (0.0..=1.0).contains(&share).then(|| (share * 255.0).round() as u8)
    }
}

impl TryFrom<[f64; 2]> for Range {
    type Error = String;

    fn try_from([black, white]: [f64; 2]) -> Result<Self, String> {
        // Neither NaN nor infinity.
        if black < white && (white - black).is_finite() {
            return Ok(Range { black, white });
        }
        Err(format!("{black} to {white} is no range of values; write black and white, such as 0,4095"))
    }
}

impl From<Range> for [f64; 2] {
    fn from(Range { black, white }: Range) -> Self {
        [black, white]
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse().ok();
        let ends = text.split_once(',').and_then(|(black, white)| Some([number(black)?, number(white)?]));
        ends.ok_or_else(|| format!("`{text}` is no range; write black and white, such as 0,4095"))?.try_into()
    }
}

/// "0 to 255".
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.black, self.white)
    }
}

/// The lowest and the highest of the values that were read, and what was taken for black and white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    range: Range,
    low: f64,
    high: f64,
}

/// Values that fill less of their range than this are seldom meant.
const LEAST: f64 = 0.25;

impl Span {
    /// No values yet, in this range.
    pub fn of(range: Range) -> Span {
        Span { range, low: f64::INFINITY, high: f64::NEG_INFINITY }
    }

    /// That of bytes.
    pub fn of_bytes<'a>(values: impl IntoIterator<Item = &'a u8>) -> Span {
        let mut span = Span::of(Range::BYTES);
        let mut seen = [false; 256];
        values.into_iter().for_each(|&value| seen[usize::from(value)] = true);
        (0..=255_u8).filter(|&value| seen[usize::from(value)]).for_each(|value| span.add(value.into()));
        span
    }

    /// Takes another value in.
    pub fn add(&mut self, value: f64) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
    }

    /// Takes in what another span of the same range has.
    pub fn join(&mut self, other: Span) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
    }

    /// The same values in another range.
    pub fn within(self, range: Range) -> Span {
        Span { range, ..self }
    }

    /// What was taken for black and white.
    pub fn range(&self) -> Range {
        self.range
    }

    /// The lowest and the highest value.
    pub fn ends(&self) -> [f64; 2] {
        [self.low, self.high]
    }

    /// The range that was probably meant, as `--data-range` takes it: of whole numbers from 0 on
    /// that of the bits that are in use, of others -1 to 1 where they have both signs, otherwise
    /// what occurs.
    pub fn probable(&self) -> String {
        if self.low < 0.0 && self.low >= -1.0 && self.high > 0.0 && self.high <= 1.0 {
            return "-1,1".to_string();
        }
        if self.low >= 0.0 && self.high.fract() == 0.0 && self.high < 2_f64.powi(52) {
            let bits = (self.high as u64 + 1).next_power_of_two() - 1;
            return format!("0,{}", bits.max(1));
        }
        format!("{},{}", shown(self.low), shown(self.high))
    }

    /// What to say of values that fill little of their range.
    pub fn remark(&self) -> Option<String> {
        let Range { black, white } = self.range;
        if (self.high - self.low) >= (white - black) * LEAST || self.low > self.high {
            return None;
        }
        let (low, high, probable) = (shown(self.low), shown(self.high), self.probable());
        Some(format!(
            "the values lie between {low} and {high}, where {black} is black and {white} is white: images of next to no \
             contrast; if they are meant to fill the range, say so with --data-range {probable}"
        ))
    }
}

/// A value as short as it can be written: that of a float of 32 bits has more digits as one of 64.
pub fn shown(value: f64) -> String {
    let single = value as f32;
    match value.abs() {
        size if size != 0.0 && !(1e-5..1e16).contains(&size) => format!("{value:e}"),
        _ if f64::from(single) == value => single.to_string(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_black_and_white() {
        let range: Range = "-1, 1".parse().unwrap();
        assert_eq!([-1.0, 0.0, 1.0].map(|v| range.pixel(v)), [Some(0), Some(128), Some(255)]);
        assert_eq!([-1.01, 1.01, f64::NAN, f64::INFINITY].map(|v| range.pixel(v)), [None; 4]);
        assert!((0..=255_u8).all(|v| Range::BYTES.pixel(v.into()) == Some(v)));
        assert_eq!(range.to_string(), "-1 to 1");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "1", "0,x", "1,0", "3,3", "0,nan", "-inf,0", "0,1,2"] {
            let message = text.parse::<Range>().unwrap_err();
            assert!(message.contains("such as 0,4095"), "{text}: {message}");
        }
    }

    #[test]
    fn the_range_that_was_meant_is_guessed() {
        let span = |range, values: &[f64]| {
            let mut span = Span::of(range);
            values.iter().for_each(|&value| span.add(value));
            span
        };
        let remark = Span::of_bytes(&[0, 1, 1]).remark().unwrap();
        assert!(remark.starts_with("the values lie between 0 and 1, where 0 is black and 255 is white"), "{remark}");
        assert!(remark.ends_with("--data-range 0,1"), "{remark}");
        assert!(span(Range::WORDS, &[7.0, 4011.0]).remark().unwrap().ends_with("--data-range 0,4095"));
        assert!(span(Range::UNIT, &[0.0, 0.003]).remark().unwrap().ends_with("--data-range 0,0.003"));
        assert_eq!(span(Range::BYTES, &[-3.0, 8.0]).probable(), "-3,8");
        assert_eq!(span(Range::UNIT, &[-0.998, 0.999]).probable(), "-1,1");
        assert_eq!(Span::of_bytes(&[0, 0]).probable(), "0,1");
        assert_eq!(span(Range::BYTES, &[0.0, 64.0]).remark(), None);
        assert_eq!(Span::of(Range::BYTES).remark(), None);
        assert_eq!([0.0, 0.1, f64::from(0.1_f32), 3e300, -2e-9].map(shown), ["0", "0.1", "0.1", "3e300", "-2e-9"]);
    }
}
