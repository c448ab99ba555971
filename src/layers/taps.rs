//! Tap lists: dense, convolution and transposed convolution as lists of (input pixel, output pixel,
//! tap).
//!
//! `y[q] = Σ x[p] · W[t]` over the list's entries with output pixel q. Taps that would read padding
//! are not in the list, so kernels need no bounds checks. The adjoint list, with p and q exchanged,
//! gives the gradient with respect to the input; grouped by tap, the list gives the gradient with
//! respect to the weights.

use super::window::Window;
use crate::shape::Shape;

/// One product of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// Input pixel.
    pub p: u32,
    /// Output pixel.
    pub q: u32,
    /// Tap: which matrix of the weights.
    pub t: u32,
}

/// All products of a linear layer, for one sample.
#[derive(Clone, Debug)]
pub struct TapList {
    /// Ordered by output pixel, then tap.
    taps: Vec<Tap>,
    outputs: u32,
    count: u32,
    /// Entries if padding were multiplied too.
    nominal: u32,
}

impl TapList {
    /// A dense layer: every input pixel meets every output pixel through a tap of its own, `t = q ·
    /// P + p`.
    pub fn dense(input: Shape, output: Shape) -> Self {
        let (inputs, outputs) = (input.pixels(), output.pixels());
        let taps = (0..outputs).flat_map(|q| (0..inputs).map(move |p| Tap { p, q, t: q * inputs + p }));
        TapList { taps: taps.collect(), outputs, count: inputs * outputs, nominal: inputs * outputs }
    }

    /// A convolution: output (i, j) reads input (i·stride + ky − top, j·stride + kx − left), of an
    /// input first enlarged `upsample` times by repetition.
    pub fn convolution(input: Shape, output: Shape, window: &Window, upsample: u32) -> Self {
        let rows = axis(output.height, input.height * upsample, window, 0);
        let columns = axis(output.width, input.width * upsample, window, 1);
        let mut taps = Vec::new();
        for (i, ky, y) in &rows {
            for (j, kx, x) in &columns {
                let p = (y / upsample) * input.width + x / upsample;
                taps.push(Tap { p, q: i * output.width + j, t: ky * window.kernel[1] + kx });
            }
        }
        let outputs = output.pixels();
        TapList::ordered(taps, outputs, window.taps(), outputs * window.taps())
    }

    /// A transposed convolution: the adjoint of the convolution that leads from `output` to
    /// `input`.
    pub fn transposed_convolution(input: Shape, output: Shape, window: &Window) -> Self {
        TapList::convolution(output, input, window, 1).adjoint(output.pixels())
    }

    /// The list of the gradient with respect to the input, which has `inputs` pixels.
    pub fn adjoint(&self, inputs: u32) -> Self {
        let taps = self.taps.iter().map(|tap| Tap { p: tap.q, q: tap.p, t: tap.t }).collect();
        TapList::ordered(taps, inputs, self.count, self.nominal)
    }

    fn ordered(mut taps: Vec<Tap>, outputs: u32, count: u32, nominal: u32) -> Self {
        taps.sort_by_key(|tap| (tap.q, tap.t, tap.p));
        TapList { taps, outputs, count, nominal }
    }

    /// Entries: multiply-adds of a sample, divided by the channel counts.
    pub fn len(&self) -> u32 {
        self.taps.len() as u32
    }

    /// Entries that an implicit matrix product has, which multiplies padding too.
    pub fn nominal(&self) -> u32 {
        self.nominal
    }

    /// Whether no input reaches any output.
    pub fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    /// Taps: matrices of the weights.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Grouped by output pixel: rows `[Q, 3]` of (q, first pair, end), the longest first so that no
    /// long one is left at the end of a dispatch; pairs `[len, 2]` of (p, t).
    pub fn by_output(&self) -> (Vec<u32>, Vec<u32>) {
        let mut rows: Vec<[u32; 3]> = (0..self.outputs).map(|q| [q, 0, 0]).collect();
        for (i, tap) in (0..).zip(&self.taps) {
            let row = &mut rows[tap.q as usize];
            if row[2] == 0 {
                row[1] = i;
            }
            row[2] = i + 1;
        }
        rows.sort_by_key(|[q, first, end]| (std::cmp::Reverse(end - first), *q));
        let pairs = self.taps.iter().flat_map(|tap| [tap.p, tap.t]).collect();
        (rows.into_flattened(), pairs)
    }

    /// Grouped by tap and cut into `splits` shares: shares `[splits, T, 2]` of (first pair, end),
    /// pairs `[len, 2]` of (p, q).
    pub fn by_tap(&self, splits: u32) -> (Vec<u32>, Vec<u32>) {
        let mut taps = self.taps.clone();
        taps.sort_by_key(|tap| (tap.t, tap.q, tap.p));
        let mut starts = vec![0; self.count as usize + 1];
        taps.iter().for_each(|tap| starts[tap.t as usize + 1] += 1);
        for t in 0..self.count as usize {
            starts[t + 1] += starts[t];
        }
        let mut shares = Vec::new();
        for s in 0..splits {
            for range in starts.windows(2) {
                let pairs = u64::from(range[1] - range[0]);
                let cut = |s: u32| range[0] + (pairs * u64::from(s) / u64::from(splits)) as u32;
                shares.extend([cut(s), cut(s + 1)]);
            }
        }
        (shares, taps.iter().flat_map(|tap| [tap.p, tap.q]).collect())
    }

    /// Entries of the output pixel that has most.
    pub fn longest_row(&self) -> u32 {
        let (rows, _) = self.by_output();
        rows.first_chunk::<3>().map_or(0, |[_, first, end]| end - first)
    }

    /// Entries of the tap that has most.
    pub fn longest_tap(&self) -> u32 {
        let mut counts = vec![0; self.count as usize];
        self.taps.iter().for_each(|tap| counts[tap.t as usize] += 1);
        counts.into_iter().max().unwrap_or(0)
    }
}

/// One axis of a convolution: all (output, kernel position, input) with the input inside its
/// bounds.
fn axis(outputs: u32, inputs: u32, window: &Window, axis: usize) -> Vec<(u32, u32, u32)> {
    let (kernel, stride, before) = (window.kernel[axis], window.stride[axis], window.padding[axis][0]);
    (0..outputs)
        .flat_map(|o| (0..kernel).map(move |k| (o, k, (o * stride + k).wrapping_sub(before))))
        .filter(|(_, _, i)| *i < inputs)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::window::{Padding, PaddingRule};

    fn shape(height: u32, width: u32) -> Shape {
        Shape { height, width, channels: 1 }
    }

    /// The counts of the design: 841 of 1225 pairs of a 5×5 convolution on 7×7 are real, and 1024
    /// of the strided one.
    #[test]
    fn padding_taps_are_absent() {
        let count = |stride: u32, input: u32| {
            let same = Padding::Rule(PaddingRule::Same);
            let (window, [h, w]) = Window::convolution([5, 5], [stride; 2], &same, [input; 2]).unwrap();
            let list = TapList::convolution(shape(input, input), shape(h, w), &window, 1);
            (list.len(), list.nominal(), list.adjoint(input * input).nominal())
        };
        assert_eq!(count(1, 7), (841, 1225, 1225));
        assert_eq!(count(2, 14), (1024, 1225, 1225));
    }

    #[test]
    fn the_adjoint_of_the_adjoint_is_the_list() {
        let window = Window { kernel: [3, 4], stride: [2, 1], padding: [[1, 0], [2, 1]] };
        let list = TapList::convolution(shape(5, 6), shape(2, 6), &window, 1);
        assert_eq!(list.adjoint(30).adjoint(12).taps, list.taps);
    }

    #[test]
    fn large_lists_are_cut_without_wrapping() {
        let window = Window { kernel: [1, 1], stride: [1, 1], padding: [[0, 0], [0, 0]] };
        let list = TapList::convolution(shape(1024, 1024), shape(1024, 1024), &window, 1);
        let (shares, _) = list.by_tap(5000);
        assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]), "shares ascend");
        assert_eq!(shares.last(), Some(&(1024 * 1024)));
    }

    #[test]
    fn shares_cover_every_pair_once() {
        let window = Window { kernel: [3, 3], stride: [1, 1], padding: [[1, 1], [1, 1]] };
        let list = TapList::convolution(shape(5, 5), shape(5, 5), &window, 1);
        let (shares, pairs) = list.by_tap(4);
        let mut covered = vec![0; pairs.len() / 2];
        for share in shares.chunks(2) {
            (share[0]..share[1]).for_each(|i| covered[i as usize] += 1);
        }
        assert!(covered.iter().all(|&count| count == 1));
    }
}
