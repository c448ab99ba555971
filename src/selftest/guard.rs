//! Programs between guard bands: every tensor gets words before and after it that no kernel may
//! touch.

use crate::plan::{ALIGNMENT, Dispatch, Element, Plan, Program, TensorSpec, View};

/// Words before and after each tensor.
const GUARD: u32 = ALIGNMENT;

/// What guard words hold while a tensor is read: as a float a NaN, so that a result which depends
/// on one shows it.
pub const READ_GUARD: u32 = 0x7fc5_eed5;

/// What they hold while a tensor is written: as a float a number, because a NaN that is read,
/// changed and written back can have the same bits as before.
pub const WRITE_GUARD: u32 = 0x4499_1a2b;

/// What outputs hold before a kernel runs: another NaN.
pub const POISON: u32 = 0x7fc0_dead;

/// The same for outputs of twins in f64; a word that still holds it was not written.
pub const POISON_WIDE: f64 = f64::from_bits(0x7ff8_0000_0000_dead);

/// A program with guard bands, whose only plan is the one to check.
///
/// Bindings reach into the band behind the view. Vulkan drops accesses outside a binding in
/// silence; inside, an overrun is seen.
pub fn guarded(tensors: &[TensorSpec], plan: &Plan) -> Program {
    let tensors = tensors.iter().map(|spec| {
        let mut contents = vec![READ_GUARD; GUARD as usize];
        match &spec.contents {
            Some(words) => contents.extend(words),
            None => contents.resize(contents.len() + spec.words as usize, 0),
        }
        contents.resize(contents.len().next_multiple_of(4) + GUARD as usize, READ_GUARD);
        TensorSpec { words: contents.len() as u32, contents: Some(contents), ..spec.clone() }
    });
    let dispatches = plan.dispatches.iter().map(|dispatch| {
        let reach = |view: View| View { len: view.len.next_multiple_of(4) + GUARD, ..shifted(view) };
        let bindings = dispatch.bindings.iter().map(|(&name, &view)| (name, reach(view))).collect();
        Dispatch { bindings, ..dispatch.clone() }
    });
    let plan = Plan { dispatches: dispatches.collect(), ..Plan::default() };
    Program { tensors: tensors.collect(), plans: vec![plan], ..Program::default() }
}

/// Where a view lies between the guard bands.
pub fn shifted(view: View) -> View {
    View { offset: view.offset + GUARD, ..view }
}

/// The guard words of a view's tensor, which has `words` of its own: before them, and after them.
pub fn bands(view: View, words: u32) -> [View; 2] {
    let end = GUARD + words;
    let after = words.next_multiple_of(4) - words + GUARD;
    [View { offset: 0, len: GUARD, ..view }, View { offset: end, len: after, ..view }]
}

/// The words of each tensor as a program starts with them.
pub fn memory(program: &Program) -> Vec<Vec<u32>> {
    program.tensors.iter().map(|spec| spec.contents.clone().unwrap_or_default()).collect()
}

/// A copy of words as f64.
pub fn widened(words: &[u32]) -> Vec<f64> {
    words.iter().map(|&bits| f64::from(f32::from_bits(bits))).collect()
}

/// Whether a tensor holds floats.
pub fn is_float(program: &Program, view: View) -> bool {
    program.spec(view.tensor).element == Element::F32
}
