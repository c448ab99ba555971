//! As `--data`: IDX files, gzip, NumPy arrays and pictures.

use crate::bench::Bench;
use crate::common::makers::{
    Png, array, chunk, exif, flat_jpeg, flat_png, grey_png, gzip, idx, noise, npy, progressive_jpeg, with_segment,
};

/// A run on what a row names.
const LINE: &str = "train --config tiny.toml --device cpu --out run --quiet --data {}";

/// The name that makes a folder one of IDX files.
const IDX: &str = "train-images-idx3-ubyte";

#[test]
fn idx_files() {
    let bench = Bench::new();
    let images = idx(&[4, 8, 8], &noise(256));
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}/{IDX}"), content);
    file("empty", b"");
    file("byte", &[0]);
    file("magic-only", &images[..4]);
    file("half-header", &images[..11]);
    file("header-only", &images[..16]);
    file("one-short", &images[..images.len() - 1]);
    file("one-long", &[&images[..], b"\n"].concat());
    file("swapped", &[8, 3, 0, 0, 0, 0, 0, 4]);
    file("little-endian", &[&[0, 0, 8, 3, 4, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0][..], &noise(256)].concat());
    file("floats", &[0, 0, 13, 3, 0, 0, 0, 1]);
    file("rank-0", &[0, 0, 8, 0]);
    file("rank-255", &[&[0, 0, 8, 255][..], &[0xff; 2000]].concat());
    file("labels", &idx(&[4], &[0, 1, 2, 3]));
    file("two-channels", &idx(&[2, 8, 8, 2], &noise(256)));
    file("no-images", &idx(&[0, 8, 8], &[]));
    file("no-pixels", &idx(&[8, 0, 8], &[]));
    file("huge", &idx(&[u32::MAX, u32::MAX, u32::MAX], &[]));
    file("wraps", &idx(&[1 << 31, 1 << 31, 4], &[]));
    file("four-gib", &idx(&[1 << 20, 64, 64], &noise(99)));
    file("html", b"\r\n <!doctype html><html><body>Please log in</body></html>");
    file("xml", b"\xef\xbb\xbf<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 47040016\n");
    file("zip", b"PK\x03\x04\x14\0\0\0\x08\0");
    file("text", b"these are the images that you asked for");
    file("picture", &grey_png(8, 8));
    bench.write("two-sets/kmnist-train-images-idx3-ubyte", &images);
    bench.write("two-sets/mnist-train-images-idx3-ubyte", &images);
    bench.write(&format!("wrong-labels/{IDX}"), &images);
    bench.write("wrong-labels/train-labels-idx1-ubyte", idx(&[5], &[0; 5]));
    bench.write(&format!("labels-are-images/{IDX}"), &images);
    bench.write("labels-are-images/train-labels-idx1-ubyte", &images);
    bench.write(&format!("labels-are-html/{IDX}"), &images);
    bench.write("labels-are-html/train-labels-idx1-ubyte.gz", "<html>");
    bench.write_zeros(&format!("sparse-zeros/{IDX}"), 1 << 40);
    bench.refuse(
        LINE,
        4,
        &[
            ("empty", "it has no content"),
            ("byte", "it ends within its header"),
            ("magic-only", "it ends within its header"),
            ("half-header", "it ends within its header"),
            ("header-only", "it is truncated: 0 of 256 bytes after the header"),
            ("one-short", "it is truncated: 255 of 256 bytes"),
            ("one-long", "it goes on after the 256 bytes"),
            ("swapped", "it is not an IDX file"),
            ("little-endian", "more than 4 GiB"),
            ("floats", "it has elements of type 0x0d, not unsigned bytes"),
            ("rank-0", "it holds an array of rank 0, not images"),
            ("rank-255", "it holds an array of rank 255, not images"),
            ("labels", "it holds an array of rank 1, not images"),
            ("two-channels", "it has images of 2 channels"),
            ("no-images", "it declares 0 images of 8×8"),
            ("no-pixels", "it declares 8 images of 0×8"),
            ("huge", "more than 4 GiB"),
            ("wraps", "more than 4 GiB"),
            ("four-gib", "it is truncated: 99 of 4294967296 bytes"),
            ("html", "it is a web page, not data"),
            ("xml", "it is a web page, not data"),
            ("lfs", "it is a Git LFS pointer"),
            ("zip", "it is a zip archive"),
            ("text", "it is not an IDX file"),
            ("picture", "it is not an IDX file"),
            ("two-sets", "holds the images of several data sets"),
            ("wrong-labels", "holds 5 labels for 4 images"),
            ("labels-are-images", "it holds an array of rank 3, not labels"),
            ("labels-are-html", "it is a web page, not data"),
            ("sparse-zeros", "it has elements of type 0x00"),
            ("picture/train-images-idx3-ubyte", "is a single picture; name the folder that holds it"),
            ("nowhere", "there is no data set, folder or file `nowhere`"),
            // Windows does not tell that the way there leads through a file.
            ("tiny.toml/below", if cfg!(windows) { "there is no data set, folder or file" } else { "Not a directory" }),
        ],
    );
}

#[test]
fn gzip_files() {
    let bench = Bench::new();
    let images = idx(&[4, 8, 8], &noise(256));
    let zipped = gzip(&images);
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}/{IDX}.gz"), content);
    // 80 MiB of zeros unpack from 80 KiB.
    let zeros = vec![0; 80 << 20];
    file("bomb", &gzip(&[&idx(&[1 << 14, 64, 66], &[])[..], &zeros].concat()));
    file("bomb-behind-images", &gzip(&[&images[..], &zeros].concat()));
    file("bomb-within-bomb", &gzip(&gzip(&zeros)));
    file("hollow", &gzip(&idx(&[1 << 16, 28, 28], &[1, 2, 3])));
    file("members", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(200_000));
    // Each member holds one byte.
    let crumb = |byte: u8| gzip(&[byte]);
    let head: Vec<u8> = idx(&[4096, 28, 28], &[]).into_iter().flat_map(crumb).collect();
    file("crumbs", &[head, crumb(0).repeat(110_000)].concat());
    file("endless-name", &[&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3][..], &[b'x'; 1 << 20]].concat());
    file("half", &zipped[..zipped.len() / 2]);
    file("no-checksum", &zipped[..zipped.len() - 8]);
    file("garbage-behind", &[&zipped[..], b"garbage of some length"].concat());
    file("magic-only", &zipped[..2]);
    file("html", b"<html><head><title>403 Forbidden</title>");
    file("zipped-html", &gzip(b"<html><head><title>403 Forbidden</title>"));
    file("zip", b"PK\x03\x04\x14\0\0\0\x08\0");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\n");
    let mut flipped = zipped.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 0x10;
    file("checksum", &flipped);
    flipped = zipped.clone();
    flipped[2] = 7;
    file("method", &flipped);
    bench.refuse(
        LINE,
        4,
        &[
            ("bomb", "as a gzip bomb does; unpack it yourself if that is meant"),
            ("bomb-behind-images", "it goes on after the 256 bytes"),
            ("bomb-within-bomb", "it is not an IDX file"),
            ("hollow", "more than 34 bytes of gzip can hold"),
            ("members", "its gzip members hold next to nothing"),
            ("crumbs", "its gzip members hold next to nothing"),
            ("endless-name", "download or save the file again"),
            ("half", "download or save the file again"),
            ("no-checksum", "download or save the file again"),
            ("garbage-behind", "invalid gzip header"),
            ("magic-only", "it ends within its header"),
            ("html", "it is a web page, not data"),
            ("zipped-html", "it is a web page, not data"),
            ("zip", "it is a zip archive"),
            ("lfs", "it is a Git LFS pointer"),
            ("checksum", "corrupt gzip stream does not have a matching checksum"),
            ("method", "invalid gzip header"),
        ],
    );
}

#[test]
fn numpy_arrays() {
    let bench = Bench::new();
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}.npy"), content);
    let whole = array("|u1", "(4, 8, 8)", &noise(256));
    file("empty", b"");
    file("short", &whole[..whole.len() - 1]);
    file("long", &[&whole[..], &[0]].concat());
    file("header", &whole[..40]);
    file("pickle", &array("|O", "(4, 8, 8)", &noise(256)));
    file("doubles", &array("<f8", "(1, 8, 8)", &[0x7f; 512]));
    file("halves", &array("<f2", "(1, 8, 8)", &noise(128)));
    file("words", &array("<u2", "(1, 8, 8)", &noise(128)));
    file("truths", &array("|b1", "(1, 8, 8)", &noise(64)));
    file("fields", &npy("{'descr': [('r', '|u1')], 'fortran_order': False, 'shape': (4, 8, 8)}", &noise(256)));
    file("code", &npy("__import__('os').system('touch hacked')", &noise(256)));
    file("nan", &array("<f4", "(1, 1, 1)", &f32::NAN.to_le_bytes()));
    file("huge", &array("|u1", "(99999999999999999999, 8, 8)", &[]));
    file("wraps", &array("<f4", "(4611686018427387905, 1, 1)", &[0; 4]));
    file("negative", &array("|u1", "(-1, 8, 8)", &noise(64)));
    file("flat", &array("|u1", "(4, 63)", &noise(252)));
    file("flatter", &array("|u1", "(256,)", &noise(256)));
    file("empty-set", &array("|u1", "(0, 8, 8)", &[]));
    file("either-way", &array("|u1", "(2, 3, 8, 3)", &noise(144)));
    file("brackets", &npy(&"{".repeat(60_000), &[]));
    file("long-type", &array(&"x".repeat(50_000), "(1, 1, 1)", &[0]));
    file("axes", &array("|u1", &format!("({})", "1, ".repeat(20_000)), &[0]));
    file("flat-colour", &array("|u1", "(4, 8, 8)", &[9; 256]));
    file("archive", b"PK\x03\x04\x14\0\0\0\0\0");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\n");
    let mut header = whole.clone();
    header[6..12].copy_from_slice(&[3, 0, 0xff, 0xff, 0xff, 0x7f]);
    file("header-size", &header);
    bench.write("two/a.npy", &whole);
    bench.write("two/b.npy", &whole);
    bench.write("mixed/a.npy", &whole);
    bench.write("mixed/cats/b.png", grey_png(8, 8));
    bench.refuse(
        LINE,
        4,
        &[
            ("empty.npy", "it has no content"),
            ("short.npy", "it is truncated: 255 of 256 bytes"),
            ("long.npy", "it goes on after the 256 bytes"),
            ("header.npy", "it ends within its header"),
            ("pickle.npy", "it has elements of type \"|O\", neither whole numbers nor floats of 32 or 64 bits"),
            ("doubles.npy", "it holds values from 1.3824172084878715e306 to"),
            ("halves.npy", "it has elements of type \"<f2\""),
            ("words.npy", "it holds whole numbers of 16 bits from "),
            ("truths.npy", "beyond 0 to 1; say which of them are black and white"),
            ("fields.npy", "it has elements of several fields"),
            ("code.npy", "its header is not a dictionary"),
            ("nan.npy", "it holds the value NaN, which is no pixel"),
            ("huge.npy", "its header is not a dictionary"),
            ("wraps.npy", "more than 4 GiB"),
            ("negative.npy", "its header is not a dictionary"),
            (
                "flat.npy",
                "its shape [4, 63] is neither (N, H, W) nor (N, H, W, C), and 63 values are neither a square nor 8×8×1",
            ),
            ("flatter.npy", "its shape [256] is neither (N, H, W) nor (N, H, W, C)"),
            ("empty-set.npy", "its shape [0, 8, 8] holds no images"),
            ("either-way.npy", "can be read as (N, H, W, C) and as (N, C, H, W)"),
            ("brackets.npy", "its header is not a dictionary"),
            ("long-type.npy", "it has elements of type \"xxxxxxxxxxxxxxxx\""),
            ("axes.npy", "its header is not a dictionary"),
            ("archive.npy", "it is a damaged zip archive"),
            ("lfs.npy", "it is a Git LFS pointer"),
            (
                "flat-colour.npy",
                "nothing can be learnt from images that are all of one colour: each pixel of all 4 is 9",
            ),
            ("header-size.npy", "its header takes 2147483647 bytes"),
            ("two", "holds 2 .npy arrays; name one of them"),
            ("mixed", "holds both arrays (a.npy) and pictures (cats/b.png)"),
        ],
    );
}

#[test]
fn pictures() {
    let bench = Bench::new();
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}/class/picture.png"), content);
    let (png, jpeg) = (grey_png(9, 9), flat_jpeg(9, 9, [1, 2, 3]));
    file("empty", b"");
    file("signature", &png[..8]);
    file("cut", &png[..png.len() - 30]);
    file("cut-jpeg", &jpeg[..jpeg.len() - 2]);
    file("cut-progressive", &progressive_jpeg()[..300]);
    file("html", b"<html>");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\n");
    file("webp", b"RIFF\x10\0\0\0WEBPVP8 ");
    file("gif", b"GIF89a");
    file("zipped", &gzip(&png));
    file("vast", &Png::new(65_000, 65_000, 8, 2).file(&[], &[0; 64]));
    file("vaster", &Png::new(0x7fff_ffff, 0x7fff_ffff, 16, 6).file(&[], &[0; 64]));
    file("hollow", &Png::new(9_000, 9_000, 8, 2).file(&[], &[0; 64]));
    file("no-pixels", &Png::new(0, 9, 8, 0).file(&[], &[]));
    file("no-palette", &Png::new(4, 4, 8, 3).file(&[], &[9; 16]));
    file("bad-depth", &Png::new(4, 4, 7, 0).file(&[], &[9; 16]));
    // A profile of 64 MiB in 64 KiB is skipped or refused, but never the picture's downfall: the
    // pixels are missing.
    file("late", &[&png[..33], &chunk(b"tEXt", &[b'x'; 1 << 20])].concat());
    let mut flipped = png.clone();
    flipped[60] ^= 4;
    file("flipped", &flipped);
    let thumbnail = with_segment(&jpeg, 0xe1, &[&exif(1)[..], &flat_jpeg(8, 8, [0; 3])].concat());
    file("thumbnail-only", &thumbnail[..thumbnail.len() - 2]);
    bench.write_zeros("too-long/picture.png", (64 << 20) + (1 << 20));
    bench.write("only-others/a.mp4", b"\0\0\0\x1cftypisom");
    bench.write("only-hidden/.a.png", &png);
    bench.write("single.png", &png);
    bench.write("nine-broken/good.png", &png);
    (0..9).for_each(|i| bench.write(&format!("nine-broken/{i}.jpg"), b"text"));
    bench.refuse(
        LINE,
        4,
        &[
            (
                "empty",
                "1 of 1 pictures in empty cannot be used: class/picture.png (it has no content); replace or remove",
            ),
            ("signature", "(it is truncated)"),
            ("cut", "(it is truncated)"),
            ("cut-jpeg", "(it is truncated: its end is missing)"),
            ("cut-progressive", "(it is truncated: its end is missing)"),
            ("html", "(it is a web page, not data)"),
            ("lfs", "(it is a Git LFS pointer, not the file itself"),
            ("webp", "(it is truncated"),
            ("gif", "(it is damaged (Format error decoding Gif"),
            ("zipped", "(it is a gzip file, not a PNG, JPEG, WebP, BMP, TIFF or GIF)"),
            ("vast", "(its 65000×65000 pixels take 12087 MiB; at most 256 are read)"),
            ("vaster", "(it is beyond the limits "),
            ("hollow", "(it is truncated: it declares 9000×9000 pixels, more than its bytes hold)"),
            ("no-pixels", "(it is damaged "),
            ("no-palette", "(it is damaged "),
            ("bad-depth", "(it is damaged "),
            ("late", "(it is truncated)"),
            ("flipped", "(it is damaged "),
            ("thumbnail-only", "(it is truncated: its end is missing)"),
            ("too-long", "(its 65 MiB are too many; at most 64 are read)"),
            ("only-others", "only-others holds no images"),
            ("only-hidden", "only-hidden holds no images"),
            ("single.png", "single.png is a single picture; name the folder that holds it"),
            ("nine-broken", "9 of 10 pictures in nine-broken cannot be used: 0.jpg (it is something else"),
            ("nine-broken", "8.jpg (it is something else, not a PNG, JPEG, WebP, BMP, TIFF or GIF); replace or remove them, or go on without them with --skip-broken"),
        ],
    );
}

/// What looks hostile and is sound.
#[test]
fn sound_files() {
    let bench = Bench::new();
    // A blank picture of 16 megapixels takes 16 KiB.
    bench.write("blank/1.png", Png::new(4096, 4096, 8, 0).file(&[], &vec![0; 4096 * 4096]));
    bench.write("blank/2.png", flat_png(1, 3000, [9; 3]));
    bench.write("blank/4.png", grey_png(9, 9));
    bench.write("blank/3.txt", "hello");
    bench.write(&format!("other-size/{IDX}"), idx(&[3, 5, 4, 3], &noise(180)));
    for data in ["blank", "other-size"] {
        let ended = bench.run(&format!("train --config tiny.toml --device cpu --out {data}-run --data {data}"));
        assert!(ended.stderr.contains("brought to 8×8×1"), "{ended:#?}");
        ended.done();
    }
    let ended = bench.run("train --config tiny.toml --device cpu --out told-run --data blank");
    assert!(ended.stderr.contains("3 pictures from blank, brought to 8×8×1; passed over 1 .txt"), "{ended:#?}");
    ended.done();
}

#[cfg(unix)]
#[test]
fn what_is_no_file() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let bench = Bench::new();
    let png = grey_png(8, 8);
    let pipe = |name: &str| {
        std::fs::create_dir_all(bench.path(name).parent().unwrap()).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(bench.path(name)).status().unwrap().success());
    };
    pipe("pipe");
    pipe("piped/picture.png");
    pipe(&format!("piped-idx/{IDX}"));
    bench.write("socketed/a.png", &png);
    let _socket = std::os::unix::net::UnixListener::bind(bench.path("socketed/b.png")).unwrap();
    symlink("self", bench.path("self")).unwrap();
    bench.write("circle/a/1.png", &png);
    symlink("..", bench.path("circle/a/up")).unwrap();
    bench.write("twice/a/1.png", &png);
    symlink("a", bench.path("twice/b")).unwrap();
    // Each of 30 folders holds two links to the next: a billion paths to one picture.
    for i in 0..30 {
        bench.write(&format!("doubling-store/{i}/mark"), "");
        for link in ["x", "y"] {
            symlink(format!("../{}", i + 1), bench.path(&format!("doubling-store/{i}/{link}"))).unwrap();
        }
    }
    bench.write("doubling-store/30/1.png", &png);
    symlink("doubling-store/0", bench.path("doubling")).unwrap();
    bench.write("dangling/1.png", &png);
    symlink("nowhere", bench.path("dangling/2.png")).unwrap();
    std::fs::create_dir_all(bench.path(&format!("folder-as-file/{IDX}"))).unwrap();
    bench.refuse(
        LINE,
        4,
        &[
            ("pipe", "pipe is not a regular file; name one, or a folder"),
            ("/dev/zero", "/dev/zero is not a regular file"),
            ("piped", "1 of 1 pictures in piped cannot be used: picture.png (it is not a regular file)"),
            ("piped-idx", "piped-idx holds no images"),
            ("socketed", "b.png (it is not a regular file)"),
            ("self", "cannot open self: Too many levels of symbolic links"),
            ("circle", "are the same folder; remove the link that leads there twice, or in a circle"),
            ("twice", "are the same folder"),
            ("doubling", "are the same folder"),
            ("dangling", "2.png (it cannot be read: No such file or directory"),
            ("folder-as-file", "folder-as-file holds no images"),
        ],
    );
    bench.write("locked/1.png", &png);
    bench.write("locked-idx/train-images-idx3-ubyte", idx(&[2, 8, 8], &noise(128)));
    bench.write("closed/1.png", &png);
    let close = |name: &str| std::fs::set_permissions(bench.path(name), PermissionsExt::from_mode(0o000)).unwrap();
    ["locked/1.png", "locked-idx/train-images-idx3-ubyte", "closed"].into_iter().for_each(close);
    // Permissions do not bind the superuser, for whom these are ordinary files.
    if std::fs::read(bench.path("locked/1.png")).is_err() {
        bench.refuse(
            LINE,
            4,
            &[
                ("locked", "1.png (it cannot be read: Permission denied"),
                ("locked-idx", "Permission denied (os error 13); make it readable"),
                ("closed", "cannot read the data folder closed: Permission denied"),
            ],
        );
    }
    std::fs::set_permissions(bench.path("closed"), PermissionsExt::from_mode(0o700)).unwrap();
}
