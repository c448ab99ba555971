//! The host executor: runs a plan on the kernels' twins. It is `--device cpu` in f32 and the oracle of the tests in f64.

use super::kernel::{Call, Slot};
use super::plan::{Dispatch, Element, Plan, Program, TensorId, View};
use super::real::Real;
use crate::kernels;

/// The memory of one tensor.
#[derive(Clone, Debug)]
pub enum Memory<F> {
    /// A tensor of [`Element::F32`].
    Floats(Vec<F>),
    /// A tensor of [`Element::U32`].
    Words(Vec<u32>),
}

/// A program's tensors in host memory, in float type `F`.
#[derive(Debug)]
pub struct Cpu<F> {
    memory: Vec<Memory<F>>,
    scratch: Vec<F>,
}

impl<F: Real> Cpu<F> {
    /// Allocates the tensors of a program and fills those that have contents.
    pub fn new(program: &Program) -> Self {
        let memory = program.tensors.iter().map(|spec| {
            let words = spec.contents.as_deref();
            match spec.element {
                Element::U32 => Memory::Words(words.map_or_else(|| vec![0; spec.words as usize], <[u32]>::to_vec)),
                Element::F32 => Memory::Floats(match words {
                    Some(bits) => bits.iter().map(|&b| F::of(f64::from(f32::from_bits(b)))).collect(),
                    None => vec![F::ZERO; spec.words as usize],
                }),
            }
        });
        Cpu { memory: memory.collect(), scratch: Vec::new() }
    }

    /// Runs all dispatches of a plan in order, from a thread of rayon's pool: entering the pool once for every dispatch
    /// would put the caller to sleep and wake it as often.
    pub fn run(&mut self, plan: &Plan) {
        rayon::scope(|_| plan.dispatches.iter().for_each(|dispatch| self.dispatch(dispatch)));
    }

    /// Runs one dispatch.
    pub fn dispatch(&mut self, dispatch: &Dispatch) {
        let kernel = kernels::find(dispatch.kernel);
        let written = |name: &&str| dispatch.writes.contains(name);
        // The written tensors leave `memory` while the twin runs, so that it can borrow them beside the others.
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
                Memory::Words(_) => panic!("{}: `{name}` is written but holds integers", dispatch.kernel),
            })
            .collect();
        for (&name, view) in dispatch.bindings.iter().filter(|(name, _)| !written(name)) {
            slots.push(match &self.memory[view.tensor.0 as usize] {
                Memory::Floats(data) => (name, Slot::Floats(&data[range(view)])),
                Memory::Words(data) => (name, Slot::Words(&data[range(view)])),
            });
        }
        F::run(&kernel.twin, &mut Call::new(&dispatch.constants, slots, &mut self.scratch));
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
            Memory::Floats(data) => data[range].iter().map(|v| (v.wide() as f32).to_bits()).collect(),
            Memory::Words(data) => data[range].to_vec(),
        }
    }

    /// The memory of a whole tensor, to exchange or change.
    pub fn memory_mut(&mut self, tensor: TensorId) -> &mut Memory<F> {
        &mut self.memory[tensor.0 as usize]
    }
}
