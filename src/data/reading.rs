//! How files become images, where that can be chosen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::range::Range;

/// What someone chooses about how a data set is read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// The values that are black and white, instead of those of their type.
    pub range: Option<Range>,
    /// What lies behind transparent pictures.
    pub ground: Ground,
    /// Whether pictures that cannot be read are left out.
    pub skip_broken: bool,
    /// Whether folders are read as the first versions did: PNG and JPEG, by their endings. Runs
    /// that began so go on so.
    pub early: bool,
}

/// A colour behind transparent pictures: black unless it is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ground(pub [u8; 3]);

impl Ground {
    const BLACK: Ground = Ground([0; 3]);
    const WHITE: Ground = Ground([255; 3]);

    /// Whether it is black.
    pub fn is_black(&self) -> bool {
        *self == Ground::BLACK
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Ground::BLACK => f.write_str("black"),
            Ground::WHITE => f.write_str("white"),
            Ground([red, green, blue]) => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

impl FromStr for Ground {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let colour = match text {
            "black" => Some(Ground::BLACK),
            "white" => Some(Ground::WHITE),
            _ => hexadecimal(text).map(Ground),
        };
        colour.ok_or_else(|| format!("`{text}` is no colour; write black, white or one such as #20c0ff"))
    }
}

/// The colour that `#rrggbb` or `#rgb` is.
fn hexadecimal(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?.chars().map(|c| c.to_digit(16)).collect::<Option<Vec<_>>>()?;
    let digits: Vec<u8> = digits.into_iter().map(|digit| digit as u8).collect();
    match digits[..] {
        [r, g, b] => Some([r, g, b].map(|digit| digit * 17)),
        [r, s, g, h, b, c] => Some([r * 16 + s, g * 16 + h, b * 16 + c]),
        _ => None,
    }
}

impl TryFrom<String> for Ground {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ground> for String {
    fn from(ground: Ground) -> Self {
        ground.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_written() {
        for (text, colour, written) in [
            ("black", [0; 3], "black"),
            ("#fff", [255; 3], "white"),
            ("#20C0ff", [0x20, 0xc0, 0xff], "#20c0ff"),
            ("#1a0", [0x11, 0xaa, 0], "#11aa00"),
        ] {
            let ground: Ground = text.parse().unwrap();
            assert_eq!((ground, ground.to_string().as_str()), (Ground(colour), written), "{text}");
        }
        for text in ["", "#", "red", "#12", "#12345", "#gggggg", "#+1+2+3", "#1234567", "#é1", "20c0ff"] {
            let message = text.parse::<Ground>().unwrap_err();
            assert!(message.contains("is no colour; write black, white or one such as #20c0ff"), "{message}");
        }
    }
}
