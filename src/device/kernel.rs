//! A kernel: one WGSL file, and the twin that computes the same on the host.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use naga::valid::{Capabilities, GlobalUse, ValidationFlags, Validator};

use super::plan::{Constant, Element};
use super::real::Real;

/// The constants of one dispatch, by name.
pub type Constants = BTreeMap<&'static str, Constant>;

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// A compute kernel, as registered in [`crate::kernels::REGISTRY`].
#[derive(Debug)]
pub struct Kernel {
    /// `topic/name`: the shader is `shaders/topic/name.wgsl`.
    pub name: &'static str,
    /// The WGSL text.
    pub source: &'static str,
    /// Shared WGSL that is put before it.
    pub preludes: &'static [&'static str],
    /// The same function on the host.
    pub twin: Twin,
    /// How far the device's result may be from the twin's.
    pub bound: Bound,
}

/// A twin in both float types.
#[derive(Clone, Copy)]
pub struct Twin {
    /// The `--device cpu` executor.
    pub single: fn(&mut Call<'_, f32>),
    /// The reference of tests and `selftest`.
    pub double: fn(&mut Call<'_, f64>),
}

impl std::fmt::Debug for Twin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Twin")
    }
}

/// Instantiates a generic twin for both float types.
#[macro_export]
macro_rules! twin {
    ($function:path) => {
        $crate::device::kernel::Twin { single: $function, double: $function }
    };
}

/// How far a float output may be from the f64 twin that is given the device's own inputs.
///
/// All but `Exact` allow f32's smallest normal number besides, once for each term: devices may flush denormals to zero.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// The bits of the twin's result rounded to f32: for kernels that only move values.
    Exact,
    /// Sums of K products: 2·K·2⁻²⁴·Σ|aᵢbᵢ|, where the dispatch counts K and the twin computes Σ|aᵢbᵢ| from
    /// absolute inputs (Higham, "Accuracy and Stability of Numerical Algorithms", §3.1).
    Sum,
    /// This fraction of |reference| plus the same fraction of the output's largest magnitude.
    Relative(f64),
}

/// What naga says of one specialisation of a kernel.
#[derive(Debug)]
pub struct Reflection {
    /// Storage bindings in the order of their indices.
    pub bindings: Vec<Binding>,
    /// Invocations of a workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
}

/// One `@group(0) @binding(index)` variable.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The variable's name.
    pub name: String,
    /// Its index in group 0.
    pub index: u32,
    /// The shader reads it.
    pub read: bool,
    /// The shader writes it.
    pub written: bool,
    /// The type of its words.
    pub element: Element,
    /// Words of one element of the array: a kernel on `vec4f` writes whole vec4s, past the end of a view that has none.
    pub stride: u32,
}

impl Kernel {
    /// The complete WGSL of one specialisation: constants, preludes, the file.
    pub fn specialise(&self, constants: &Constants) -> String {
        let mut text = String::new();
        for (name, value) in constants {
            let _ = match value {
                Constant::U32(v) => writeln!(text, "const {name}: u32 = {v}u;"),
                Constant::F32(v) => writeln!(text, "const {name}: f32 = {v:e}f;"),
            };
        }
        for part in self.preludes.iter().chain([&self.source]) {
            text.push_str(part);
        }
        text
    }

    /// Parses and validates a specialisation.
    ///
    /// # Panics
    /// If the WGSL is not valid: a mistake in the shader or its descriptor, never a user's.
    pub fn module(&self, constants: &Constants) -> (naga::Module, naga::valid::ModuleInfo) {
        let text = self.specialise(constants);
        let module = naga::front::wgsl::parse_str(&text)
            .unwrap_or_else(|e| panic!("{}: {}", self.name, e.emit_to_string_with_path(&text, self.name)));
        let info = Validator::new(ValidationFlags::all(), Capabilities::SUBGROUP)
            .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
            .subgroup_operations(naga::valid::SubgroupOperationSet::all())
            .validate(&module)
            .unwrap_or_else(|e| panic!("{}: {}", self.name, e.emit_to_string_with_path(&text, self.name)));
        (module, info)
    }

    /// Reflects a specialisation; each distinct one is parsed once in a process.
    pub fn reflection(&self, constants: &Constants) -> Arc<Reflection> {
        type Cache = Mutex<HashMap<String, Arc<Reflection>>>;
        static CACHE: OnceLock<Cache> = OnceLock::new();
        let key = format!("{} {constants:?}", self.name);
        let mut cache = CACHE.get_or_init(Cache::default).lock().unwrap_or_else(|e| e.into_inner());
        cache.entry(key).or_insert_with(|| Arc::new(self.reflect(constants))).clone()
    }

    fn reflect(&self, constants: &Constants) -> Reflection {
        let (module, info) = self.module(constants);
        let entry_point = &module.entry_points[0];
        assert_eq!(entry_point.name, ENTRY_POINT, "{}: the entry point's name", self.name);
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let mut bindings = Vec::new();
        let mut workgroup_bytes = 0;
        for (handle, variable) in module.global_variables.iter() {
            match variable.space {
                naga::AddressSpace::WorkGroup => workgroup_bytes += layouter[variable.ty].size,
                naga::AddressSpace::Storage { .. } => {
                    let (Some(name), Some(binding)) = (&variable.name, &variable.binding) else { continue };
                    let usage = info.get_entry_point(0)[handle];
                    bindings.push(Binding {
                        name: name.clone(),
                        index: binding.binding,
                        read: usage.contains(GlobalUse::READ),
                        written: usage.contains(GlobalUse::WRITE),
                        element: element(&module, variable.ty),
                        stride: match module.types[variable.ty].inner {
                            naga::TypeInner::Array { stride, .. } => stride / 4,
                            _ => 1,
                        },
                    });
                }
                _ => {}
            }
        }
        bindings.sort_by_key(|b| b.index);
        Reflection { bindings, workgroup_size: entry_point.workgroup_size, workgroup_bytes }
    }
}

/// The scalar type at the bottom of a storage array.
fn element(module: &naga::Module, ty: naga::Handle<naga::Type>) -> Element {
    match module.types[ty].inner {
        naga::TypeInner::Array { base, .. } => element(module, base),
        naga::TypeInner::Scalar(scalar) | naga::TypeInner::Vector { scalar, .. } => match scalar.kind {
            naga::ScalarKind::Float => Element::F32,
            _ => Element::U32,
        },
        ref other => panic!("a storage binding must be an array of scalars or vectors, not {other:?}"),
    }
}

/// One binding's data, as a twin sees it.
#[derive(Debug)]
pub enum Slot<'a, F> {
    /// Floats to read.
    Floats(&'a [F]),
    /// Floats to write, until taken.
    FloatsMut(Option<&'a mut [F]>),
    /// Integers to read.
    Words(&'a [u32]),
}

/// The arguments of one execution of a twin: constants and bindings by name, as in the shader.
#[derive(Debug)]
pub struct Call<'a, F> {
    constants: &'a Constants,
    slots: Vec<(&'static str, Slot<'a, F>)>,
    scratch: Option<&'a mut Vec<F>>,
}

impl<'a, F: Real> Call<'a, F> {
    /// Binds data to names; `scratch` is memory that twins use and that the caller keeps for the next call.
    pub fn new(constants: &'a Constants, slots: Vec<(&'static str, Slot<'a, F>)>, scratch: &'a mut Vec<F>) -> Self {
        Call { constants, slots, scratch: Some(scratch) }
    }

    /// An integer constant, as a size.
    pub fn size(&self, name: &str) -> usize {
        match self.constants.get(name) {
            Some(Constant::U32(value)) => *value as usize,
            other => panic!("the twin needs `const {name}: u32`, not {other:?}"),
        }
    }

    /// A float constant.
    pub fn float(&self, name: &str) -> F {
        match self.constants.get(name) {
            Some(Constant::F32(value)) => F::of(f64::from(*value)),
            other => panic!("the twin needs `const {name}: f32`, not {other:?}"),
        }
    }

    /// A float binding that is read.
    pub fn read(&self, name: &str) -> &'a [F] {
        match self.slot(name) {
            Slot::Floats(data) => data,
            _ => panic!("binding `{name}` is not readable floats"),
        }
    }

    /// An integer binding.
    pub fn words(&self, name: &str) -> &'a [u32] {
        match self.slot(name) {
            Slot::Words(data) => data,
            _ => panic!("binding `{name}` is not integers"),
        }
    }

    /// A float binding that is written; can be taken once.
    pub fn write(&mut self, name: &str) -> &'a mut [F] {
        match self.slots.iter_mut().find(|(n, _)| *n == name) {
            Some((_, Slot::FloatsMut(data))) => data.take().unwrap_or_else(|| panic!("binding `{name}` is taken")),
            _ => panic!("binding `{name}` is not writable floats"),
        }
    }

    /// Scratch of this many floats with any contents; can be taken once.
    pub fn scratch(&mut self, len: usize) -> &'a mut [F] {
        let scratch = self.scratch.take().expect("a twin takes its scratch once");
        if scratch.len() < len {
            scratch.resize(len, F::ZERO);
        }
        &mut scratch[..len]
    }

    fn slot(&self, name: &str) -> &Slot<'a, F> {
        let found = self.slots.iter().find(|(n, _)| *n == name);
        &found.unwrap_or_else(|| panic!("the twin needs binding `{name}`")).1
    }
}
