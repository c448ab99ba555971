//! As `--config`.

use crate::bench::Bench;
use crate::common::makers::{gzip, noise};

#[test]
fn toml_files() {
    let bench = Bench::new();
    let file = |name: &str, content: &[u8]| bench.write(&format!("{name}.toml"), content);
    let layers = |count: usize| format!("generator.layers = [{}]", "{type=\"relu\"},".repeat(count));
    file("binary", &noise(4096));
    file("zipped", &gzip(b"seed = 1\n"));
    file("html", b"<!DOCTYPE html><html></html>");
    file("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n");
    file("zero", b"seed = 1\0\n");
    file("arrays", format!("seed = {}", "[".repeat(200_000)).as_bytes());
    file("tables", format!("seed = {}", "{a=".repeat(80_000)).as_bytes());
    file("dots", format!("{}a = 1", "a.".repeat(100_000)).as_bytes());
    file("headers", "[a]\n".repeat(50_000).as_bytes());
    file("key", format!("{} = 1", "k".repeat(200_000)).as_bytes());
    file("name", format!("name = \"{}\"", "n".repeat(200_000)).as_bytes());
    file("layers", layers(15_000).as_bytes());
    file("few-layers", layers(129).as_bytes());
    file("number", b"seed = 99999999999999999999999999\n");
    file("batch", b"training.batch_size = 4294967296\n");
    file("channels", b"[latent]\ndim = 65536\n[generator]\nlayers = [{ type = \"dense\", units = 4294967295 }]\n");
    file(
        "kernel",
        b"discriminator.layers = [{ type = \"conv\", channels = 1, kernel = 4294967295, padding = 4294967295 }]\n",
    );
    file("path", b"name = \"../../etc\"\n");
    bench.write_zeros("zeros.toml", 1 << 40);
    bench.refuse(
        "train --device cpu --out run --quiet --config {}.toml",
        2,
        &[
            ("binary", "is not text; --config takes a TOML file"),
            ("zipped", "is not text"),
            ("html", "html.toml:1:11: "),
            ("lfs", "lfs.toml:1:9: "),
            ("zero", "zero.toml:1:8: "),
            ("arrays", "arrays.toml:1:"),
            ("tables", "tables.toml:1:"),
            ("dots", "dots.toml:1:"),
            ("headers", "headers.toml:2:"),
            ("key", "key.toml:1:1: unknown key"),
            ("name", "cannot be part of a folder's name"),
            ("layers", "layers.toml:1:11: 15000 layers; at most 128 are possible"),
            ("few-layers", "few-layers.toml:1:11: 129 layers; at most 128 are possible"),
            ("number", "number.toml:1:"),
            ("batch", "batch.toml:1:10: `training.batch_size`"),
            ("channels", "generator layer 0 (dense), on its input of 1×1×65536"),
            ("kernel", "discriminator layer 0 (conv)"),
            ("path", "cannot be part of a folder's name"),
            ("zeros", "has more than 256 KiB"),
        ],
    );
    #[cfg(unix)]
    bench.refuse(
        "train --device cpu --out run --quiet --config {}",
        2,
        &[("/dev/zero", "/dev/zero has more than 256 KiB")],
    );
}
