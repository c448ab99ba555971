//! Where a configuration's values come from: preset, file, then flags and environment, merged key
//! by key.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::config::Config;
use super::keys;
use super::nearest::nearest;
use super::network::MAX_LAYERS;
use super::origins::{Leaf, Origin, Origins, collect};
use super::squares;
use crate::encoding;
use crate::error::{Error, Result};
use crate::layers::{LAYERS, LayerSpec};

/// The built-in presets: name and TOML text.
pub const PRESETS: [(&str, &str); 9] = [
    ("pytorch", include_str!("../../assets/presets/pytorch.toml")),
    ("tf-tutorial", include_str!("../../assets/presets/tf-tutorial.toml")),
    ("stabilized", include_str!("../../assets/presets/stabilized.toml")),
    ("keras", include_str!("../../assets/presets/keras.toml")),
    ("quick", include_str!("../../assets/presets/quick.toml")),
    ("wgan-gp", include_str!("../../assets/presets/wgan-gp.toml")),
    ("conditional", include_str!("../../assets/presets/conditional.toml")),
    ("colour-32", include_str!("../../assets/presets/colour-32.toml")),
    ("colour-64", include_str!("../../assets/presets/colour-64.toml")),
];

/// The preset of `train` when none is named.
pub const DEFAULT_PRESET: &str = "pytorch";

/// The TOML text of a preset.
///
/// # Errors
/// A usage error that names the presets there are.
pub fn preset_text(name: &str) -> Result<&'static str> {
    let found = PRESETS.iter().find(|(preset, _)| *preset == name);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let names = PRESETS.map(|(preset, _)| preset);
        let near = nearest(name, names.iter().copied()).map_or(String::new(), |n| format!("did you mean `{n}`? "));
        Error::usage(format!("there is no preset `{name}`; {near}there are: {}", names.join(", ")))
    })
}

/// A preset, resolved.
///
/// # Errors
/// As [`preset_text`].
pub fn preset(name: &str) -> Result<Config> {
    Merge::new(name)?.finish()
}

/// The key of a layer with weights that its spectral norm divides.
const SPECTRAL_NORM: &str = "spectral_norm";

/// The most bytes of a configuration file.
const LARGEST_FILE: u64 = 256 << 10;

/// A configuration in the making.
#[derive(Clone, Debug)]
pub struct Merge {
    table: Table,
    origins: Origins,
}

impl Merge {
    /// Starts from a preset.
    ///
    /// # Errors
    /// A usage error when there is no such preset.
    pub fn new(preset: &str) -> Result<Self> {
        let text = preset_text(preset)?;
        let table = text.parse().map_err(|e| Error::usage(format!("preset {preset}: {e}")))?;
        Ok(Merge { table, origins: Origins::new(Origin::Preset(preset.to_string())) })
    }

    /// Starts from the configuration of a run.
    ///
    /// # Errors
    /// A checkpoint error when TOML cannot hold it.
    pub fn from_run(config: &Config) -> Result<Self> {
        Merge::from_resolved(config, Origin::Run)
    }

    /// Starts from the configuration in another run's checkpoint.
    ///
    /// # Errors
    /// A checkpoint error when TOML cannot hold it.
    pub fn from_checkpoint(config: &Config, path: &Path) -> Result<Self> {
        Merge::from_resolved(config, Origin::Checkpoint(path.to_path_buf()))
    }

    fn from_resolved(config: &Config, origin: Origin) -> Result<Self> {
        let table = Table::try_from(config).map_err(|e| Error::checkpoint(e.to_string()))?;
        Ok(Merge { table, origins: Origins::new(origin) })
    }

    /// Starts from a file: over the preset that its key `preset` names, or over the default preset.
    ///
    /// # Errors
    /// A usage error with line, column and the nearest known key; an I/O error when the file cannot
    /// be read.
    pub fn from_file(path: &Path) -> Result<Self> {
        let unreadable = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => {
                Error::usage(format!("there is no configuration file {}; check --config", path.display()))
            }
            _ => Error::io("read", path, &e),
        };
        let mut bytes = Vec::new();
        // A device may never end.
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST_FILE {
            let (path, most) = (path.display(), LARGEST_FILE >> 10);
            return Err(Error::usage(format!("{path} has more than {most} KiB; --config takes a TOML file")));
        }
        let not_text = || Error::usage(format!("{} is not text; --config takes a TOML file", path.display()));
        Merge::from_text(&encoding::text(bytes).ok_or_else(not_text)?, path)
    }

    /// Starts from the text of a file: as [`Merge::from_file`].
    ///
    /// # Errors
    /// A usage error with `path`, line, column and the nearest known key.
    pub fn from_text(text: &str, path: &Path) -> Result<Self> {
        let parsed = parsed(text, path)?;
        let preset = match parsed.get_ref().get("preset") {
            None => Merge::new(DEFAULT_PRESET),
            Some(value) => {
                let at = |message: &str| located(text, path, value.span(), message);
                let name = value.get_ref().as_str().ok_or_else(|| at("`preset` must be a name"))?;
                Merge::new(name).map_err(|e| at(&e.to_string()))
            }
        };
        let mut merge = preset?;
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("custom");
        merge.set(&["name"], Value::from(stem), Origin::File(path.to_path_buf(), 1))?;
        merge.read(text, path, |key, _| key != ["preset"])?;
        Ok(merge)
    }

    /// Sets what the text of a file says, where `takes` the key and its value.
    ///
    /// # Errors
    /// As [`Merge::from_text`].
    pub(super) fn read(&mut self, text: &str, path: &Path, takes: impl Fn(&[&str], &Value) -> bool) -> Result<()> {
        let at = |span: Range<usize>, message: &str| located(text, path, span, message);
        let parsed = parsed(text, path)?;
        let values: Table = text.parse().map_err(|e: toml::de::Error| at(e.span().unwrap_or(0..0), e.message()))?;
        let mut leaves = Vec::new();
        collect(parsed.get_ref(), &values, &mut Vec::new(), &mut leaves);
        let has = |path: [&str; 2]| leaves.iter().any(|leaf| leaf.path == path);
        let both = has(["training", "epochs"]) && has(["training", "steps"]);
        if let Some(leaf) = leaves.iter().find(|leaf| both && leaf.path == ["training", "steps"]) {
            return Err(at(leaf.span.clone(), "`training.steps` and `training.epochs` exclude each other; keep one"));
        }
        leaves.retain(|leaf| takes(&leaf.path, leaf.value));
        in_turns(leaves, |leaf| {
            let result = self.known(&leaf.path).and_then(|()| match layers(leaf) {
                Some((span, message)) => Err(at(span, &message)),
                // An empty table leaves one that is there as it is.
                None if leaf.value.as_table().is_some_and(Table::is_empty) && self.has(&leaf.path) => Ok(()),
                None => {
                    let origin = Origin::File(path.to_path_buf(), line(text, &leaf.span));
                    self.set(&leaf.path, leaf.value.clone(), origin)
                }
            });
            result.map_err(|e| {
                let message = e.to_string();
                if message.starts_with(&path.display().to_string()) { e } else { at(leaf.span.clone(), &message) }
            })
        })
    }

    /// Where the values come from so far.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The checkpoint whose weights the run is to begin with, so far.
    pub fn from(&self) -> Option<&Path> {
        self.table.get("from").and_then(Value::as_str).map(Path::new)
    }

    /// Sets one key, such as `["adam", "lr"]`.
    ///
    /// # Errors
    /// A usage error naming the key when the value has the wrong type or the key is unknown.
    pub fn set(&mut self, path: &[&str], value: Value, origin: Origin) -> Result<()> {
        self.known(path)?;
        let mut changed = self.table.clone();
        let (last, tables) = path.split_last().ok_or_else(|| Error::usage("an empty key"))?;
        let mut table = &mut changed;
        for name in tables {
            let entry = table.entry(*name).or_insert_with(|| Value::Table(Table::new()));
            table = entry.as_table_mut().ok_or_else(|| Error::usage(format!("`{name}` is not a table")))?;
        }
        table.insert((*last).to_string(), value);
        // A length in one unit replaces a length in the other.
        let other = match path {
            ["training", "steps"] => Some("epochs"),
            ["training", "epochs"] => Some("steps"),
            _ => None,
        };
        other.and_then(|name| table.remove(name));
        Config::deserialize(changed.clone())
            .map_err(|e| Error::usage(format!("`{}`: {}", path.join("."), e.message().replace('\n', " "))))?;
        self.table = changed;
        self.origins.note(&path.join("."), origin);
        if let Some(name) = other {
            self.origins.forget(&format!("training.{name}"));
        }
        Ok(())
    }

    /// Sets a key from text `key.path=value`, the value as in TOML; a bare word is a string.
    ///
    /// # Errors
    /// As [`Merge::set`].
    pub fn set_text(&mut self, assignment: &str) -> Result<()> {
        let Some((key, text)) = assignment.split_once('=') else {
            return Err(Error::usage(format!("--set {assignment}: write key=value, such as adam.beta1=0.9")));
        };
        let parsed: std::result::Result<Table, _> = format!("value = {}", text.trim()).parse();
        let value = parsed.ok().and_then(|mut t| t.remove("value")).unwrap_or_else(|| Value::from(text.trim()));
        let path: Vec<&str> = key.trim().split('.').collect();
        self.set(&path, value, Origin::Flag("--set")).map_err(|e| Error::usage(format!("--set {assignment}: {e}")))
    }

    /// Makes the images squares of `size` pixels a side, and plans both networks for them, whatever
    /// they were: with batch norm in the discriminator unless it mixes what a penalty or spectral
    /// norm keep apart. Everything else has to be set before.
    ///
    /// # Errors
    /// A usage error when no networks are planned for this size (it names the nearest), or when
    /// `--set` gives what follows from it.
    pub fn plan(&mut self, size: u32, origin: &Origin) -> Result<()> {
        let planned = ["image.height", "image.width", "generator.layers", "discriminator.layers"];
        if let Some(key) = planned.iter().find(|key| *self.origins.of(key) == Origin::Flag("--set")) {
            return Err(Error::usage(format!("it plans {key}, which --set gives too; leave one of the two out")));
        }
        let value = |path: [&str; 2]| self.table.get(path[0]).and_then(|table| table.get(path[1]));
        let channels = value(["image", "channels"]).and_then(Value::as_integer).unwrap_or(1);
        let has_penalty = value(["objective", "penalty"]).is_some();
        let layers = value(["discriminator", "layers"]).and_then(Value::as_array);
        let has_norm = |layer: &Value| layer.get(SPECTRAL_NORM).and_then(Value::as_bool) == Some(true);
        let is_normed = layers.is_some_and(|layers| layers.iter().any(has_norm));

        let channels = u32::try_from(channels).unwrap_or(1);
        let [generator, mut discriminator] = squares::networks(size, channels, !(has_penalty || is_normed))?;
        if is_normed {
            let tables = discriminator.iter_mut().filter_map(Value::as_table_mut);
            tables.filter(|layer| layer.contains_key("kernel")).for_each(|layer| {
                layer.insert(SPECTRAL_NORM.to_string(), true.into());
            });
        }
        self.set(&["image", "height"], size.into(), origin.clone())?;
        self.set(&["image", "width"], size.into(), origin.clone())?;
        self.set(&["generator", "layers"], generator.into(), origin.clone())?;
        self.set(&["discriminator", "layers"], discriminator.into(), origin.clone())
    }

    /// The configuration so far, unchecked.
    ///
    /// # Errors
    /// A usage error naming what is missing.
    pub(super) fn unchecked(&self) -> Result<Config> {
        Config::deserialize(self.table.clone()).map_err(|e| Error::usage(e.message().replace('\n', " ")))
    }

    /// The configuration, checked value by value but not yet as a whole ([`Config::layouts`]).
    ///
    /// # Errors
    /// A usage error naming what is missing, or a value out of range and where it comes from.
    pub fn finish(self) -> Result<Config> {
        let config = self.unchecked()?;
        let is_new = || *self.origins.of("output.gif") != Origin::Run;
        let not_portable = || config.not_portable().filter(|_| is_new());
        match config.out_of_range().or_else(not_portable) {
            Some((key, problem)) => Err(Error::usage(format!("{problem} ({})", self.origins.of(key)))),
            None => Ok(config),
        }
    }

    /// Whether there is something at this path.
    fn has(&self, path: &[&str]) -> bool {
        let mut names = path.iter();
        let first = names.next().and_then(|name| self.table.get(*name));
        names.fold(first, |value, name| value.and_then(|value| value.get(name))).is_some()
    }

    fn known(&self, path: &[&str]) -> Result<()> {
        for (depth, name) in path.iter().enumerate() {
            let table = &path[..depth];
            let Some(keys) = keys::at::<Config>(table) else {
                return Err(Error::usage(format!("`{}` has no keys of its own", table.join("."))));
            };
            // A file may name the preset that it changes.
            let keys: Vec<_> = ["preset"].iter().filter(|_| depth == 0).chain(keys).copied().collect();
            if !keys.contains(name) {
                return Err(Error::usage(format!("unknown key `{}`; {}", path.join("."), hint(name, &keys, ""))));
            }
        }
        Ok(())
    }
}

/// The document in the text of a file.
pub(crate) fn parsed<'a>(text: &'a str, path: &Path) -> Result<Spanned<DeTable<'a>>> {
    DeTable::parse(text).map_err(|e| located(text, path, e.span().unwrap_or(0..0), e.message()))
}

/// The line, counted from 1, in which a place of a text begins.
pub(crate) fn line(text: &str, span: &Range<usize>) -> usize {
    text[..span.start.min(text.len())].matches('\n').count() + 1
}

/// What is wrong at a place of a file.
pub(crate) fn located(text: &str, path: &Path, span: Range<usize>, message: &str) -> Error {
    let before = &text[..span.start.min(text.len())];
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    let line = line(text, &span);
    Error::usage(format!("{}:{line}:{column}: {}", path.display(), message.replace('\n', " ")))
}

/// Does `set` for each item. A table that needs one of its keys takes the others after it, so items
/// that fail get another turn while there is progress.
///
/// # Errors
/// What the first of those said that fail in the end.
pub fn in_turns<T>(mut items: Vec<T>, mut set: impl FnMut(&T) -> Result<()>) -> Result<()> {
    loop {
        let (count, mut first) = (items.len(), None);
        items.retain(|item| match set(item) {
            Ok(()) => false,
            Err(error) => {
                first.get_or_insert(error);
                true
            }
        });
        match first {
            Some(error) if items.len() == count => return Err(error),
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

/// What is wrong with a list of layers, and where: finer than its deserialiser can say.
fn layers(leaf: &Leaf<'_>) -> Option<(Range<usize>, String)> {
    if !matches!(leaf.path[..], ["generator" | "discriminator", "layers"]) {
        return None;
    }
    let (DeValue::Array(parsed), Value::Array(values)) = (leaf.parsed, leaf.value) else {
        return None;
    };
    if parsed.len() > MAX_LAYERS {
        return Some((leaf.span.clone(), format!("{} layers; at most {MAX_LAYERS} are possible", parsed.len())));
    }
    parsed.iter().zip(values).find_map(|(layer, value)| layer_problem(layer, value))
}

fn layer_problem(layer: &Spanned<DeValue<'_>>, value: &Value) -> Option<(Range<usize>, String)> {
    let DeValue::Table(table) = layer.get_ref() else {
        return Some((layer.span(), "a layer is a table such as { type = \"relu\" }".to_string()));
    };
    let types: Vec<_> = LAYERS.iter().map(|layer| layer.name).collect();
    let Some(kind) = table.get("type").and_then(|t| t.get_ref().as_str()) else {
        return Some((layer.span(), format!("a layer needs a `type`, one of: {}", types.join(", "))));
    };
    let Some(registered) = LAYERS.iter().find(|layer| layer.name == kind) else {
        let span = table.get("type").map_or_else(|| layer.span(), Spanned::span);
        return Some((span, format!("unknown layer type `{kind}`; {}", hint(kind, &types, ""))));
    };
    let keys = [&["type"], (registered.keys)()].concat();
    for key in table.keys() {
        let name: &str = key.get_ref();
        if !keys.contains(&name) {
            let hint = hint(name, &keys, "it takes: ");
            return Some((key.span(), format!("unknown key `{name}` of a {kind} layer; {hint}")));
        }
    }
    let error = LayerSpec::deserialize(value.clone()).err()?;
    Some((layer.span(), format!("{kind} layer: {}", error.message())))
}

/// The one of `known` that may be meant by `name`, or all of them after `words`.
fn hint(name: &str, known: &[&str], words: &str) -> String {
    let near = nearest(name, known.iter().copied());
    near.map_or_else(|| format!("{words}{}", known.join(", ")), |near| format!("did you mean `{near}`?"))
}
