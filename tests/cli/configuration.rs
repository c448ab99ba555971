//! Where values come from: preset, file, environment, flag; and that every key can be given
//! everywhere.

use dcgan_gpu::model::sources::PRESETS;
use serde_json::Value;

use crate::desk::{Desk, TRAIN};

/// Key, flag, and the values that the file, the environment and the flag give, as TOML.
const SOURCES: [(&str, &str, [&str; 3]); 18] = [
    ("training.on_nan", "on-nan", ["\"rollback\"", "\"stop\"", "\"rollback\""]),
    ("training.order", "order", ["\"alternating\"", "\"simultaneous\"", "\"alternating\""]),
    ("training.batch_size", "batch-size", ["3", "4", "5"]),
    ("training.label_real", "label-real", ["0.75", "0.5", "1.0"]),
    ("training.label_fake", "label-fake", ["0.25", "0.5", "0.125"]),
    ("training.instance_noise", "instance-noise", ["0.25", "0.5", "0.125"]),
    ("latent.dim", "latent-dim", ["3", "4", "5"]),
    ("adam.lr", "lr", ["0.01", "0.02", "0.03"]),
    ("adam.beta1", "beta1", ["0.1", "0.2", "0.3"]),
    ("adam.beta2", "beta2", ["0.7", "0.8", "0.9"]),
    ("seed", "seed", ["3", "4", "5"]),
    ("output.sample_every", "sample-every", ["\"3steps\"", "\"4epochs\"", "5"]),
    ("output.checkpoint_every", "checkpoint-every", ["\"3steps\"", "\"4hours\"", "5"]),
    ("output.keep", "keep", ["3", "4", "5"]),
    ("output.log_every", "log-every", ["3", "4", "5"]),
    ("output.rows", "rows", ["3", "4", "5"]),
    ("output.cols", "cols", ["3", "4", "5"]),
    ("output.gif", "gif", ["\"c.gif\"", "\"d.gif\"", "\"e.gif\""]),
];

/// The value of a dotted key, as TOML.
fn at(table: &toml::Table, key: &str) -> String {
    let mut value = toml::Value::Table(table.clone());
    for name in key.split('.') {
        value = value.get(name).unwrap_or_else(|| panic!("no {key}")).clone();
    }
    value.to_string()
}

#[test]
fn the_guide_has_a_file_that_can_be_used() {
    let desk = Desk::new();
    let (_, file) = include_str!("../../docs/guide.md").split_once("```toml\n").unwrap();
    desk.write("mine.toml", file.split_once("```").unwrap().0);
    let shown = desk.run("train --dry-run --config mine.toml").done();
    assert!(shown.lines().any(|line| line.contains("tanh") && line.contains("32×32×3")), "{shown}");
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_preset() {
    let desk = Desk::new();
    desk.run(TRAIN).done();
    let (preset, tiny) = (desk.config("run"), String::from_utf8(desk.read("tiny.toml")).unwrap());
    let networks = &tiny[tiny.find("[generator]").unwrap()..];
    let keys: String = SOURCES.iter().map(|(key, _, [file, ..])| format!("{key} = {file}\n")).collect();
    desk.write(
        "mine.toml",
        format!("preset = \"quick\"\ntraining.steps = 1\nimage.height = 8\nimage.width = 8\n{keys}{networks}"),
    );

    let plain = |toml: &str| toml.trim_matches('"').to_string();
    let variables: Vec<_> = SOURCES
        .iter()
        .map(|(_, flag, v)| (format!("DCGAN_GPU_{}", flag.to_uppercase().replace('-', "_")), plain(v[1])))
        .collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let flags: String = SOURCES.iter().map(|(_, flag, v)| format!(" --{flag} {}", plain(v[2]))).collect();

    let line = |out| format!("train --config mine.toml --device cpu --out {out}");
    desk.run(&line("file")).done();
    desk.run_with(&variables, &line("environment")).done();
    desk.run_with(&variables, &format!("{}{flags}", line("flag"))).done();
    for (key, _, values) in SOURCES {
        for (out, value) in ["file", "environment", "flag"].iter().zip(values) {
            assert_eq!(at(&desk.config(out), key), value, "{key} from the {out}");
        }
    }
    assert_eq!(at(&preset, "adam.beta1"), "0.5", "what no one gives comes from the preset");
    let overruled = desk.run_with(&variables, &format!("{} --set adam.lr=0.5", line("set")));
    overruled.done();
    assert_eq!(at(&desk.config("set"), "adam.lr"), "0.5");
}

#[test]
fn a_flag_wins_over_the_variable_that_it_excludes() {
    let desk = Desk::new();
    desk.run_with(&[("DCGAN_GPU_EPOCHS", "3")], &format!("{TRAIN} --steps 2")).done();
    assert_eq!(at(&desk.config("run"), "training.steps"), "2");
    desk.run_with(&[("DCGAN_GPU_PRESET", "keras")], &format!("{TRAIN} --steps 2 --force")).done();
    assert_eq!(at(&desk.config("run"), "name"), "\"tiny\"");
    let layers = desk.run_with(&[("DCGAN_GPU_CONFIG", "no.toml")], "train --preset keras --dry-run").done();
    assert_eq!(layers, desk.run("train --preset keras --dry-run").done());
    desk.run_with(&[("DCGAN_GPU_EPOCHS", "3"), ("DCGAN_GPU_STEPS", "3")], TRAIN).refused(2, "cannot be used with");
}

#[test]
fn the_environment_chooses_checkpoint_and_device() {
    let desk = Desk::with_run();
    let variables = [("DCGAN_GPU_CHECKPOINT", "run"), ("DCGAN_GPU_DEVICE", "cpu")];
    desk.run_with(&variables, "sample --out a.png").done();
    assert!(desk.path("a.png").is_file());
}

#[test]
fn a_resolved_configuration_is_a_configuration() {
    let desk = Desk::with_run();
    desk.run("train --config run/config.toml --device cpu --out again").done();
    assert_eq!(desk.config("run").len(), 12, "all keys but data_dir");
    let mut again = desk.config("again");
    again.insert("name".to_string(), desk.config("run")["name"].clone());
    assert_eq!(again, desk.config("run"));
    // Their captions name the files that the runs were configured by.
    let [again, run] = ["again", "run"].map(|run| desk.picture(&format!("{run}/samples/step-00000020.png")));
    assert_eq!(again, run);
}

#[test]
fn every_preset_can_be_shown_and_given_as_a_file() {
    let desk = Desk::new();
    for (preset, _) in PRESETS {
        desk.write("mine.toml", desk.run(&format!("presets show {preset}")).done());
        let file = desk.run("train --config mine.toml --dry-run --json").json();
        assert_eq!(file, desk.run(&format!("train --preset {preset} --dry-run --json")).json(), "{preset}");
    }
}

/// The keys of a configuration that hold no table, with their values as TOML.
fn leaves(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    for (key, value) in value.as_object().unwrap() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if value.is_object() {
            leaves(value, &path, found);
        } else if !value.is_null() {
            found.push((path, toml::Value::try_from(value).unwrap().to_string()));
        }
    }
}

#[test]
fn every_key_of_every_preset_can_be_set() {
    let desk = Desk::new();
    for (preset, _) in PRESETS {
        let shown = desk.run(&format!("presets show {preset} --json")).json();
        let mut keys = Vec::new();
        leaves(&shown, "", &mut keys);
        keys.push(("data_dir".to_string(), "\"somewhere\"".to_string()));
        assert!(keys.len() >= 28, "{keys:?}");
        // Over another preset, so that a key that is ignored shows.
        let base = if preset == "keras" { "tf-tutorial" } else { "keras" };
        let mut command = desk.command(&format!("train --preset {base} --dry-run --json"));
        for (key, value) in &keys {
            command.args(["--set", &format!("{key}={value}")]);
        }
        let set = crate::desk::end(command).json();
        assert_eq!(set, desk.run(&format!("train --preset {preset} --dry-run --json")).json(), "{preset}");
    }
}

/// As editors and shells of Windows save them: with a byte-order mark, or as UTF-16.
#[test]
fn files_of_every_encoding_are_read() {
    let desk = Desk::new();
    let shown = |text: Vec<u8>| {
        desk.write("tiny.toml", text);
        desk.run("config show --config tiny.toml").done()
    };
    let text = String::from_utf8(desk.read("tiny.toml")).unwrap();
    let expected = shown(text.clone().into());
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [format!("\u{feff}{text}").into_bytes(), wide] {
        assert_eq!(shown(bytes), expected);
    }
    // And as a run's own.
    desk.run(TRAIN).done();
    let text = String::from_utf8(desk.read("run/config.toml")).unwrap();
    let wide: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    desk.write("run/config.toml", wide);
    let ended = desk.run("train --resume run --device cpu --steps 30");
    assert!(!ended.stderr.contains("config.toml"), "{}", ended.stderr);
    ended.done();
}

#[test]
fn a_size_plans_both_networks() {
    let desk = Desk::new();
    let planned = |flags: &str| desk.run(&format!("config show --json {flags}")).json();
    let shown = planned("--preset tf-tutorial --size 48 --set image.channels=3");
    let config = &shown["config"];
    assert_eq!((&config["image"]["height"], &config["image"]["width"]), (&48.into(), &48.into()));
    assert_eq!(config["training"]["order"], "simultaneous", "all but the networks stays the preset's");
    let last = config["generator"]["layers"].as_array().unwrap().iter().rev().nth(1).unwrap();
    assert_eq!((&last["type"], &last["channels"]), (&"conv_transpose".into(), &3.into()));
    for key in ["generator.layers", "discriminator.layers", "image.height", "image.width"] {
        assert_eq!(shown["origins"][key], "flag --size", "{key}");
    }
    // What is planned is what presets hold.
    assert_eq!(planned("--size 28")["config"], planned("")["config"]);
    for (preset, size) in [("colour-32", "32"), ("colour-64", "64")] {
        let [own, again] = ["", &format!("--size {size}")].map(|flags| planned(&format!("--preset {preset} {flags}")));
        assert_eq!(own["config"], again["config"], "{preset}");
    }
    let shown = desk.run_with(&[("DCGAN_GPU_SIZE", "20")], "config show --config tiny.toml").done();
    assert!(shown.contains("height = 20  # environment DCGAN_GPU_SIZE"), "{shown}");
    let refused = desk.run_with(&[("DCGAN_GPU_SIZE", "21")], "config show");
    refused.refused(2, "DCGAN_GPU_SIZE: networks are planned for sizes");

    // A run records them, and needs no flag to go on.
    let line = "train --config tiny.toml --size 16 --device cpu --out run --steps 2 --batch-size 2";
    desk.run(line).done();
    assert_eq!(at(&desk.config("run"), "image.height"), "16");
    desk.run("train --resume run --device cpu --steps 4").done();
    assert_eq!(desk.picture("run/samples/step-00000004.png").0, 3 * 16 + 2 * 2);
}

#[test]
fn a_dry_run_counts_and_creates_nothing() {
    let desk = Desk::new();
    let before = desk.snapshot();
    let report = desk.run(&format!("{TRAIN} --dry-run --json --data no/such/folder")).json();
    let [generator, discriminator] = [&report["networks"][0], &report["networks"][1]];
    assert_eq!((&generator["name"], &discriminator["name"]), (&"generator".into(), &"discriminator".into()));
    assert_eq!(generator["parameters"], 4 * 32 + 2 * 8 + (16 * 8 * 4 + 4) + (16 * 4 + 1));
    assert_eq!(discriminator["parameters"], (16 * 4 + 4) + (4 * 4 * 4 + 1));
    assert_eq!(generator["layers"].as_array().unwrap().len(), 7);
    assert!(report["flops_per_image"].as_u64().unwrap() > 0);
    let text = desk.run(&format!("{TRAIN} --dry-run")).done();
    for part in
        ["generator: 725 parameters", "discriminator: 133 parameters", "conv_transpose  8×8×1", "MFLOP an image"]
    {
        assert!(text.contains(part), "{text} does not say {part:?}");
    }
    assert!(desk.snapshot() == before);
}

#[test]
fn a_cadence_without_a_unit_counts_in_that_of_the_length() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --sample-every 8 --checkpoint-every 20")).done();
    assert_eq!(desk.grids("run").len(), 3, "steps 8, 16 and 20");
}
