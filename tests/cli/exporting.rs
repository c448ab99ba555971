//! `export`: documents that other programs read.

use std::collections::BTreeSet;

use dcgan_gpu::model::checkpoint::Checkpoint;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use serde_json::Value;

use crate::desk::{Desk, TRAIN};

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Everything that a bundle refers to is in it, its shaders are WGSL with just the bindings that
/// are bound, and it stores what the run's checkpoints hold.
#[test]
fn a_bundle_is_whole() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --steps 1")).done();
    let told = desk.run("export bundle --run run --out b.json --json").json();
    let text = std::fs::read_to_string(desk.path("b.json")).unwrap();
    assert_eq!(number(&told["bytes"]), text.len() as u64);
    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((bundle["format"].as_str(), number(&bundle["version"])), (Some("dcgan-gpu bundle"), 1));

    let (modules, tensors) = (list(&bundle["modules"]), list(&bundle["tensors"]));
    let bindings: Vec<BTreeSet<u64>> = modules
        .iter()
        .map(|module| {
            let text = module["wgsl"].as_str().unwrap();
            let parsed = naga::front::wgsl::parse_str(text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(text)));
            Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&parsed).unwrap();
            assert_eq!(module["subgroups"], false, "{}: not for every browser", module["kernel"]);
            let entry = bundle["entry_point"].as_str().unwrap();
            assert!(parsed.entry_points.iter().any(|point| point.name == entry));
            let bound = parsed.global_variables.iter().filter_map(|(_, variable)| variable.binding.as_ref());
            bound.map(|binding| u64::from(binding.binding)).collect()
        })
        .collect();
    let within = |view: &Value| {
        let words = number(&tensors[number(&view["tensor"]) as usize]["words"]);
        assert!(number(&view["offset"]) + number(&view["len"]) <= words, "{view} of {words} words");
    };
    let (mut dispatches, mut used) = (0, BTreeSet::new());
    for dispatch in list(&bundle["plans"]).iter().flat_map(|plan| list(&plan["dispatches"])) {
        let module = number(&dispatch["module"]) as usize;
        let bound = list(&dispatch["bindings"]).iter().map(|binding| number(&binding["binding"])).collect();
        assert_eq!(bindings[module], bound, "{dispatch}");
        list(&dispatch["bindings"]).iter().for_each(within);
        used.insert(module);
        dispatches += 1;
    }
    assert!(dispatches > 30 && used.len() == modules.len(), "{dispatches} dispatches, {} modules used", used.len());

    let names = |key: &str| -> Vec<&str> { list(&bundle[key]).iter().map(|it| it["name"].as_str().unwrap()).collect() };
    let phases = ["discriminator gradients", "discriminator update", "generator gradients", "generator update"];
    assert_eq!(names("plans"), [&phases[..], &["sample", "check"]].concat());
    assert_eq!(list(&bundle["step"]).iter().map(number).collect::<Vec<_>>(), [0, 1, 2, 3]);
    for port in ["seed", "step", "rate.discriminator", "rate.generator", "latents", "indices", "images"] {
        assert!(names("ports").contains(&port), "no port {port}");
    }
    list(&bundle["ports"]).iter().chain(list(&bundle["outputs"])).for_each(|port| within(&port["view"]));
    let columns: Vec<_> =
        list(&bundle["ring"]["columns"]).iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(columns, ["d_loss", "g_loss", "d_real", "d_fake"]);

    let saved = Checkpoint::load(&desk.path("run/checkpoints/step-00000001.safetensors")).unwrap();
    let stored: BTreeSet<_> = names("stored").into_iter().collect();
    assert_eq!(stored, saved.tensors.iter().map(|(name, _)| name).collect());
    list(&bundle["stored"]).iter().for_each(|stored| within(&stored["view"]));
}

/// Updates of D take images of their own.
#[test]
fn a_bundle_has_room_for_the_images_of_a_step() {
    let desk = Desk::new();
    desk.run("export bundle --preset wgan-gp --batch-size 2 --out b.json").done();
    let bundle: Value = serde_json::from_slice(&desk.read("b.json")).unwrap();
    let images = list(&bundle["ports"]).iter().find(|port| port["name"] == "images").expect("it has one");
    assert_eq!(number(&images["view"]["len"]), 5 * 2 * 784 / 4);
}

#[test]
fn a_bundle_replaces_nothing_unasked() {
    let desk = Desk::new();
    let line = "export bundle --preset quick --batch-size 2 --out b.json";
    assert_eq!(desk.run(line).done(), "b.json\n");
    let again = desk.run(line);
    assert!(again.code == Some(2) && again.stderr.contains("b.json already exists"), "{again:?}");
    desk.run(&format!("{line} --force")).done();
}
