//! Recording: kernels' descriptors append their dispatches here, and sizes beyond a limit are
//! refused.

use super::kernel::{Constant, Constants, Kernel};
use super::profile::{MAX_WORKGROUPS, Profile};
use super::program::{Dispatch, Plan};
use super::view::View;
use crate::error::{Error, Result};

/// Records dispatches into one plan, under a scope that says where they come from.
#[derive(Debug)]
pub struct Recorder {
    plan: Plan,
    scope: String,
    profile: Profile,
    /// The first limit that a size breaks.
    problem: Option<String>,
}

impl Recorder {
    /// An empty recorder for a device.
    pub fn new(profile: &Profile) -> Self {
        Recorder { plan: Plan::default(), scope: String::new(), profile: *profile, problem: None }
    }

    /// The facts of the device.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Names the part of the network that the next dispatches belong to.
    pub fn scope(&mut self, scope: impl Into<String>) -> &mut Self {
        self.scope = scope.into();
        self
    }

    /// Appends one dispatch. A size beyond a portable limit is reported by [`Recorder::finish`].
    ///
    /// # Panics
    /// If there are no workgroups, a binding is missing, or one tensor is bound both for reading
    /// and for writing: these are mistakes in a kernel's descriptor.
    pub fn dispatch(&mut self, kernel: &'static Kernel, launch: Launch<'_>) {
        let (name, scope) = (kernel.name, &self.scope);
        assert!(!launch.workgroups.contains(&0), "{name} ({scope}): no workgroups along an axis");
        let most = launch.workgroups.into_iter().max().unwrap_or(0);
        if most > MAX_WORKGROUPS || launch.loop_trips > self.profile.max_loop_trips {
            let (trips, possible) = (launch.loop_trips, self.profile.max_loop_trips);
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
            kernel,
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

    /// Says what the last dispatch would compute if it multiplied the zeros of its padding as well:
    /// the number that other engines count.
    pub fn nominal(&mut self, flops: u64) {
        if let Some(dispatch) = self.plan.dispatches.last_mut() {
            dispatch.nominal_flops = flops;
        }
    }

    /// Ends the plan recorded so far, under this name, and begins another.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub fn cut(&mut self, name: &str) -> Result<Plan> {
        let next = Recorder::new(&self.profile);
        let plan = std::mem::replace(self, next).finish()?;
        Ok(Plan { name: name.to_string(), ..plan })
    }

    /// The plan, finished, without a name.
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
#[derive(Clone, Copy, Debug, Default)]
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

/// Workgroups for `items` invocations in groups of `size`, folded into two dimensions where one is
/// too short.
///
/// The shader recovers its index with `flat_index` of `shaders/common/flat_index.wgsl`, given
/// `GROUPS_X`, the first component.
pub fn flat_workgroups(items: u32, size: u32) -> [u32; 3] {
    let groups = items.div_ceil(size).max(1);
    let x = groups.min(MAX_WORKGROUPS);
    [x, groups.div_ceil(x), 1]
}
