//! Runs that use labels: what they draw, and that their labels stay theirs.

use crate::common::makers::grey_png;
use crate::desk::{Desk, TINY};

/// A working directory with pictures of two classes, and a run of both.
fn desk() -> Desk {
    let desk = Desk::new();
    for (class, number) in ["ant", "bee"].iter().flat_map(|class| (0..6).map(move |number| (class, number))) {
        desk.write(&format!("data/{class}/{number}.png"), grey_png(8, 8));
    }
    desk.write("classes.toml", format!("{TINY}\n[classes]\n"));
    desk.run("train --config classes.toml --data data --device cpu --out run").done();
    desk
}

/// The bytes of so many 8×8 samples of a class, or of several.
fn samples(desk: &Desk, flags: &str) -> Vec<u8> {
    let line = format!("sample --checkpoint run --out a.npy --format npy --device cpu --force {flags}");
    desk.run(&line).done();
    let bytes = desk.read("a.npy");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[10 + header..].to_vec()
}

#[test]
fn a_row_of_all_classes_is_what_its_class_gives() {
    let desk = desk();
    let all = samples(&desk, "--class all --cols 3");
    assert_eq!(all.len(), 6 * 64, "a row of each class");
    let of = |class: &str| samples(&desk, &format!("--class {class} --count 6"));
    let [ant, bee] = ["ant", "1"].map(of);
    assert_ne!(ant, bee);
    assert!(all[..3 * 64] == ant[..3 * 64] && all[3 * 64..] == bee[3 * 64..]);
    let grid = desk.picture("run/samples/step-00000020.png");
    assert_eq!((grid.0, grid.1), (3 * 10 - 2, 2 * 10 - 2), "a row of each class");
    for flags in ["", "--class all"] {
        desk.run(&format!("sample --checkpoint run --out b.png --force {flags} --device cpu")).done();
        assert_eq!(desk.picture("b.png"), grid, "what training showed");
    }
    desk.run("train --config classes.toml --data data --rows 3")
        .refused(2, "--rows: a run with classes has a row for each");
}

/// The class of an image is a part of its address; without `--class` it is the one that training's
/// grid, or one of `--cols` columns, has in that place.
#[test]
fn an_address_leads_to_an_image_of_a_class() {
    let desk = desk();
    let all = samples(&desk, "--class all --cols 3 --rows 4");
    let bees = samples(&desk, "--class bee --count 12");
    for number in 0..12 {
        let image = |images: &[u8]| images[number * 64..][..64].to_vec();
        assert_eq!(samples(&desk, &format!("--index {number}")), image(&all), "as in training's grid");
        assert_eq!(samples(&desk, &format!("--index {number} --class bee")), image(&bees));
    }
    let pairs = samples(&desk, "--cols 2 --rows 4");
    assert_ne!(pairs[2 * 64..3 * 64], all[2 * 64..3 * 64], "the first bee");
    assert_eq!(samples(&desk, "--index 2 --cols 2 --count 3"), pairs[2 * 64..5 * 64]);
}

#[test]
fn a_report_names_the_classes() {
    let desk = desk();
    desk.run("report run --out report.html").done();
    let page = String::from_utf8(desk.read("report.html")).unwrap();
    assert!(page.contains("Classes") && page.contains("ant, bee"), "{page}");
}

/// A walk from a class to another begins in the one and ends in the other.
#[test]
fn walks_lead_from_class_to_class() {
    let desk = desk();
    let walk = |flags: &str| {
        desk.run(&format!("interpolate --checkpoint run --out w.gif --device cpu --force {flags}")).done();
        desk.frames("w.gif").into_iter().map(|(_, _, greys)| greys).collect::<Vec<_>>()
    };
    let [ant, bee, both] = ["ant", "bee", "ant,bee"].map(|class| walk(&format!("--class {class}")));
    assert!(both.first() == ant.first() && both.last() == bee.last());
    assert!(both.first() != bee.first() && both[1] != ant[1], "on its way from the first frame on");
}

#[test]
fn sheets_lead_from_class_to_class() {
    let desk = desk();
    let sheet = |flags: &str| {
        desk.run(&format!("explore --checkpoint run --out s.png --device cpu --force --rows 2 --cols 3 {flags}"))
            .done();
        let (width, height, pixels) = desk.picture("s.png");
        let column = |left: usize| {
            (0..height as usize).flat_map(|y| pixels[y * width as usize + left..][..8].to_vec()).collect::<Vec<_>>()
        };
        [column(0), column(10), column(20)]
    };
    let [ant, bee, both] = ["ant", "bee", "ant,bee"].map(|class| sheet(&format!("--class {class}")));
    assert!(both[0] == ant[0] && both[2] == bee[2]);
    assert!(both[1] != ant[1] && both[1] != bee[1] && ant[0] != bee[0]);
}

#[test]
fn other_labels_are_other_data() {
    let desk = desk();
    let before = desk.snapshot();
    let again = "train --resume run --device cpu --steps 30 -q";
    let rename = |from: &str, to: &str| std::fs::rename(desk.path(from), desk.path(to)).unwrap();
    rename("data/bee", "data/wasp");
    desk.run(again).refused(4, "has the classes ant, wasp, but the run has ant, bee");
    rename("data/wasp", "data/bee");
    // As many, but not of the same images.
    rename("data/ant/5.png", "data/bee/x.png");
    desk.run(again).refused(4, "data has other labels than the run was trained with");
    rename("data/bee/x.png", "data/ant/5.png");
    rename("data", "apart");
    for number in 0..12 {
        desk.write(&format!("data/{number}.png"), grey_png(8, 8));
    }
    desk.run(again).refused(4, "label");
    std::fs::remove_dir_all(desk.path("data")).unwrap();
    rename("apart", "data");
    assert!(desk.snapshot() == before);
    desk.run(again).done();
}

#[test]
fn pictures_name_their_classes() {
    let desk = desk();
    let classes = |name: &str| {
        let caption = desk.run(&format!("show {name} --json")).json()["caption"]["classes"].clone();
        serde_json::from_value::<Vec<String>>(caption).unwrap().join(",")
    };
    assert_eq!(classes("run/samples/step-00000020.png"), "ant,bee");
    for (line, name, expected) in [
        ("sample --out g.png", "g.png", "ant,bee"),
        ("sample --out g.png --class 1", "g.png", "bee"),
        ("sample --out d --format files --class bee,ant --cols 1", "d/0001.png", "ant"),
        ("interpolate --out w.png", "w.png", "ant"),
        ("interpolate --out w.png --class bee,ant", "w.png", "bee,ant"),
        ("explore --out s.png --class 0,1", "s.png", "ant,bee"),
    ] {
        desk.run(&format!("{line} --checkpoint run --device cpu --force")).done();
        assert_eq!(classes(name), expected, "{line}");
    }
}
