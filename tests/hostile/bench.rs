//! Where hostile files are tried.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::desk::Ended;
use crate::common::program::program;

/// What a refusal may take.
const LONGEST: Duration = Duration::from_secs(1);

/// A network small enough that only the files take time.
pub const TINY: &str = r#"
preset = "quick"
image = { height = 8, width = 8 }
latent = { dim = 4 }
training = { batch_size = 2, steps = 1 }
output = { rows = 1, cols = 1 }
generator.layers = [{ type = "dense", shape = [8, 8, 1] }, { type = "tanh" }]
discriminator.layers = [{ type = "dense", units = 1 }]
"#;

/// A folder for each kind of file, and the program.
pub struct Bench {
    root: TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        let bench = Bench { root: tempfile::tempdir().unwrap() };
        bench.write("tiny.toml", TINY);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// A file of `length` zeros that takes no room.
    pub fn write_zeros(&self, name: &str, length: u64) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        File::create(self.path(name)).unwrap().set_len(length).unwrap();
    }

    /// A program that has been started, or not.
    pub fn command(&self, line: &str) -> Command {
        let mut command = program();
        command.args(line.split_whitespace()).current_dir(self.root.path());
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// Runs the program, which must be done in time.
    pub fn run(&self, line: &str) -> Ended {
        let mut child = self.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > LONGEST {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{line}: not done after {LONGEST:?}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ended::of(child.wait_with_output().unwrap())
    }

    /// What is wrong with the refusal of a line.
    fn problem(&self, line: &str, code: i32, fragment: &str) -> Option<String> {
        let before = self.snapshot();
        let ended = self.run(line);
        let problem = match ended.problem(code, fragment) {
            Some(problem) => problem,
            None if ended.stderr.len() > 2000 => format!("not short: {:?}", ended.stderr),
            None if self.snapshot() != before => "files have changed".to_string(),
            None => return None,
        };
        Some(format!("{line}: {problem}"))
    }

    /// Insists on a refusal of every row: what is put in place of `{}` in `line`, and a part of the
    /// message.
    #[track_caller]
    pub fn refuse(&self, line: &str, code: i32, rows: &[(&str, &str)]) {
        let problems: Vec<_> = rows
            .iter()
            .filter_map(|(given, fragment)| self.problem(&line.replace("{}", given), code, fragment))
            .collect();
        assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), rows.len(), problems.join("\n"));
    }

    /// Every file and folder, links not followed, with lengths and, of small files, the bytes.
    fn snapshot(&self) -> BTreeMap<PathBuf, (u64, Vec<u8>)> {
        let (mut found, mut folders) = (BTreeMap::new(), vec![self.root.path().to_path_buf()]);
        while let Some(folder) = folders.pop() {
            // A folder that cannot be read is one of the tests.
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                let kind = fs::symlink_metadata(&path).unwrap();
                let bytes = if kind.is_file() && kind.len() < 1 << 20 { content(&path) } else { Vec::new() };
                if kind.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path, (kind.len(), bytes));
            }
        }
        found
    }
}

fn content(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}
