//! A kernel as data: one WGSL file, what is put before it, and how exact its results are.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use naga::valid::{Capabilities, GlobalUse, ValidationFlags, Validator};

use serde::Serialize;

/// The type of a tensor's 32-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// IEEE single precision on a GPU; f32 or f64 on the host.
    F32,
    /// Unsigned integers, also used for packed bytes.
    U32,
}

/// A constant that a kernel is specialised with.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// The constants of one dispatch, by name.
pub type Constants = BTreeMap<&'static str, Constant>;

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// A compute kernel.
#[derive(Debug)]
pub struct Kernel {
    /// `topic/name`: the shader is `shaders/topic/name.wgsl`.
    pub name: &'static str,
    /// The WGSL text.
    pub source: &'static str,
    /// Shared WGSL that is put before it.
    pub preludes: &'static [&'static str],
    /// How far the device's result may be from the twin's.
    pub bound: Bound,
    /// Runs on GPUs without the bounds checks that wgpu adds to other kernels: one of this crate,
    /// whose tests check it.
    pub(crate) trusted: bool,
}

/// How far a float output may be from the f64 twin that is given the device's own inputs.
///
/// All but `Exact` allow f32's smallest normal number besides, once for each term: devices may
/// flush denormals to zero.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// The bits of the twin's result rounded to f32: for kernels that only move values.
    Exact,
    /// Sums of K products: 2·K·2⁻²⁴·Σ|aᵢbᵢ|, where the dispatch counts K and the twin computes
    /// Σ|aᵢbᵢ| from absolute inputs (Higham, "Accuracy and Stability of Numerical Algorithms",
    /// §3.1).
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
    /// Words of one element of the array: a kernel on `vec4f` writes whole vec4s, past the end of a
    /// view that has none.
    pub stride: u32,
}

/// Names are unique.
impl PartialEq for Kernel {
    fn eq(&self, other: &Kernel) -> bool {
        self.name == other.name
    }
}

impl Kernel {
    /// A kernel of a library user: `source` has an entry point [`ENTRY_POINT`] and is put behind
    /// `preludes`.
    pub const fn new(
        name: &'static str,
        source: &'static str,
        preludes: &'static [&'static str],
        bound: Bound,
    ) -> Kernel {
        Kernel { name, source, preludes, bound, trusted: false }
    }

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
    /// If the WGSL is not valid: a mistake in the shader or its descriptor.
    pub fn module(&self, constants: &Constants) -> (naga::Module, naga::valid::ModuleInfo) {
        let text = self.specialise(constants);
        let module = self.parse(&text);
        let info = Validator::new(ValidationFlags::all(), Capabilities::SUBGROUP)
            .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
            .subgroup_operations(naga::valid::SubgroupOperationSet::all())
            .validate(&module)
            .unwrap_or_else(|e| panic!("{}: {}", self.name, e.emit_to_string_with_path(&text, self.name)));
        (module, info)
    }

    /// Whether a specialisation uses subgroups, which not every device has.
    pub fn needs_subgroups(&self, constants: &Constants) -> bool {
        let (module, _) = self.module(constants);
        Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).is_err()
    }

    /// Invocations of a workgroup in x, y, z, of a kernel where no constant changes them: it is
    /// parsed once in a process, with the `constants` of the first call.
    ///
    /// # Panics
    /// As [`Kernel::module`].
    pub fn workgroup_size(&self, constants: &[(&'static str, Constant)]) -> [u32; 3] {
        static CACHE: Mutex<BTreeMap<(&str, usize), [u32; 3]>> = Mutex::new(BTreeMap::new());
        let mut cache = CACHE.lock().unwrap_or_else(|e| e.into_inner());
        *cache.entry((self.name, self.source.as_ptr() as usize)).or_insert_with(|| {
            let constants = constants.iter().copied().collect();
            self.parse(&self.specialise(&constants)).entry_points[0].workgroup_size
        })
    }

    fn parse(&self, text: &str) -> naga::Module {
        naga::front::wgsl::parse_str(text)
            .unwrap_or_else(|e| panic!("{}: {}", self.name, e.emit_to_string_with_path(text, self.name)))
    }

    /// Reflects a specialisation; each distinct one is parsed once in a process.
    pub fn reflection(&self, constants: &Constants) -> Arc<Reflection> {
        type Cache = Mutex<HashMap<String, Arc<Reflection>>>;
        static CACHE: OnceLock<Cache> = OnceLock::new();
        let key = format!("{} {:p} {constants:?}", self.name, self.source);
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
        naga::TypeInner::Scalar(scalar) | naga::TypeInner::Atomic(scalar) | naga::TypeInner::Vector { scalar, .. } => {
            match scalar.kind {
                naga::ScalarKind::Float => Element::F32,
                _ => Element::U32,
            }
        }
        ref other => panic!("a storage binding must be an array of scalars or vectors, not {other:?}"),
    }
}
