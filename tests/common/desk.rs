//! A folder to run the program in, and what comes out of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::makers::{idx, noise};
use super::program::program;

/// 8×8 images, 20 steps of 8 images of strokes, a sample grid of 2×3 and a checkpoint every 5
/// steps: a run takes a twentieth of a second.
pub const TINY: &str = r#"
preset = "quick"
image = { height = 8, width = 8 }
latent = { dim = 4 }
training = { batch_size = 8, steps = 20 }
adam = { lr = 0.01 }
init = { weights = "glorot_uniform" }
output = { sample_every = "5steps", checkpoint_every = "5steps", keep = 2, log_every = 4, rows = 2, cols = 3 }

[generator]
layers = [
    { type = "dense", shape = [2, 2, 8], bias = false },
    { type = "batch_norm" },
    { type = "relu" },
    { type = "conv_transpose", channels = 4, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "conv_transpose", channels = 1, kernel = 4, stride = 2, padding = 1 },
    { type = "tanh" },
]

[discriminator]
layers = [
    { type = "conv", channels = 4, kernel = 4, stride = 2, padding = 1 },
    { type = "leaky_relu", slope = 0.2 },
    { type = "dropout", rate = 0.2 },
    { type = "dense", units = 1 },
]
"#;

/// The command that trains [`TINY`] to the folder `run`.
pub const TRAIN: &str = "train --config tiny.toml --device cpu --out run";

/// A working directory, with a cache folder of its own.
pub struct Desk {
    root: TempDir,
}

/// How the program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Desk {
    /// A working directory that holds `tiny.toml` alone.
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["work", "cache"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        let desk = Desk { root };
        desk.write("tiny.toml", TINY);
        desk
    }

    /// A working directory with a finished run in `run`.
    pub fn with_run() -> Self {
        let desk = Desk::new();
        desk.run(TRAIN).done();
        desk
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    /// The program's cache folder.
    pub fn cache(&self) -> PathBuf {
        self.root.path().join("cache").join("dcgan-gpu")
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The program, ready to start with the words of `line`.
    pub fn command(&self, line: &str) -> Command {
        let mut command = program();
        // What a test needs is here; nothing is downloaded.
        command.env("DCGAN_GPU_OFFLINE", "1");
        command.env("XDG_CACHE_HOME", self.root.path().join("cache"));
        command.current_dir(self.path("")).args(line.split_whitespace());
        command
    }

    pub fn run(&self, line: &str) -> Ended {
        end(self.command(line))
    }

    pub fn run_with(&self, variables: &[(&str, &str)], line: &str) -> Ended {
        let mut command = self.command(line);
        command.envs(variables.iter().copied());
        end(command)
    }

    /// Every file below the working directory, with its bytes; folders have none.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (top, mut files, mut folders) = (self.path(""), BTreeMap::new(), vec![self.path("")]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&top).unwrap().to_path_buf();
                if path.is_dir() {
                    files.insert(name, Vec::new());
                    folders.push(path);
                } else {
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// The names of the files in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The names of a run's sample grids, sorted.
    pub fn grids(&self, run: &str) -> Vec<String> {
        self.names(&format!("{run}/samples")).into_iter().filter(|name| name.starts_with("step-")).collect()
    }

    /// A picture's width, height and bytes, those of three channels where it is in colour.
    pub fn picture(&self, name: &str) -> (u32, u32, Vec<u8>) {
        let image = image::open(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        (image.width(), image.height(), image.into_bytes())
    }

    /// The frames of a grey GIF, each with its width, height and greys.
    pub fn frames(&self, name: &str) -> Vec<(u32, u32, Vec<u8>)> {
        let bytes = self.read(name);
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(bytes.as_slice()).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            let greys = frame.buffer.chunks_exact(4).map(|rgba| rgba[0]).collect();
            frames.push((frame.width.into(), frame.height.into(), greys));
        }
        frames
    }

    /// The configuration that a run resolved to.
    pub fn config(&self, run: &str) -> toml::Table {
        String::from_utf8(self.read(&format!("{run}/config.toml"))).unwrap().parse().unwrap()
    }
}

pub fn end(mut command: Command) -> Ended {
    Ended::of(command.output().unwrap())
}

impl Ended {
    pub fn of(output: Output) -> Ended {
        let text = |bytes| plain(String::from_utf8(bytes).unwrap());
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Insists on success; gives what was printed.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Insists on success, and on one line of JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.done();
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// What is wrong with this as a refusal with `code` and a message that contains `fragment`.
    pub fn problem(&self, code: i32, fragment: &str) -> Option<String> {
        let Ended { code: found, stdout, stderr } = self;
        if *found != Some(code) {
            return Some(format!("exit code {found:?}, not {code}: {stderr}"));
        }
        if !stderr.starts_with("error: ") || stderr.lines().count() != 1 || !stderr.ends_with('\n') {
            return Some(format!("not one line of error: {stderr:?}"));
        }
        if ["panicked", "RUST_BACKTRACE", "internal error", "\u{1b}"].iter().any(|word| stderr.contains(word)) {
            return Some(format!("not for users: {stderr:?}"));
        }
        if !stderr.contains(fragment) {
            return Some(format!("{stderr:?} does not say {fragment:?}"));
        }
        (!stdout.is_empty()).then(|| format!("data in spite of the failure: {stdout:?}"))
    }

    /// Insists on a refusal.
    #[track_caller]
    pub fn refused(self, code: i32, fragment: &str) {
        assert_eq!(self.problem(code, fragment), None);
    }
}

/// An IDX file of `count` images of `size` values (`[height, width]` or `[height, width,
/// channels]`), no two alike.
pub fn idx_images(count: u32, size: &[u32]) -> Vec<u8> {
    let bytes = count * size.iter().product::<u32>();
    idx(&[&[count], size].concat(), &noise(bytes as usize))
}

/// What the program said, as it says it on Unix: tests write paths with `/`, and the program's name
/// without an ending.
fn plain(said: String) -> String {
    // A manual page has backslashes of its own.
    if cfg!(windows) && !said.contains(".TH ") {
        // Doubled in JSON.
        said.replace("\\\\", "/").replace('\\', "/").replace("dcgan-gpu.exe", "dcgan-gpu")
    } else {
        said
    }
}
