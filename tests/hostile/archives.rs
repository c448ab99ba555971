//! As `--data`: archives of NumPy arrays.

use crate::bench::Bench;
use crate::common::makers::{array, noise, zip};

const LINE: &str = "train --config tiny.toml --device cpu --out run --quiet --data {}";

#[test]
fn archives_of_arrays() {
    let bench = Bench::new();
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}.npz"), content);
    let (images, labels) = (array("|u1", "(4, 8, 8)", &noise(256)), array("|u1", "(4,)", &[0, 1, 2, 3]));
    let whole = zip(&[("x_train.npy", &images), ("y_train.npy", &labels)], true);
    file("empty", b"");
    file("cut", &whole[..whole.len() - 30]);
    file("head", &whole[..100]);
    file("end-only", &whole[whole.len() - 22..]);
    file("no-arrays", &zip(&[("readme.txt", b"hello")], true));
    file("no-files", &zip(&[], true));
    file("labels-only", &zip(&[("y.npy", &labels)], true));
    file("several", &zip(&[("a.npy", &images), ("b.npy", &images)], true));
    file("pickle", &zip(&[("x.npy", &array("|O", "(4, 8, 8)", &noise(256)))], true));
    file("no-array-in-it", &zip(&[("x.npy", b"hello, and good bye")], true));
    file("empty-array", &zip(&[("x.npy", b"")], false));
    file("one-short", &zip(&[("x.npy", &images[..images.len() - 1])], true));
    file("one-long", &zip(&[("x.npy", &[&images[..], &[7]].concat())], true));
    file("archive-in-it", &zip(&[("x.npy", &whole)], true));
    // 80 MiB of zeros in 80 KiB.
    let bomb = [&array("|u1", "(20480, 64, 64)", &[])[..], &vec![0; 80 << 20]].concat();
    file("bomb", &zip(&[("x.npy", &bomb)], true));
    file("hollow", &zip(&[("x.npy", &array("|u1", "(4, 8000, 8000)", &[1, 2, 3]))], true));
    let many: Vec<String> = (0..1001).map(|i| format!("{i}.npy")).collect();
    file("many", &zip(&many.iter().map(|name| (name.as_str(), &b""[..])).collect::<Vec<_>>(), false));
    // A byte of the data, which its checksum covers.
    let mut flipped = zip(&[("x.npy", &images)], false);
    flipped[200] ^= 1;
    file("checksum", &flipped);
    // The size that the directory declares for the array.
    let mut larger = zip(&[("x.npy", &images)], false);
    let directory = larger.windows(4).position(|word| word == b"PK\x01\x02").unwrap();
    larger[directory + 20..directory + 28].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
    file("declares", &larger);
    // 20 MiB, where the directory and the entry itself declare 300 bytes.
    let mut smaller = zip(&[("x.npy", &[&array("|u1", "(5120, 64, 64)", &[])[..], &vec![7; 20 << 20]].concat())], true);
    for (at, field) in [(b"PK\x01\x02", 24), (b"PK\x03\x04", 22)] {
        let at = smaller.windows(4).position(|word| word == at).unwrap() + field;
        smaller[at..at + 4].copy_from_slice(&300_u32.to_le_bytes());
    }
    file("declares-less", &smaller);
    file("evil\u{1b}[2J", &zip(&[("a\u{1b}[2J\n.npy", &images), ("b.npy", &images)], true));
    bench.refuse(
        LINE,
        4,
        &[
            ("empty.npz", "it has no content"),
            ("cut.npz", "it is a damaged zip archive"),
            ("head.npz", "it is a damaged zip archive"),
            ("end-only.npz", "it is a damaged zip archive"),
            ("no-arrays.npz", "it is a zip archive without arrays of NumPy; unpack it"),
            ("no-files.npz", "it is a zip archive without arrays of NumPy"),
            ("labels-only.npz", "y: its shape [4] is neither (N, H, W) nor (N, H, W, C)"),
            ("several.npz", "it does not tell which of its arrays are the images (a, b); name one behind the file"),
            ("several.npz:c", "it holds no array `c`; it has a, b"),
            ("several.npz:", "it holds no array ``; it has a, b"),
            ("nowhere.npz:a", "nowhere.npz"),
            ("pickle.npz", "x: it has elements of type \"|O\""),
            ("no-array-in-it.npz", "x: it is not a NumPy array"),
            ("empty-array.npz", "x: it has no content"),
            ("one-short.npz", "x: it is truncated: 255 of 256 bytes"),
            ("one-long.npz", "x: it goes on after the 256 bytes"),
            ("archive-in-it.npz", "x: it is a zip archive"),
            ("bomb.npz", "bomb does; unpack it yourself if that is meant"),
            ("hollow.npz", "x: it is truncated: 3 of 256000000 bytes"),
            ("many.npz", "it holds 1001 arrays; at most 1000 are read"),
            ("checksum.npz", "x: "),
            ("declares.npz", "x: "),
            ("declares-less.npz", "x: File is larger than its declared uncompressed size"),
            ("evil\u{1b}[2J.npz", "it does not tell which of its arrays are the images"),
        ],
    );
}
