//! The geometry of convolutions: kernel, stride and padding, as the configuration writes them and
//! as sizes follow.

use serde::{Deserialize, Serialize};

/// One number for both axes, or `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, or [vertical, horizontal]")]
pub enum Pair {
    /// The same for both axes.
    Both(u32),
    /// `[vertical, horizontal]`.
    Each([u32; 2]),
}

impl Pair {
    /// 1 for both axes, a key's default.
    pub(super) fn one() -> Self {
        Pair::Both(1)
    }

    /// 0 for both axes, a key's default.
    pub(super) fn zero() -> Self {
        Pair::Both(0)
    }

    /// `[vertical, horizontal]`.
    pub fn each(self) -> [u32; 2] {
        match self {
            Pair::Both(n) => [n, n],
            Pair::Each(pair) => pair,
        }
    }
}

/// Padding, as the configuration writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, [top, bottom, left, right], \"same\" or \"valid\"")]
pub enum Padding {
    /// The same on all sides.
    All(u32),
    /// `[top, bottom, left, right]`.
    Sides([u32; 4]),
    /// "same" (TensorFlow's: the output is ⌈input / stride⌉, or input · stride when transposed, and
    /// where the padding is odd the side after gets more) or "valid" (none).
    Rule(PaddingRule),
}

/// Padding that follows from the sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum PaddingRule {
    Same,
    Valid,
}

impl Default for Padding {
    fn default() -> Self {
        Padding::All(0)
    }
}

/// A convolution's geometry with its padding resolved; index 0 is vertical, 1 horizontal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Kernel size.
    pub kernel: [u32; 2],
    /// Distance between applications.
    pub stride: [u32; 2],
    /// `[before, after]` of each axis.
    pub padding: [[u32; 2]; 2],
}

impl Window {
    /// Kernel positions.
    pub fn taps(&self) -> u32 {
        self.kernel[0] * self.kernel[1]
    }

    /// The window and the output size of a convolution over `input` `[height, width]`; the message
    /// of a failure names no layer.
    pub fn convolution(
        kernel: [u32; 2],
        stride: [u32; 2],
        padding: &Padding,
        input: [u32; 2],
    ) -> Result<(Window, [u32; 2]), String> {
        check(kernel, stride)?;
        let same = |axis: usize| {
            let output = input[axis].div_ceil(stride[axis]);
            ((output - 1) * stride[axis] + kernel[axis]).saturating_sub(input[axis])
        };
        let window = Window { kernel, stride, padding: resolve(padding, same) };
        let mut output = [0; 2];
        for axis in 0..2 {
            let [before, after] = window.padding[axis];
            let padded = u64::from(input[axis]) + u64::from(before) + u64::from(after);
            let Some(room) = padded.checked_sub(u64::from(kernel[axis])) else {
                return Err(format!("a kernel of {} does not fit {padded} padded pixels", kernel[axis]));
            };
            output[axis] = size(room / u64::from(stride[axis]) + 1)?;
        }
        Ok((window, output))
    }

    /// The window and the output size of a transposed convolution over `input` `[height, width]`:
    /// the window is that of the convolution that leads back.
    pub fn transposed(
        kernel: [u32; 2],
        stride: [u32; 2],
        padding: &Padding,
        output_padding: [u32; 2],
        input: [u32; 2],
    ) -> Result<(Window, [u32; 2]), String> {
        check(kernel, stride)?;
        let same = |axis: usize| kernel[axis].saturating_sub(stride[axis]);
        let window = Window { kernel, stride, padding: resolve(padding, same) };
        let mut output = [0; 2];
        for axis in 0..2 {
            let [before, after] = window.padding[axis];
            if output_padding[axis] >= stride[axis] {
                return Err(format!("output_padding {} must be below the stride", output_padding[axis]));
            }
            let full = u64::from(input[axis] - 1) * u64::from(stride[axis])
                + u64::from(kernel[axis].max(if *padding == SAME { stride[axis] } else { 0 }))
                + u64::from(output_padding[axis]);
            let cut = u64::from(before) + u64::from(after);
            output[axis] = match full.checked_sub(cut) {
                Some(rest) if rest > 0 => size(rest)?,
                _ => return Err(format!("padding of {cut} leaves nothing of {full} output pixels")),
            };
        }
        Ok((window, output))
    }
}

/// Pixels that a side of an image, a kernel or a stride may have.
const MAX_PIXELS: u32 = 4096;

const SAME: Padding = Padding::Rule(PaddingRule::Same);

fn resolve(padding: &Padding, same: impl Fn(usize) -> u32) -> [[u32; 2]; 2] {
    match *padding {
        Padding::All(n) => [[n, n]; 2],
        Padding::Sides([top, bottom, left, right]) => [[top, bottom], [left, right]],
        Padding::Rule(PaddingRule::Valid) => [[0, 0]; 2],
        Padding::Rule(PaddingRule::Same) => [0, 1].map(|axis| {
            let total = same(axis);
            [total / 2, total - total / 2]
        }),
    }
}

fn check(kernel: [u32; 2], stride: [u32; 2]) -> Result<(), String> {
    for (what, pair, most) in [("kernel", kernel, MAX_PIXELS), ("stride", stride, MAX_PIXELS)] {
        if pair.iter().any(|n| !(1..=most).contains(n)) {
            return Err(format!("{what} {}×{} is outside 1 to {most}", pair[0], pair[1]));
        }
    }
    Ok(())
}

fn size(pixels: u64) -> Result<u32, String> {
    u32::try_from(pixels)
        .ok()
        .filter(|&n| n <= MAX_PIXELS)
        .ok_or_else(|| format!("{pixels} pixels across are more than {MAX_PIXELS}"))
}
