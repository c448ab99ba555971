//! Looking at runs: `report`, `compare`, `show` and the preview of `sample`.

use std::fs;

use serde_json::Value;

use crate::desk::Desk;

#[test]
fn a_report_is_one_file_about_the_run() {
    let desk = Desk::with_run();
    let printed = desk.run("report run").done();
    assert_eq!(printed.trim(), "run/report.html");
    let page = String::from_utf8(desk.read("run/report.html")).unwrap();
    for part in [
        "<title>run · dcgan-gpu</title>",
        "tiny on strokes · cpu",
        " · 20 steps · ",
        "<td>step-00000020</td>",
        "[training]",
    ] {
        assert!(page.contains(part), "the page lacks {part}");
    }
    // Four grids (the last one in the page itself), the one of real images, and the animation.
    assert_eq!(page.matches("\"png\":\"iVBOR").count(), 3);
    assert_eq!(
        (page.matches("data:image/png;base64,iVBOR").count(), page.matches("data:image/gif;base64,R0lGOD").count()),
        (2, 1)
    );
    let json = desk.run("report run --json").json();
    assert_eq!((&json["records"], &json["grids"], &json["grids_embedded"]), (&5.into(), &4.into(), &4.into()));
    assert_eq!(
        (&json["steps"], &json["total_steps"], &json["report"]),
        (&20.into(), &20.into(), &"run/report.html".into())
    );
    assert_eq!(json["bytes"], page.len());
    assert!(String::from_utf8(desk.read("run/report.html")).unwrap() == page, "the same run gives the same page");
}

#[test]
fn a_report_replaces_a_report_and_nothing_else() {
    let desk = Desk::with_run();
    desk.write("mine.html", "<p>mine</p>");
    desk.run("report run --out mine.html").refused(2, "mine.html exists and is no report of this program; use --force");
    assert_eq!(desk.read("mine.html"), b"<p>mine</p>");
    desk.run("report run --out mine.html --force").done();
    desk.run("report run --out mine.html").done();
    assert!(desk.read("mine.html").len() > 10_000);
    desk.run("report run --out page.txt").refused(2, "does not end in .html");
    desk.run("report run --out none/page.html").refused(5, "none does not exist");
}

#[test]
fn what_is_no_run_is_refused() {
    let desk = Desk::with_run();
    fs::create_dir(desk.path("empty")).unwrap();
    let before = desk.snapshot();
    for verb in ["report", "show", "compare run"] {
        desk.run(&format!("{verb} nowhere")).refused(9, "nowhere does not exist; name a run folder");
        desk.run(&format!("{verb} empty")).refused(9, "empty is no run folder");
    }
    for verb in ["report", "compare run"] {
        desk.run(&format!("{verb} tiny.toml")).refused(9, "tiny.toml is no folder");
    }
    desk.run("compare run").refused(2, "2 values required");
    desk.run("report").refused(2, "<RUN>");
    assert!(desk.snapshot() == before);
}

#[test]
fn an_unfinished_run_has_a_report_too() {
    let desk = Desk::new();
    // Nothing but a configuration; then an empty record; then a torn one.
    desk.write("run/config.toml", "name = \"<b>bold</b>\"\ndata = \"strokes\"\n[training]\nsteps = 50\n");
    for (metrics, steps) in [(None, 0), (Some(""), 0), (Some("{\"step\":4,\"d_loss\":1.5}\n{\"step\":8,\"d_l"), 4)] {
        if let Some(metrics) = metrics {
            desk.write("run/metrics.jsonl", metrics);
        }
        let json = desk.run("report run --json").json();
        assert_eq!((&json["steps"], &json["total_steps"], &json["grids"]), (&steps.into(), &50.into(), &0.into()));
        let page = String::from_utf8(desk.read("run/report.html")).unwrap();
        for part in ["There is no sample grid yet", "There is no checkpoint yet", "not finished when this was made"] {
            assert!(page.contains(part), "{metrics:?}: the page lacks {part}");
        }
        assert!(page.contains("&lt;b&gt;bold&lt;/b&gt;") && !page.contains("<b>bold"), "{metrics:?}");
        assert!(!page.contains("NaN"), "{metrics:?}");
    }
    desk.run("show run").refused(9, "has no sample grid yet");
    // Files that are not what their names say are left out.
    for name in ["run/samples/step-00000004.png", "run/dcgan.gif", "run/checkpoints/step-00000004.safetensors"] {
        desk.write(name, "not what it seems");
    }
    assert_eq!(desk.run("report run --json").json()["grids_embedded"], 0);
    desk.run("show run").refused(5, "as a picture");
}

#[test]
fn of_many_grids_some_are_embedded() {
    let desk = Desk::with_run();
    let png = desk.read("run/samples/step-00000020.png");
    for step in 1..=1200 {
        desk.write(&format!("run/samples/step-{step:08}.png"), &png);
    }
    let json = desk.run("report run --json").json();
    assert_eq!((&json["grids"], &json["grids_embedded"]), (&1200.into(), &500.into()));
    let page = String::from_utf8(desk.read("run/report.html")).unwrap();
    assert!(page.contains("500 of 1,200 grids are in this file"));
    assert!(page.contains("\"step\":1}") && page.contains("\"step\":1200}"), "the first and the last are among them");
}

#[test]
fn runs_are_compared() {
    let desk = Desk::with_run();
    desk.run("train --config tiny.toml --device cpu --out other --lr 0.02 --steps 10 --seed 3").done();
    let json = desk.run("compare run other --json").json();
    let differences: Vec<_> = json["differences"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(differences, ["adam.lr", "seed", "training.steps"]);
    assert_eq!(json["differences"]["adam.lr"], serde_json::json!(["0.01", "0.02"]));
    let other = &json["runs"][1];
    assert_eq!((&other["run"], &other["steps"], &other["seed"]), (&"other".into(), &10.into(), &"3".into()));
    assert!(other["last"]["d_loss"].is_f64() && other["mean_of_last"]["g_loss"].is_f64());
    assert_eq!(other["best"]["step"].as_u64().unwrap() % 5, 0, "{other}");
    fs::remove_file(desk.path("other/quality.jsonl")).unwrap();
    assert!(desk.run("compare run other --json").json()["runs"][1]["best"].is_null());
    let table = desk.run("compare run other").done();
    let line =
        |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {table}"));
    assert_eq!(line("run ").split_whitespace().collect::<Vec<_>>(), ["run", "run", "other"]);
    assert_eq!(line("adam.lr").split_whitespace().collect::<Vec<_>>(), ["adam.lr", "0.01", "0.02"]);
    assert_eq!(line("steps").split_whitespace().collect::<Vec<_>>(), ["steps", "20", "10"]);
    assert_eq!(table.lines().filter(|line| line.starts_with("seed")).count(), 1, "{table}");
}

#[test]
fn a_grid_is_shown_as_text() {
    let desk = Desk::with_run();
    // 2×3 images of 8×8 with gaps of 2: 28×18 pixels, two rows a line.
    let text = desk.run("show run").done();
    assert_eq!((text.lines().count(), text.lines().map(str::len).max()), (9, Some(28)), "{text}");
    assert!(text.is_ascii() && text.chars().any(|c| c != ' ' && c != '\n'), "{text}");
    assert_eq!(desk.run("show run --step 12").done(), desk.run("show run/samples/step-00000010.png").done());
    assert_ne!(desk.run("show run --step 5").done(), text);
    desk.run("show run --step 4").refused(9, "has no sample grid up to step 4; its first is of step 5");
    let coloured = desk.run("show run --colour always --columns 14").done();
    assert!(
        coloured.lines().all(|line| line.starts_with("\u{1b}[38;2;") && line.ends_with("\u{1b}[0m")),
        "{coloured:?}"
    );
    assert_eq!(coloured.lines().next().unwrap().matches('▀').count(), 14);
    assert!(desk.run("show run --colour palette").done().contains("\u{1b}[38;5;"));
    desk.run("show tiny.toml").refused(5, "cannot read tiny.toml as a picture");
    desk.run("show run --columns 0").refused(2, "--columns");

    let mut json = desk.run("show run --step 12 --json").json();
    let quality = json.as_object_mut().unwrap().remove("quality").unwrap();
    assert!(quality["step"] == 10 && quality["distance"].as_f64().unwrap() > 0.0, "{quality}");
    let expected = serde_json::json!({
        "picture": "run/samples/step-00000010.png", "step": 10, "rows": 2, "cols": 3, "width": 28, "height": 18, "channels": 1,
        "caption": {
            "version": env!("CARGO_PKG_VERSION"), "verb": "train", "run": "tiny", "step": 10, "seeds": [0],
            "weights": "raw", "rows": 2, "cols": 3,
        },
    });
    assert_eq!(json, expected);
    assert_eq!(desk.run("show run/samples/step-00000010.png --json").json(), expected, "the file says it itself");
    desk.run("show run --json --columns 80").refused(2, "--columns");
}

/// Such as the grids of older programs.
#[test]
fn a_picture_without_a_caption_is_shown_too() {
    let desk = Desk::with_run();
    let (name, captioned) = ("run/samples/step-00000020.png", desk.run("show run"));
    assert_eq!(
        captioned.stderr,
        format!("tiny, step 20, seed 0, raw weights; dcgan-gpu {} train\n", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(desk.run("show run -q").stderr, "");
    let bytes = desk.read(name);
    image::open(desk.path(name)).unwrap().save(desk.path(name)).unwrap();
    assert!(desk.read(name).len() < bytes.len(), "it has no caption any more");
    let bare = desk.run("show run");
    assert_eq!((bare.stdout.as_str(), bare.stderr.as_str()), (captioned.stdout.as_str(), ""));
    let json = desk.run(&format!("show {name} --json")).json();
    assert_eq!((&json["step"], &json["rows"], &json["width"]), (&Value::Null, &Value::Null, &28.into()));
    assert_eq!(json.get("caption"), None);
    // A run goes on, and its animation has all frames.
    desk.run("train --resume run --device cpu --steps 25").done();
    assert_eq!(desk.frames("run/dcgan.gif").len(), 5);
}

#[test]
fn a_preview_goes_to_stderr() {
    let desk = Desk::with_run();
    let ended = desk.run("sample --checkpoint run --out a.png --rows 2 --cols 3 --device cpu --preview -q");
    assert_eq!((ended.stdout.as_str(), ended.stderr.lines().count()), ("a.png\n", 9), "{ended:?}");
    assert_eq!(desk.run("show a.png").done(), ended.stderr);
}
