//! Lockstep: after every dispatch on a device, the kernel's f64 twin is given the device's own
//! inputs and must give the device's output within the kernel's bound. Errors cannot add up, so the
//! first kernel that differs is the one to blame.

use super::compare::{DispatchRow, Written, compare};
use super::guard::{self, POISON, POISON_WIDE};
use crate::device::{Device, Session, host};
use crate::error::{Error, Result};
use crate::memory;
use crate::plan::{Binding, Bound, Dispatch, Plan, Program, TensorSpec, View, allocated_bytes};
use crate::twin::{Call, Real, Slot, Twinned};

/// Runs `plan` over `tensors` dispatch by dispatch on a device; `reference` is the plan that the
/// twins run, which is the same one, except in the tests that show that a difference is found.
/// `twins` are those of kernels that are not of this crate.
///
/// Stops after the first dispatch that fails, whose row says how; returns whether all passed.
///
/// # Errors
/// When the device fails; wrong results are no errors but rows.
pub fn run(
    device: &Device,
    tensors: &[TensorSpec],
    plan: &Plan,
    reference: &Plan,
    twins: &'static [Twinned],
    report: impl FnMut(DispatchRow),
) -> Result<bool> {
    assert_eq!(plan.dispatches.len(), reference.dispatches.len(), "both plans have the same dispatches");
    Lockstep::new(device, tensors, plan, twins)?.run(reference, report)
}

/// Host memory for each byte of the tensors: what is uploaded, what the device holds, and what the
/// twin reads and writes in f64.
const COPIES: u64 = 8;

/// Refuses a comparison that memory has no room for.
fn check_room(tensors: &[TensorSpec]) -> Result<()> {
    let bytes = tensors.iter().map(|spec| allocated_bytes(spec.words)).fold(0, u64::saturating_add);
    let needed = bytes.saturating_mul(COPIES);
    match memory::spare().filter(|spare| needed > spare.bytes) {
        Some(spare) => Err(Error::device(format!(
            "to compare {} MiB of tensors with their twins takes {} MiB, but {spare}; free some of it",
            bytes >> 20,
            needed >> 20
        ))),
        None => Ok(()),
    }
}

/// A program made ready to run, or why it could not be.
pub type Loaded = Result<Box<dyn Session>>;

/// A guarded program on a device, with a copy of what the device's memory holds.
pub(crate) struct Lockstep {
    session: Box<dyn Session>,
    memory: Vec<Vec<u32>>,
    /// Words of each tensor without its guards.
    words: Vec<u32>,
    /// Twins of kernels that are not of this crate.
    twins: &'static [Twinned],
}

impl Lockstep {
    /// Loads `plan` over `tensors`.
    ///
    /// # Errors
    /// As [`Device::load`], and [`Kind::Device`](crate::error::Kind::Device) when memory has no
    /// room for the comparison.
    pub(crate) fn new(device: &Device, tensors: &[TensorSpec], plan: &Plan, twins: &'static [Twinned]) -> Result<Self> {
        check_room(tensors)?;
        let load = |mut program: Program| {
            if matches!(device, Device::Host) {
                // Twins take the length of their work from their slices, and slices are bounds
                // themselves.
                for (guarded, dispatch) in program.plans[0].dispatches.iter_mut().zip(&plan.dispatches) {
                    let shifted = dispatch.bindings.iter().map(|(&name, &view)| (name, guard::shifted(view)));
                    guarded.bindings = shifted.collect();
                }
            }
            device.load_with(program, twins)
        };
        Lockstep::loaded(load, tensors, plan, twins)
    }

    /// The same on whatever `load` loads programs on.
    fn loaded(
        load: impl FnOnce(Program) -> Loaded,
        tensors: &[TensorSpec],
        plan: &Plan,
        twins: &'static [Twinned],
    ) -> Result<Self> {
        let program = guard::guarded(tensors, plan);
        let memory = guard::memory(&program);
        let words = tensors.iter().map(|spec| spec.words).collect();
        Ok(Lockstep { session: load(program)?, memory, words, twins })
    }

    /// Steps through the dispatches of `reference` until one fails; returns whether none did.
    fn run(mut self, reference: &Plan, mut report: impl FnMut(DispatchRow)) -> Result<bool> {
        for (index, dispatch) in reference.dispatches.iter().enumerate() {
            let row = self.step(index, dispatch)?;
            let failed = row.failure.is_some();
            report(row);
            if failed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The seconds that dispatch number `index` takes, once it is compiled. What it writes is
    /// checked by a later [`Lockstep::step`], if by any.
    pub(crate) fn time(&mut self, index: usize) -> Result<f64> {
        self.session.time_dispatch(0, index)?;
        self.session.time_dispatch(0, index)
    }

    /// Runs dispatch number `index` and compares what it wrote with the twin of `dispatch`.
    pub(crate) fn step(&mut self, index: usize, dispatch: &Dispatch) -> Result<DispatchRow> {
        let kernel = dispatch.kernel;
        let reflection = kernel.reflection(&dispatch.constants);
        let written: Vec<&Binding> = reflection.bindings.iter().filter(|binding| binding.written).collect();
        let view_of = |binding: &Binding| guard::shifted(dispatch.bindings[binding.name.as_str()]);
        for binding in &written {
            self.fill_guards(view_of(binding), guard::WRITE_GUARD);
            if !binding.read {
                self.fill(view_of(binding), POISON);
            }
        }
        let references = self.twin(dispatch, &written, |x| x);
        let magnitudes = matches!(kernel.bound, Bound::Sum).then(|| self.twin(dispatch, &written, f64::abs));
        self.session.run_dispatch(0, index)?;
        let mut row = DispatchRow::new(dispatch);
        for (i, binding) in written.iter().enumerate() {
            let view = view_of(binding);
            let memory = &mut self.memory[view.tensor.0 as usize];
            let whole = View { tensor: view.tensor, offset: 0, len: memory.len() as u32 };
            let after = self.session.read(whole)?;
            let output = Written {
                binding,
                view,
                before: memory,
                after: &after,
                reference: &references[i],
                magnitude: magnitudes.as_ref().map(|m| m[i].as_slice()),
                terms: dispatch.terms,
            };
            compare(&kernel.bound, &output, &mut row);
            *memory = after;
            self.fill_guards(view, guard::READ_GUARD);
        }
        Ok(row)
    }

    /// Fills a view with a word, on the device and in the copy.
    fn fill(&mut self, view: View, word: u32) {
        let words = vec![word; view.len as usize];
        self.session.write(view, &words);
        self.memory[view.tensor.0 as usize][view.offset as usize..][..words.len()].copy_from_slice(&words);
    }

    fn fill_guards(&mut self, view: View, word: u32) {
        for band in guard::bands(view, self.words[view.tensor.0 as usize]) {
            self.fill(band, word);
        }
    }

    /// What the twin writes in f64, given the device's inputs after `change`.
    fn twin(&self, dispatch: &Dispatch, written: &[&Binding], change: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
        let words = |view: View| {
            let view = guard::shifted(view);
            &self.memory[view.tensor.0 as usize][view.offset as usize..][..view.len as usize]
        };
        let floats = |view: View| -> Vec<f64> { guard::widened(words(view)).into_iter().map(&change).collect() };
        let is_written = |name: &str| written.iter().any(|binding| binding.name == name);
        let mut inputs = Vec::new();
        for (&name, &view) in dispatch.bindings.iter().filter(|(name, _)| !is_written(name)) {
            let is_float = guard::is_float(self.session.program(), view);
            inputs.push((name, is_float.then(|| floats(view)), words(view)));
        }
        let mut outputs: Vec<Vec<f64>> = written
            .iter()
            .map(|binding| {
                let view = dispatch.bindings[binding.name.as_str()];
                if binding.read { floats(view) } else { vec![POISON_WIDE; view.len as usize] }
            })
            .collect();
        let name_of = |binding: &Binding| {
            let key = dispatch.bindings.keys().find(|key| **key == binding.name);
            *key.expect("recorded dispatches bind every name")
        };
        let mut slots: Vec<_> = written
            .iter()
            .zip(&mut outputs)
            .map(|(binding, data)| (name_of(binding), Slot::FloatsMut(Some(data.as_mut_slice()))))
            .collect();
        for (name, floats, words) in &inputs {
            slots.push((*name, floats.as_deref().map_or(Slot::Words(words), Slot::Floats)));
        }
        f64::run(&host::twin(dispatch.kernel, self.twins), &mut Call::new(&dispatch.constants, slots, &mut Vec::new()));
        outputs
    }
}

/// Runs all plans of a program, one after the other, as [`run`] does.
///
/// # Errors
/// As [`run`].
pub fn run_program(
    device: &Device,
    program: &Program,
    twins: &'static [Twinned],
    report: impl FnMut(DispatchRow),
) -> Result<bool> {
    let all = every_plan(program);
    run(device, &program.tensors, &all, &all, twins, report)
}

/// Runs all plans of a program likewise on an executor that is no [`Device`]: `load` makes ready a
/// program with the same kernels, whose only plan is all those plans.
///
/// # Errors
/// When the executor fails.
pub fn run_program_on(
    load: impl FnOnce(Program) -> Loaded,
    program: &Program,
    report: impl FnMut(DispatchRow),
) -> Result<bool> {
    let all = every_plan(program);
    Lockstep::loaded(load, &program.tensors, &all, &[])?.run(&all, report)
}

fn every_plan(program: &Program) -> Plan {
    let dispatches = program.plans.iter().flat_map(|plan| plan.dispatches.clone()).collect();
    Plan { dispatches, ..Plan::default() }
}
