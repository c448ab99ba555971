//! `bench`: its numbers are finite, fit together, and count what a person counts.

use serde_json::Value;

use crate::desk::Desk;

const BENCH: &str = "bench --config tiny.toml --device cpu --steps 3 --warmup 1";

/// Multiply-adds of the linear layers in one step of `tiny.toml` for one image: those of taps that
/// exist, and with padding.
///
/// A side of a 4-wide kernel at stride 2 and padding 1 has 3 + 3 real taps between 2 and 4 pixels,
/// 3 + 4 + 4 + 3 between 4 and 8.
fn counted_by_hand() -> [u64; 2] {
    let padded = [4 * 4 * 8, (2 * 4) * (2 * 4) * 8 * 4, (4 * 4) * (4 * 4) * 4, (4 * 4) * (4 * 4) * 4, 16 * 4];
    let real = [4 * 4 * 8, 6 * 6 * 8 * 4, 14 * 14 * 4, 14 * 14 * 4, 16 * 4];
    [real, padded].map(|[g0, g1, g2, d0, d1]| {
        let forward = (g0 + g1 + g2) + 3 * (d0 + d1);
        // D's weights learn from two batches; the image's gradient is wanted for G alone, that of
        // the latent never.
        let through_d = 2 * (d1 + d1 + d0) + (d1 + d0);
        let through_g = 2 * g2 + 2 * g1 + g0;
        forward + through_d + through_g
    })
}

#[track_caller]
fn number(value: &Value) -> f64 {
    let number = value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    assert!(number.is_finite());
    number
}

/// Every value in a tree is something: JSON has `null` where a number was infinite.
fn nulls(value: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Null => vec![path.to_string()],
        Value::Array(items) => items.iter().enumerate().flat_map(|(i, v)| nulls(v, &format!("{path}.{i}"))).collect(),
        Value::Object(items) => items.iter().flat_map(|(key, v)| nulls(v, &format!("{path}.{key}"))).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_measurement_fits_together() {
    let report = Desk::new().run(&format!("{BENCH} --detail --json")).json();
    assert_eq!(nulls(&report, ""), [""; 0]);
    for (key, expected) in [("engine", "dcgan-gpu"), ("device", "cpu"), ("preset", "tiny"), ("timing", "host")] {
        assert_eq!(report[key], expected, "{key}");
    }
    assert_eq!((&report["batch_size"], &report["steps"]), (&8.into(), &3.into()));
    let [median, min, images] = ["median_s", "min_s", "images_per_s"].map(|key| number(&report[key]));
    assert!(0.0 < min && min <= median && (images * median / 8.0 - 1.0).abs() < 1e-9, "{median} {min} {images}");
    let load = &report["load"];
    let parts = ["open_s", "tune_s", "prepare_s", "compile_s", "first_step_s"].map(|key| number(&load[key]));
    assert!((parts.iter().sum::<f64>() - number(&load["total_s"])).abs() < 1e-9, "{load}");
    assert!(
        report["ceilings"]["copies"].as_array().unwrap().len() > 1 && number(&report["ceilings"]["flops_per_s"]) > 1e6
    );
    assert!(number(&report["floor_s"]) > 0.0 && number(&report["floor_percent"]) > 0.0);
    assert!(report["losses"]["d_loss"].is_number());

    let [kernels, dispatches] = ["kernels", "dispatches"].map(|key| report[key].as_array().unwrap());
    assert_eq!(report["work"]["dispatches"], dispatches.len());
    let sum = |rows: &[Value], key: &str| rows.iter().map(|row| number(&row[key])).sum::<f64>();
    assert_eq!(sum(kernels, "calls"), dispatches.len() as f64);
    assert!((sum(kernels, "share") - 1.0).abs() < 1e-9);
    for key in ["flops", "nominal_flops", "bytes"] {
        assert_eq!(sum(kernels, key), sum(dispatches, key), "{key}");
    }
    assert_eq!(sum(kernels, "flops"), number(&report["work"]["flops_per_step"]));
    assert!(dispatches.iter().any(|row| row["scope"] == "generator.3 forward"));
    let linear: Vec<Value> = dispatches.iter().filter(|row| is_product(row)).cloned().collect();
    let [real, padded] = counted_by_hand().map(|products| (2 * 8 * products) as f64);
    assert_eq!((sum(&linear, "flops"), sum(&linear, "nominal_flops")), (real, padded));
}

fn is_product(row: &Value) -> bool {
    let kernel = row["kernel"].as_str().unwrap();
    kernel.starts_with("linear/") && kernel != "linear/transpose"
}

/// Updates of D take images and labels of their own.
#[test]
fn a_step_has_the_images_of_all_its_updates() {
    let flags = "--set objective.d_steps=3 --set classes.generator=embedding --set classes.discriminator=planes --steps-only --json";
    let report = Desk::new().run(&format!("{BENCH} {flags}")).json();
    let [median, images] = ["median_s", "images_per_s"].map(|key| number(&report[key]));
    assert!((images * median / 24.0 - 1.0).abs() < 1e-9, "{report}");
}

#[test]
fn steps_alone_come_without_kernels() {
    let desk = Desk::new();
    let report = desk.run(&format!("{BENCH} --steps-only --json")).json();
    assert!(report.get("kernels").is_none() && number(&report["median_s"]) > 0.0, "{report}");
    let text = desk.run(&format!("{BENCH} --steps-only --batch-size 3")).done();
    assert!(text.starts_with("tiny at batch 3 on cpu (") && text.contains("a step: median "), "{text}");
}

#[test]
fn people_see_a_table_of_kernels() {
    let text = Desk::new().run(BENCH).done();
    for part in ["first step after ", "ceilings: ", "floor: ", "\nkernel ", "adam/update", "loss/non_saturating"] {
        assert!(text.contains(part), "{text} has no {part:?}");
    }
    assert!(!text.contains("every dispatch"), "{text}");
}

#[test]
fn the_floor_needs_no_device() {
    let desk = Desk::new();
    let text = desk.run("bench --floor --device no-such-device").done();
    let names: Vec<_> = text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "preset",
            "pytorch",
            "tf-tutorial",
            "stabilized",
            "keras",
            "quick",
            "wgan-gp",
            "conditional",
            "colour-32",
            "colour-64"
        ]
    );

    let works = desk.run("bench --floor --config tiny.toml --json").json();
    let [work] = &works.as_array().unwrap()[..] else { panic!("{works}") };
    let [flops, padded] = ["flops_per_step", "nominal_flops_per_step"].map(|key| work[key].as_u64().unwrap());
    let [real_products, padded_products] = counted_by_hand().map(|products| 2 * 8 * products);
    assert_eq!(padded - flops, padded_products - real_products);
    assert!(flops > real_products);
    assert_eq!(number(&work["flops_per_byte"]), flops as f64 / number(&work["bytes_per_step"]));
    // The batch is a factor of everything but the updates and the lists.
    let double = desk.run("bench --floor --config tiny.toml --batch-size 16 --json").json();
    assert!(double[0]["flops_per_step"].as_u64().unwrap() > flops * 3 / 2);
}

#[test]
fn a_sweep_leaves_numbers_and_a_plot() {
    let desk = Desk::new();
    let line = "bench --sweep --config tiny.toml --device cpu --batches 4,8 --sizes 8,9,16 --widths 1,2 --out a/b";
    let ended = desk.run(line);
    assert!(ended.stderr.contains("batch 4, 8×8, width 1: "), "{}", ended.stderr);
    let text = ended.done();
    assert!(text.starts_with("batch  image") && text.ends_with("saved a/b/sweep.json and a/b/sweep.svg\n"), "{text}");
    assert!(text.contains("refused: no network for images of 9×9 can be derived from tiny"), "{text}");

    let sweep: Value = serde_json::from_slice(&desk.read("a/b/sweep.json")).unwrap();
    assert_eq!(nulls(&sweep, ""), [""; 0]);
    let points = sweep["points"].as_array().unwrap();
    let measured: Vec<_> = points.iter().filter(|point| point["status"] == "measured").collect();
    assert_eq!((points.len(), measured.len()), (5, 4));
    for point in measured {
        assert!(number(&point["median_s"]) > 0.0 && number(&point["flops_per_image"]) > 0.0, "{point}");
        assert!(point["memory_bytes"]["Activations"].as_u64().unwrap() > 0, "{point}");
    }
    let svg = String::from_utf8(desk.read("a/b/sweep.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("tiny on cpu") && svg.contains(">refused<"), "{svg}");

    let before = desk.snapshot();
    desk.run(line).refused(2, "already exists; use --force");
    assert!(desk.snapshot() == before);
    assert_eq!(desk.run(&format!("{line} --force --json -q")).json()["engine"], "dcgan-gpu");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let desk = Desk::new();
    for (line, fragment) in [
        ("bench --floor --detail", "cannot be used with"),
        ("bench --sweep --steps 3", "cannot be used with"),
        ("bench --out x", "--sweep"),
        ("bench --steps 0", "--steps"),
        ("bench --preset pytorsh", "did you mean `pytorch`?"),
        ("bench --batch-size 0", "batch_size"),
        ("bench --set training.bach_size=3", "did you mean `batch_size`?"),
        ("bench --sweep --widths 0", "--widths"),
        ("bench --sweep --sweep-seconds nan", "--sweep-seconds"),
    ] {
        assert_eq!(desk.run(line).problem(2, fragment), None, "{line}");
    }
    desk.run("bench --device no-such-device").refused(3, "no device matches");
}

#[test]
fn what_does_not_fit_into_memory_says_which_flag_helps() {
    let desk = Desk::new();
    if !std::path::Path::new("/proc/meminfo").exists() {
        return;
    }
    // 0.5 TiB of activations, in tensors that would each be possible.
    let wide = "{ type = \"conv\", channels = 1024, kernel = 1 }, { type = \"relu\" }, ".repeat(60);
    let config = format!(
        "preset = \"quick\"\nimage = {{ height = 8, width = 8 }}\ntraining = {{ batch_size = 16384 }}\n\
         [generator]\nlayers = [{{ type = \"dense\", shape = [8, 8, 1] }}, {{ type = \"tanh\" }}]\n\
         [discriminator]\nlayers = [{wide}{{ type = \"dense\", units = 1 }}]\n"
    );
    desk.write("wide.toml", config);
    let ended = desk.run("bench --config wide.toml --device cpu --steps-only");
    ended.refused(6, "use a smaller --batch-size");
}
