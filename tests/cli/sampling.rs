//! `sample`: images by their address, and from latents; a great many of them.

use crate::common::makers::array as npy;
use crate::desk::Desk;

/// Header and elements of a NumPy array.
fn array(bytes: &[u8]) -> (String, Vec<u8>) {
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    (String::from_utf8(bytes[10..end].to_vec()).unwrap(), bytes[end..].to_vec())
}

/// The 8×8 images that `sample` draws with these flags.
fn images(desk: &Desk, flags: &str) -> Vec<u8> {
    desk.run(&format!("sample --out a.npy --format npy --checkpoint run --device cpu --force {flags}")).done();
    array(&desk.read("a.npy")).1
}

#[test]
fn seed_and_index_are_the_address_of_an_image() {
    let desk = Desk::with_run();
    let many = images(&desk, "--seed 9 --count 150");
    let image = |number: usize| many[number * 64..][..64].to_vec();
    for number in [0, 1, 63, 64, 149] {
        assert_eq!(images(&desk, &format!("--seed 9 --index {number}")), image(number), "image {number}");
    }
    assert_eq!(images(&desk, "--seed 9 --index 60 --count 70"), many[60 * 64..130 * 64]);
    assert_eq!(images(&desk, "--seed 9 --index 2 --rows 2 --cols 3"), many[2 * 64..8 * 64]);

    let draw = "sample --checkpoint run --device cpu";
    let told = desk.run(&format!("{draw} --out one.png --seed 9 --index 70 --json")).json();
    assert_eq!(told, serde_json::json!({ "out": "one.png", "images": 1, "seed": 9, "index": 70 }));
    assert_eq!(desk.picture("one.png"), (8, 8, image(70)));

    // Files are called by it, so parts of a sequence go into one folder.
    for part in ["--index 5 --count 2", "--index 7 --count 1"] {
        desk.run(&format!("{draw} --out parts --format files --seed 9 {part}")).done();
    }
    assert_eq!(desk.names("parts"), ["0005.png", "0006.png", "0007.png"]);
    assert_eq!(desk.picture("parts/0007.png"), (8, 8, image(7)));

    let line = format!("{draw} -q --out b.png --index");
    desk.run(&format!("{line} 4294967296")).refused(2, "--index 4294967296: a seed has 4294967296 images of 4 latent");
    desk.run(&format!("{line} 18446744073709551615 --count 2")).refused(2, "choose a smaller one");
    desk.run(&format!("{line} 4294967295")).done();
}

#[test]
fn latents_that_were_saved_give_the_same_images() {
    let desk = Desk::with_run();
    let drawn = images(&desk, "--seed 3 --count 70 --save-latents z.npy");
    let (header, values) = array(&desk.read("z.npy"));
    assert!(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (70, 4), }"), "{header}");
    assert_eq!(values.len(), 70 * 4 * 4);
    assert_eq!(images(&desk, "--latents z.npy"), drawn);

    // One latent, in doubles, as NumPy computes with them.
    let (floats, _) = values.as_chunks::<4>();
    let doubles: Vec<u8> = floats[8..12].iter().flat_map(|f| f64::from(f32::from_le_bytes(*f)).to_le_bytes()).collect();
    desk.write("one.npy", npy("<f8", "(4,)", &doubles));
    assert_eq!(images(&desk, "--latents one.npy"), drawn[2 * 64..3 * 64]);

    let grid = "sample --checkpoint run --device cpu --out g.png";
    let printed = desk.run(&format!("{grid} --count 4 --seed 3 --index 6 --save-latents y.npy")).done();
    assert_eq!(printed, "g.png\ny.npy\n");
    assert_eq!(array(&desk.read("y.npy")).1, values[6 * 16..10 * 16]);
    let told = desk.run(&format!("{grid} --latents y.npy --force --json")).json();
    assert_eq!(told, serde_json::json!({ "out": "g.png", "images": 4, "latents": "y.npy" }));
}

#[test]
fn latents_that_do_not_fit_are_refused() {
    let desk = Desk::with_run();
    for (name, file) in [
        ("bytes.npy", npy("|u1", "(1, 4)", &[0; 4])),
        ("short.npy", npy("<f4", "(1, 3)", &[0; 12])),
        ("cut.npy", npy("<f4", "(2, 4)", &[0; 31])),
        ("nan.npy", npy("<f4", "(1, 4)", &[0xff; 16])),
        ("many.npy", npy("<f4", "(1000001, 1)", &vec![0; 4_000_004])),
        ("page.npy", b"<!DOCTYPE html>".to_vec()),
    ] {
        desk.write(name, file);
    }
    desk.write("there.npy", "old");
    let before = desk.snapshot();
    for (flags, code, fragment) in [
        (
            "--latents bytes.npy",
            4,
            "bytes.npy: it has elements of type \"|u1\", neither float32 (<f4) nor float64 (<f8)",
        ),
        ("--latents short.npy", 4, "short.npy: its latents have 3 values, but this generator takes 4; save float32"),
        ("--latents cut.npy", 4, "cut.npy: it has 31 bytes after the header, which declares 32"),
        ("--latents nan.npy", 4, "nan.npy: it holds the value NaN, which is no finite float32; save float32"),
        ("--latents page.npy", 4, "page.npy: it is a web page"),
        ("--latents none.npy", 4, "cannot open none.npy: "),
        ("--latents many.npy", 2, "--latents many.npy: it holds 1000001 latents; 1000000 can be drawn at once"),
        ("--latents short.npy --seed 1", 2, "cannot be used with"),
        ("--latents short.npy --count 1", 2, "cannot be used with"),
        ("--latents short.npy --index 1", 2, "cannot be used with"),
        ("--latents short.npy --save-latents b.npy", 2, "cannot be used with"),
        ("--save-latents z.txt", 2, "--save-latents z.txt does not end in .npy"),
        ("--save-latents there.npy", 2, "there.npy already exists; use --force to replace it"),
        ("--format npy --out z.npy --save-latents z.npy", 2, "--save-latents and --out are both z.npy"),
        ("--format npy --out z.npy --save-latents ./z.npy", 2, "--save-latents and --out are both ./z.npy"),
        ("--format npy --out run/../z.npy --save-latents z.npy", 2, "--save-latents and --out are both z.npy"),
        ("--format files --out z.npy --save-latents run/../z.npy", 2, "--save-latents and --out are both run/../z.npy"),
    ] {
        let out = if flags.contains("--out") { "" } else { "--out a.png" };
        desk.run(&format!("sample -q --checkpoint run --device cpu {out} {flags}")).refused(code, fragment);
        assert!(desk.snapshot() == before, "{flags}");
    }
}

/// What a process has had of memory at most, in kB, and what it did.
#[cfg(target_os = "linux")]
fn peak_of(desk: &Desk, line: &str) -> u64 {
    let mut child = desk.command(line).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(peak);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    peak
}

/// 200,000 images take 12.8 MB, the values that they are made of 51 MB more, and latents 3.2 MB.
#[cfg(target_os = "linux")]
#[test]
fn many_images_take_no_more_memory_than_some() {
    let desk = Desk::with_run();
    for (format, out) in [("npy", "a.npy"), ("grid --rows 1000 --cols 1000", "a.png")] {
        let peak = |count: u32| {
            let line = format!("sample -q --checkpoint run --device cpu --force --out {out} --count {count}");
            peak_of(&desk, &format!("{line} --format {format} --save-latents z.npy"))
        };
        let (some, many) = (peak(10_000), peak(200_000));
        println!("{format}: {some} kB for 10,000 images, {many} kB for 200,000");
        assert!(many < some + 4_000, "{format}: {some} kB for 10,000 images, {many} kB for 200,000");
    }
}

/// What a person stops leaves no part of a file.
#[cfg(unix)]
#[test]
fn a_signal_ends_it_and_leaves_nothing_behind() {
    use std::process::{Command, Stdio};
    let desk = Desk::with_run();
    desk.write("a.npy", "old");
    let before = desk.snapshot();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let line = "sample --checkpoint run --device cpu --format npy --out a.npy --force --count 1000000";
        let child = desk.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The hidden file shows that it draws.
        while desk.names("").iter().all(|name| !name.starts_with('.')) {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        let sent = Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = crate::desk::Ended::of(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.starts_with("stopped by ") && last.ends_with(" of 1000000 images; nothing was written"), "{last}");
        assert!(desk.snapshot() == before, "{signal}");
    }
}

/// Latents get their name first, so what was drawn is not lost where the images cannot get theirs.
#[test]
fn where_a_file_has_come_in_between_the_latents_are_kept() {
    let desk = Desk::with_run();
    let line = "sample -q --checkpoint run --device cpu --format npy --out a.npy --save-latents z.npy --count 200000";
    let child = desk.command(line).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while desk.names("").iter().all(|name| !name.starts_with('.')) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    desk.write("a.npy", "old");
    let ended = crate::desk::Ended::of(child.wait_with_output().unwrap());
    ended.refused(2, "a.npy already exists; use --force to replace it; the latents are in z.npy");
    assert_eq!((desk.read("a.npy"), desk.read("z.npy").len()), (b"old".to_vec(), 128 + 200_000 * 4 * 4));
    assert_eq!(desk.names("").iter().filter(|name| name.starts_with('.')).count(), 0);
}

#[cfg(unix)]
#[test]
fn files_of_a_call_that_was_stopped_stay_without_their_latents() {
    let desk = Desk::with_run();
    let line = "sample --checkpoint run --device cpu --format files --out many --save-latents z.npy --count 100000";
    let [out, err] = [(); 2].map(|()| std::process::Stdio::piped());
    let child = desk.command(line).stdout(out).stderr(err).spawn().unwrap();
    while !desk.path("many/0000.png").exists() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = crate::desk::Ended::of(child.wait_with_output().unwrap());
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.ends_with(" of 100000 images; those are written, but not their latents"), "{last}");
    assert!(ended.code == Some(130) && !desk.path("z.npy").exists() && desk.picture("many/0000.png").0 == 8);
}

/// The address of an image has one name, and what is of no seed has no address.
#[test]
fn a_file_says_its_number_only_where_it_has_a_seed() {
    let desk = Desk::with_run();
    let draw = "sample -q --checkpoint run --device cpu --format files --out images --force";
    let image = || desk.run("show images/9999.png --json").json()["caption"]["image"].clone();
    desk.run(&format!("{draw} --seed 9 --index 9999 --count 2 --save-latents z.npy")).done();
    assert_eq!(desk.names("images"), ["10000.png", "9999.png"]);
    assert_eq!(image(), 9999);
    desk.run(&format!("{draw} --latents z.npy")).done();
    assert_eq!(desk.names("images"), ["0000.png", "0001.png", "10000.png", "9999.png"]);
    let caption = desk.run("show images/0001.png --json").json()["caption"].clone();
    assert_eq!((&caption["seeds"], caption.get("image")), (&serde_json::json!([]), None));
}
