//! `sample`, `interpolate` and `explore`: what they draw, and where they draw it from.

use serde_json::Value;

use crate::desk::{Desk, TINY, TRAIN, idx_images};

/// Header and elements of a NumPy array of bytes.
fn npy(bytes: &[u8]) -> (String, Vec<u8>) {
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(end % 64, 0);
    (String::from_utf8(bytes[10..end].to_vec()).unwrap(), bytes[end..].to_vec())
}

/// The elements of the array that `sample` writes with these flags.
fn array(desk: &Desk, flags: &str) -> Vec<u8> {
    desk.run(&format!("sample --out a.npy --format npy --checkpoint run --device cpu --force {flags}")).done();
    npy(&desk.read("a.npy")).1
}

/// The 8×8 pixels at column `left` and row `top` of a picture that is `width` wide.
fn cut(pixels: &[u8], width: u32, left: u32, top: u32) -> Vec<u8> {
    (0..8).flat_map(|y| pixels[((top + y) * width + left) as usize..][..8].to_vec()).collect()
}

#[test]
fn the_default_seed_shows_what_training_showed() {
    let desk = Desk::with_run();
    let printed = desk.run("sample --out g.png --checkpoint run --rows 2 --cols 3 --device cpu").done();
    assert_eq!(printed, "g.png\n");
    assert_eq!(desk.picture("g.png"), desk.picture("run/samples/step-00000020.png"));
    desk.run("sample --out other.png --checkpoint run --rows 2 --cols 3 --seed 1 --device cpu").done();
    assert_ne!(desk.picture("g.png"), desk.picture("other.png"));
}

#[test]
fn a_checkpoint_file_may_be_an_older_one() {
    let desk = Desk::with_run();
    let file = "run/checkpoints/step-00000015.safetensors";
    desk.run(&format!("sample --out g.png --checkpoint {file} --rows 2 --cols 3 --device cpu")).done();
    assert_eq!(desk.picture("g.png"), desk.picture("run/samples/step-00000015.png"));
}

/// The average has no part in training, and is drawn from unless its weights are not wanted.
#[test]
fn raw_weights_are_those_without_an_average() {
    let desk = Desk::with_run();
    let plain = array(&desk, "");
    desk.run(&format!("{TRAIN} --force --average 100")).done();
    assert_ne!(array(&desk, ""), plain);
    assert_eq!(array(&desk, "--raw"), plain);
}

#[test]
fn grids_are_as_large_as_asked_for() {
    let desk = Desk::with_run();
    let side = |cells: u32| cells * 10 - 2;
    for (flags, rows, cols) in [
        ("", 8, 8),
        ("--count 10", 3, 4),
        ("--count 10 --cols 2", 5, 2),
        ("--count 3 --rows 3", 3, 1),
        ("--rows 2", 2, 8),
        ("--count 3 --rows 2 --cols 2", 2, 2),
    ] {
        desk.run(&format!("sample --out g.png --checkpoint run --device cpu --force {flags}")).done();
        let (width, height, pixels) = desk.picture("g.png");
        assert_eq!((width, height), (side(cols), side(rows)), "{flags}");
        assert_eq!(pixels.len() as u32, side(cols) * side(rows), "grey");
    }
}

#[test]
fn the_first_images_do_not_depend_on_the_count() {
    let desk = Desk::with_run();
    let ten = array(&desk, "--count 10");
    assert_eq!(array(&desk, "--count 3"), ten[..3 * 64]);
    assert_eq!(array(&desk, "--count 130")[..10 * 64], ten, "130 images are several batches");
}

#[test]
fn files_and_arrays_hold_the_same_images() {
    let desk = Desk::with_run();
    let images = array(&desk, "--count 3");
    let header = npy(&desk.read("a.npy")).0;
    let dictionary = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 8, 8), }";
    assert!(header.starts_with(dictionary) && header.ends_with('\n'), "{header}");
    assert_eq!(images.len(), 3 * 64);

    desk.run("sample --out digits --format files --count 3 --checkpoint run --device cpu").done();
    assert_eq!(desk.names("digits"), ["0000.png", "0001.png", "0002.png"]);
    for (name, image) in desk.names("digits").iter().zip(images.chunks(64)) {
        assert_eq!(desk.picture(&format!("digits/{name}")), (8, 8, image.to_vec()));
    }
}

#[test]
fn colour_has_three_channels_everywhere() {
    let desk = Desk::new();
    desk.write("faces/train-images-idx4-ubyte", idx_images(16, &[8, 8, 3]));
    let tiny = TINY.replace("width = 8 }", "width = 8, channels = 3 }");
    desk.write("tiny.toml", tiny.replace("channels = 1, kernel", "channels = 3, kernel"));
    desk.run(&format!("{TRAIN} --steps 2 --data faces")).done();

    let images = array(&desk, "--count 5");
    assert!(npy(&desk.read("a.npy")).0.contains("'shape': (5, 8, 8, 3), "));
    assert_eq!(images.len(), 5 * 64 * 3);
    desk.run("sample --out digits --format files --count 1 --checkpoint run --device cpu").done();
    assert_eq!(desk.picture("digits/0000.png"), (8, 8, images[..192].to_vec()));
    let (width, height, pixels) = desk.picture("run/samples/step-00000002.png");
    assert_eq!((width, height, pixels.len()), (28, 18, 28 * 18 * 3));
}

#[test]
fn scaling_repeats_pixels() {
    let desk = Desk::with_run();
    desk.run("sample --out small.png --count 2 --checkpoint run --device cpu").done();
    desk.run("sample --out large.png --count 2 --scale 3 --checkpoint run --device cpu").done();
    let ((width, height, small), (wide, high, large)) = (desk.picture("small.png"), desk.picture("large.png"));
    assert_eq!((wide, high), (3 * width, 3 * height));
    let expected: Vec<u8> = (0..high)
        .flat_map(|y| (0..wide).map(move |x| (x, y)))
        .map(|(x, y)| small[(y / 3 * width + x / 3) as usize])
        .collect();
    assert_eq!(large, expected);
}

#[test]
fn without_a_checkpoint_the_newest_run_is_drawn_from() {
    let desk = Desk::new();
    for (name, steps) in [("b-first", 3), ("a-second", 4)] {
        desk.run(&format!("train --config tiny.toml --device cpu --out runs/{name} --steps {steps}")).done();
    }
    // A run that has just begun has nothing to draw from.
    desk.write("runs/c-begun/config.toml", "");
    let ended = desk.run("sample --out g.png --rows 2 --cols 3 --device cpu");
    assert!(ended.stderr.contains("a-second") && ended.stderr.contains("step-00000004"), "{}", ended.stderr);
    ended.done();
    assert_eq!(desk.picture("g.png"), desk.picture("runs/a-second/samples/step-00000004.png"));
}

#[test]
fn existing_files_are_replaced_only_when_told() {
    let desk = Desk::with_run();
    for line in [
        "sample --out old.png",
        "sample --out old.npy --format npy --count 2",
        "sample --out folder --format files --count 2",
        "interpolate --out old.gif",
        "explore --out old.png --rows 2 --cols 2",
    ] {
        let file = line.split_whitespace().nth(2).unwrap().replace("folder", "folder/0001.png");
        desk.write(&file, "old");
        let before = desk.snapshot();
        let line = format!("{line} -q --checkpoint run --device cpu");
        desk.run(&line).refused(2, &format!("{file} already exists; use --force to replace it"));
        assert!(desk.snapshot() == before, "{line}");
        desk.run(&format!("{line} --force")).done();
        assert_ne!(desk.read(&file), b"old", "{line}");
    }
    assert!(desk.names("").iter().all(|name| !name.starts_with('.')), "no temporary file stays");
}

#[test]
fn a_strip_goes_through_the_images_of_its_seeds() {
    let desk = Desk::with_run();
    let printed =
        desk.run("interpolate --out s.png --seeds 5,6 --frames 2 --scale 1 --checkpoint run --device cpu").done();
    assert_eq!(printed, "s.png\n");
    let (width, height, pixels) = desk.picture("s.png");
    assert_eq!((width, height), (4 * 10 - 2, 8));
    assert_eq!(cut(&pixels, width, 0, 0), array(&desk, "--seed 5 --count 1"));
    assert_eq!(cut(&pixels, width, 30, 0), array(&desk, "--seed 6 --count 1"));
    assert_ne!(cut(&pixels, width, 10, 0), cut(&pixels, width, 20, 0));

    desk.run("interpolate --out l.png --seeds 5,6 --frames 2 --scale 1 --method lerp --checkpoint run --device cpu")
        .done();
    let straight = desk.picture("l.png").2;
    assert_eq!(cut(&straight, width, 0, 0), cut(&pixels, width, 0, 0), "both begin at the same image");
    assert_ne!(straight, pixels, "and take different ways");
}

#[test]
fn a_walk_as_gif_loops() {
    let desk = Desk::with_run();
    let report =
        desk.run("interpolate --out w.gif --seeds 5,6,7 --frames 3 --scale 2 --checkpoint run --device cpu --json");
    assert_eq!(report.json(), serde_json::json!({ "out": "w.gif", "images": 12 }));
    let frames = desk.frames("w.gif");
    assert_eq!(frames.len(), 3 * (3 + 1), "from the last seed back to the first");
    assert!(frames.iter().all(|(width, height, _)| (*width, *height) == (16, 16)));
    let first: Vec<u8> = array(&desk, "--seed 5 --count 1");
    let shown: Vec<u8> = (0..64).map(|i| frames[0].2[i / 8 * 2 * 16 + i % 8 * 2]).collect();
    assert_eq!(shown, first);
}

#[test]
fn a_sheet_lies_around_the_image_of_its_seed() {
    let desk = Desk::with_run();
    let report = desk.run("explore --out e.png --seed 4 --rows 3 --cols 5 --checkpoint run --device cpu --json");
    assert_eq!(report.json(), serde_json::json!({ "out": "e.png", "images": 15 }));
    let (width, height, pixels) = desk.picture("e.png");
    assert_eq!((width, height), (48, 28));
    let centre = array(&desk, "--seed 4 --count 1");
    assert_eq!(cut(&pixels, width, 20, 10), centre);
    assert_ne!(cut(&pixels, width, 0, 0), centre);
    desk.run("explore --out point.png --seed 4 --rows 3 --cols 5 --extent 0 --checkpoint run --device cpu").done();
    assert_eq!(cut(&desk.picture("point.png").2, width, 40, 20), centre, "without extent nothing moves");
}

/// What a picture says of itself.
fn caption(desk: &Desk, name: &str) -> Value {
    desk.run(&format!("show {name} --json")).json()["caption"].clone()
}

#[test]
fn pictures_say_where_they_come_from() {
    let desk = Desk::new();
    desk.run(&format!("{TRAIN} --average 100 --seed 5")).done();
    assert_eq!(caption(&desk, "run/samples/step-00000020.png")["weights"], "average");
    let from = "--checkpoint run --device cpu --force";
    let drawn = |line: &str, name: &str| {
        desk.run(&format!("{line} {from}")).done();
        let caption = caption(&desk, name);
        for (key, expected) in [("run", "tiny"), ("folder", "run"), ("version", env!("CARGO_PKG_VERSION"))] {
            assert_eq!(caption[key], expected, "{line}: {caption}");
        }
        assert_eq!(line.split(' ').next(), caption["verb"].as_str());
        let [rows, cols] = ["rows", "cols"].map(|key| caption[key].as_u64().unwrap());
        assert!(caption.get("classes").is_none(), "{caption}");
        (caption["step"].as_u64().unwrap(), caption["seeds"].to_string(), [rows, cols], caption["weights"].clone())
    };
    assert_eq!(drawn("sample --out g.png --count 6", "g.png"), (20, "[5]".into(), [2, 3], "average".into()));
    assert_eq!(drawn("sample --out g.png --rows 1 --seed 9 --raw", "g.png"), (20, "[9]".into(), [1, 8], "raw".into()));
    let walk = drawn("interpolate --out w.png --seeds 3,4 --frames 2", "w.png");
    assert_eq!(walk, (20, "[3,4]".into(), [1, 4], "average".into()));
    let sheet = drawn("explore --out s.png --seed 7 --rows 2 --cols 3", "s.png");
    assert_eq!(sheet, (20, "[7]".into(), [2, 3], "average".into()));
    drawn("sample --out d --format files --count 3", "d/0002.png");
    assert_eq!(caption(&desk, "d/0002.png")["image"], 2);
    let older = "sample --out o.png --checkpoint run/checkpoints/step-00000015.safetensors --device cpu";
    desk.run(older).done();
    let older = caption(&desk, "o.png");
    assert_eq!((&older["step"], &older["folder"]), (&15.into(), &"run".into()));
    std::fs::copy(desk.path("run/checkpoints/step-00000015.safetensors"), desk.path("a.safetensors")).unwrap();
    desk.run("sample --out o.png --force --checkpoint a.safetensors --device cpu").done();
    assert_eq!(caption(&desk, "o.png").get("folder"), None);
}
