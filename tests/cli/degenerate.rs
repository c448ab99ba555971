//! Data that are not what was meant: they are told of in a line, or refused, and what D sees is
//! left to look at.

use image::ImageFormat;

use crate::common::makers::{Png, array, encoded, grey_png, idx, noise, zip};
use crate::desk::{Desk, TRAIN};

const REAL: &str = "run/samples/real.png";

/// Images of 8×8 zeros and ones.
fn mask() -> Vec<u8> {
    noise(20 * 64).iter().map(|value| value & 1).collect()
}

/// The brightest value of the real images that a run left.
fn brightest(desk: &Desk) -> u8 {
    // The gaps are grey.
    *desk.picture(REAL).2.iter().filter(|&&value| value != 64).max().unwrap()
}

#[test]
fn values_that_fill_little_of_their_range_are_told() {
    let desk = Desk::new();
    desk.write("mask.npy", array("|u1", "(20, 8, 8)", &mask()));
    let ended = desk.run(&format!("{TRAIN} --data mask.npy"));
    let line = "the values lie between 0 and 1, where 0 is black and 255 is white: images of next to no contrast; if they \
                are meant to fill the range, say so with --data-range 0,1\n";
    assert!(ended.stderr.contains(line), "{ended:#?}");
    ended.done();
    assert_eq!(brightest(&desk), 1);

    let ended = desk.run(&format!("{TRAIN} --data mask.npy --data-range 0,1 --force"));
    assert!(!ended.stderr.contains("--data-range"), "{ended:#?}");
    ended.done();
    assert_eq!(brightest(&desk), 255);
    assert_eq!(desk.config("run")["data_range"].as_array().unwrap().len(), 2);
    // It is the run's, and needs not be told again.
    desk.run("train --resume run --steps 22 --device cpu").done();
    desk.run("train --resume run --steps 24 --device cpu --data-range 0,2").refused(4, "other images than the run");
    desk.run(&format!("{TRAIN} --data mask.npy --data-range 1,0 --force"))
        .refused(2, "1 to 0 is no range of values; write black and white, such as 0,4095");
}

/// Twelve bits of sixteen, as microscopes and X-rays have.
#[test]
fn pictures_that_use_a_part_of_their_depth_are_told() {
    let desk = Desk::new();
    for number in 0..20_u8 {
        let samples: Vec<u8> =
            noise(64 + 20)[usize::from(number)..][..64].iter().flat_map(|&v| [v >> 4, v << 4]).collect();
        desk.write(&format!("scans/{number}.png"), Png::new(8, 8, 16, 0).file(&[], &samples));
    }
    let ended = desk.run(&format!("{TRAIN} --data scans"));
    assert!(ended.stderr.contains("65535 is white"), "{ended:#?}");
    assert!(ended.stderr.contains("say so with --data-range 0,4095"), "{ended:#?}");
    ended.done();
    assert!(brightest(&desk) < 20);
    desk.run(&format!("{TRAIN} --data scans --data-range 0,4095 --force")).done();
    assert!(brightest(&desk) > 200);
}

/// The same for every form: what is all of one colour is refused, and a range mends it where it
/// can.
#[test]
fn one_colour_is_refused() {
    let desk = Desk::new();
    let grey = [7; 20 * 64];
    let row = vec!["7"; 64].join(",");
    desk.write("a.npy", array("|u1", "(20, 8, 8)", &grey));
    desk.write("b.npz", zip(&[("x.npy", &array("|u1", "(20, 64)", &grey))], true));
    desk.write("c.csv", [row.as_str(); 20].join("\n"));
    desk.write("d/train-images-idx3-ubyte", idx(&[20, 8, 8], &grey));
    (0..20).for_each(|i| desk.write(&format!("e/{i}.png"), Png::new(8, 8, 8, 0).file(&[], &grey[..64])));
    let before = desk.snapshot();
    for data in ["a.npy", "b.npz", "c.csv", "d", "e"] {
        let because = "nothing can be learnt from images that are all of one colour: each pixel of all 20 is 7";
        desk.run(&format!("{TRAIN} -q --data {data}")).refused(4, because);
    }
    assert!(desk.snapshot() == before);
}

#[test]
fn equal_and_flat_images_are_told() {
    let desk = Desk::new();
    let one = noise(64);
    desk.write("same.npy", array("|u1", "(20, 8, 8)", &one.repeat(20)));
    let ended = desk.run(&format!("{TRAIN} --data same.npy"));
    assert!(ended.stderr.contains("all 20 images are the same; give others"), "{ended:#?}");
    ended.done();
    // What has no spread has nothing that samples could be as diverse as.
    let quality = String::from_utf8(desk.read("run/quality.jsonl")).unwrap();
    assert!(quality.lines().all(|line| line.contains("\"diversity\":null")), "{quality}");
    desk.run("show run").done();
    desk.run("report run").done();

    desk.write("flat.npy", array("|u1", "(20, 8, 8)", &[noise(18 * 64), vec![3; 64], vec![4; 64]].concat()));
    let ended = desk.run(&format!("{TRAIN} --data flat.npy --force"));
    assert!(ended.stderr.contains("2 of 20 images are of one colour each"), "{ended:#?}");
    ended.done();
}

#[test]
fn transparent_pictures_lie_on_a_ground_that_is_told() {
    let desk = Desk::new();
    let picture = |value: u8, alpha: u8| Png::new(8, 8, 8, 4).file(&[], &[value, alpha].repeat(64));
    (0..18).for_each(|i| desk.write(&format!("set/{i}.png"), picture(100 + i, 128)));
    (0..2).for_each(|i| desk.write(&format!("set/none-{i}.png"), picture(9, 0)));
    let ended = desk.run(&format!("{TRAIN} --data set"));
    assert!(
        ended.stderr.contains("; 20 are transparent and lie on black (--background chooses another)"),
        "{ended:#?}"
    );
    assert!(ended.stderr.contains("2 of 20 pictures are wholly transparent; remove them"), "{ended:#?}");
    ended.done();
    assert!(brightest(&desk) < 63);
    let ended = desk.run(&format!("{TRAIN} --data set --background white --force"));
    assert!(ended.stderr.contains("; 20 are transparent and lie on white"), "{ended:#?}");
    ended.done();
    assert!(brightest(&desk) > 176);
    desk.run(&format!("{TRAIN} --data set --background beige --force"))
        .refused(2, "`beige` is no colour; write black, white or one such as #20c0ff");
}

/// As many kinds as there are, one picture of each.
#[test]
fn content_decides_and_the_rest_is_counted() {
    let desk = Desk::new();
    let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Tiff];
    for (number, format) in formats.into_iter().chain([ImageFormat::Gif]).enumerate() {
        desk.write(&format!("set/picture-{number}"), encoded(8, 8, &noise(192 + number)[number..], format));
    }
    // An ending that lies, and the ones that cameras and browsers write.
    for (number, name) in ["a.png", "b.jfif", "c.jpe", "d.JPG"].into_iter().enumerate() {
        desk.write(&format!("set/{name}"), encoded(8, 8, &noise(192 + 9 + number)[9 + number..], ImageFormat::Jpeg));
    }
    for name in ["notes.txt", "more/notes.TXT", "film.mp4", "Makefile", ".hidden", "labels.csv.bak"] {
        desk.write(&format!("set/{name}"), "no picture");
    }
    let ended = desk.run(&format!("{TRAIN} --data set"));
    let line = "10 pictures from set, brought to 8×8×1; passed over 2 .txt, 1 .bak, 1 .mp4, 1 without an ending\n";
    assert!(ended.stderr.contains(line), "{ended:#?}");
    ended.done();
}

#[test]
fn broken_pictures_are_left_out_where_that_is_asked_for() {
    let desk = Desk::new();
    (0..20).for_each(|i| desk.write(&format!("set/{i:02}.png"), grey_png(8 + i, 8)));
    (0..7).for_each(|i| desk.write(&format!("set/{i}5-broken.png"), "no picture"));
    let all: Vec<_> = (0..7).map(|i| format!("{i}5-broken.png (it is something else")).collect();
    for broken in &all {
        desk.run(&format!("{TRAIN} -q --data set")).refused(4, broken);
    }
    let ended = desk.run(&format!("{TRAIN} --data set --skip-broken"));
    assert!(ended.stderr.contains("20 pictures from set, brought to 8×8×1; left out 7 broken ones"), "{ended:#?}");
    ended.done();
    let skipped = String::from_utf8(desk.read("run/skipped.txt")).unwrap();
    assert_eq!(skipped.lines().count(), 7);
    assert!(skipped.lines().zip(&all).all(|(line, broken)| line.starts_with(broken)), "{skipped}");
    // The rest is what it would be without them.
    (0..7).for_each(|i| std::fs::remove_file(desk.path(format!("set/{i}5-broken.png"))).unwrap());
    desk.run("train --config tiny.toml --device cpu --out whole --data set").done();
    assert_eq!(desk.read("run/samples/step-00000020.png"), desk.read("whole/samples/step-00000020.png"));
    assert!(!desk.path("whole/skipped.txt").exists());
    // Nothing is left.
    (0..3).for_each(|i| desk.write(&format!("rubbish/{i}.png"), "no picture"));
    desk.run(&format!("{TRAIN} -q --force --data rubbish --skip-broken")).refused(4, "3 of 3 pictures in rubbish");
}

#[test]
fn what_d_sees_is_left_to_look_at() {
    let desk = Desk::new();
    desk.run(TRAIN).done();
    let (width, height, plain) = desk.picture(REAL);
    // As large as the sample grids: 2 rows of 3 images with gaps.
    assert_eq!((width, height), (28, 18));
    assert_eq!(desk.picture("run/samples/step-00000005.png").0, width);
    desk.run(&format!("{TRAIN} --force --set augment.translation=0.5 --set augment.cutout=0.5")).done();
    assert_ne!(desk.picture(REAL).2, plain, "augmentation is seen");
    desk.run(&format!("{TRAIN} --force --instance-noise 0.3")).done();
    assert_ne!(desk.picture(REAL).2, plain, "noise is seen");
    desk.run("report run").done();
    let report = String::from_utf8(desk.read("run/report.html")).unwrap();
    assert!(report.contains("real images, as D sees them"));
    // It is made once, also for a run of before.
    let before = desk.read(REAL);
    std::fs::remove_file(desk.path(REAL)).unwrap();
    desk.run("train --resume run --steps 25 --device cpu").done();
    assert_eq!(desk.read(REAL), before);
}

/// Every way in which people have arrays of MNIST's kind gives the same run.
#[test]
fn all_forms_of_the_same_images_are_one_data_set() {
    let desk = Desk::new();
    let (pixels, labels): (_, Vec<u8>) = (noise(20 * 64), (0..20).map(|i| i % 3).collect());
    let (images, flat) = (array("|u1", "(20, 8, 8)", &pixels), array("|u1", "(20, 64)", &pixels));
    let floats: Vec<u8> = pixels.iter().flat_map(|&v| (f64::from(v) / 255.0).to_le_bytes()).collect();
    let wide: Vec<u8> = pixels.iter().flat_map(|&v| i64::from(v).to_le_bytes()).collect();
    let row = |pixels: &[u8]| pixels.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let rows: Vec<_> = pixels.chunks(64).map(row).collect();
    let labelled: Vec<_> = rows.iter().zip(&labels).map(|(row, label)| format!("{label},{row}")).collect();
    let numbers = array("|u1", "(20, 1)", &labels);
    desk.write("a.npy", &images);
    desk.write("b.npy", flat);
    desk.write("c.npy", array("<f8", "(20, 8, 8)", &floats));
    desk.write("d.npy", array("<i8", "(20, 8, 8)", &wide));
    desk.write("e.npz", zip(&[("arr_0.npy", &images)], true));
    desk.write("f.npz", zip(&[("test_images.npy", &images[..100]), ("train_images.npy", &images)], true));
    desk.write("g.npz", zip(&[("mine.npy", &images), ("yours.npy", &images[..100])], false));
    desk.write("h.csv", rows.join("\n"));
    desk.write("i.csv", format!("{}\n{}\n", vec!["p"; 64].join(","), rows.join("\n")));
    desk.write("j/images.bin", idx(&[20, 8, 8], &pixels));
    desk.write("k/set.csv", labelled.join("\r\n"));
    desk.write("l/mnist_train.csv", format!("label,{}\n{}\n", vec!["p"; 64].join(","), labelled.join("\n")));
    let with_labels = [("train_images.npy", &images[..]), ("train_labels.npy", &numbers)];
    desk.write("m/mnist.npz", zip(&with_labels, true));
    desk.write("MNIST/raw/train-images-idx3-ubyte", idx(&[20, 8, 8], &pixels));
    desk.write("MNIST/raw/train-labels-idx1-ubyte", idx(&[20], &labels));
    let digits = [
        "--data a.npy",
        "--data b.npy",
        "--data c.npy",
        "--data d.npy --data-range 0,255",
        "--data e.npz",
        "--data f.npz",
        "--data g.npz:mine",
        "--data h.csv",
        "--data i.csv",
        "--data j",
        "--data j/images.bin",
        "--data k",
        "--data mnist --data-dir l",
        "--data mnist --data-dir m",
        "--data mnist --data-dir .",
    ];
    let samples = |line: &str| {
        desk.run(&format!("{TRAIN} --force {line}")).done();
        desk.read("run/samples/step-00000020.png")
    };
    let expected = samples(digits[0]);
    for line in digits {
        assert!(samples(line) == expected, "{line}");
    }
    // The names of MNIST's classes are known, also of those that do not occur.
    let classes = |line: &str| samples(&format!("{line} --set classes.generator=\"embedding\""));
    let expected = classes("--data mnist --data-dir .");
    for line in ["--data mnist --data-dir l", "--data mnist --data-dir m"] {
        assert!(classes(line) == expected, "{line}");
        assert_eq!(desk.config("run")["classes"]["names"].as_array().unwrap().len(), 10, "{line}");
    }
    classes("--data k");
    assert_eq!(desk.config("run")["classes"]["names"].as_array().unwrap().len(), 3);
}
