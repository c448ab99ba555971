//! A program with all that another executor needs, in one JSON document: what a web page replays. `docs/bundle.md` describes
//! it.

use std::collections::HashMap;

use serde::Serialize;

use super::kernel::{ENTRY_POINT, Element};
use super::ports::{Output, Port, Ring, Stored};
use super::program::{Dispatch, Program, Role, TensorSpec, View};

/// What the field `format` says.
pub const BUNDLE_FORMAT: &str = "dcgan-gpu bundle";
/// The version of the format.
pub const BUNDLE_VERSION: u32 = 1;

/// A program as it is written out.
#[derive(Clone, Debug, Serialize)]
pub struct Bundle<'p> {
    format: &'static str,
    version: u32,
    program_version: &'static str,
    entry_point: &'static str,
    modules: Vec<Module>,
    tensors: Vec<Tensor<'p>>,
    plans: Vec<Replay<'p>>,
    step: &'p [usize],
    ports: &'p [Port],
    outputs: &'p [Output],
    ring: Option<&'p Ring>,
    stored: &'p [Stored],
}

/// A shader, complete with its constants; many dispatches may run it.
#[derive(Clone, Debug, Serialize)]
struct Module {
    kernel: &'static str,
    wgsl: String,
    /// Whether it needs WebGPU's feature `subgroups`, and the line `enable subgroups;` before it.
    subgroups: bool,
}

/// A buffer; its contents as words, floats by their bits.
#[derive(Clone, Debug, Serialize)]
struct Tensor<'p> {
    label: &'p str,
    element: Element,
    role: Role,
    words: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<&'p [u32]>,
}

/// A plan.
#[derive(Clone, Debug, Serialize)]
struct Replay<'p> {
    name: &'p str,
    dispatches: Vec<Launched<'p>>,
}

/// A dispatch.
#[derive(Clone, Debug, Serialize)]
struct Launched<'p> {
    /// Index in [`Bundle::modules`].
    module: usize,
    scope: &'p str,
    bindings: Vec<Bound<'p>>,
    workgroups: [u32; 3],
}

/// A binding of group 0.
#[derive(Clone, Debug, Serialize)]
struct Bound<'p> {
    binding: u32,
    name: &'p str,
    #[serde(flatten)]
    view: View,
}

impl<'p> Bundle<'p> {
    /// Gathers a program's shaders, each once, with the indices of their bindings.
    pub fn of(program: &'p Program) -> Self {
        let (mut modules, mut known) = (Vec::new(), HashMap::new());
        let mut launch = |dispatch: &'p Dispatch| {
            let wgsl = dispatch.kernel.specialise(&dispatch.constants);
            let module = *known.entry(wgsl).or_insert_with_key(|wgsl| {
                let subgroups = dispatch.kernel.needs_subgroups(&dispatch.constants);
                modules.push(Module { kernel: dispatch.kernel.name, wgsl: wgsl.clone(), subgroups });
                modules.len() - 1
            });
            let reflection = dispatch.kernel.reflection(&dispatch.constants);
            let bound = |(&name, &view): (&&'static str, &View)| {
                let binding = reflection.bindings.iter().find(|binding| binding.name == name);
                Bound { binding: binding.expect("recorded dispatches bind what the shader has").index, name, view }
            };
            let (scope, workgroups) = (dispatch.scope.as_str(), dispatch.workgroups);
            Launched { module, scope, bindings: dispatch.bindings.iter().map(bound).collect(), workgroups }
        };
        let plans = program.plans.iter();
        let plans = plans
            .map(|plan| Replay { name: &plan.name, dispatches: plan.into_iter().map(&mut launch).collect() })
            .collect();
        let tensor = |spec: &'p TensorSpec| {
            let TensorSpec { label, words, element, role, contents } = spec;
            Tensor { label, element: *element, role: *role, words: *words, contents: contents.as_deref() }
        };
        Bundle {
            format: BUNDLE_FORMAT,
            version: BUNDLE_VERSION,
            program_version: env!("CARGO_PKG_VERSION"),
            entry_point: ENTRY_POINT,
            modules,
            tensors: program.tensors.iter().map(tensor).collect(),
            plans,
            step: &program.step,
            ports: &program.ports,
            outputs: &program.outputs,
            ring: program.ring.as_ref(),
            stored: &program.stored,
        }
    }
}
