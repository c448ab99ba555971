//! As `--checkpoint`.

use crate::bench::Bench;
use crate::common::makers::{gzip, noise};

/// A safetensors file with this header and `data` bytes of zeros.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn safetensors_files() {
    let bench = Bench::new();
    bench.run("train --config tiny.toml --device cpu --out good --quiet --data strokes").done();
    let good = std::fs::read(bench.path("good/checkpoints/step-00000001.safetensors")).unwrap();
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}.safetensors"), content);
    let tensor = |offsets: &str| format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{offsets}}}}}");
    file("empty", b"");
    file("half", &good[..good.len() / 2]);
    file("one-short", &good[..good.len() - 1]);
    file("one-long", &[&good[..], &[0]].concat());
    file("noise", &noise(4096));
    file("html", b"<!DOCTYPE html><html></html>");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\n");
    file("zip", b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0");
    file("zipped", &gzip(&good));
    file("pickle", b"\x80\x02}q\0X\x05\0\0\0model");
    file("no-header", &0_u64.to_le_bytes());
    file("largest-header", &u64::MAX.to_le_bytes());
    file("long-header", &[&99_999_999_u64.to_le_bytes()[..], b"{}"].concat());
    file("no-metadata", &safetensors("{}", 0));
    file(
        "overlap",
        &safetensors(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
            4,
        ),
    );
    file("backwards", &safetensors(&tensor("[4,0]"), 4));
    file("offsets", &safetensors(&tensor("[18446744073709551612,18446744073709551615]"), 4));
    file(
        "shape",
        &safetensors(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],\"data_offsets\":[0,4]}}",
            4,
        ),
    );
    file("nested", &safetensors(&"[".repeat(100_000), 0));
    file(
        "deep-metadata",
        &safetensors(&format!("{{\"__metadata__\":{{\"dcgan-gpu\":\"{}\"}}}}", "[".repeat(100_000)), 0),
    );
    file("no-version", &safetensors("{\"__metadata__\":{\"dcgan-gpu\":\"{}\"}}", 0));
    file("next-version", &safetensors("{\"__metadata__\":{\"dcgan-gpu\":\"{\\\"format_version\\\":4000000000}\"}}", 0));
    std::fs::create_dir_all(bench.path("folder.safetensors")).unwrap();
    bench.write_zeros("zeros.safetensors", 1 << 40);
    bench.write("no-checkpoints/checkpoints/readme.txt", "");
    let unreadable = "not a readable checkpoint";
    bench.refuse(
        "sample --out a.png --device cpu --quiet --checkpoint {}",
        9,
        &[
            ("empty.safetensors", unreadable),
            ("half.safetensors", unreadable),
            ("one-short.safetensors", unreadable),
            ("one-long.safetensors", unreadable),
            ("noise.safetensors", unreadable),
            ("html.safetensors", unreadable),
            ("lfs.safetensors", unreadable),
            ("zip.safetensors", unreadable),
            ("zipped.safetensors", unreadable),
            ("pickle.safetensors", unreadable),
            ("no-header.safetensors", unreadable),
            ("largest-header.safetensors", unreadable),
            ("long-header.safetensors", unreadable),
            ("no-metadata.safetensors", "a safetensors file of another program"),
            ("overlap.safetensors", unreadable),
            ("backwards.safetensors", unreadable),
            ("offsets.safetensors", unreadable),
            ("shape.safetensors", unreadable),
            ("nested.safetensors", unreadable),
            ("deep-metadata.safetensors", unreadable),
            ("no-version.safetensors", "missing field `format_version`"),
            ("next-version.safetensors", "format version 4000000000; this program reads"),
            ("folder.safetensors", "folder.safetensors holds no checkpoint"),
            ("zeros.safetensors", "a file of 1099511627776 bytes is no checkpoint; check the path"),
            ("no-checkpoints", "no-checkpoints holds no checkpoint"),
            ("tiny.toml", unreadable),
        ],
    );
    #[cfg(unix)]
    bench.refuse(
        "sample --out a.png --device cpu --quiet --checkpoint {}",
        9,
        &[("/dev/zero", "/dev/zero: not a file; give a run folder or a .safetensors file")],
    );
}
