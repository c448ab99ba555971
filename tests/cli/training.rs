//! What a run leaves, and what it never touches.

use serde_json::Value;

use crate::desk::{Desk, TRAIN, idx_images};

fn steps(numbers: impl IntoIterator<Item = u32>, extension: &str) -> Vec<String> {
    numbers.into_iter().map(|step| format!("step-{step:08}.{extension}")).collect()
}

#[test]
fn a_run_leaves_all_that_it_promises_and_nothing_else() {
    let desk = Desk::new();
    let outcome = desk.run(&format!("{TRAIN} --json")).json();
    assert_eq!(desk.names(""), ["run", "tiny.toml"]);
    let all =
        [".lock", "checkpoints", "config.toml", "dcgan.gif", "losses.svg", "metrics.jsonl", "quality.jsonl", "samples"];
    assert_eq!(desk.names("run"), all);
    assert_eq!(desk.names("run/samples"), [vec!["real.png".to_string()], steps([5, 10, 15, 20], "png")].concat());
    let kept = desk.names("run/checkpoints");
    let newest = steps([15, 20], "safetensors");
    assert!(
        kept.ends_with(&newest) && kept.len() <= newest.len() + 1,
        "the two newest and the best are kept: {kept:?}"
    );

    assert_eq!(outcome["steps"], 20);
    for (key, names) in [("run", "run"), ("gif", "run/dcgan.gif"), ("sample", "run/samples/step-00000020.png")] {
        assert_eq!(desk.path(outcome[key].as_str().unwrap()), desk.path(names));
    }
    assert!(desk.path(outcome["checkpoint"].as_str().unwrap()).is_file());
}

#[test]
fn samples_have_their_size_and_are_the_frames_of_the_animation() {
    let desk = Desk::with_run();
    let samples: Vec<_> = desk.grids("run").iter().map(|n| desk.picture(&format!("run/samples/{n}"))).collect();
    for (width, height, pixels) in &samples {
        assert_eq!((*width, *height), (3 * 8 + 2 * 2, 2 * 8 + 2), "2 rows and 3 columns of 8×8, 2 pixels apart");
        assert_eq!(pixels.len(), 28 * 18, "grey");
    }
    assert_eq!(desk.frames("run/dcgan.gif"), samples);
    assert_ne!(samples[0], samples[3], "the generator learns");
}

#[test]
fn metrics_come_at_their_cadence() {
    let desk = Desk::with_run();
    let text = String::from_utf8(desk.read("run/metrics.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = lines.iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [4, 8, 12, 16, 20]);
    for line in &lines {
        let mut keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let expected = ["d_fake", "d_loss", "d_real", "epoch", "g_loss", "images_per_second", "seconds", "step"];
        assert_eq!(keys, expected);
        let number = |key: &str| line[key].as_f64().unwrap();
        assert!(number("d_loss") > 0.0 && number("g_loss") > 0.0 && number("images_per_second") > 0.0, "{line}");
        assert!((0.0..=1.0).contains(&number("d_real")) && (0.0..=1.0).contains(&number("d_fake")), "{line}");
        assert_eq!(line["epoch"], 1);
    }
    let seconds: Vec<_> = lines.iter().map(|line| line["seconds"].as_f64().unwrap()).collect();
    assert!(seconds.is_sorted(), "{seconds:?}");
}

#[test]
fn epochs_count_whole_batches_of_the_data() {
    let desk = Desk::new();
    desk.write("digits/train-images-idx3-ubyte", idx_images(27, &[8, 8]));
    desk.run(&format!("{TRAIN} --data digits --epochs 3 --sample-every 1 --checkpoint-every 2epochs --log-every 1"))
        .done();
    assert_eq!(desk.grids("run"), steps([3, 6, 9], "png"), "27 images are 3 batches of 8");
    assert_eq!(desk.names("run/checkpoints"), steps([6, 9], "safetensors"));
    let text = String::from_utf8(desk.read("run/metrics.jsonl")).unwrap();
    let epochs: Vec<_> = text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["epoch"].clone()).collect();
    assert_eq!(epochs, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
}

#[test]
fn the_last_step_is_sampled_and_saved_whatever_the_cadence() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --steps 7 --sample-every 100steps --checkpoint-every 100steps")).done();
    assert_eq!(desk.grids("run"), steps([7], "png"));
    assert_eq!(desk.names("run/checkpoints"), steps([7], "safetensors"));
    assert_eq!(desk.frames("run/dcgan.gif").len(), 1);
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let desk = Desk::with_run();
    for (run, seed) in [("same", 0), ("other", 1)] {
        desk.run(&format!("train --config tiny.toml --device cpu --out {run} --seed {seed}")).done();
    }
    let last = "samples/step-00000020.png";
    assert_eq!(desk.read(&format!("run/{last}")), desk.read(&format!("same/{last}")));
    assert_ne!(desk.read(&format!("run/{last}")), desk.read(&format!("other/{last}")));
}

#[test]
fn a_run_is_replaced_only_when_told() {
    let desk = Desk::with_run();
    let before = desk.snapshot();
    desk.run(&format!("{TRAIN} --steps 10")).refused(2, "run already holds a run; choose another --out, add --force");
    assert!(desk.snapshot() == before, "a refusal changes no byte");

    desk.run(&format!("{TRAIN} --steps 10 --gif new.gif --force")).done();
    assert_eq!(desk.grids("run"), steps([5, 10], "png"));
    assert_eq!(desk.names("run/checkpoints"), steps([5, 10], "safetensors"));
    assert_eq!(desk.config("run")["training"]["steps"].as_integer(), Some(10));
    assert!(!desk.path("run/dcgan.gif").exists(), "the old animation goes with the old run");
    assert_eq!(desk.frames("run/new.gif").len(), 2);
}

#[test]
fn force_does_not_clear_a_folder_of_something_else() {
    let desk = Desk::new();
    desk.write("run/samples/holiday.jpg", "precious");
    let before = desk.snapshot();
    for force in ["", "--force"] {
        desk.run(&format!("{TRAIN} {force}")).refused(2, "run is not empty and holds no run");
        assert!(desk.snapshot() == before);
    }
}

#[test]
fn runs_without_a_name_are_numbered() {
    let desk = Desk::new();
    for _ in 0..2 {
        desk.run("train --config tiny.toml --device cpu --steps 1").done();
    }
    let runs = desk.names("runs");
    assert_eq!(runs.len(), 2);
    assert!(runs[0].ends_with("-tiny-1") && runs[1].ends_with("-tiny-2"), "{runs:?}");
}

#[test]
fn a_diverging_run_ends_with_its_own_code() {
    let desk = Desk::new();
    let dense = "{type=\"dense\",units=64},".repeat(60);
    let layers = format!("discriminator.layers=[{dense}{{type=\"dense\",units=1}}]");
    desk.run(&format!("{TRAIN} -q --set init.weights=normal --set init.std=10 --set {layers}"))
        .refused(7, "training diverged");
    assert!(desk.names("run/checkpoints").is_empty(), "a broken state is never saved");
}

/// A deep linear D grows with the power of its learning rate: half of what diverges within five
/// steps does not.
#[test]
fn a_rolled_back_run_goes_on_more_slowly() {
    let dense = "{type=\"dense\",units=16},".repeat(30);
    let layers = format!("discriminator.layers=[{dense}{{type=\"dense\",units=1}}]");
    let train = format!("{TRAIN} --set {layers} --on-nan rollback --steps 5");

    let desk = Desk::new();
    let ended = desk.run(&format!("{train} --lr 0.5"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = "going on from step 0 with half the learning rates (1 of 3 times)";
    assert!(ended.stderr.contains("training diverged: ") && ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(desk.config("run")["adam"]["lr"].as_float(), Some(0.25));

    let desk = Desk::new();
    let ended = desk.run(&format!("{train} --set init.weights=normal --set init.std=10 --lr 0.5"));
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(" with half the learning rates ").count(), 3, "{}", ended.stderr);
    assert_eq!(desk.names("run/checkpoints"), steps([0], "safetensors"), "where it went back to, nothing broken");
    let ended = desk.run("train --resume run --device cpu");
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert_eq!(
        ended.stderr.matches(" with half the learning rates ").count(),
        0,
        "three times in all: {}",
        ended.stderr
    );
}

#[test]
fn quiet_says_nothing_and_verbose_tells_of_files() {
    let desk = Desk::new();
    let quiet = desk.run(&format!("{TRAIN} -q"));
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    let verbose = desk.run(&format!("{TRAIN} -v --force"));
    assert!(verbose.stderr.contains("step-00000015.safetensors"), "{}", verbose.stderr);
}

/// Losses without probabilities record D's mean logits in the place of D(x).
#[test]
fn losses_without_probabilities_tell_logits() {
    let desk = Desk::new();
    let ended = desk.run(&format!("{TRAIN} --loss hinge"));
    assert!(ended.stderr.contains("logits ") && !ended.stderr.contains("NaN"), "{}", ended.stderr);
    let curves = String::from_utf8(desk.read("run/losses.svg")).unwrap();
    assert!(curves.contains("mean logit") && !curves.contains("D(x)") && !curves.contains("NaN"), "{curves}");
}
