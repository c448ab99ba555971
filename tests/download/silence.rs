//! Nothing but a download opens a socket: every proxy variable names a listener that would see any
//! connection of the HTTP client (and does see it when a set is absent). The other proof is in
//! `tests/sources/`: no other file of the program could make one.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::program::program;
use crate::verb::run;

/// 8×8 images of a folder, 2 steps.
const TINY: &str = r#"
preset = "quick"
image = { height = 8, width = 8 }
latent = { dim = 4 }
training = { batch_size = 8, steps = 2 }
output = { rows = 2, cols = 2 }
[generator]
layers = [{ type = "conv_transpose", channels = 1, kernel = 8 }, { type = "tanh" }]
[discriminator]
layers = [{ type = "dense", units = 1 }]
"#;

/// A listener that takes connections and holds them.
fn trap() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    (listener, address)
}

/// Whether somebody connects within `time`.
fn is_sprung(listener: &TcpListener, time: Duration) -> bool {
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok(_) => return true,
            Err(cause) => assert_eq!(cause.kind(), ErrorKind::WouldBlock),
        }
        if start.elapsed() >= time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_is_there_needs_no_connection() {
    let folder = TempDir::new().unwrap();
    let images = folder.path().join("sets/mnist/train-images-idx3-ubyte");
    fs::create_dir_all(images.parent().unwrap()).unwrap();
    let pixels: Vec<u8> = (0..64 * 64).map(|i| (i * 7 % 251) as u8).collect();
    fs::write(&images, [&[0, 0, 8, 3, 0, 0, 0, 64, 0, 0, 0, 8, 0, 0, 0, 8], &pixels[..]].concat()).unwrap();
    fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
    let (listener, address) = trap();
    let variables = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "DCGAN_GPU_MIRROR"].map(|name| (name, address.as_str()));
    for line in [
        "train --config tiny.toml --device cpu --data mnist --data-dir sets --out run",
        "train --device cpu --resume run --steps 3",
        "train --config tiny.toml --device cpu --data strokes --out strokes",
        "train --config tiny.toml --device cpu --data sets/mnist --out folder",
        "train --data mnist --dry-run",
        "sample --device cpu --checkpoint run --out grid.png --count 4",
        "interpolate --device cpu --checkpoint run --out walk.gif",
        "explore --device cpu --checkpoint run --out sheet.png --rows 2 --cols 2",
        "presets",
        "data list",
        "--version",
    ] {
        let ended = run(folder.path(), &variables, line);
        assert_eq!(ended.code, Some(0), "{line}: {ended:#?}");
        assert!(!is_sprung(&listener, Duration::ZERO), "{line} connected");
    }
    // The trap works: a set that is absent springs it.
    let mut command = program();
    command.current_dir(folder.path()).args("train --device cpu --data kmnist --out other".split(' '));
    command.envs(variables).env("DCGAN_GPU_CACHE", folder.path().join("cache")).stderr(std::process::Stdio::null());
    let mut running = command.spawn().unwrap();
    let sprung = is_sprung(&listener, Duration::from_secs(20));
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(sprung, "train --data kmnist did not try to download");
}
