//! A recorded computation as plain data: tensors, and lists of kernel dispatches over them.
//!
//! Nothing here computes. A [`Program`] is executed by a GPU ([`super::gpu`]) or by the kernels' host twins
//! ([`super::cpu`]), and can be written out for any other executor, because it holds no closures.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Profile;
use super::kernel::{Constants, Kernel};
use crate::error::{Error, Result};

/// Views start at multiples of this many words: 256 bytes, WebGPU's portable storage-buffer offset alignment.
pub const ALIGNMENT: u32 = 64;

/// Loop trips that one invocation may take on software Vulkan; lavapipe silently stops a shader's loops after 65,535 in total.
pub const MAX_LOOP_TRIPS: u32 = 32_768;

/// Workgroups that one dimension of a dispatch may have (WebGPU's core limit).
pub const MAX_WORKGROUPS: u32 = 65_535;

/// Names a tensor of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TensorId(pub u32);

/// The type of a tensor's 32-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Element {
    /// IEEE single precision on a GPU; f32 or f64 on the host.
    F32,
    /// Unsigned integers, also used for packed bytes.
    U32,
}

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
#[derive(Clone, Debug, Serialize)]
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

/// A range of words of a tensor: what a kernel binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// The tensor.
    pub tensor: TensorId,
    /// First word, a multiple of [`ALIGNMENT`].
    pub offset: u32,
    /// Words.
    pub len: u32,
}

impl View {
    /// The `len` words that start `offset` words into this view.
    pub fn slice(self, offset: u32, len: u32) -> View {
        assert!(offset.is_multiple_of(ALIGNMENT), "a view starts at word {offset}, not a multiple of {ALIGNMENT}");
        assert!(offset + len <= self.len, "words {offset}..{} of a view of {}", offset + len, self.len);
        View { tensor: self.tensor, offset: self.offset + offset, len }
    }
}

/// A constant that a kernel is specialised with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Constant {
    /// `const NAME: u32`.
    U32(u32),
    /// `const NAME: f32`.
    F32(f32),
}

impl From<u32> for Constant {
    fn from(value: u32) -> Self {
        Constant::U32(value)
    }
}

impl From<f32> for Constant {
    fn from(value: f32) -> Self {
        Constant::F32(value)
    }
}

/// One kernel launch.
#[derive(Clone, Debug, Serialize)]
pub struct Dispatch {
    /// Name in the kernel registry, such as `linear/forward_tile`.
    pub kernel: &'static str,
    /// Where in the network it comes from, such as `discriminator.2 grad_weight`; for messages and profiles.
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
    /// Terms of the longest sum that gives one output: the K of [`super::kernel::Bound::Sum`].
    pub terms: u32,
    /// Floating-point operations of the formula: two for each multiply-add of a tap that exists.
    pub flops: u64,
    /// The same for an implicit matrix product that multiplies padding too; see [`Recorder::nominal`].
    pub nominal_flops: u64,
}

/// A list of dispatches that is replayed as one submission.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// In execution order; each sees the results of all before it.
    pub dispatches: Vec<Dispatch>,
}

impl Plan {
    /// Floating-point operations of one replay.
    pub fn flops(&self) -> u64 {
        self.dispatches.iter().map(|d| d.flops).sum()
    }
}

/// Tensors and the plans over them: everything that a device needs before step 0.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Program {
    /// Indexed by [`TensorId`].
    pub tensors: Vec<TensorSpec>,
    /// Indexed by the caller, who recorded them.
    pub plans: Vec<Plan>,
}

impl Program {
    /// Adds a tensor of zeros and returns a view of all of it.
    ///
    /// # Panics
    /// If the size does not fit 32 bits of words: sizes that a user controls are checked before recording.
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

    /// The specification of a view's tensor.
    pub fn spec(&self, tensor: TensorId) -> &TensorSpec {
        &self.tensors[tensor.0 as usize]
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

/// Records dispatches into one plan, under a scope that says where they come from.
#[derive(Debug)]
pub struct Recorder {
    plan: Plan,
    scope: String,
    max_loop_trips: u32,
    /// The first limit that a size breaks.
    problem: Option<String>,
}

impl Recorder {
    /// An empty recorder for a device.
    pub fn new(profile: &Profile) -> Self {
        let (plan, scope) = (Plan::default(), String::new());
        Recorder { plan, scope, max_loop_trips: profile.max_loop_trips, problem: None }
    }

    /// Names the part of the network that the next dispatches belong to.
    pub fn scope(&mut self, scope: impl Into<String>) -> &mut Self {
        self.scope = scope.into();
        self
    }

    /// Appends one dispatch. A size beyond a portable limit is reported by [`Recorder::finish`].
    ///
    /// # Panics
    /// If there are no workgroups, a binding is missing, or one tensor is bound both for reading and for writing: these are mistakes in a
    /// kernel's descriptor.
    pub fn dispatch(&mut self, kernel: &Kernel, launch: Launch<'_>) {
        let (name, scope) = (kernel.name, &self.scope);
        assert!(!launch.workgroups.contains(&0), "{name} ({scope}): no workgroups along an axis");
        let most = launch.workgroups.into_iter().max().unwrap_or(0);
        if most > MAX_WORKGROUPS || launch.loop_trips > self.max_loop_trips {
            let (trips, possible) = (launch.loop_trips, self.max_loop_trips);
            self.problem.get_or_insert_with(|| {
                format!(
                    "{scope} is too large for {name}: {most} workgroups across and {trips} loop trips, where \
                     {MAX_WORKGROUPS} and {possible} are possible on this device; use smaller images or fewer \
                     channels"
                )
            });
        }
        let constants: Constants = launch.constants.iter().copied().collect();
        let reflection = kernel.reflection(&constants);
        let mut writes = Vec::new();
        for binding in &reflection.bindings {
            let bound = launch.bindings.iter().find(|(n, _)| *n == binding.name);
            let Some((bound, view)) = bound else { panic!("{name} ({scope}): `{}` is not bound", binding.name) };
            if binding.written {
                writes.push(*bound);
            }
            let uses = launch.bindings.iter().filter(|(_, other)| other.tensor == view.tensor).count();
            assert!(
                uses == 1 || !binding.written,
                "{name} ({scope}): the tensor written through `{}` is bound {uses} times",
                binding.name
            );
        }
        assert_eq!(launch.bindings.len(), reflection.bindings.len(), "{name} ({scope}): bindings");
        self.plan.dispatches.push(Dispatch {
            kernel: name,
            scope: scope.clone(),
            constants,
            bindings: launch.bindings.iter().copied().collect(),
            writes,
            workgroups: launch.workgroups,
            loop_trips: launch.loop_trips,
            terms: launch.terms,
            flops: launch.flops,
            nominal_flops: launch.flops,
        });
    }

    /// Says what the last dispatch would compute if it multiplied the zeros of its padding as well: the number that
    /// other engines count.
    pub fn nominal(&mut self, flops: u64) {
        if let Some(dispatch) = self.plan.dispatches.last_mut() {
            dispatch.nominal_flops = flops;
        }
    }

    /// The plan, finished.
    ///
    /// # Errors
    /// A usage error when a size is beyond a limit.
    pub fn finish(self) -> Result<Plan> {
        match self.problem {
            None => Ok(self.plan),
            Some(problem) => Err(Error::usage(problem)),
        }
    }
}

/// What a kernel's descriptor passes to [`Recorder::dispatch`]; see [`Dispatch`] for the fields.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Constants put before the shader.
    pub constants: &'a [(&'static str, Constant)],
    /// Views by binding name.
    pub bindings: &'a [(&'static str, View)],
    /// Workgroups in x, y, z.
    pub workgroups: [u32; 3],
    /// Most loop trips that an invocation takes.
    pub loop_trips: u32,
    /// Terms of the longest sum.
    pub terms: u32,
    /// Floating-point operations of the formula.
    pub flops: u64,
}

/// Workgroups for `items` invocations in groups of `size`, folded into two dimensions where one is too short.
///
/// The shader recovers its index with `flat_index` of `shaders/common/flat_index.wgsl`, given `GROUPS_X`, the
/// first component.
pub fn flat_workgroups(items: u32, size: u32) -> [u32; 3] {
    let groups = items.div_ceil(size).max(1);
    let x = groups.min(MAX_WORKGROUPS);
    [x, groups.div_ceil(x), 1]
}
