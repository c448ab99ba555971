//! `config show`: what a configuration resolves to, and where each value comes from.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::desk::{Desk, end};

/// The keys of a table that hold no table.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    for (key, value) in value.as_object().unwrap() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            Value::Object(_) => leaves(value, &path, found),
            Value::Null => {}
            _ => found.push(path),
        }
    }
}

#[test]
fn each_value_is_shown_with_where_it_comes_from() {
    let desk = Desk::new();
    desk.write("mine.toml", "preset = \"quick\"\n\n[adam]\nlr = 0.01\nbeta1 = 0.1\nbeta2 = 0.7\nepsilon = 1e-7\n");
    let variables = [("DCGAN_GPU_BETA1", "0.2"), ("DCGAN_GPU_BETA2", "0.8"), ("DCGAN_GPU_SEED", "3")];
    let line = "config show --config mine.toml --beta2 0.9 --seed 4 --set seed=5";
    let shown = desk.run_with(&variables, line).done();
    for expected in [
        "name = \"mine\"  # mine.toml:1",
        "seed = 5  # flag --set",
        "lr = 0.01  # mine.toml:4",
        "beta1 = 0.2  # environment DCGAN_GPU_BETA1",
        "beta2 = 0.9  # flag --beta2",
        "epsilon = 0.0000001  # mine.toml:7",
        "batch_size = 64  # preset quick",
        "[[generator.layers]]  # preset quick",
    ] {
        assert!(shown.lines().any(|line| line == expected), "{shown} does not say {expected:?}");
    }

    let json = desk.run_with(&variables, &format!("{line} --json")).json();
    let origins: BTreeMap<String, String> = serde_json::from_value(json["origins"].clone()).unwrap();
    for (key, origin) in [
        ("adam.lr", "mine.toml:4"),
        ("adam.beta1", "environment DCGAN_GPU_BETA1"),
        ("adam.beta2", "flag --beta2"),
        ("seed", "flag --set"),
        ("generator.layers", "preset quick"),
    ] {
        assert_eq!(origins[key], origin, "{key}");
    }
    let mut keys = Vec::new();
    leaves(&json["config"], "", &mut keys);
    keys.sort();
    assert_eq!(keys, origins.into_keys().collect::<Vec<_>>());
}

#[test]
fn what_is_shown_is_a_configuration_with_the_same_values() {
    let desk = Desk::new();
    for flags in ["", "--preset keras --lr 1e-4 --data-dir a#b", "--config tiny.toml --epochs 3 --sample-every 2steps"]
    {
        desk.write("shown.toml", desk.run(&format!("config show {flags}")).done());
        let [first, second] = [format!("config show {flags} --json"), "config show --config shown.toml --json".into()]
            .map(|line| desk.run(&line).json()["config"].clone());
        assert_eq!(first, second, "{flags}");
    }
    let from_file = desk.run("train --config shown.toml --dry-run --json").json();
    assert_eq!(from_file, desk.run("train --config tiny.toml --dry-run --json").json());
}

#[test]
fn a_length_replaces_the_other_with_its_origin() {
    let desk = Desk::new();
    let variables = [("DCGAN_GPU_EPOCHS", "7")];
    let shown = desk.run_with(&variables, "config show --preset quick").done();
    assert!(shown.contains("epochs = 7  # environment DCGAN_GPU_EPOCHS") && !shown.contains("\nsteps"), "{shown}");
    let shown = desk.run_with(&variables, "config show --preset quick --steps 9").done();
    assert!(shown.contains("steps = 9  # flag --steps") && !shown.contains("\nepochs"), "{shown}");
}

#[test]
fn a_variable_that_means_nothing_is_warned_of() {
    let desk = Desk::new();
    let variables = [("DCGAN_GPU_BATCHSIZE", "5"), ("DCGAN_GPU_CACHE", "there"), ("DCGAN_GPU_TESTS", "skip")];
    let ended = desk.run_with(&variables, "config show");
    assert_eq!(
        ended.stderr,
        "warning: the environment variable DCGAN_GPU_BATCHSIZE means nothing here; did you mean DCGAN_GPU_BATCH_SIZE?\n"
    );
    assert!(ended.done().contains("batch_size = 128  # preset pytorch"));
    assert_eq!(desk.run_with(&variables, "config show -q").stderr, "");
    // One that a flag overrules is known all the same.
    assert_eq!(desk.run_with(&[("DCGAN_GPU_EPOCHS", "5")], "config show --steps 3").stderr, "");
    let mut command = desk.command("presets");
    command.env("DCGAN_GPU_\u{7}ZZZZZZZZZZZZZZZZZZZZZ", "");
    let ended = end(command);
    assert!(ended.stderr.ends_with("means nothing here; `--help` of each verb names those there are\n"), "{ended:?}");
    assert!(!ended.stderr.contains('\u{7}') && ended.stderr.lines().count() == 1, "{ended:?}");
}
