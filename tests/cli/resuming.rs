//! A run that goes on: to the same bits as one that never stopped, and never beside another
//! process.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use safetensors::SafeTensors;
use serde_json::Value;

use crate::desk::{Desk, TRAIN, idx_images};

pub const RESUME: &str = "train --resume run --device cpu";

/// Bytes of every tensor of a checkpoint, by name.
pub fn tensors(desk: &Desk, path: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = desk.read(path);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect()
}

/// The lines of `metrics.jsonl` without what the clock says.
pub fn metrics(desk: &Desk, run: &str) -> Vec<Value> {
    let text = String::from_utf8(desk.read(&format!("{run}/metrics.jsonl"))).unwrap();
    let line = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        let keys = value.as_object_mut().unwrap();
        assert!(keys.remove("seconds").is_some() && keys.remove("images_per_second").is_some());
        value
    };
    text.lines().map(line).collect()
}

/// What a run saved under a name of a step; a killed process may leave a temporary file besides.
pub fn steps(desk: &Desk, folder: &str) -> Vec<String> {
    desk.names(folder).into_iter().filter(|name| name.starts_with("step-")).collect()
}

#[track_caller]
fn assert_same_runs(desk: &Desk, a: &str, b: &str) {
    assert_eq!(desk.config(a), desk.config(b));
    assert_eq!(metrics(desk, a), metrics(desk, b));
    for (folder, what) in [("samples", "pictures"), ("checkpoints", "tensors")] {
        let names = steps(desk, &format!("{a}/{folder}"));
        assert_eq!(names, steps(desk, &format!("{b}/{folder}")));
        for name in names {
            let [a, b] = [a, b].map(|run| format!("{run}/{folder}/{name}"));
            let same = match what {
                "tensors" => tensors(desk, &a) == tensors(desk, &b),
                _ => desk.read(&a) == desk.read(&b),
            };
            assert!(same, "{what} of {a} and {b} differ");
        }
    }
    for name in ["dcgan.gif", "quality.jsonl", "losses.svg"] {
        assert!(desk.read(&format!("{a}/{name}")) == desk.read(&format!("{b}/{name}")), "{name} of {a} and {b} differ");
    }
}

/// With all that a step may keep besides weights and moments: averages, the means of LeCam,
/// singular vectors, and with schedules.
#[test]
fn a_run_goes_on_whatever_its_objective_is() {
    for flags in [
        "--set objective.lecam=0.3 --average 100",
        "--loss wasserstein --penalty wgan-gp --d-steps 2 --set objective.pack=2",
        "--set classes.generator=batch_norm --set classes.discriminator=projection --average 100 --set augment.cutout=0.5",
        "--loss hinge --set discriminator.optimizer.kind=rmsprop --set generator.optimizer.schedule={kind=\"cosine\",end=30}",
    ] {
        let desk = Desk::new();
        desk.run(&format!("{TRAIN} {flags} --steps 10")).done();
        desk.run(&format!("{RESUME} --steps 20")).done();
        desk.run(&format!("train --config tiny.toml --device cpu --out whole --steps 20 {flags}")).done();
        assert_same_runs(&desk, "run", "whole");
    }
}

#[test]
fn the_newest_run_goes_on() {
    let desk = Desk::new();
    let resume = "train --resume newest --device cpu --steps 30";
    desk.run(resume).refused(9, "there is no run with a checkpoint under runs/; name one with --resume RUN");
    for name in ["old", "new"] {
        desk.run(&TRAIN.replace("--out run", &format!("--out runs/{name}"))).done();
    }
    desk.run(resume).done();
    let last = |run: &str| steps(&desk, &format!("runs/{run}/checkpoints")).pop().unwrap();
    assert!(last("new").contains("00000030") && last("old").contains("00000020"));
}

/// A schedule keeps the end that it had, in whatever unit a run's length is, and a longer run is
/// told.
#[test]
fn a_schedule_that_has_ended_is_told() {
    let desk = Desk::new();
    desk.write("data.idx3-ubyte", idx_images(16, &[8, 8]));
    // In either order.
    let schedule = "--set generator.optimizer.schedule.from=0.5 --set generator.optimizer.schedule.kind=linear";
    for [length, longer] in [["--steps 10", "--steps 20"], ["--epochs 5", "--epochs 10"]] {
        let train = "train --config tiny.toml --data data.idx3-ubyte --device cpu --out run --force";
        desk.run(&format!("{train} {schedule} {length}")).done();
        let ended = desk.run(&format!("{RESUME} {longer}"));
        assert!(ended.stderr.contains("the generator learns nothing from step 10 on"), "{}", ended.stderr);
        desk.run(&format!("{train} {schedule} {length}")).done();
        let ended = desk.run(&format!("{RESUME} {longer} --g-schedule-end 20"));
        assert!(ended.stderr.contains("generator.optimizer.schedule ends at step 20 now"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("learns nothing"), "{}", ended.stderr);
    }
}

#[test]
fn twice_twenty_steps_are_forty() {
    let desk = Desk::with_run();
    desk.run(&format!("{RESUME} --steps 40")).done();
    desk.run("train --config tiny.toml --device cpu --out whole --steps 40").done();
    assert_same_runs(&desk, "run", "whole");
}

/// What a run records at its end, whatever its cadences, a longer run does not have.
#[test]
fn an_extended_run_is_one_that_was_longer_from_the_beginning() {
    for cadences in [
        "--sample-every 5 --checkpoint-every 5 --log-every 4",
        "--sample-every 3 --checkpoint-every 17 --log-every 7 --keep 3",
        "--sample-every 17 --checkpoint-every 2 --log-every 5",
        "--sample-every 50 --checkpoint-every 50 --log-every 17",
    ] {
        let desk = Desk::new();
        let train = format!("train --config tiny.toml --device cpu {cadences}");
        desk.run(&format!("{train} --out run --steps 17")).done();
        let ended = desk.snapshot();
        for folder in ["samples", "checkpoints"] {
            assert!(steps(&desk, &format!("run/{folder}")).pop().unwrap().contains("00000017"), "{cadences}");
        }
        desk.run(&format!("{RESUME} --steps 17")).done();
        desk.run("train --resume run --device nowhere --steps 34 -q").refused(3, "nowhere");
        assert!(desk.snapshot() == ended, "it has not gone on: {cadences}");
        for length in [23, 46] {
            desk.run(&format!("{RESUME} --steps {length}")).done();
            desk.run(&format!("{train} --out whole --force --steps {length}")).done();
            assert_same_runs(&desk, "run", "whole");
        }
    }
}

/// A run that ended between two checkpoints, better than ever before, and was extended to become
/// worse again: its end must not have pushed out what the longer run keeps as its best.
#[test]
fn the_best_of_an_extended_run_is_one_of_its_cadence() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --steps 250 --sample-every 1 --checkpoint-every 250")).done();
    let text = String::from_utf8(desk.read("run/quality.jsonl")).unwrap();
    let distance = |line: &str| serde_json::from_str::<Value>(line).unwrap()["distance"].as_f64().unwrap();
    let distances: Vec<f64> = [f64::INFINITY].into_iter().chain(text.lines().map(distance)).collect();
    // Checkpoints every `every` steps; at `end` they are `best`, one that is not kept for being
    // new, and another.
    let at = |step: usize| distances[step];
    let found =
        (2..20_usize).flat_map(|every| (3 * every..190).map(move |end| (every, end))).find_map(|(every, end)| {
            let length = end / every * every + 3 * every;
            let all = |to: usize| (every..=to).step_by(every);
            let best = all(end).min_by(|a, b| at(*a).total_cmp(&at(*b)))?;
            let is_lost = end % every != 0 && at(end) < at(best) && best < end / every * every;
            (is_lost && all(length).all(|step| at(step) >= at(best))).then_some((every, end, length, best))
        });
    let (every, end, length, best) = found.expect("250 steps have such an end");
    let train = format!("train --config tiny.toml --device cpu --force --checkpoint-every {every}");
    desk.run(&format!("{train} --out run --steps {end}")).done();
    desk.run(&format!("{RESUME} --steps {length}")).done();
    desk.run(&format!("{train} --out whole --steps {length}")).done();
    assert_eq!(steps(&desk, "run/checkpoints").len(), 3);
    assert_eq!(steps(&desk, "run/checkpoints")[0], format!("step-{best:08}.safetensors"));
    assert_same_runs(&desk, "run", "whole");
}

/// A kill after a run was extended, and before its next checkpoint: that checkpoint still tells of
/// the old end.
#[test]
fn an_extended_run_that_is_killed_goes_on_to_its_new_end() {
    let desk = Desk::with_run();
    let newest = "run/checkpoints/step-00000020.safetensors";
    let before = desk.read(newest);
    desk.run(&format!("{RESUME} --steps 38 --sample-every 3 --log-every 5 --keep 3")).done();
    let whole = (metrics(&desk, "run"), steps(&desk, "run/samples"), desk.read("run/dcgan.gif"));
    for name in desk.names("run/checkpoints") {
        std::fs::remove_file(desk.path(format!("run/checkpoints/{name}"))).unwrap();
    }
    desk.write(newest, before);
    let left = desk.snapshot();
    for length in [5, 20] {
        desk.run(&format!("{RESUME} --steps {length} -q"))
            .refused(2, &format!("on its way to step 38, and cannot end at step {length} any more"));
    }
    assert!(desk.snapshot() == left);
    desk.run(RESUME).done();
    assert!((metrics(&desk, "run"), steps(&desk, "run/samples"), desk.read("run/dcgan.gif")) == whole);
    assert!(steps(&desk, "run/checkpoints").contains(&"step-00000038.safetensors".to_string()));
}

/// A run that was extended and is killed before its first grid has no animation, as one that was
/// longer from the beginning.
#[test]
fn no_animation_of_an_old_end_stays() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --steps 17 --sample-every 100000000 --checkpoint-every 100000000")).done();
    assert_eq!(desk.frames("run/dcgan.gif").len(), 1);
    Endless::run(&desk, &format!("{RESUME} --steps 100000000 --checkpoint-every 50")).kill();
    assert!(steps(&desk, "run/samples").is_empty() && !desk.path("run/dcgan.gif").exists());
}

#[test]
fn epochs_go_on_where_they_were() {
    let desk = Desk::new();
    desk.write("digits/train-images-idx3-ubyte", idx_images(43, &[8, 8]));
    let train = "train --config tiny.toml --device cpu --data digits --sample-every 1epochs --checkpoint-every 3steps";
    desk.run(&format!("{train} --out run --epochs 2")).done();
    // The second checkpoint from the end lies within an epoch.
    std::fs::remove_file(desk.path("run/checkpoints/step-00000010.safetensors")).unwrap();
    desk.run(&format!("{RESUME} --epochs 4")).done();
    desk.run(&format!("{train} --out whole --epochs 4")).done();
    assert_same_runs(&desk, "run", "whole");
}

#[test]
fn a_run_without_its_last_checkpoint_repeats_what_came_after() {
    let desk = Desk::with_run();
    desk.run("train --config tiny.toml --device cpu --out whole").done();
    std::fs::remove_file(desk.path("run/checkpoints/step-00000020.safetensors")).unwrap();
    // A kill cuts the last line short; what somebody else put there stays.
    desk.write("run/samples/step-00000020.jpg", "notes");
    let mut lines = desk.read("run/metrics.jsonl");
    lines.extend(b"{\"step\":24,\"epo");
    desk.write("run/metrics.jsonl", lines);
    desk.run(RESUME).done();
    let kept = steps(&desk, "run/checkpoints");
    assert_eq!(kept, ["step-00000015.safetensors", "step-00000020.safetensors"]);
    assert_eq!(desk.read("run/samples/step-00000020.jpg"), b"notes");
    std::fs::remove_file(desk.path("run/samples/step-00000020.jpg")).unwrap();
    assert_same_runs(&desk, "run", "whole");
}

#[test]
fn a_broken_checkpoint_is_set_aside_and_the_one_before_it_used() {
    let desk = Desk::with_run();
    desk.run("train --config tiny.toml --device cpu --out whole").done();
    let newest = "run/checkpoints/step-00000020.safetensors";
    let mut bytes = desk.read(newest);
    let middle = bytes.len() - 100;
    bytes[middle] ^= 1;
    desk.write(newest, &bytes);

    let drawn = desk.run("sample --checkpoint run --out a.png --device cpu");
    assert_eq!(drawn.code, Some(0), "{}", drawn.stderr);
    assert!(drawn.stderr.contains("its bytes are not those that were saved"), "{}", drawn.stderr);
    assert!(drawn.stderr.contains("drawing from run/checkpoints/step-00000015.safetensors"), "{}", drawn.stderr);
    assert_eq!(desk.read(newest), bytes, "drawing changes nothing");

    let resumed = desk.run(RESUME);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    let aside = format!("it is set aside as {newest}.broken, run/checkpoints/step-00000015.safetensors is used");
    assert!(resumed.stderr.contains(&aside), "{}", resumed.stderr);
    assert_eq!(desk.read(&format!("{newest}.broken")), bytes);
    std::fs::remove_file(desk.path(format!("{newest}.broken"))).unwrap();
    assert_same_runs(&desk, "run", "whole");
}

#[test]
fn a_run_killed_before_its_first_checkpoint_begins_again() {
    let desk = Desk::with_run();
    desk.run("train --config tiny.toml --device cpu --out whole").done();
    for name in desk.names("run/checkpoints") {
        std::fs::remove_file(desk.path(format!("run/checkpoints/{name}"))).unwrap();
    }
    desk.run(RESUME).done();
    assert_same_runs(&desk, "run", "whole");
}

#[test]
fn the_best_checkpoint_is_kept_and_can_be_drawn_from() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --steps 200")).done();
    let text = String::from_utf8(desk.read("run/quality.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 40, "one for each grid");
    let distance = |line: &Value| line["distance"].as_f64().unwrap();
    let best = lines.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()["step"].as_u64().unwrap();
    let kept = steps(&desk, "run/checkpoints");
    let expected: std::collections::BTreeSet<_> =
        [best, 195, 200].map(|step| format!("step-{step:08}.safetensors")).into();
    assert_eq!(kept, expected.into_iter().collect::<Vec<_>>());

    let drawn = desk.run("sample --checkpoint run --best --out a.png --device cpu");
    assert_eq!(drawn.code, Some(0), "{}", drawn.stderr);
    assert!(drawn.stderr.contains(&format!("drawing from run/checkpoints/step-{best:08}.safetensors")));
}

/// A run that would last for hours; it ends with the test.
struct Endless(Child);

impl Endless {
    /// Starts it, and waits for its second checkpoint.
    fn start(desk: &Desk) -> Self {
        Self::run(desk, &format!("{TRAIN} --steps 100000000 --sample-every 50steps --checkpoint-every 50steps"))
    }

    /// Starts what `line` says, and waits for the folder's second checkpoint.
    fn run(desk: &Desk, line: &str) -> Self {
        let mut command = desk.command(line);
        let running = Endless(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let deadline = Instant::now() + Duration::from_secs(30);
        while !desk.path("run/checkpoints").is_dir() || steps(desk, "run/checkpoints").len() < 2 {
            assert!(Instant::now() < deadline, "no checkpoint within 30 seconds");
            std::thread::sleep(Duration::from_millis(5));
        }
        running
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_killed_run_goes_on_as_if_it_had_not_been() {
    let desk = Desk::new();
    Endless::start(&desk).kill();
    let newest = steps(&desk, "run/checkpoints").pop().unwrap();
    let step: u32 = newest.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
    let length = format!("--steps {}", step + 20);
    desk.run(&format!("{RESUME} {length}")).done();
    let every = "--sample-every 50steps --checkpoint-every 50steps";
    desk.run(&format!("train --config tiny.toml --device cpu --out whole {length} {every}")).done();
    assert_same_runs(&desk, "run", "whole");
}

#[test]
fn a_folder_belongs_to_one_process_at_a_time() {
    let desk = Desk::new();
    let mut running = Endless::start(&desk);
    let config = desk.read("run/config.toml");
    desk.run(&format!("{RESUME} -q --steps 200000000")).refused(8, "another process trains in run; wait for it");
    desk.run(&format!("{TRAIN} --force -q")).refused(8, "another process trains in run; wait for it");
    assert!(running.0.try_wait().unwrap().is_none(), "the first one goes on");
    assert_eq!(desk.read("run/config.toml"), config);
    running.kill();
    desk.run(&format!("{TRAIN} --force -q")).done();
}

#[test]
fn a_killed_and_resumed_run_is_verified_whatever_the_environment_says() {
    let desk = Desk::new();
    let variables =
        [("SAMPLE_EVERY", "3"), ("CHECKPOINT_EVERY", "2"), ("LOG_EVERY", "9"), ("EPOCHS", "1"), ("KEEP", "9")];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (format!("DCGAN_GPU_{name}"), *value)).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let line = "verify-resume --config tiny.toml --device cpu";
    let verdict = desk.run_with(&variables, &format!("{line} -q --json --steps 200")).json();
    assert_eq!(verdict["differences"], Value::Array(Vec::new()), "{verdict}");
    assert!(verdict["compared"].as_u64().unwrap() > 40 && verdict["resumed_from"].as_u64().unwrap() >= 14, "{verdict}");
    desk.run(&format!("{line} -q --data nowhere")).refused(4, "a run failed: ");
}

#[test]
fn a_best_checkpoint_is_not_made_up() {
    let desk = Desk::with_run();
    for name in desk.names("run/checkpoints") {
        std::fs::remove_file(desk.path(format!("run/checkpoints/{name}"))).unwrap();
    }
    let draw = "sample --checkpoint run --best --out a.png --device cpu -q";
    desk.run(draw).refused(9, "run holds no checkpoint");
    // One of the first version does not say how good it is.
    let first = include_bytes!("../golden/checkpoints/version-1.safetensors");
    desk.write("run/checkpoints/step-00000020.safetensors", first);
    desk.run(draw).refused(9, "leave --best out");
}

/// Where a file names data, those are used, in the folder that it names; a flag wins.
#[test]
fn a_configuration_is_verified_with_its_own_data() {
    let desk = Desk::new();
    desk.write("sets/mnist/train-images-idx3-ubyte", idx_images(43, &[8, 8]));
    let tiny = String::from_utf8(desk.read("tiny.toml")).unwrap();
    let verify = |data: &str, flags: &str| {
        desk.write("mine.toml", format!("{data}\n{tiny}"));
        let line = "verify-resume --config mine.toml --device cpu -q --json --steps 100";
        desk.run_with(&[("DCGAN_GPU_DATA", "elsewhere")], &format!("{line} {flags}"))
    };
    verify("data = \"nowhere\"", "").refused(4, "nowhere");
    verify("data = \"mnist\"", "").refused(4, "MNIST");
    for (data, flags) in [
        ("data = \"mnist\"\ndata_dir = \"sets\"", ""),
        ("data = \"mnist\"", "--data-dir sets"),
        ("data = \"nowhere\"", "--data strokes"),
    ] {
        let verdict = verify(data, flags).json();
        assert_eq!(verdict["differences"], Value::Array(Vec::new()), "{data} {flags}: {verdict}");
    }
}
