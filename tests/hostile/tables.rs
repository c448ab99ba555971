//! As `--data`: comma-separated values.

use crate::bench::Bench;
use crate::common::makers::gzip;

const LINE: &str = "train --config tiny.toml --device cpu --out run --quiet --data {}";

#[test]
fn tables_of_pixels() {
    let bench = Bench::new();
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}.csv"), content);
    let row = |value: &str| vec![value; 64].join(",");
    file("empty", b"");
    file("blank-lines", b"\n\n\r\n\n");
    file("names-only", row("p").as_bytes());
    file("html", b"<html><body>Please log in</body></html>");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\n");
    file("zip", b"PK\x03\x04\x14\0\0\0\x08\0");
    file("zipped", &gzip(row("7").as_bytes()));
    file("binary", &[0xff; 300]);
    file("ragged", format!("{}\n1,2,3\n", row("7")).as_bytes());
    file("no-square", b"1,2,3,4,5,6,7\n");
    file("words", format!("{}\n{}\n", row("7"), row("seven")).as_bytes());
    file("holes", format!("{}\n{}\n", row("7"), row("")).as_bytes());
    file("too-bright", format!("{}\n", row("256")).as_bytes());
    file("negative", format!("{}\n", row("-1")).as_bytes());
    file("infinite", format!("{}\n{}\n", row("7"), row("inf")).as_bytes());
    file("vast", format!("{}\n", row("1e999")).as_bytes());
    file("long-line", &b"7,".repeat(4 << 20));
    file("open-quote", format!("{}\n\"{}\n", row("7"), row("7")).as_bytes());
    file("escape", format!("{}\n{}\n", row("7"), row("\u{1b}[2J")).as_bytes());
    file("one-colour", format!("{}\n{}\n", row("7"), row("7")).as_bytes());
    bench.write("two/a.csv", row("7"));
    bench.write("two/b.csv", row("7"));
    bench.refuse(
        LINE,
        4,
        &[
            ("empty.csv", "it has no content"),
            ("blank-lines.csv", "it holds no images; write an image a line"),
            ("names-only.csv", "it holds 0 images"),
            ("html.csv", "it is a web page, not data"),
            ("lfs.csv", "it is a Git LFS pointer"),
            ("zip.csv", "it is a damaged zip archive"),
            ("zipped.csv", "it is not an IDX file"),
            ("binary.csv", "its first line has 1 columns of pixels"),
            ("ragged.csv", "line 2 has 3 of 64 columns; correct the file"),
            ("no-square.csv", "its first line has 7 columns of pixels, which are neither a square nor 8×8×1"),
            ("words.csv", "line 2 has `seven` in column 1"),
            ("holes.csv", "line 2 has `` in column 1"),
            ("too-bright.csv", "line 1: it holds the value 256, which is outside of 0 to 255"),
            ("negative.csv", "line 1: it holds the value -1"),
            ("infinite.csv", "line 2 has `inf` in column 1"),
            ("vast.csv", "it holds 0 images"),
            ("long-line.csv", "line 1 is longer than 4 MiB"),
            ("open-quote.csv", "line 2 has `\"7` in column 1"),
            ("escape.csv", "line 2 has `\u{fffd}[2J` in column 1"),
            ("one-colour.csv", "nothing can be learnt from images that are all of one colour"),
            ("two", "two holds several files of images (a.csv, b.csv); name one of them"),
        ],
    );
}
