//! A program with all that another executor needs, in one JSON document: what a web page replays.
//! `docs/bundle.md` describes it.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::kernel::ENTRY_POINT;
use super::program::{Dispatch, Program, TensorSpec};

/// The version of the format.
pub const BUNDLE_VERSION: u32 = 1;

/// The document of a program: its shaders, each once, and its dispatches with the indices of their
/// bindings.
pub fn bundle(program: &Program) -> Value {
    let mut modules = Modules::default();
    let plans = program.plans.iter().map(|plan| {
        let dispatches: Vec<_> = plan.into_iter().map(|dispatch| modules.dispatch(dispatch)).collect();
        json!({ "name": plan.name, "dispatches": dispatches })
    });
    let plans: Vec<_> = plans.collect();
    json!({
        "format": "dcgan-gpu bundle",
        "version": BUNDLE_VERSION,
        "program_version": env!("CARGO_PKG_VERSION"),
        "entry_point": ENTRY_POINT,
        "modules": modules.list,
        "tensors": program.tensors.iter().map(tensor).collect::<Vec<_>>(),
        "plans": plans,
        "step": program.step,
        "ports": program.ports,
        "outputs": program.outputs,
        "ring": program.ring,
        "stored": program.stored,
    })
}

/// Complete shaders and their places in the list.
#[derive(Default)]
struct Modules {
    list: Vec<Value>,
    known: HashMap<String, usize>,
}

impl Modules {
    fn dispatch(&mut self, Dispatch { kernel, constants, bindings, scope, workgroups, .. }: &Dispatch) -> Value {
        let list = &mut self.list;
        let module = *self.known.entry(kernel.specialise(constants)).or_insert_with_key(|wgsl| {
            let subgroups = kernel.needs_subgroups(constants);
            list.push(json!({ "kernel": kernel.name, "wgsl": wgsl, "subgroups": subgroups }));
            list.len() - 1
        });
        let reflection = kernel.reflection(constants);
        let bound = reflection.bindings.iter().map(|binding| {
            let view = bindings[binding.name.as_str()];
            let (tensor, offset, len) = (view.tensor, view.offset, view.len);
            json!({ "binding": binding.index, "name": binding.name, "tensor": tensor, "offset": offset, "len": len })
        });
        let bound: Vec<_> = bound.collect();
        json!({ "module": module, "scope": scope, "bindings": bound, "workgroups": workgroups })
    }
}

fn tensor(TensorSpec { label, words, element, role, contents }: &TensorSpec) -> Value {
    let mut tensor = json!({ "label": label, "element": element, "role": role, "words": words });
    if let Some(contents) = contents {
        tensor["contents"] = json!(contents);
    }
    tensor
}
