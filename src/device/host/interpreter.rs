//! Dispatch after dispatch on the twins: `--device cpu` in f32, and the oracle of the tests in f64.

use std::collections::TryReserveError;

use super::twin;
use crate::plan::{Dispatch, Element, Program, View};
use crate::twin::{Call, Real, Slot, Twinned};

/// The memory of one tensor.
#[derive(Clone, Debug)]
enum Memory<F> {
    /// A tensor of [`Element::F32`].
    Floats(Vec<F>),
    /// A tensor of [`Element::U32`].
    Words(Vec<u32>),
}

/// A program's tensors in host memory, in float type `F`.
#[derive(Debug)]
pub struct Interpreter<F> {
    memory: Vec<Memory<F>>,
    scratch: Vec<F>,
    /// Twins of kernels that are not of this crate.
    others: &'static [Twinned],
}

impl<F: Real> Interpreter<F> {
    /// Allocates the tensors of a program and fills those that have contents.
    ///
    /// # Panics
    /// When memory does not suffice.
    pub fn new(program: &Program) -> Self {
        Interpreter::try_new(program, &[])
            .unwrap_or_else(|index| panic!("no memory for {}", program.tensors[index].label))
    }

    /// As [`Interpreter::new`].
    ///
    /// # Errors
    /// The index of the first tensor that does not fit into memory.
    pub fn try_new(program: &Program, others: &'static [Twinned]) -> std::result::Result<Self, usize> {
        let memory = program.tensors.iter().enumerate().map(|(index, spec)| {
            let words = spec.contents.as_deref().unwrap_or_default().iter().copied();
            let memory = match spec.element {
                Element::U32 => filled(spec.words, words, 0).map(Memory::Words),
                Element::F32 => filled(spec.words, words.map(F::of_bits), F::ZERO).map(Memory::Floats),
            };
            memory.map_err(|_| index)
        });
        Ok(Interpreter { memory: memory.collect::<std::result::Result<_, _>>()?, scratch: Vec::new(), others })
    }

    /// Runs dispatches in order, from a thread of rayon's pool: entering the pool once for every
    /// dispatch would put the caller to sleep and wake it as often.
    pub fn run<'p>(&mut self, dispatches: impl IntoIterator<Item = &'p Dispatch, IntoIter: Send>) {
        let dispatches = dispatches.into_iter();
        rayon::scope(|_| dispatches.for_each(|dispatch| self.dispatch(dispatch)));
    }

    /// Runs one dispatch.
    pub fn dispatch(&mut self, dispatch: &Dispatch) {
        let written = |name: &&str| dispatch.writes.contains(name);
        // The written tensors leave `memory` while the twin runs, so that it can borrow them beside
        // the others.
        let mut taken: Vec<(&'static str, View, Memory<F>)> = Vec::new();
        for (&name, &view) in dispatch.bindings.iter().filter(|(name, _)| written(name)) {
            let empty = Memory::Words(Vec::new());
            taken.push((name, view, std::mem::replace(&mut self.memory[view.tensor.0 as usize], empty)));
        }
        let range = |view: &View| view.offset as usize..(view.offset + view.len) as usize;
        let mut slots: Vec<_> = taken
            .iter_mut()
            .map(|(name, view, memory)| match memory {
                Memory::Floats(data) => (*name, Slot::FloatsMut(Some(&mut data[range(view)]))),
                Memory::Words(_) => panic!("{}: `{name}` is written but holds integers", dispatch.kernel.name),
            })
            .collect();
        for (&name, view) in dispatch.bindings.iter().filter(|(name, _)| !written(name)) {
            slots.push(match &self.memory[view.tensor.0 as usize] {
                Memory::Floats(data) => (name, Slot::Floats(&data[range(view)])),
                Memory::Words(data) => (name, Slot::Words(&data[range(view)])),
            });
        }
        F::run(&twin(dispatch.kernel, self.others), &mut Call::new(&dispatch.constants, slots, &mut self.scratch));
        for (_, view, memory) in taken {
            self.memory[view.tensor.0 as usize] = memory;
        }
    }

    /// A float tensor's values.
    ///
    /// # Panics
    /// If the tensor holds integers.
    pub fn floats(&self, view: View) -> &[F] {
        match &self.memory[view.tensor.0 as usize] {
            Memory::Floats(data) => &data[view.offset as usize..(view.offset + view.len) as usize],
            Memory::Words(_) => panic!("tensor {} holds integers", view.tensor.0),
        }
    }

    /// A float tensor's values, to change.
    ///
    /// # Panics
    /// If the tensor holds integers.
    pub fn floats_mut(&mut self, view: View) -> &mut [F] {
        match &mut self.memory[view.tensor.0 as usize] {
            Memory::Floats(data) => &mut data[view.offset as usize..(view.offset + view.len) as usize],
            Memory::Words(_) => panic!("tensor {} holds integers", view.tensor.0),
        }
    }

    /// The words of a view as f32 bits, or as the integers that they are.
    pub fn bits(&self, view: View) -> Vec<u32> {
        let range = view.offset as usize..(view.offset + view.len) as usize;
        match &self.memory[view.tensor.0 as usize] {
            Memory::Floats(data) => data[range].iter().map(|v| v.bits()).collect(),
            Memory::Words(data) => data[range].to_vec(),
        }
    }

    /// Replaces the words of a view, floats by their bits.
    pub fn write(&mut self, view: View, words: &[u32]) {
        let range = view.offset as usize..(view.offset + view.len) as usize;
        match &mut self.memory[view.tensor.0 as usize] {
            Memory::Words(data) => data[range].copy_from_slice(words),
            Memory::Floats(data) => {
                assert_eq!(range.len(), words.len(), "words for a view");
                let values = words.iter().map(|&bits| F::of_bits(bits));
                data[range].iter_mut().zip(values).for_each(|(to, value)| *to = value);
            }
        }
    }
}

/// A vector of `len` values: these, then `rest`.
fn filled<T: Copy>(len: u32, values: impl Iterator<Item = T>, rest: T) -> std::result::Result<Vec<T>, TryReserveError> {
    let mut vector = Vec::new();
    vector.try_reserve_exact(len as usize)?;
    vector.extend(values);
    vector.resize(len as usize, rest);
    Ok(vector)
}
