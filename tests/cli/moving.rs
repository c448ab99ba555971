//! A run follows its data: to other folders, other names and other forms of the same pixels.

use std::fs;

use crate::common::makers::{array, grey_png, noise, zip};
use crate::desk::{Desk, TRAIN};
use crate::resuming::{RESUME, tensors};

/// Twenty pictures in a folder, whose names and order are those of `name`.
fn pictures(desk: &Desk, folder: &str, name: impl Fn(u32) -> String) {
    // 8×8, and no two alike.
    (0..20).for_each(|i| desk.write(&format!("{folder}/{}", name(i)), grey(i)));
}

fn grey(number: u32) -> Vec<u8> {
    crate::common::makers::Png::new(8, 8, 8, 0).file(&[], &noise(64 + 20)[number as usize..][..64])
}

fn weights(desk: &Desk, run: &str, step: u32) -> std::collections::BTreeMap<String, Vec<u8>> {
    tensors(desk, &format!("{run}/checkpoints/step-{step:08}.safetensors"))
}

#[test]
fn renamed_and_moved_pictures_are_the_same_data() {
    let desk = Desk::new();
    pictures(&desk, "set", |i| format!("{i:02}.png"));
    desk.run(&format!("{TRAIN} --data set --steps 40")).done();
    desk.run("train --config tiny.toml --device cpu --out moved --data set").done();
    assert_eq!(String::from_utf8(desk.read("moved/images.txt")).unwrap().lines().count(), 20);
    // In another folder, in the reverse order of names, in folders.
    fs::remove_dir_all(desk.path("set")).unwrap();
    pictures(&desk, "elsewhere", |i| format!("{}/x{:02}.png", i % 3, 50 - i));
    desk.run("train --resume moved --steps 40 --device cpu -q").refused(4, "`");
    let ended = desk.run("train --resume moved --steps 40 --device cpu --data elsewhere");
    ended.done();
    assert_eq!(weights(&desk, "run", 40), weights(&desk, "moved", 40));
    assert!(desk.config("moved")["data"].as_str().unwrap().ends_with("elsewhere"), "it is there from now on");
    desk.run("train --resume moved --steps 42 --device cpu").done();
}

#[test]
fn other_pictures_are_counted() {
    let desk = Desk::new();
    pictures(&desk, "set", |i| format!("{i:02}.png"));
    desk.run(&format!("{TRAIN} --data set")).done();
    let before = desk.snapshot();
    for (name, file) in [("07.png", grey_png(8, 9)), ("21.png", grey_png(9, 9))] {
        let original = fs::read(desk.path(format!("set/{name}")));
        desk.write(&format!("set/{name}"), file);
        let gone = usize::from(original.is_ok());
        desk.run(&format!("{RESUME} --steps 40 -q")).refused(
            4,
            &format!(
                "set has other images than the run was trained with: {gone} of those are gone, and 1 are new; a resumed run"
            ),
        );
        match original {
            Ok(original) => desk.write(&format!("set/{name}"), original),
            Err(_) => fs::remove_file(desk.path(format!("set/{name}"))).unwrap(),
        }
    }
    assert!(desk.snapshot() == before);
    desk.run(&format!("{RESUME} --steps 40")).done();
}

#[test]
fn another_form_of_the_same_pixels_is_taken() {
    let desk = Desk::new();
    let images = array("|u1", "(20, 8, 8)", &noise(20 * 64));
    desk.write("a.npy", &images);
    desk.run(&format!("{TRAIN} --data a.npy")).done();
    assert!(!desk.path("run/images.txt").exists(), "the order is that of the file");
    desk.write("b.npz", zip(&[("x.npy", &images), ("z.npy", &images)], true));
    desk.run(&format!("{RESUME} --steps 24 --data b.npz:z")).done();
    assert!(desk.config("run")["data"].as_str().unwrap().ends_with("b.npz:z"));
    desk.run(&format!("{RESUME} --steps 28")).done();
    desk.run(&format!("{RESUME} --steps 32 --data strokes -q")).refused(4, "strokes has");
    desk.write("c.npy", array("|u1", "(20, 8, 8)", &noise(20 * 64 + 1)[1..]));
    desk.run(&format!("{RESUME} --steps 32 --data c.npy -q"))
        .refused(4, "c.npy has other images than the run was trained with; a resumed run");
}

/// A folder of which the first versions read less: the run goes on with that.
#[test]
fn a_run_of_before_goes_on_with_what_was_read_then() {
    let desk = Desk::new();
    pictures(&desk, "set", |i| format!("{i:02}.png"));
    desk.run(&format!("{TRAIN} --data set --steps 40")).done();
    desk.run("train --config tiny.toml --device cpu --out old --data set").done();
    fs::remove_file(desk.path("old/images.txt")).unwrap();
    fs::remove_file(desk.path("old/samples/real.png")).unwrap();
    // What it passed over.
    desk.write("set/05.webp", image_of("webp"));
    desk.write("set/more.gif", image_of("gif"));
    for steps in [30, 40] {
        desk.run(&format!("train --resume old --steps {steps} --device cpu")).done();
    }
    assert_eq!(weights(&desk, "run", 40), weights(&desk, "old", 40));
}

/// What the first versions passed over may be broken, or of another kind.
#[test]
fn a_run_of_before_is_not_stopped_by_what_was_passed_over() {
    let desk = Desk::new();
    pictures(&desk, "set", |i| format!("{i:02}.png"));
    desk.run(&format!("{TRAIN} --data set")).done();
    for (name, content) in [("broken.webp", &b"no picture"[..]), ("array", &array("|u1", "(1, 8, 8)", &noise(64)))] {
        desk.write(&format!("set/{name}"), content);
        desk.run("train --config tiny.toml --device cpu --out new --data set -q").refused(4, "set");
        desk.run(&format!("{RESUME} --steps 24")).done();
        fs::remove_file(desk.path(format!("set/{name}"))).unwrap();
    }
}

/// A run that left no checkpoint begins again, with the order of now.
#[test]
fn a_run_without_checkpoints_keeps_the_order_of_its_new_beginning() {
    let desk = Desk::new();
    pictures(&desk, "set", |i| format!("{i:02}.png"));
    desk.run(&format!("{TRAIN} --data set")).done();
    fs::remove_dir_all(desk.path("run/checkpoints")).unwrap();
    let before = desk.read("run/images.txt");
    fs::remove_dir_all(desk.path("set")).unwrap();
    pictures(&desk, "set", |i| format!("{:02}.png", 50 - i));
    desk.run(&format!("{RESUME} --steps 20")).done();
    assert_ne!(desk.read("run/images.txt"), before);
    fs::rename(desk.path("set"), desk.path("other")).unwrap();
    desk.run(&format!("{RESUME} --steps 24 --data other")).done();
}

#[test]
fn another_range_or_ground_is_another_data_set() {
    let desk = Desk::new();
    (0..20_u8).for_each(|i| {
        let pixels: Vec<u8> = noise(64 + 20)[usize::from(i)..][..64].iter().flat_map(|&v| [v / 2, 200]).collect();
        desk.write(&format!("set/{i:02}.png"), crate::common::makers::Png::new(8, 8, 8, 4).file(&[], &pixels));
    });
    desk.run(&format!("{TRAIN} --data set")).done();
    for flag in ["--background white", "--data-range 0,127"] {
        desk.run(&format!("{RESUME} --steps 24 -q {flag}"))
            .refused(4, "read in the same range and on the same background");
    }
    desk.run(&format!("{RESUME} --steps 24")).done();
}

fn image_of(ending: &str) -> Vec<u8> {
    let format = image::ImageFormat::from_extension(ending).unwrap();
    crate::common::makers::encoded(8, 8, &noise(192), format)
}

/// The classes of pictures go where the pictures go.
#[test]
fn labels_follow_their_pictures() {
    let desk = Desk::new();
    pictures(&desk, "set", |i| format!("{}/{i:02}.png", ["a", "b"][i as usize % 2]));
    let classes = "--set classes.generator=\"embedding\"";
    desk.run(&format!("{TRAIN} --data set --steps 40 {classes}")).done();
    desk.run(&format!("train --config tiny.toml --device cpu --out moved --data set {classes}")).done();
    fs::remove_dir_all(desk.path("set")).unwrap();
    pictures(&desk, "set", |i| format!("{}/{:02}.png", ["a", "b"][i as usize % 2], 40 - i));
    desk.run("train --resume moved --steps 40 --device cpu").done();
    assert_eq!(weights(&desk, "run", 40), weights(&desk, "moved", 40));
    // One in the other folder is another image.
    fs::rename(desk.path("set/a/40.png"), desk.path("set/b/40.png")).unwrap();
    desk.run("train --resume moved --steps 44 --device cpu -q").refused(4, "1 of those are gone, and 1 are new");
}
