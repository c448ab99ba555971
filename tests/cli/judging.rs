//! What judges a run: features where there are some when it begins, pixels otherwise, and the same
//! ever after.

use std::fs;

use dcgan_gpu::model::checkpoint::Checkpoint;
use serde_json::Value;

use crate::common;
use crate::common::features;
use crate::common::record::Record;
use crate::desk::{Desk, TINY, TRAIN};

/// A desk with features of the data of `tiny.toml`.
pub fn desk() -> Desk {
    let desk = Desk::new();
    features::make(&desk.cache(), &common::config(TINY), 1);
    desk
}

/// The lines of a run's `quality.jsonl`.
pub fn quality(desk: &Desk, run: &str) -> Vec<Value> {
    let text = String::from_utf8(desk.read(&format!("{run}/quality.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Step and number of each line.
pub fn numbers(lines: &[Value], key: &str) -> Vec<(u64, f64)> {
    lines.iter().map(|line| (line["step"].as_u64().unwrap(), line[key].as_f64().unwrap())).collect()
}

/// The first line of the smallest number.
fn smallest(numbers: &[(u64, f64)]) -> u64 {
    numbers.iter().copied().reduce(|a, b| if b.1 < a.1 { b } else { a }).unwrap().0
}

fn saved(desk: &Desk, step: u64) -> Checkpoint {
    Checkpoint::load(&desk.path(format!("run/checkpoints/step-{step:08}.safetensors"))).unwrap()
}

#[test]
fn features_that_are_there_judge_a_run() {
    let desk = desk();
    let ended = desk.run(&format!("{TRAIN} --keep 4"));
    assert!(ended.stderr.contains("samples are judged by features "), "{}", ended.stderr);
    ended.done();
    let judge = desk.config("run")["judge"].as_table().unwrap().clone();
    assert_eq!(judge["by"].as_str(), Some("features"));
    assert_eq!(judge["features"].as_str().unwrap().len(), 64);
    let samples = judge["samples"].as_integer().unwrap();
    assert!(desk.path("run/features.safetensors").is_file());
    let lines = quality(&desk, "run");
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line["samples"] == samples && line["fd"].as_f64().unwrap() >= 0.0), "{lines:?}");
    for (step, fd) in numbers(&lines, "fd") {
        let metadata = saved(&desk, step).metadata;
        assert_eq!((metadata.fd, metadata.config.judge.unwrap().samples), (Some(fd), Some(samples as u32)));
    }
    assert!(String::from_utf8(desk.read("run/losses.svg")).unwrap().contains("Fréchet distance"));

    // Nothing else depends on it: neither a bit of what is learnt nor what pixels say.
    desk.run("train --config tiny.toml --device cpu --keep 4 --judge pixels --out pixels").done();
    assert_eq!(desk.config("pixels")["judge"].as_table().unwrap().len(), 1);
    assert!(!desk.path("pixels/features.safetensors").exists());
    let of_pixels = quality(&desk, "pixels");
    for key in ["distance", "diversity"] {
        assert_eq!(numbers(&lines, key), numbers(&of_pixels, key));
    }
    assert!(of_pixels.iter().all(|line| line.get("fd").is_none() && line.get("samples").is_none()));
    let rest = |run: &str| {
        let others = ["config.toml", "features.safetensors", "losses.svg", "quality.jsonl"];
        Record::of(desk.path(run)).only(|name| !name.ends_with('#') && !others.contains(&name))
    };
    rest("run").assert_is(&rest("pixels"), "a run that features judge");
}

#[test]
fn without_features_pixels_judge_and_nothing_is_written() {
    let desk = Desk::with_run();
    assert!(desk.config("run").get("judge").is_none());
    assert!(!desk.path("run/features.safetensors").exists() && !desk.cache().join("features").exists());
    assert!(quality(&desk, "run").iter().all(|line| line.as_object().unwrap().len() == 3));
    assert_eq!(saved(&desk, 20).metadata.fd, None);
    let refusal = "there are none of strokes yet; `dcgan-gpu eval strokes --data strokes --image 8x8x1` makes them, or use --judge pixels";
    desk.run("train --config tiny.toml --device cpu --out other --judge features").refused(4, refusal);
    assert!(!desk.path("other").exists());
    desk.run("train --config tiny.toml --device cpu --judge eyes").refused(2, "--judge: `judge.by`: unknown variant");
}

#[test]
fn what_judged_a_run_goes_on_to_judge_it() {
    let desk = desk();
    desk.run(&format!("{TRAIN} --steps 40")).done();
    let half = "train --config tiny.toml --device cpu --steps 20 --out half";
    desk.run(half).done();
    // Other features, or none, change nothing: the run has its own.
    features::make(&desk.cache(), &common::config(TINY), 2);
    let go_on = "train --resume half --device cpu --steps 40";
    desk.run(go_on).done();
    Record::of(desk.path("half")).assert_is(&Record::of(desk.path("run")), "a run that went on");
    fs::remove_dir_all(desk.cache()).unwrap();
    desk.run("train --resume half --device cpu --steps 45").done();
    fs::remove_file(desk.path("half/features.safetensors")).unwrap();
    desk.run("train --resume half --device cpu --steps 50").refused(4, "`dcgan-gpu eval half`");
    features::make(&desk.cache(), &common::config(TINY), 1);
    desk.run("train --resume half --device cpu --steps 50").done();
    assert!(desk.path("half/features.safetensors").is_file(), "it has them again");
    let repeated = "train --config tiny.toml --device cpu --steps 55 --resume-or-start half";
    desk.run(repeated).done();
    desk.run(&format!("{repeated} --judge pixels")).refused(2, "judge.by cannot change on a resumed run");
    desk.run("verify-resume --config tiny.toml --steps 30 --device cpu").done();
    desk.run("train --resume half --judge pixels").refused(2, "--judge cannot change on a resumed run");
}

#[test]
fn a_run_that_pixels_judge_goes_on_so() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --steps 40")).done();
    desk.run("train --config tiny.toml --device cpu --steps 20 --out half").done();
    features::make(&desk.cache(), &common::config(TINY), 1);
    desk.run("train --resume half --device cpu --steps 40").done();
    Record::of(desk.path("half")).assert_is(&Record::of(desk.path("run")), "a run that went on");
}

/// Another run's weights come without what judged it.
#[test]
fn a_run_with_the_weights_of_another_looks_for_features_again() {
    let desk = desk();
    desk.run(TRAIN).done();
    fs::remove_dir_all(desk.cache()).unwrap();
    desk.run("train --from run --device cpu --out next").done();
    assert!(desk.config("next").get("judge").is_none());
    features::make(&desk.cache(), &common::config(TINY), 2);
    desk.run("train --from run --device cpu --out later").done();
    let digest = |run: &str| desk.config(run)["judge"]["features"].as_str().unwrap().to_string();
    assert_ne!(digest("run"), digest("later"));
}

#[test]
fn the_best_is_kept_and_told_by_what_judges() {
    let desk = desk();
    desk.run(&format!("{TRAIN} --steps 60")).done();
    let lines = numbers(&quality(&desk, "run"), "fd");
    let best = smallest(&lines);
    let kept = desk.names("run/checkpoints");
    assert!(kept.contains(&format!("step-{best:08}.safetensors")), "{kept:?} of {lines:?}");
    assert!(kept.len() <= 3);
    let sample = |run: &str| {
        let ended = desk.run(&format!("sample --best --checkpoint {run} --out a.png --force --device cpu"));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stderr
    };
    let said = sample("run");
    let expected = format!("the best of run is that of step {best}, judged by features ");
    assert!(said.contains(&expected) && !said.contains("would judge better"), "{said}");

    desk.run("train --config tiny.toml --device cpu --judge pixels --steps 60 --out pixels").done();
    let nearest = smallest(&numbers(&quality(&desk, "pixels"), "distance"));
    let said = sample("pixels");
    assert!(
        said.contains(&format!("the best of pixels is that of step {nearest}, judged by pixels: distance ")),
        "{said}"
    );
    assert!(!said.contains("would judge better"), "they were asked for: {said}");
    fs::remove_dir_all(desk.cache()).unwrap();
    desk.run("train --config tiny.toml --device cpu --out plain").done();
    let said = sample("plain");
    assert!(said.contains("features would judge better: `dcgan-gpu eval plain` makes them"), "{said}");
}

#[test]
fn reports_say_what_judged() {
    let desk = desk();
    desk.run(TRAIN).done();
    let fd = numbers(&quality(&desk, "run"), "fd");
    let shown = desk.run("show run --step 10 --json").json();
    assert_eq!(shown["quality"]["fd"].as_f64(), Some(fd[1].1));
    let said = desk.run("show run --colour never").stderr;
    assert!(said.contains("Fréchet distance ") && said.contains("at step 20"), "{said}");
    let best = smallest(&fd);
    let compared = desk.run("compare run run --json").json();
    assert_eq!(compared["runs"][0]["best"]["step"], best);
    assert_eq!(compared["runs"][0]["judge"]["by"], "features");
    desk.run("report run").done();
    let page = String::from_utf8(desk.read("run/report.html")).unwrap();
    for text in
        ["<h3>Fréchet distance, n = ", "<dt>Judged by</dt><dd>features ", "<th class=\"number\">Fréchet distance</th>"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains(&format!("at step {best}</dd>")), "{page}");
    let again = desk.run("train --resume run --device cpu --json").json();
    assert_eq!((again["quality"]["step"].as_u64(), &again["ended"]), (Some(20), &Value::Null));
}

/// The grid has a row a class and the estimate more samples; pixels go on to measure the grid.
#[test]
fn a_run_with_classes_is_judged_too() {
    let desk = desk();
    desk.write("classes.toml", format!("{TINY}\n[classes]\n"));
    let train = |flags: &str| desk.run(&format!("train --config classes.toml --device cpu {flags}")).done();
    train("--out run");
    train("--out pixels --judge pixels");
    let (judged, plain) = (quality(&desk, "run"), quality(&desk, "pixels"));
    assert_eq!(numbers(&judged, "fd").len(), 4);
    for key in ["distance", "diversity"] {
        assert_eq!(numbers(&judged, key), numbers(&plain, key));
    }
    assert!(desk.read("run/samples/step-00000020.png") == desk.read("pixels/samples/step-00000020.png"));
}
