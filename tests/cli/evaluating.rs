//! `eval`: what it says of runs and pictures, what it keeps, and what it refuses.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use crate::common::makers::{array, noise};
use crate::desk::{Desk, TRAIN};

/// A run on strokes, and features of strokes of its size beside it: made once.
static MADE: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::with_run();
    let ended = desk.run("eval run --device cpu --count 80 --save-features features.safetensors");
    assert!(ended.stderr.contains("training a feature network on 10 classes"), "{ended:#?}");
    ended.done();
    desk
});

/// A desk with both.
fn desk() -> Desk {
    let desk = Desk::with_run();
    desk.write("features.safetensors", MADE.read("features.safetensors"));
    desk
}

const EVAL: &str = "eval run --device cpu --features features.safetensors --count 60";

fn json(desk: &Desk, line: &str) -> Value {
    serde_json::from_str(&desk.run(&format!("{line} --json")).done()).unwrap()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {value}"))
}

#[test]
fn a_run_has_numbers_beside_their_floor() {
    let desk = desk();
    let told = json(&desk, EVAL);
    let one = &told["evaluated"][0];
    for name in ["frechet", "kernel", "precision", "recall", "density", "coverage", "sliced"] {
        for (place, at) in [(one, format!("/scores/{name}")), (&told, format!("/basis/floor/scores/{name}"))] {
            let [value, low, high] = ["value", "low", "high"].map(|part| number(place, &format!("{at}/{part}")));
            assert!(low <= value && value <= high, "{name}: {low} to {high} around {value}");
        }
    }
    // After twenty steps it draws no digits yet.
    let [own, floor] = [(one, "/scores"), (&told, "/basis/floor/scores")]
        .map(|(place, at)| ["frechet", "sliced", "coverage"].map(|name| number(place, &format!("{at}/{name}/value"))));
    assert!(own[0] > 2.0 * floor[0] && own[1] > 2.0 * floor[1] && own[2] < 0.5 * floor[2], "{own:?} {floor:?}");
    assert_eq!((number(one, "/step"), number(&told, "/basis/count")), (20.0, 60.0));
    assert_eq!(one["says"].as_array().unwrap().len(), 2);
    assert!(number(&told, "/basis/accuracy/0") > 0.8, "{told}");

    // Kept in the run's folder, with a sheet of eight and four rows.
    let kept: Value = serde_json::from_slice(&desk.read("run/eval/step-00000020.json")).unwrap();
    assert_eq!(kept.pointer("/evaluation/scores"), one.get("scores"));
    let (width, height, _) = desk.picture("run/eval/step-00000020.png");
    assert_eq!((width, height), (9 * 10 - 2, 12 * 10 - 2));
    // The same again, and a table for people.
    assert_eq!(json(&desk, EVAL), told);
    let table = desk.run(EVAL).done();
    assert!(table.contains("Fréchet distance") && table.contains("run at step 20"), "{table}");
}

#[test]
fn reports_and_comparisons_have_the_numbers() {
    let desk = desk();
    desk.run("train --config tiny.toml --device cpu --seed 3 --out other").done();
    let alone = desk.run("compare run other").done();
    assert!(!alone.contains("eval:"), "{alone}");
    let told = json(&desk, &EVAL.replace("run", "run other"));
    let frechet = |run: usize| number(&told, &format!("/evaluated/{run}/scores/frechet/value"));
    let compared = json(&desk, "compare run other");
    for run in [0, 1] {
        assert_eq!(number(&compared, &format!("/runs/{run}/evaluated/frechet/value")), frechet(run));
    }
    let table = desk.run("compare run other").done();
    assert!(table.contains("eval: Fréchet distance, n = 60") && !table.contains("not comparable"), "{table}");
    desk.run(&EVAL.replace("60", "70")).done();
    let table = desk.run("compare run other").done();
    assert!(table.contains("not comparable"), "{table}");

    desk.run("report run").done();
    let page = String::from_utf8(desk.read("run/report.html")).unwrap();
    for text in ["<h2>Evaluation</h2>", "<th>other real images</th>", "<td>coverage</td>", "nearest to it"] {
        assert!(page.contains(text), "{text}");
    }
    // What is none is left out.
    desk.write("run/eval/step-00000020.json", "{}");
    desk.run("report run").done();
    assert!(!String::from_utf8(desk.read("run/report.html")).unwrap().contains("Evaluation"));
}

#[test]
fn features_are_made_once_and_kept() {
    let ended = MADE.run("eval run --device cpu --count 80");
    assert!(!ended.stderr.contains("training"), "{ended:#?}");
    let said = ended.done();
    let features: Value = serde_json::from_str(&MADE.run("eval run --device cpu --count 80 --json").done()).unwrap();
    let digest = features.pointer("/basis/features").unwrap().as_str().unwrap();
    assert!(said.contains(&digest[..12]), "{said}");
    // What is saved is what is used.
    assert_eq!(json(&desk(), EVAL).pointer("/basis/features").unwrap().as_str().unwrap(), digest);
}

/// The same pictures have the same numbers, wherever they come from.
#[test]
fn pictures_have_the_numbers_of_the_run_that_drew_them() {
    let desk = desk();
    let of_run = json(&desk, EVAL);
    desk.run("sample --checkpoint run --device cpu --count 60 --format npy --out digits.npy").done();
    let with = "--features features.safetensors --data strokes --image 8x8x1 --device cpu --count 60";
    let of_array = json(&desk, &format!("eval digits.npy {with}"));
    assert_eq!(of_array["evaluated"][0]["scores"], of_run["evaluated"][0]["scores"]);
    desk.run("sample --checkpoint run --device cpu --count 60 --format files --out digits").done();
    let of_files = json(&desk, &format!("eval digits {with} --sheet sheet.png"));
    assert_eq!(of_files["evaluated"][0]["scores"], of_run["evaluated"][0]["scores"]);
    desk.picture("sheet.png");
    // Side by side.
    let both = json(&desk, &format!("eval run digits {with}"));
    assert_eq!(both["evaluated"][0]["scores"], both["evaluated"][1]["scores"]);
}

/// Data without labels and without held-out images: rotations are told apart, and one half is
/// compared with the other. The data themselves are copies.
#[test]
fn data_are_copies_of_themselves() {
    let desk = Desk::new();
    let images = noise(200 * 64);
    desk.write("data.npy", array("|u1", "(200, 8, 8)", &images));
    let ended = desk.run("eval data.npy --data data.npy --image 8x8x1 --device cpu --json");
    assert!(ended.stderr.contains("four rotations"), "{ended:#?}");
    assert!(ended.stderr.contains("100 images of each kind are compared: data.npy has no more"), "{ended:#?}");
    let told: Value = serde_json::from_str(&ended.done()).unwrap();
    assert_eq!(told["basis"]["floor_of"], "other_half");
    assert!(told["evaluated"][0]["classified"].is_null());
    let exact = number(&told, "/evaluated/0/copies/exact");
    // About half of a hundred are in the half that is looked through.
    assert!((30.0..70.0).contains(&exact), "{exact}");
    assert!(told["evaluated"][0]["says"][0].as_str().unwrap().contains("to the pixel"), "{told}");

    // One picture a hundred times is not good.
    desk.write("one.npy", array("|u1", "(100, 8, 8)", &images[..64].repeat(100)));
    let one = json(&desk, "eval one.npy --data data.npy --image 8x8x1 --device cpu");
    assert_eq!(number(&one, "/evaluated/0/scores/recall/value"), 0.0);
    let [own, floor] =
        [("/evaluated/0/scores"), ("/basis/floor/scores")].map(|at| number(&one, &format!("{at}/frechet/value")));
    assert!(own > 3.0 * floor, "{own} {floor}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let desk = desk();
    desk.run("eval").refused(9, "there is no run under runs/");
    desk.run("eval nothing --data strokes").refused(4, "`nothing`");
    desk.run("eval run --count 39").refused(2, "39");
    desk.run("eval run --features tiny.toml --device cpu").refused(4, "tiny.toml: no feature network");
    desk.write("pictures.npy", array("|u1", "(30, 8, 8)", &noise(30 * 64)));
    desk.run("eval pictures.npy").refused(2, "--data");
    desk.run("eval pictures.npy --data pictures.npy").refused(2, "--image 64x64x3");
    let few = "30 images; telling how good others are takes 80 at least";
    desk.run("eval run --data pictures.npy --device cpu").refused(4, few);
    desk.run("eval pictures.npy --data strokes --image 8x8x1 --device cpu").refused(4, "pictures.npy: 30 images");
    let other = "the features are of images of 8×8×1, and these are of 9×8×1";
    desk.write("other.npy", array("|u1", "(90, 8, 8)", &noise(90 * 64)));
    let line = "eval other.npy --data strokes --image 9x8x1 --features features.safetensors --device cpu -q";
    desk.run(line).refused(4, other);
    desk.write("sheet.png", "mine");
    desk.run("eval run --sheet sheet.png").refused(2, "sheet.png");
    desk.run("eval run --sheet none/sheet.png").refused(5, "does not exist");
    desk.run("eval run run --sheet new.png").refused(2, "--sheet draws one sheet");
    desk.run(&format!("{TRAIN}-of-noise --data other.npy")).done();
    desk.run("eval run run-of-noise").refused(2, "the runs have other data (strokes, ");
    assert!(!Path::new(&desk.path("run/eval")).exists());
}
