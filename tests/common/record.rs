//! What a run left, in a form that two runs can be compared in: everything but what the clock said.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;

/// Every file of a run, checkpoints by tensor, with its bytes.
#[derive(PartialEq)]
pub struct Record(BTreeMap<String, Vec<u8>>);

impl Record {
    /// Reads a run's folder. A file that no run should leave, such as a temporary one, is read like
    /// any other.
    pub fn of(run: impl AsRef<Path>) -> Self {
        let mut parts = BTreeMap::new();
        let (top, mut folders) = (run.as_ref(), vec![run.as_ref().to_path_buf()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_string();
                match path.extension().and_then(|extension| extension.to_str()) {
                    _ if path.is_dir() => folders.push(path),
                    _ if name == ".lock" => {}
                    // Features are other tensors.
                    Some("safetensors") if path.parent().is_some_and(|p| p.ends_with("checkpoints")) => {
                        add_checkpoint(&mut parts, &name, &path)
                    }
                    Some("jsonl") => drop(parts.insert(name, without_clock(&path))),
                    _ => drop(parts.insert(name, fs::read(path).unwrap())),
                }
            }
        }
        Record(parts)
    }

    /// Leaves a file out.
    pub fn without(mut self, name: &str) -> Self {
        assert!(self.0.remove(name).is_some(), "{name} is there");
        self
    }

    /// Leaves out the parts whose names are not wanted.
    pub fn only(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|name, _| is_wanted(name));
        self
    }

    /// Insists on `whole`, the record of a run that nothing happened to.
    #[track_caller]
    pub fn assert_is(&self, whole: &Record, what: &str) {
        if self != whole {
            let names = self.0.keys().chain(whole.0.keys());
            let mut different: Vec<_> = names.filter(|name| self.0.get(*name) != whole.0.get(*name)).collect();
            different.sort();
            different.dedup();
            let side = |record: &Record, name: &String| match record.0.get(name) {
                Some(bytes) if bytes.len() < 2000 && !name.contains('#') => String::from_utf8_lossy(bytes).into_owned(),
                Some(bytes) => format!("{} bytes", bytes.len()),
                None => "nothing".to_string(),
            };
            let lines = different
                .iter()
                .take(4)
                .map(|name| format!("{name}:\n  here  {}\n  there {}", side(self, name), side(whole, name)));
            let lines: Vec<_> = lines.collect();
            panic!("{what}: {} of {} parts differ\n{}", different.len(), whole.0.len(), lines.join("\n"));
        }
    }
}

/// The tensors of a checkpoint, and what it says besides.
fn add_checkpoint(parts: &mut BTreeMap<String, Vec<u8>>, name: &str, path: &Path) {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
    for (tensor, view) in file.tensors() {
        parts.insert(format!("{name}#{tensor}"), view.data().to_vec());
    }
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let json: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["dcgan-gpu"]).unwrap();
    let mut run = json["run"].clone();
    assert!(run.as_object_mut().unwrap().remove("seconds").is_some(), "{name}: {json}");
    // How long the run was to be when this was saved; its length may have changed since.
    run["config"]["training"].as_object_mut().unwrap().remove("steps");
    parts.insert(format!("{name}#"), run.to_string().into_bytes());
}

/// Lines of JSON without the clock's values.
fn without_clock(path: &Path) -> Vec<u8> {
    let mut kept = String::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let mut value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}: {line}", path.display()));
        let keys = value.as_object_mut().unwrap();
        for clock in ["seconds", "images_per_second"] {
            keys.remove(clock);
        }
        kept += &format!("{value}\n");
    }
    kept.into_bytes()
}
