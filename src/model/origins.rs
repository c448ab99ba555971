//! Where each value of a configuration comes from, so that it can be shown, and named when it
//! cannot be used.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use toml::Table;
use toml::de::{DeTable, DeValue};

/// What gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A built-in preset, by its name.
    Preset(String),
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
    /// An environment variable, by its name.
    Environment(String),
    /// A flag, such as `--lr`.
    Flag(&'static str),
    /// The configuration that a run began with.
    Run,
    /// That of another run, in a checkpoint that this one begins with.
    Checkpoint(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Preset(name) => write!(f, "preset {name}"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => write!(f, "flag {flag}"),
            Origin::Run => f.write_str("the run's configuration"),
            Origin::Checkpoint(path) => write!(f, "checkpoint {}", path.display()),
        }
    }
}

/// The origin of every key of a configuration.
#[derive(Clone, Debug)]
pub struct Origins {
    base: Origin,
    later: BTreeMap<String, Origin>,
}

impl Origins {
    /// All from `base`.
    pub fn new(base: Origin) -> Self {
        Origins { base, later: BTreeMap::new() }
    }

    /// The origin of a key such as `adam.lr`: its own, or that of the table that it was given in.
    pub fn of(&self, key: &str) -> &Origin {
        let tables = key.rmatch_indices('.').map(|(end, _)| &key[..end]);
        std::iter::once(key).chain(tables).find_map(|key| self.later.get(key)).unwrap_or(&self.base)
    }

    /// Notes that `key`, with all keys in it, now comes from `origin`.
    pub(super) fn note(&mut self, key: &str, origin: Origin) {
        self.forget(key);
        self.later.insert(key.to_string(), origin);
    }

    /// Notes that `key` has no value any more.
    pub(super) fn forget(&mut self, key: &str) {
        self.later
            .retain(|other, _| other != key && !other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
    }

    /// The keys that hold a value in the TOML document `text`, in its order, each with its origin.
    pub fn list(&self, text: &str) -> Vec<(String, &Origin)> {
        let keys = keys(text).into_iter().map(|(key, _)| key);
        keys.map(|key| (key.clone(), self.of(&key))).collect()
    }

    /// The TOML document `text` with a comment on each key that says where its value comes from.
    pub fn annotate(&self, text: &str) -> String {
        let mut comments = BTreeMap::new();
        for (key, span) in keys(text) {
            let line = text[..span.start].matches('\n').count();
            comments.insert(line, self.of(&key).to_string().replace(char::is_control, " "));
        }
        let lines = text.lines().enumerate().map(|(index, line)| match comments.get(&index) {
            Some(comment) => format!("{line}  # {comment}\n"),
            None => format!("{line}\n"),
        });
        lines.collect()
    }
}

/// The keys of a TOML document that hold values, each with its place.
fn keys(text: &str) -> Vec<(String, Range<usize>)> {
    let (Ok(parsed), Ok(values)) = (DeTable::parse(text), text.parse::<Table>()) else { return Vec::new() };
    let mut leaves = Vec::new();
    collect(parsed.get_ref(), &values, &mut Vec::new(), &mut leaves);
    leaves.sort_by_key(|leaf| leaf.span.start);
    leaves.into_iter().map(|leaf| (leaf.path.join("."), leaf.span)).collect()
}

/// A key of a document that holds a value, not a table of further keys.
pub(super) struct Leaf<'a> {
    pub path: Vec<&'a str>,
    /// The key's place.
    pub span: Range<usize>,
    pub parsed: &'a DeValue<'a>,
    pub value: &'a toml::Value,
}

/// Gathers the leaves of a document; `values` is the same one without places.
pub(super) fn collect<'a>(
    parsed: &'a DeTable<'a>,
    values: &'a Table,
    path: &mut Vec<&'a str>,
    leaves: &mut Vec<Leaf<'a>>,
) {
    for (key, value) in parsed.iter() {
        let name: &str = key.get_ref();
        let Some(plain) = values.get(name) else { continue };
        path.push(name);
        match (value.get_ref(), plain) {
            (DeValue::Table(table), toml::Value::Table(values)) if !table.is_empty() => {
                collect(table, values, path, leaves);
            }
            _ => leaves.push(Leaf { path: path.clone(), span: key.span(), parsed: value.get_ref(), value: plain }),
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_from_its_own_origin_or_that_of_its_table() {
        let mut origins = Origins::new(Origin::Preset("quick".into()));
        origins.note("adam.lr", Origin::Flag("--lr"));
        assert_eq!(origins.of("adam.lr"), &Origin::Flag("--lr"));
        assert_eq!(origins.of("adam.lrx"), &Origin::Preset("quick".into()));
        origins.note("adam", Origin::Flag("--set"));
        assert_eq!(origins.of("adam.lr"), &Origin::Flag("--set"), "a table replaces all that it holds");
        origins.note("adam.lr", Origin::Environment("DCGAN_GPU_LR".into()));
        assert_eq!(origins.of("adam.lr").to_string(), "environment DCGAN_GPU_LR");
        origins.forget("adam.lr");
        assert_eq!(origins.of("adam.lr"), &Origin::Flag("--set"));
    }

    #[test]
    fn comments_stand_at_the_keys_and_change_no_value() {
        let mut origins = Origins::new(Origin::Preset("a\nb".into()));
        origins.note("net.layers", Origin::File("mine.toml".into(), 7));
        let text = "x = 1\n\n[net]\nlayers = [\n    { type = \"# no comment\" },\n]\n[net.last]\ny = 2\n";
        let annotated = origins.annotate(text);
        assert_eq!(
            annotated,
            "x = 1  # preset a b\n\n[net]\nlayers = [  # mine.toml:7\n    { type = \"# no comment\" },\n]\n[net.last]\n\
             y = 2  # preset a b\n"
        );
        assert_eq!(annotated.parse::<Table>().unwrap(), text.parse::<Table>().unwrap());
        let list: Vec<_> = origins.list(text).into_iter().map(|(key, origin)| format!("{key}: {origin}")).collect();
        assert_eq!(list, ["x: preset a\nb", "net.layers: mine.toml:7", "net.last.y: preset a\nb"]);
    }
}
