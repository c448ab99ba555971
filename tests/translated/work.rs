//! What is executed: the cases of `selftest`, with each of their kernels in another language.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use dcgan_gpu::error::Result;
use dcgan_gpu::plan::{Dispatch, Reflection};
use dcgan_gpu::selftest::{self, Case, Summary, cases, presets};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::{AddressSpace, ResourceBinding, StorageAccess};
use rayon::prelude::*;

use crate::common::profiles;
use crate::memory::{Execute, Memory};

/// As the engine has them: no index clamps.
pub const POLICIES: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Unchecked,
    buffer: BoundsCheckPolicy::Unchecked,
    image_load: BoundsCheckPolicy::Unchecked,
    binding_array: BoundsCheckPolicy::Unchecked,
};

/// A specialised kernel, as translators and compilers see it.
pub struct Specialised {
    /// The kernel's name.
    pub name: &'static str,
    /// naga's view of it.
    pub module: naga::Module,
    /// What validation found.
    pub info: naga::valid::ModuleInfo,
    /// Bindings and sizes.
    pub reflection: Arc<Reflection>,
    /// Where each binding is, and whether it is declared to be written; in the order of their
    /// indices.
    pub storage: Vec<(ResourceBinding, bool)>,
    /// Whether it needs subgroups.
    pub subgroups: bool,
}

impl Specialised {
    fn new(dispatch: &Dispatch) -> Self {
        let (module, info) = dispatch.kernel.module(&dispatch.constants);
        let declared = module.global_variables.iter().filter_map(|(_, variable)| match variable.space {
            AddressSpace::Storage { access } => Some((variable.binding?, access.contains(StorageAccess::STORE))),
            _ => None,
        });
        let mut storage: Vec<_> = declared.collect();
        storage.sort();
        let reflection = dispatch.kernel.reflection(&dispatch.constants);
        let subgroups = dispatch.kernel.needs_subgroups(&dispatch.constants);
        Specialised { name: dispatch.kernel.name, module, info, reflection, storage, subgroups }
    }
}

/// A language that kernels are translated to, with the means to execute it here.
pub trait Language: Sync {
    /// What a kernel is compiled to.
    type Compiled: Execute + Clone + 'static;

    /// The language and what executes it, for people.
    fn name(&self) -> String;

    /// A kernel's text.
    fn translate(&self, kernel: &Specialised) -> String;

    /// Compiles kernels with their texts.
    ///
    /// # Errors
    /// When one of them is refused: the compiler's report.
    fn compile(&self, kernels: &[(Specialised, String)]) -> Result<Vec<Self::Compiled>>;
}

/// What `selftest` runs on a device of the tile family, as DX12 and Metal have it.
pub fn of_tiles() -> Vec<Case> {
    let mut all = cases::all(&profiles::GPU).expect("the cases fit together");
    all.extend(presets::all(&profiles::GPU).expect("the presets are valid"));
    all
}

/// What it runs besides where subgroups have 8 invocations.
pub fn of_lanes() -> Vec<Case> {
    let mut all = cases::all(&profiles::LANES).expect("the cases fit together");
    all.retain(|case| case.name.ends_with("(lane)"));
    all
}

/// The kernels of some cases, compiled from their translations.
pub struct Kernels<C> {
    name: String,
    /// By their WGSL.
    compiled: Arc<HashMap<String, C>>,
}

impl<C: Execute + Clone + 'static> Kernels<C> {
    /// Translates and compiles every specialisation; `edit` may change a kernel's text.
    ///
    /// # Errors
    /// As [`Language::compile`].
    pub fn new<L>(language: &L, cases: &[Case], edit: impl Fn(&str, String) -> String + Sync) -> Result<Self>
    where
        L: Language<Compiled = C>,
    {
        let dispatches = cases.iter().flat_map(Case::dispatches);
        let distinct: BTreeMap<_, _> = dispatches.map(|d| (d.kernel.specialise(&d.constants), d)).collect();
        let translate = |dispatch: &Dispatch| {
            let kernel = Specialised::new(dispatch);
            let text = edit(kernel.name, language.translate(&kernel));
            (kernel, text)
        };
        let dispatches: Vec<&Dispatch> = distinct.values().copied().collect();
        let kernels: Vec<_> = dispatches.into_par_iter().map(translate).collect();
        let compiled = language.compile(&kernels)?;
        Ok(Kernels { name: language.name(), compiled: Arc::new(distinct.into_keys().zip(compiled).collect()) })
    }

    /// Specialisations.
    pub fn count(&self) -> usize {
        self.compiled.len()
    }

    /// Runs cases in lockstep with the twins.
    ///
    /// # Errors
    /// When a kernel cannot be run.
    pub fn check(&self, cases: &[Case]) -> Result<Summary> {
        let load = |program| -> selftest::Loaded { Ok(Box::new(Memory::new(program, self.compiled.clone()))) };
        selftest::check_on(&self.name, load, cases, |_| {})
    }
}
