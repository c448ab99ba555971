//! The comparison of one dispatch's output with its reference, word by word.

use serde::Serialize;

use super::guard::{POISON, POISON_WIDE};
use crate::plan::{Binding, Bound, Constant, Dispatch, View};

/// Half the distance from 1 to the next f32: the largest relative error of one rounding.
const UNIT: f64 = 1.0 / (1 << 24) as f64;

/// What the check of one dispatch found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DispatchRow {
    /// The case or preset.
    pub case: String,
    /// The kernel.
    pub kernel: &'static str,
    /// Where in the network.
    pub scope: String,
    /// The constants that the kernel is specialised with.
    pub constants: String,
    /// Words that were compared with a reference.
    pub values: u64,
    /// The error that is largest in proportion to its bound.
    pub error: f64,
    /// The bound at that place.
    pub bound: f64,
    /// Their ratio: at most 1 where all is well.
    pub ratio: f64,
    /// What is wrong, if anything.
    pub failure: Option<String>,
}

impl DispatchRow {
    pub(super) fn new(dispatch: &Dispatch) -> Self {
        let constant = |(name, value): (&&str, &Constant)| match value {
            Constant::U32(value) => format!("{name}={value}"),
            Constant::F32(value) => format!("{name}={value}"),
        };
        DispatchRow {
            kernel: dispatch.kernel.name,
            scope: dispatch.scope.clone(),
            constants: dispatch.constants.iter().map(constant).collect::<Vec<_>>().join(" "),
            ..DispatchRow::default()
        }
    }

    fn fail(&mut self, binding: &Binding, index: i64, problem: &str) {
        let (kernel, scope, constants, name) = (self.kernel, &self.scope, &self.constants, &binding.name);
        self.failure.get_or_insert_with(|| format!("{kernel} ({scope}; {constants}): {name}[{index}] {problem}"));
    }
}

/// One written tensor of a dispatch.
pub(super) struct Written<'a> {
    /// The binding that it is written through.
    pub binding: &'a Binding,
    /// The part of the tensor that is bound.
    pub view: View,
    /// The whole tensor before the dispatch.
    pub before: &'a [u32],
    /// The whole tensor after it.
    pub after: &'a [u32],
    /// What the twin makes of the view.
    pub reference: &'a [f64],
    /// What it makes of absolute inputs; for sums.
    pub magnitude: Option<&'a [f64]>,
    /// Terms of the longest sum.
    pub terms: u32,
}

/// Compares every word of a written tensor: inside the view with the twin, outside with what was
/// there.
pub(super) fn compare(bound: &Bound, output: &Written<'_>, row: &mut DispatchRow) {
    let Written { binding, view, before, after, reference, .. } = *output;
    let start = view.offset as usize;
    let end = start + view.len as usize;
    let free = start + view.len.next_multiple_of(binding.stride) as usize;
    let outside = (0..start).chain(free..before.len());
    if let Some(at) = outside.into_iter().find(|&at| before[at] != after[at]) {
        let index = at as i64 - start as i64;
        row.fail(binding, index, &format!("is outside the view, but {:#010x} became {:#010x}", before[at], after[at]));
    }
    let written = |value: &f64| value.to_bits() != POISON_WIDE.to_bits();
    let largest =
        reference.iter().filter(|value| written(value)).fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for (index, (&bits, reference)) in after[start..end].iter().zip(reference).enumerate() {
        let place = index as i64;
        if !written(reference) {
            if bits != POISON {
                row.fail(binding, place, &format!("became {}, but nothing is to be written", f32::from_bits(bits)));
            }
            continue;
        }
        row.values += 1;
        let value = f64::from(f32::from_bits(bits));
        if bits == POISON && !binding.read {
            row.fail(binding, place, &format!("is not written; the twin gives {reference:e}"));
        } else if !value.is_finite() || !reference.is_finite() {
            row.fail(binding, place, &format!("is {value}; the twin gives {reference:e}"));
        } else {
            // A device may flush denormal numbers to zero.
            let tiny = f64::from(f32::MIN_POSITIVE);
            let bound = match bound {
                Bound::Exact => 0.0,
                Bound::Sum => {
                    let magnitude = output.magnitude.map_or(0.0, |m| m[index]);
                    f64::from(output.terms.max(1)) * (2.0 * UNIT * magnitude + tiny)
                }
                Bound::Relative(part) => part * (reference.abs() + largest) + tiny,
            };
            let same = bits == (*reference as f32).to_bits();
            let error = match bound {
                0.0 if same => 0.0,
                0.0 => (value - reference).abs().max(tiny), // also where a zero has the wrong sign
                _ => (value - reference).abs(),
            };
            let ratio = if error == 0.0 { 0.0 } else { error / bound };
            if ratio > row.ratio {
                (row.error, row.bound, row.ratio) = (error, bound, ratio);
            }
            if error > bound {
                row.fail(binding, place, &format!("is {value:e}; the twin gives {reference:e} ± {bound:.1e}"));
            }
        }
    }
}
