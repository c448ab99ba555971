//! Sweeps: what is tried, who goes on, what is refused, and that a sweep which is killed, stopped
//! or out of time comes to the bits of an undisturbed one.

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::desk::{Desk, Ended, TINY};
use common::features;
use common::record::Record;
use serde_json::Value;

/// Eight choices in four stages of 40 steps.
const PLAN: &str = r#"
config = "tiny.toml"
steps = 40
rungs = [5, 10, 20]
[settings]
"adam.lr" = [1e-4, 1e-3, 1e-2, 0.1]
adam.beta1 = [0.0, 0.5]
"output.checkpoint_every" = "20steps"
"#;

/// A plan without rungs.
const FLAT: &str = "config = \"tiny.toml\"\n[settings]\n\"adam.lr\" = [1e-4, 1e-3]\n";

/// A folder with `tiny.toml` and a plan.
fn desk(plan: &str) -> Desk {
    let desk = Desk::new();
    desk.write("sweep.toml", plan);
    desk
}

/// The command that begins a sweep, or goes on.
fn line(out: &str) -> String {
    format!("sweep sweep.toml --device cpu -q --json --out {out}")
}

/// The runs of a report, from the best to the worst.
fn runs(report: &Value) -> Vec<&Value> {
    report["runs"].as_array().unwrap().iter().collect()
}

/// The names of the runs with this state.
fn with_state(report: &Value, state: &str) -> Vec<String> {
    let rows = runs(report).into_iter().filter(|row| row["state"].as_str().unwrap().starts_with(state));
    let mut names: Vec<_> = rows.map(|row| row["run"].as_str().unwrap().to_string()).collect();
    names.sort();
    names
}

/// The names of all runs of a sweep, sorted.
fn names(desk: &Desk, out: &str) -> Vec<String> {
    desk.names(&format!("{out}/runs"))
}

/// The distance that a run recorded at a step.
fn distance(desk: &Desk, out: &str, run: &str, step: u64) -> f64 {
    let text = String::from_utf8(desk.read(&format!("{out}/runs/{run}/quality.jsonl"))).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.into_iter().find(|line| line["step"] == step).unwrap()["distance"].as_f64().unwrap()
}

/// Insists that each run of `out` is what it is in `whole`; how many were compared.
#[track_caller]
fn assert_same_runs(desk: &Desk, out: &str, whole: &str) {
    assert_eq!(names(desk, out), names(desk, whole));
    for run in names(desk, whole) {
        let record = |out: &str| Record::of(desk.path(format!("{out}/runs/{run}")));
        record(out).assert_is(&record(whole), &format!("run {run} of {out}"));
    }
}

/// The journal without what the clock says.
fn journal(desk: &Desk, out: &str) -> Value {
    let mut journal: Value = serde_json::from_slice(&desk.read(&format!("{out}/sweep.json"))).unwrap();
    journal["seconds"].take();
    journal["budget"].take();
    for run in journal["runs"].as_array_mut().unwrap() {
        run["reached"].as_array_mut().unwrap().iter_mut().for_each(|reached| drop(reached["seconds"].take()));
    }
    journal
}

#[test]
fn the_better_half_goes_on_and_the_winner_is_what_train_makes_of_its_file() {
    let desk = desk(PLAN);
    let report = desk.run(&line("out")).json();
    assert_eq!((&report["complete"], &report["judge"]), (&true.into(), &"distance".into()));
    let mut going: BTreeSet<String> = names(&desk, "out").into_iter().collect();
    assert_eq!(going.len(), 8);
    for (rung, step) in [(1, 5), (2, 10), (3, 20)] {
        let mut ranked: Vec<_> = going.iter().map(|run| (distance(&desk, "out", run, step), run.clone())).collect();
        ranked.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let (on, out) = ranked.split_at(ranked.len() / 2);
        let mut out: Vec<_> = out.iter().map(|(_, run)| run.clone()).collect();
        out.sort();
        assert_eq!(with_state(&report, &format!("out at rung {rung}")), out);
        for run in &out {
            let row = runs(&report).into_iter().find(|row| row["run"] == **run).unwrap();
            assert_eq!(row["score"], distance(&desk, "out", run, step), "{row}");
            assert_eq!(
                (&row["steps"], desk.grids(&format!("out/runs/{run}")).len()),
                (&step.into(), step as usize / 5)
            );
        }
        going = on.iter().map(|(_, run)| run.clone()).collect();
    }
    let winner = report["winner"].as_str().unwrap();
    assert_eq!(
        (going.into_iter().collect::<Vec<_>>(), with_state(&report, "winner")),
        (vec![winner.to_string()], vec![winner.to_string()])
    );
    assert_eq!((&runs(&report)[0]["run"], &runs(&report)[0]["steps"]), (&winner.into(), &40.into()));

    // It paused three times, which changed nothing.
    desk.run("train --config out/winner.toml --device cpu --out again -q").done();
    let again = Record::of(desk.path("again"));
    again.assert_is(&Record::of(desk.path(format!("out/runs/{winner}"))), "the winner's configuration");
    // An ordinary run, as all of them.
    desk.run(&format!("report out/runs/{winner} -q")).done();
    desk.run("compare out/runs/0001 out/runs/0002").done();
    let table = String::from_utf8(desk.read("out/table.md")).unwrap();
    assert!(table.starts_with("| run | adam.lr | adam.beta1 | steps | distance | minutes | state |\n|---|"), "{table}");
    let plot = String::from_utf8(desk.read("out/quality.svg")).unwrap();
    assert!(plot.contains(&format!("run {winner}")) && plot.matches("<polyline").count() >= 8, "{plot}");

    // Nothing is left to do.
    let before = journal(&desk, "out");
    assert_eq!(desk.run("sweep --resume out --device cpu -q --json").json()["winner"], winner);
    assert_eq!(journal(&desk, "out"), before);
}

/// A pause is a stop without a signal: the run rests where it was told to, and goes on to the bits
/// of one that never did.
#[test]
fn a_run_that_pauses_anywhere_is_the_same_in_the_end() {
    let desk = Desk::new();
    desk.run("train --config tiny.toml --device cpu --out whole -q").done();
    let first = desk.run("train --config tiny.toml --device cpu --out run --pause-at 7");
    assert!(
        first.stderr.contains("resting after step 7 of 20; go on with `dcgan-gpu train --resume run`"),
        "{first:?}"
    );
    first.done();
    assert_eq!(desk.names("run/checkpoints"), ["step-00000005.safetensors", "step-00000007.safetensors"]);
    let before = desk.snapshot();
    let again = desk.run("train --resume run --device cpu --pause-at 7");
    assert!(again.stderr.contains("run rests at step 7 of 20; go on with"), "{again:?}");
    assert_eq!(again.code, Some(0));
    assert_eq!(desk.snapshot(), before, "there was nothing to do");
    let json = desk.run("train --resume run --device cpu -q --pause-at 10 --json").json();
    assert_eq!((&json["steps"], &json["stopped_by"]), (&10.into(), &Value::Null));
    desk.run("train --resume run --device cpu -q --pause-at 10000").done();
    Record::of(desk.path("run")).assert_is(&Record::of(desk.path("whole")), "paused twice");
    desk.run("train --config tiny.toml --pause-at 0").refused(2, "0 is not in 1..=1000000000");
    desk.run("train --config tiny.toml --pause-at 5 --dry-run").refused(2, "cannot be used with '--dry-run'");
}

#[test]
fn a_sweep_that_is_killed_twice_comes_to_the_same_runs() {
    let desk = desk(PLAN);
    let start = Instant::now();
    let report = desk.run(&line("whole")).json();
    let whole = start.elapsed();
    for (trial, jobs) in [(0, 1), (1, 2), (2, 3)] {
        let out = format!("out-{trial}");
        for kill in 0..2 {
            let mut command = desk.command(&format!("{} --jobs {jobs}", line(&out)));
            let mut sweep = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // Other moments in each trial; the second process has less to do.
            sleep(whole.mul_f64([[0.13, 0.21], [0.29, 0.17], [0.41, 0.08]][trial][kill]));
            // Its runs go on without it, to the end of their stage.
            sweep.kill().unwrap();
            sweep.wait().unwrap();
            assert!(!desk.path(format!("{out}/winner.toml")).exists(), "the sweep was done before it was killed");
        }
        let ended = desk.run(&format!("{} --jobs {jobs}", line(&out))).json();
        assert_eq!((&ended["winner"], &ended["complete"]), (&report["winner"], &true.into()));
        assert_same_runs(&desk, &out, "whole");
        assert_eq!(journal(&desk, &out), journal(&desk, "whole"));
        assert_eq!(desk.read(&format!("{out}/winner.toml")), desk.read("whole/winner.toml"));
        assert_eq!(desk.read(&format!("{out}/quality.svg")), desk.read("whole/quality.svg"));
    }
}

#[cfg(unix)]
#[test]
fn a_signal_is_passed_on_and_the_sweep_goes_on_later() {
    let desk = desk(&PLAN.replace("steps = 40", "steps = 4000").replace("[5, 10, 20]", "[1000, 2000]"));
    let mut command = desk.command(&format!("{} --jobs 2", line("out").replace("-q ", "")));
    let sweep = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let saved = |desk: &Desk| {
        let checkpoints = |run: &str| desk.path(format!("out/runs/{run}/checkpoints"));
        let has_some = |path: PathBuf| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        ["0001", "0002"].into_iter().all(|run| has_some(checkpoints(run)))
    };
    let start = Instant::now();
    while !saved(&desk) {
        assert!(start.elapsed() < Duration::from_secs(120), "no run has saved");
        sleep(Duration::from_millis(5));
    }
    let id = sweep.id().to_string();
    std::process::Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status().unwrap();
    let ended = Ended::of(sweep.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(143), "{ended:?}");
    assert!(ended.stderr.ends_with("go on with `dcgan-gpu sweep --resume out`\n"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    // They saved and ended: their folders are free.
    for run in ["0001", "0002"] {
        let log = String::from_utf8(desk.read(&format!("out/logs/{run}.log"))).unwrap();
        assert!(log.contains("stopped by a signal after step"), "{log}");
    }
    let report: Value = serde_json::from_slice(&desk.read("out/table.json")).unwrap();
    assert_eq!((with_state(&report, "begun").len(), with_state(&report, "failed").len()), (2, 0), "{report}");
}

/// [`TINY`] with a deep linear D, whose logits grow with a power of its learning rate.
fn deep() -> String {
    let dense = "    { type = \"dense\", units = 16 },\n".repeat(30);
    let (rest, _) = TINY.split_once("[discriminator]").unwrap();
    format!("{rest}[discriminator]\nlayers = [\n{dense}    {{ type = \"dense\", units = 1 }},\n]\n")
}

#[test]
fn a_run_that_diverges_is_out_and_the_rest_goes_on() {
    let desk =
        desk("config = \"deep.toml\"\nrungs = [5, 10]\n[settings]\n\"adam.lr\" = [1e-4, 0.5, 1e-3, 5.0, 2e-4]\n");
    desk.write("deep.toml", deep());
    let ended = desk.run(&line("out").replace("-q ", ""));
    assert!(ended.stderr.contains("run 0002 is out: training diverged: "), "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(report["complete"], true);
    assert_eq!(with_state(&report, "failed: training diverged: "), ["0002", "0004"]);
    // Of five choices three would go on, and just as many are left; of those, two.
    assert_eq!((with_state(&report, "out at rung 1").len(), with_state(&report, "out at rung 2").len()), (0, 1));
    let last: Vec<_> = runs(&report)[3..].iter().map(|row| row["run"].as_str().unwrap()).collect();
    assert_eq!(last, ["0002", "0004"], "those that failed come last");

    desk.write("sweep.toml", "config = \"deep.toml\"\n[settings]\n\"adam.lr\" = [0.5, 5.0]\n");
    let ended = desk.run("sweep sweep.toml --device cpu -q --out none");
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.starts_with("error: no run of the sweep in none can win: training diverged: "), "{ended:?}");
    assert!(ended.stdout.contains("failed: training diverged"), "{}", ended.stdout);
    assert!(!desk.path("none/winner.toml").exists());
}

#[test]
fn choices_are_drawn_and_each_has_every_seed() {
    let plan = "config = \"tiny.toml\"\nmethod = \"random\"\nruns = 3\nseed = 8\nseeds = [1, 2]\nrungs = [10]\n[settings]\n\
                \"adam.lr\" = { from = 1e-4, to = 1e-1, scale = \"log\" }\n\"objective.d_steps\" = { from = 1, to = 2 }\n";
    let desk = desk(plan);
    let planned = desk.run("sweep sweep.toml --dry-run --json").json();
    let report = desk.run(&line("out")).json();
    // Of three choices the better two go on, each with both seeds.
    assert_eq!(planned["stages"][1], serde_json::json!({ "to": 20, "runs": 4, "steps": 40 }));
    assert_eq!(with_state(&report, "out at rung 1").len(), 2);
    let mut settings = BTreeSet::new();
    for (number, planned) in (1..).zip(planned["runs"].as_array().unwrap()) {
        let row = runs(&report).into_iter().find(|row| row["run"] == format!("{number:04}")).unwrap();
        assert_eq!((&row["settings"], &row["seed"]), (&planned["settings"], &planned["seed"]));
        let config = desk.config(&format!("out/runs/{number:04}"));
        assert_eq!(config["adam"]["lr"].as_float(), row["settings"]["adam.lr"].as_f64());
        // What is as by default is not written.
        let d_steps = config.get("objective").map_or(1, |objective| objective["d_steps"].as_integer().unwrap());
        assert_eq!(Some(d_steps), row["settings"]["objective.d_steps"].as_i64());
        assert_eq!(config["seed"].as_integer(), row["seed"].as_i64());
        settings.insert(row["settings"].to_string());
    }
    assert_eq!(settings.len(), 3);
    // The mean of both seeds decides.
    let mean = |a: &str, b: &str| distance(&desk, "out", a, 10) + distance(&desk, "out", b, 10);
    let means = [("0001", "0002"), ("0003", "0004"), ("0005", "0006")].map(|(a, b)| (mean(a, b), [a, b]));
    let worst = means.iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    assert_eq!(with_state(&report, "out at rung 1"), worst.1);
    // The first choices of more are the same.
    desk.write("more.toml", plan.replace("runs = 3", "runs = 5"));
    let more = desk.run("sweep more.toml --dry-run --json").json();
    assert_eq!(more["runs"].as_array().unwrap()[..6], planned["runs"].as_array().unwrap()[..]);
}

#[test]
fn a_dry_run_lists_runs_and_rungs_and_does_nothing() {
    let desk = desk(PLAN);
    let before = desk.snapshot();
    let printed = desk.run("sweep sweep.toml --dry-run").done();
    // 8 runs of 5 steps, 4 of 5 more, 2 of 10 more, 1 of 20 more.
    for part in ["0008  adam.lr = 0.1, adam.beta1 = 0.5", "rung 3", "100 steps in all"] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    let json = desk.run("sweep sweep.toml --dry-run --json").json();
    assert_eq!((&json["steps"], json["stages"].as_array().unwrap().len()), (&100.into(), 4));
    // Rungs are planned where there are none: from the end on, where there are samples.
    desk.write("sweep.toml", PLAN.replace("rungs = [5, 10, 20]", "halving = 3"));
    let json = desk.run("sweep sweep.toml --dry-run --json").json();
    let ends: Vec<_> = json["stages"].as_array().unwrap().iter().map(|stage| stage["to"].as_u64().unwrap()).collect();
    assert_eq!(ends, [10, 40], "13 has no samples, and 4 neither");
    desk.write("sweep.toml", PLAN);
    assert_eq!(desk.snapshot(), before);
}

/// The plans that the guide and the help show can be carried out.
#[test]
fn documented_plans_are_plans() {
    let desk = Desk::new();
    let guide = include_str!("../docs/guide.md");
    let (_, from) = guide.split_once("# sweep.toml\n").unwrap();
    let (plan, after) = from.split_once("```").unwrap();
    desk.write("sweep.toml", plan);
    let json = desk.run("sweep sweep.toml --dry-run --json").json();
    let count = json["runs"].as_array().unwrap().len();
    assert!(after.contains(&format!("# the {count} runs, the rungs")), "the guide counts other runs than {count}");
    let help = desk.run("sweep --help").done();
    let plan: Vec<_> =
        help.lines().skip_while(|line| !line.starts_with("  preset = ")).take_while(|line| !line.is_empty()).collect();
    desk.write("sweep.toml", plan.join("\n"));
    assert_eq!(desk.run("sweep sweep.toml --dry-run --json").json()["runs"].as_array().unwrap().len(), 36);
}

#[test]
fn time_decides_whether_another_rung_begins_and_nothing_else() {
    let rates: Vec<_> = (1..=40).map(|i| format!("{i}e-4")).collect();
    let text = format!("config = \"tiny.toml\"\nrungs = [5]\n[settings]\n\"adam.lr\" = [{}]\n", rates.join(", "));
    let desk = desk(&text);
    let report = desk.run(&format!("{} --budget 1second", line("out"))).json();
    assert_eq!(report["complete"], false);
    let states = ["best so far", "at rung 1", "out at rung 1"].map(|state| with_state(&report, state).len());
    assert_eq!(states, [1, 19, 20], "the first rung ends whatever it takes");
    // The budget stays until another is given.
    let again = desk.run("sweep --resume out --device cpu --json");
    assert!(again.stderr.contains("the budget of 1second does not reach: "), "{}", again.stderr);
    assert_eq!(again.json()["complete"], false);
    let ended = desk.run("sweep --resume out --device cpu --json -q --budget 10hours --jobs 2").json();
    assert_eq!((&ended["complete"], with_state(&ended, "done").len()), (&true.into(), 19));
    desk.run(&line("whole")).done();
    assert_same_runs(&desk, "out", "whole");

    desk.write("sweep.toml", text.replace("rungs = [5]", ""));
    let report = desk.run(&format!("{} --budget 1second", line("flat"))).json();
    let [done, waiting] = ["done", "not begun"].map(|state| with_state(&report, state).len());
    assert!(report["complete"] == false && done + 1 + waiting == 40 && waiting > 0, "{report:#}");
    assert!(desk.path("flat/winner.toml").exists());
}

#[test]
fn plans_that_cannot_be_carried_out_are_refused_before_anything_runs() {
    let desk = Desk::new();
    let base = "config = \"tiny.toml\"\n";
    for (text, expected) in [
        ("[settings]\n\"adam.lrr\" = [1]", "plan.toml:3: unknown key `adam.lrr`; did you mean `lr`?"),
        ("[settings]\n\"adam.lr\" = [0.1, 11]", "adam.lr = 11 is outside 0 to 10 (plan.toml:3)"),
        ("[settings]\n\"adam.lr\" = [\"fast\"]", "plan.toml:3: `adam.lr`: invalid type: string \"fast\", expected f64"),
        ("[settings]\n\"adam.lr\" = []", "plan.toml:3:1: `adam.lr` has no values"),
        ("[settings]\n\"adam.lr\" = { from = 2, to = 1 }", "plan.toml:3:1: `adam.lr`: from = 2 is not below to = 1"),
        ("[settings]\n\"adam.lr\" = { from = 1, to = 2 }", "plan.toml:3: `adam.lr` is a range: say with `steps = N`"),
        ("[settings]\n\"image.height\" = [8, 9]", "plan.toml: run 2 (image.height = 9): the generator's last layer"),
        ("rungs = [10, 5]", "plan.toml:2:9: `rungs` do not rise"),
        ("rungs = [5, 20]", "plan.toml:2: rung 20 is not before the runs' end at step 20; leave it out"),
        ("rungs = [7]", "plan.toml:2: rung 7 is not a multiple of output.sample_every = 5"),
        ("epochs = 3\nrungs = [5]", "rungs count steps, but the runs' length counts epochs; give it as `steps = N`"),
        ("rungs = [5]\n[settings]\n\"output.sample_every\" = \"1epochs\"", "output.sample_every counts epochs"),
        ("method = \"random\"", "method = \"random\" needs `runs`"),
        ("steps = 0", "training.steps = 0 is outside 1 to 1000000000 (plan.toml:2)"),
        ("preset = \"quik\"", "plan.toml:2:10: `preset` and `config` exclude each other"),
        ("what = 1", "plan.toml:2:1: unknown field `what`"),
    ] {
        desk.write("plan.toml", format!("{base}{text}\n"));
        let before = desk.snapshot();
        let ended = desk.run("sweep plan.toml --device cpu --out out");
        assert_eq!(ended.problem(2, expected), None, "{text}");
        assert_eq!(desk.snapshot(), before, "{text}: something was written");
    }
    for (text, expected) in [
        ("preset = \"quik\"\n", "plan.toml: there is no preset `quik`; did you mean `quick`?"),
        ("config = \"no.toml\"\n", "plan.toml: there is no configuration file no.toml"),
    ] {
        desk.write("plan.toml", text);
        desk.run("sweep plan.toml --out out").refused(2, expected);
    }
    desk.write("plan.toml", FLAT);
    desk.run("sweep no.toml").refused(2, "there is no plan no.toml");
    desk.run("sweep").refused(2, "required arguments were not provided: <PLAN.toml>");
    desk.run("sweep plan.toml --budget 0hours").refused(2, "`0hours` is no time; write 90seconds, 10minutes or 2hours");
    desk.run("sweep plan.toml --budget 5").refused(2, "`5` is no time");
    desk.run("sweep plan.toml --jobs 0").refused(2, "0 is not in 1..=1000");
    desk.run("sweep plan.toml --device nothing").refused(3, "no device matches `nothing`");
    desk.run("sweep --resume nowhere").refused(2, "nowhere holds no sweep; begin one with `dcgan-gpu sweep PLAN`");
    desk.run("sweep plan.toml --resume out").refused(2, "cannot be used with");
    desk.run("sweep plan.toml --device cpu --out plan.toml").refused(2, "plan.toml is a file; give --out a folder");
    desk.run("sweep plan.toml --device cpu --out .").refused(2, ". is not empty and holds no sweep; choose another");
    desk.run("sweep plan.toml --device cpu --out plan.toml/out").refused(5, "plan.toml/out");
    desk.write("plan.toml", format!("{FLAT}data = \"mnist\"\n\"image.height\" = 8\n"));
    assert_eq!(desk.run("sweep plan.toml --device cpu --out out").problem(4, "MNIST"), None);
    assert_eq!(desk.names(""), ["plan.toml", "tiny.toml"], "nothing was left behind");
}

#[test]
fn another_plan_is_refused_where_a_sweep_is() {
    let desk = desk(FLAT);
    desk.run(&line("out")).done();
    let before = desk.snapshot();
    desk.write("sweep.toml", FLAT.replace("1e-3", "2e-3"));
    desk.run(&line("out")).refused(2, "sweep.toml: settings.adam.lr changed: the sweep in out has ");
    desk.write("sweep.toml", format!("steps = 10\n{FLAT}"));
    desk.run(&line("out")).refused(2, "sweep.toml: steps changed: the sweep in out has none, not 10; go on with");
    desk.write("sweep.toml", format!("# only a remark\n{FLAT}"));
    desk.run(&line("out")).done();
    desk.write("tiny.toml", TINY.replace("batch_size = 8", "batch_size = 4"));
    desk.run(&line("out")).refused(2, "run 0001 in out has training.batch_size = 8, not 4");
    desk.write("sweep.toml", FLAT);
    desk.write("tiny.toml", TINY);
    desk.run(&line("out")).done();
    // Only what tells the time is another.
    let same = |snapshot: std::collections::BTreeMap<PathBuf, Vec<u8>>| {
        let kept =
            snapshot.into_iter().filter(|(path, _)| !path.ends_with("sweep.json") && !path.ends_with("table.json"));
        kept.collect::<Vec<_>>()
    };
    assert_eq!(same(desk.snapshot()), same(before));
}

#[test]
fn a_journal_that_is_not_one_is_refused() {
    let desk = desk(FLAT);
    desk.run(&line("out")).done();
    let journal = String::from_utf8(desk.read("out/sweep.json")).unwrap();
    let cut = journal[..journal.len() / 2].to_string();
    for (text, expected) in [
        (cut, "cannot use out/sweep.json: EOF while parsing"),
        (
            journal.replace("\"format_version\": 1", "\"format_version\": 2"),
            "its format has version 2, of a later program",
        ),
        (journal.replace("\"choice\": 1", "\"choice\": 1000000000000000"), "run 0002 tries no choice of this sweep"),
        (journal.replace("\"0002\"", "\"../0002\""), "run 2 is called ../0002"),
        (journal.replace("\"factor\": 1", "\"factor\": 0"), "factor = 0"),
        (journal.replace("\"rungs\": []", "\"rungs\": [5, 5]"), "its rungs do not rise"),
    ] {
        desk.write("out/sweep.json", &text);
        desk.run("sweep --resume out --device cpu").refused(2, expected);
    }
    desk.write("out/sweep.json", &journal);
    // What a process that is killed while it saves may leave goes.
    desk.write("out/.dcgan-gpu-1", "");
    desk.run("sweep --resume out --device cpu").done();
    assert!(!desk.path("out/.dcgan-gpu-1").exists());
    desk.write("new/.dcgan-gpu-1", "");
    desk.run(&line("new")).done();
}

/// What would end every run ends the sweep, which goes on when that is mended.
#[test]
fn missing_data_end_the_sweep_and_no_run_is_out() {
    let desk = desk("config = \"tiny.toml\"\n[settings]\n\"adam.lr\" = [1e-4, 1e-3]\ndata = \"pictures\"\n");
    // Before it begins, where it looks for features of them.
    desk.run(&line("none")).refused(4, "pictures`; use mnist");
    assert!(!desk.path("none/sweep.json").exists());
    let plan = String::from_utf8(desk.read("sweep.toml")).unwrap();
    desk.write("sweep.toml", format!("{plan}judge.by = \"pixels\"\n"));
    let ended = desk.run(&line("out"));
    ended.refused(4, "go on with `dcgan-gpu sweep --resume out`");
    let report: Value = serde_json::from_slice(&desk.read("out/table.json")).unwrap();
    assert!(with_state(&report, "failed").is_empty(), "{report}");
    desk.write("pictures/images.idx3-ubyte", common::desk::idx_images(64, &[8, 8]));
    assert_eq!(desk.run("sweep --resume out --device cpu -q --json").json()["complete"], true);
}

/// Their numbers could not be compared, or none would ever end.
#[test]
fn runs_that_are_judged_otherwise_are_refused() {
    let desk = desk("config = \"tiny.toml\"\n[settings]\n\"judge.by\" = [\"pixels\", \"features\"]\n");
    features::make(&desk.cache(), &common::config(TINY), 1);
    desk.run(&line("out")).refused(2, "judged by different things; give judge.by");
    desk.write(
        "sweep.toml",
        "config = \"tiny.toml\"\n[settings]\n\"training.stop_when\" = \"fd<20\"\njudge.by = \"pixels\"\n",
    );
    desk.run(&line("out")).refused(2, "needs features");
    assert!(!desk.path("out/sweep.json").exists());
}

/// Features that are there judge all runs by as many samples, whatever happens to them meanwhile.
#[test]
fn runs_are_judged_alike() {
    let desk = desk("config = \"tiny.toml\"\n[settings]\n\"training.batch_size\" = [8, 64]\n");
    features::make(&desk.cache(), &common::config(TINY), 1);
    let report = desk.run(&line("out")).json();
    assert_eq!(report["judge"], "fd");
    let judge = |run: &str| desk.config(&format!("out/runs/{run}"))["judge"].clone();
    assert_eq!(judge("0001"), judge("0002"));
    assert_eq!(judge("0001")["by"].as_str(), Some("features"));
    let winner = String::from_utf8(desk.read("out/winner.toml")).unwrap();
    assert!(!winner.contains("judge"), "{winner}");
    // It is the same sweep without them, and after they are gone.
    std::fs::remove_dir_all(desk.cache()).unwrap();
    desk.run(&line("out")).done();
    assert_eq!(desk.run(&line("new")).json()["judge"], "distance");
}
