//! Tensors, and lists of kernel dispatches over them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::kernel::{Constant, Element, Kernel};
use super::ports::{Fill, OutputPort, Port, Ring, Stored};
use super::view::{TensorId, View};

/// What a tensor is for: the rows of the memory table that `train --dry-run` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Role {
    Parameters,
    Gradients,
    AdamMoments,
    RunningStatistics,
    Activations,
    ActivationGradients,
    Scratch,
    TapLists,
    DataSet,
    StepInputs,
    LossRing,
}

/// One tensor: a device buffer of its own.
#[derive(Clone, Debug)]
pub struct TensorSpec {
    /// Unique name, also the GPU label.
    pub label: String,
    /// Words in the tensor.
    pub words: u32,
    /// Type of the words.
    pub element: Element,
    /// What it is for.
    pub role: Role,
    /// Words to upload before the first step; zero otherwise. Floats travel as their bits.
    pub contents: Option<Vec<u32>>,
}

/// One kernel launch.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What runs.
    pub kernel: &'static Kernel,
    /// Where in the network it comes from, such as `discriminator.2 grad_weight`; for messages and
    /// profiles.
    pub scope: String,
    /// Constants put before the shader.
    pub constants: BTreeMap<&'static str, Constant>,
    /// Views by the names that the shader gives its bindings.
    pub bindings: BTreeMap<&'static str, View>,
    /// The bindings that the shader writes, as naga found them.
    pub writes: Vec<&'static str>,
    /// Workgroups in x, y, z.
    pub workgroups: [u32; 3],
    /// Most loop trips that an invocation takes.
    pub loop_trips: u32,
    /// Terms of the longest sum that gives one output: the K of [`super::Bound::Sum`].
    pub terms: u32,
    /// Floating-point operations of the formula: two for each multiply-add of a tap that exists.
    pub flops: u64,
    /// The same for an implicit matrix product that multiplies padding too; see
    /// [`super::Recorder::nominal`].
    pub nominal_flops: u64,
}

/// A list of dispatches that is replayed as a part of a submission.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What it does, such as `discriminator update`.
    pub name: String,
    /// In execution order; each sees the results of all before it.
    pub dispatches: Vec<Dispatch>,
}

impl Plan {
    /// Floating-point operations of one replay.
    pub fn flops(&self) -> u64 {
        self.dispatches.iter().map(|d| d.flops).sum()
    }
}

impl<'p> IntoIterator for &'p Plan {
    type Item = &'p Dispatch;
    type IntoIter = std::slice::Iter<'p, Dispatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.dispatches.iter()
    }
}

/// Tensors and the plans over them: everything that a device needs before step 0.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Indexed by [`TensorId`].
    pub tensors: Vec<TensorSpec>,
    /// Indexed by the caller, who recorded them.
    pub plans: Vec<Plan>,
    /// The plans that are the phases of a training step, in order.
    pub step: Vec<usize>,
    /// What is written before plans are run.
    pub ports: Vec<Port>,
    /// What is read after them.
    pub outputs: Vec<OutputPort>,
    /// What steps record.
    pub ring: Option<Ring>,
    /// What learns or is kept.
    pub stored: Vec<Stored>,
}

impl Program {
    /// Adds a tensor of zeros and returns a view of all of it.
    ///
    /// # Panics
    /// If the size does not fit 32 bits of words: sizes that a user controls are checked before
    /// recording.
    pub fn tensor(&mut self, label: impl Into<String>, role: Role, element: Element, words: u64) -> View {
        let label = label.into();
        let words = u32::try_from(words).unwrap_or_else(|_| panic!("tensor {label} has {words} words"));
        let tensor = TensorId(self.tensors.len() as u32);
        self.tensors.push(TensorSpec { label, words, element, role, contents: None });
        View { tensor, offset: 0, len: words }
    }

    /// Adds a float tensor of zeros.
    pub fn floats(&mut self, label: impl Into<String>, role: Role, words: u64) -> View {
        self.tensor(label, role, Element::F32, words)
    }

    /// Adds an integer tensor with these contents.
    pub fn words(&mut self, label: impl Into<String>, role: Role, contents: Vec<u32>) -> View {
        let view = self.tensor(label, role, Element::U32, contents.len() as u64);
        self.tensors[view.tensor.0 as usize].contents = Some(contents);
        view
    }

    /// As [`Program::words`], for lists that nothing writes: a tensor that is there already serves,
    /// if it holds the same.
    pub fn shared_words(&mut self, label: impl Into<String>, role: Role, contents: Vec<u32>) -> View {
        self.shared(label.into(), role, Element::U32, contents)
    }

    /// As [`Program::shared_words`], for floats.
    pub fn shared_floats(&mut self, label: impl Into<String>, role: Role, contents: &[f32]) -> View {
        self.shared(label.into(), role, Element::F32, contents.iter().map(|value| value.to_bits()).collect())
    }

    fn shared(&mut self, label: String, role: Role, element: Element, contents: Vec<u32>) -> View {
        let same = |spec: &TensorSpec| {
            (spec.role, spec.element) == (role, element) && spec.contents.as_ref() == Some(&contents)
        };
        if let Some(index) = self.tensors.iter().position(same) {
            return View { tensor: TensorId(index as u32), offset: 0, len: contents.len() as u32 };
        }
        let view = self.tensor(label, role, element, contents.len() as u64);
        self.set_contents(view, contents);
        view
    }

    /// Sets what a whole tensor holds before the first step, floats by their bits.
    pub fn set_contents(&mut self, view: View, words: Vec<u32>) {
        self.tensors[view.tensor.0 as usize].contents = Some(words);
    }

    /// Adds an input.
    pub fn port(&mut self, name: impl Into<String>, view: View, fill: Fill) {
        self.ports.push(Port { name: name.into(), view, fill });
    }

    /// Adds plans and returns their indices.
    pub fn push(&mut self, plans: impl IntoIterator<Item = Plan>) -> Vec<usize> {
        let first = self.plans.len();
        self.plans.extend(plans);
        (first..self.plans.len()).collect()
    }

    /// The phases of a training step as one plan.
    pub fn whole_step(&self) -> Plan {
        Plan { name: "step".to_string(), dispatches: self.step_dispatches().cloned().collect() }
    }

    /// The dispatches of a training step.
    pub fn step_dispatches(&self) -> impl Iterator<Item = &Dispatch> {
        self.step.iter().flat_map(|&plan| &self.plans[plan])
    }

    /// The specification of a view's tensor.
    pub fn spec(&self, tensor: TensorId) -> &TensorSpec {
        &self.tensors[tensor.0 as usize]
    }

    /// Puts together what lies in the same tensor, given the view of each part: whole tensors with
    /// their parts, in the order of the first of each.
    pub fn by_tensor<T>(&self, parts: impl Iterator<Item = T>, view: impl Fn(&T) -> View) -> Vec<(View, Vec<T>)> {
        let mut wholes: Vec<(View, Vec<T>)> = Vec::new();
        for part in parts {
            let tensor = view(&part).tensor;
            match wholes.iter_mut().find(|(whole, _)| whole.tensor == tensor) {
                Some((_, parts)) => parts.push(part),
                None => wholes.push((View { tensor, offset: 0, len: self.spec(tensor).words }, vec![part])),
            }
        }
        wholes
    }

    /// Bytes of all tensors by role, as a device allocates them.
    pub fn memory(&self) -> BTreeMap<Role, u64> {
        let mut bytes = BTreeMap::new();
        for tensor in &self.tensors {
            *bytes.entry(tensor.role).or_insert(0) += allocated_bytes(tensor.words);
        }
        bytes
    }
}

/// Bytes that a device allocates for a tensor of `words`: whole `vec4`s, and never nothing.
pub fn allocated_bytes(words: u32) -> u64 {
    u64::from(words).next_multiple_of(4).max(4) * 4
}
