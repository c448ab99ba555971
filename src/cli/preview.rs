//! Pictures as text: what a terminal can show of a sample grid.

use crate::output::Picture;

/// How a preview is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMode {
    /// Two pixels a character (half blocks) in 24-bit colour.
    True,
    /// Two pixels a character in the 256 colours of xterm.
    Palette,
    /// One of ten ASCII characters for two pixels, the darkest of them a space: no colour, no
    /// escape codes.
    Ascii,
}

/// From dark to light.
const RAMP: &[u8; 10] = b" .:-=+*#%@";
/// Levels of a channel in xterm's cube of 6×6×6 colours.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl ColourMode {
    /// What a stream takes, given whether it `is_terminal` and the environment: nothing but ASCII
    /// where it is no terminal, where `NO_COLOR` is set to anything (no-color.org), or where `TERM`
    /// is absent or `dumb`.
    pub fn detect(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, test: fn(&str) -> bool| variable(name).is_some_and(|value| test(&value));
        // Windows' terminal sets no TERM.
        let modern = is("WT_SESSION", |v| !v.is_empty());
        let capable = is("TERM", |v| !v.is_empty() && v != "dumb") || modern;
        if !is_terminal || !capable || is("NO_COLOR", |v| !v.is_empty()) {
            return ColourMode::Ascii;
        }
        let direct = is("TERM", |v| v.ends_with("-direct"));
        if modern || direct || is("COLORTERM", |v| v == "truecolor" || v == "24bit") {
            return ColourMode::True;
        }
        ColourMode::Palette
    }
}

/// `picture` as lines of text, at most `columns` characters wide, and never wider than one
/// character a pixel. A character stands for a column of two squares: each shows the mean of the
/// pixels below it. Every line ends with a line break.
pub fn preview(picture: &Picture, columns: usize, mode: ColourMode) -> String {
    let width = picture.width.min(columns.max(1));
    if width == 0 || picture.height == 0 {
        return String::new();
    }
    // Squares of the same aspect; an even number of rows, two for each line.
    let rows = (picture.height * width).div_ceil(picture.width).next_multiple_of(2);
    let square = |row: usize, column: usize| mean(picture, [row, rows], [column, width]);
    let mut text = String::new();
    for row in (0..rows).step_by(2) {
        let mut colours = None;
        for column in 0..width {
            let (upper, lower) = (square(row, column), square(row + 1, column));
            if mode == ColourMode::Ascii {
                let light = (luminance(upper) + luminance(lower)) / 2.0;
                text.push(char::from(RAMP[(light / 256.0 * RAMP.len() as f64) as usize]));
                continue;
            }
            // A colour code only where it changes.
            if colours != Some([upper, lower]) {
                colours = Some([upper, lower]);
                let ([r, g, b], [s, h, c]) = (upper, lower);
                text += &match mode {
                    ColourMode::True => format!("\x1b[38;2;{r};{g};{b};48;2;{s};{h};{c}m"),
                    _ => format!("\x1b[38;5;{};48;5;{}m", palette(upper), palette(lower)),
                };
            }
            text.push('▀');
        }
        text.push_str(if mode == ColourMode::Ascii { "\n" } else { "\x1b[0m\n" });
    }
    text
}

/// The mean colour of square `[index, count]` down and across.
fn mean(picture: &Picture, down: [usize; 2], across: [usize; 2]) -> [u8; 3] {
    // At least one pixel, also where there are more squares than pixels.
    let range = |[index, count]: [usize; 2], size: usize| {
        let from = (index * size / count).min(size - 1);
        from..((index + 1) * size / count).clamp(from + 1, size)
    };
    let (ys, xs) = (range(down, picture.height), range(across, picture.width));
    let count = ys.len() * xs.len();
    let mut sums = [0; 3];
    for y in ys {
        for x in xs.clone() {
            let pixel = &picture.pixels[(y * picture.width + x) * picture.channels..][..picture.channels];
            for (sum, channel) in sums.iter_mut().zip(0..) {
                *sum += usize::from(pixel[channel % picture.channels]);
            }
        }
    }
    sums.map(|sum: usize| ((sum + count / 2) / count) as u8)
}

/// Rec. 709's weights, 0 to 255.
fn luminance([r, g, b]: [u8; 3]) -> f64 {
    0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
}

/// The nearest of xterm's colours 16 to 255: a cube of colours and a row of greys.
fn palette(colour: [u8; 3]) -> u8 {
    let distance =
        |other: [u8; 3]| -> u32 { colour.iter().zip(other).map(|(&a, b)| u32::from(a.abs_diff(b)).pow(2)).sum() };
    let nearest = |level: u8| (0..6_u8).min_by_key(|&i| CUBE[usize::from(i)].abs_diff(level)).unwrap_or(0);
    let [r, g, b] = colour.map(nearest);
    let of_cube = (16 + 36 * r + 6 * g + b, [r, g, b].map(|i| CUBE[usize::from(i)]));
    let sum: u32 = colour.iter().map(|&c| u32::from(c)).sum();
    let grey = ((sum / 3).saturating_sub(3) / 10).min(23) as u8;
    let of_greys = (232 + grey, [8 + 10 * grey; 3]);
    if distance(of_greys.1) < distance(of_cube.1) { of_greys.0 } else { of_cube.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u8) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
        Picture::new(pixels, [height, width, 1]).unwrap()
    }

    #[test]
    fn ascii_has_one_character_for_two_pixels() {
        let ramp = grey(10, 2, |x, _| (x * 28) as u8);
        assert_eq!(preview(&ramp, 80, ColourMode::Ascii), " .:-=+*#%@\n");
        let halves = grey(4, 4, |_, y| if y < 2 { 255 } else { 0 });
        assert_eq!(preview(&halves, 80, ColourMode::Ascii), "@@@@\n    \n");
        assert_eq!(preview(&halves, 2, ColourMode::Ascii), "==\n", "scaled down, light and dark share a line");
    }

    #[test]
    fn colours_change_only_where_the_picture_does() {
        let picture = Picture::new([[255, 0, 0], [255, 0, 0], [0, 0, 255], [1, 2, 3]].concat(), [2, 2, 3]).unwrap();
        let expected = "\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[38;2;255;0;0;48;2;1;2;3m▀\x1b[0m\n";
        assert_eq!(preview(&picture, 80, ColourMode::True), expected);
        let flat = grey(5, 2, |_, _| 8);
        assert_eq!(preview(&flat, 80, ColourMode::Palette), "\x1b[38;5;232;48;5;232m▀▀▀▀▀\x1b[0m\n");
    }

    #[test]
    fn every_size_fits() {
        for (width, height, columns) in [(1, 1, 1), (7, 3, 5), (238, 238, 80), (3, 50, 2), (50, 3, 100), (9, 9, 0)] {
            let text = preview(&grey(width, height, |x, y| (x * 7 + y) as u8), columns, ColourMode::Ascii);
            let lines: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
            let expected = width.min(columns.max(1));
            assert!(lines.iter().all(|&n| n == expected), "{width}×{height} in {columns}: {lines:?}");
            let squares = height as f64 * expected as f64 / width as f64;
            assert!((lines.len() as f64 * 2.0 - squares).abs() <= 2.0, "{width}×{height} in {columns}: {lines:?}");
        }
        assert_eq!(preview(&grey(0, 0, |_, _| 0), 10, ColourMode::Ascii), "");
    }

    #[test]
    fn the_nearest_of_256_colours() {
        let pairs =
            [([0, 0, 0], 16), ([255, 255, 255], 231), ([255, 0, 0], 196), ([128, 128, 128], 244), ([8, 8, 8], 232)];
        for (colour, expected) in pairs {
            assert_eq!(palette(colour), expected, "{colour:?}");
        }
    }

    #[test]
    fn colour_is_for_terminals_that_take_it() {
        let mode = |is_terminal, variables: &[(&str, &str)]| {
            ColourMode::detect(is_terminal, |name| {
                variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_string())
            })
        };
        let xterm = ("TERM", "xterm-256color");
        assert_eq!(mode(true, &[xterm]), ColourMode::Palette);
        assert_eq!(mode(true, &[xterm, ("COLORTERM", "truecolor")]), ColourMode::True);
        assert_eq!(mode(true, &[("WT_SESSION", "1")]), ColourMode::True);
        assert_eq!(mode(true, &[xterm, ("NO_COLOR", "")]), ColourMode::Palette);
        for (is_terminal, variables) in [
            (false, &[xterm, ("COLORTERM", "truecolor")][..]),
            (true, &[xterm, ("COLORTERM", "truecolor"), ("NO_COLOR", "1")]),
            (true, &[("TERM", "dumb")]),
            (true, &[]),
        ] {
            assert_eq!(mode(is_terminal, variables), ColourMode::Ascii, "{variables:?}");
        }
    }
}
