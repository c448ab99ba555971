//! `train --dry-run`: what a configuration would do and need, without doing it.

use crate::engine::{self, Recording};
use crate::error::Result;
use crate::layers::LayerSpec;
use crate::model::config::Config;
use crate::model::network::Layout;
use crate::output::grouped;
use crate::plan::{Profile, Program, Role, allocated_bytes};
use crate::shape::Shape;

use super::{print, print_json, table};

/// Images that are counted for a data set kept on the device: as many as MNIST has.
const TYPICAL_IMAGES: u64 = 60_000;

/// Prints layers, shapes, parameters, FLOPs and memory. Nothing is opened: scratch buffers may be
/// larger on a GPU.
pub fn print_plan(config: &Config, json: bool) -> Result<()> {
    let layouts = config.layouts()?;
    let of_step = u64::from(config.images_per_step());
    let image_bytes = u64::from(config.image.values());
    let resident = config.data != "strokes" && image_bytes * TYPICAL_IMAGES <= Profile::HOST.max_binding_bytes;
    let images = if resident { TYPICAL_IMAGES } else { of_step };
    let Recording { program, .. } = engine::record(config, &Profile::HOST, image_bytes * images)?;
    let flops = program.step_dispatches().map(|dispatch| dispatch.flops).sum::<u64>() / of_step;
    let dispatches = program.step_dispatches().count();
    if json {
        return print_json(&serde_json::json!({
            "networks": layouts.iter().map(network_json).collect::<Vec<_>>(),
            "flops_per_image": flops,
            "dispatches_per_step": dispatches,
            "memory_bytes": program.memory(),
            "buffers": program.tensors.iter().map(|t| (t.label.clone(), allocated_bytes(t.words))).collect::<Vec<_>>(),
        }));
    }
    layouts.iter().for_each(print_network);
    let mflop = flops as f64 / 1e6;
    print(&format!("a training step: {dispatches} dispatches, {mflop:.1} MFLOP an image (padding not counted)"));
    print_memory(&program, config.training.batch_size, images);
    Ok(())
}

/// Parameters of a layer.
fn parameters(layer: &LayerSpec, input: Shape) -> u64 {
    let learned = layer.variables(input).into_iter().filter(|variable| variable.kind.is_parameter());
    learned.map(|variable| variable.count()).sum()
}

fn network_json(layout: &Layout) -> serde_json::Value {
    let layers = layout.layers.iter().map(|(layer, input)| {
        let parameters = parameters(layer, *input);
        serde_json::json!({ "layer": layer, "input": input, "output": layer.output(*input).ok(), "parameters": parameters })
    });
    let layers: Vec<_> = layers.collect();
    serde_json::json!({ "name": layout.name, "parameters": layout.parameters.count(), "layers": layers })
}

fn print_network(layout: &Layout) {
    print(&format!("{}: {} parameters", layout.name, grouped(layout.parameters.count())));
    let mut rows = vec![vec![String::new(), "input".to_string(), layout.input().to_string()]];
    for (index, (layer, input)) in layout.layers.iter().enumerate() {
        let output = layer.output(*input).map_or_else(|_| String::new(), |shape| shape.to_string());
        let parameters = parameters(layer, *input);
        let parameters = if parameters > 0 { grouped(parameters) } else { String::new() };
        rows.push(vec![format!("{index:>4}"), layer.name().to_string(), output, parameters]);
    }
    table::lines(&rows).iter().for_each(|line| print(line));
}

/// The total of each role, and every buffer of a mebibyte or more under it.
fn print_memory(program: &Program, batch: u32, images: u64) {
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
    let memory = program.memory();
    let total = mebibytes(memory.values().sum());
    print(&format!("device memory at batch {batch}, with {} images on the device: {total}", grouped(images)));
    let mut rows = Vec::new();
    for (&role, &bytes) in &memory {
        rows.push(vec![format!("     {}", words(role)), mebibytes(bytes)]);
        let own = program.tensors.iter().filter(|t| t.role == role);
        let large = own.map(|t| (allocated_bytes(t.words), &t.label)).filter(|(bytes, _)| *bytes >= 1 << 20);
        rows.extend(large.map(|(bytes, label)| vec![format!("       {label}"), String::new(), mebibytes(bytes)]));
    }
    table::lines(&rows).iter().for_each(|line| print(line));
}

fn words(role: Role) -> &'static str {
    match role {
        Role::Parameters => "parameters",
        Role::Gradients => "gradients",
        Role::AdamMoments => "Adam's moments",
        Role::RunningStatistics => "running statistics",
        Role::Activations => "activations",
        Role::ActivationGradients => "activation gradients",
        Role::Scratch => "scratch",
        Role::TapLists => "tap lists",
        Role::DataSet => "data set",
        Role::StepInputs => "step inputs",
        Role::LossRing => "losses",
    }
}
