//! The plan of a sweep: a TOML file.

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;
use toml::{Spanned, Table, Value};

use super::values::{Values, is_range};
use crate::disk;
use crate::encoding;
use crate::error::{Error, Result};
use crate::model::cadence::Unit;
use crate::model::sources::{line, located, parsed};

/// The most bytes of a plan.
const LARGEST_FILE: u64 = 256 << 10;

/// What is to be tried, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The file, for messages.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// What all runs start from.
    pub base: Base,
    /// The runs' length, where it is not that of the base, and its line.
    pub length: Option<(Unit, u32, usize)>,
    /// Seeds, with each of which every choice is tried, and their line; none where all have that of
    /// the base.
    pub seeds: Option<(Vec<u64>, usize)>,
    /// How values are combined.
    pub method: Method,
    /// When runs end early.
    pub halving: Halving,
    /// The settings, in the order of the file.
    pub settings: Vec<Varied>,
}

/// What all runs start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// A preset; the default one where none is named.
    Preset(Option<String>),
    /// A configuration file: as the plan names it, seen from the plan's folder.
    File(PathBuf),
}

/// How values are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// All with all.
    Grid,
    /// Drawn.
    Random {
        /// How many choices.
        runs: u32,
        /// The seed of the draws.
        seed: u64,
    },
}

/// When the worse runs end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halving {
    /// The steps after which runs are compared, where they are given, and their line.
    pub rungs: Option<(Vec<u32>, usize)>,
    /// After each rung the better 1/`factor` go on; nothing where all runs go to their end.
    pub factor: Option<u32>,
}

/// A setting and the values it takes.
#[derive(Clone, Debug)]
pub struct Varied {
    /// The key, such as `adam.lr`.
    pub key: String,
    /// Its line in the plan.
    pub line: usize,
    /// What it takes.
    pub values: Values,
}

/// A plan as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    preset: Option<Spanned<String>>,
    config: Option<PathBuf>,
    steps: Option<Spanned<u32>>,
    epochs: Option<Spanned<u32>>,
    seeds: Option<Spanned<Vec<u64>>>,
    #[serde(default)]
    method: WrittenMethod,
    runs: Option<Spanned<u32>>,
    seed: Option<Spanned<u64>>,
    rungs: Option<Spanned<Vec<u32>>>,
    halving: Option<Spanned<u32>>,
    #[serde(default)]
    settings: Table,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenMethod {
    #[default]
    Grid,
    Random,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// A usage error with line and column; an I/O error when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let read = disk::read_part(path, |file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
        let shown = path.display();
        read.map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::usage(format!("there is no plan {shown}; check its name")),
            _ => Error::io("read", path, &e),
        })?;
        if bytes.len() as u64 > LARGEST_FILE {
            let most = LARGEST_FILE >> 10;
            return Err(Error::usage(format!("{shown} has more than {most} KiB; a plan is a TOML file")));
        }
        let not_text = || Error::usage(format!("{shown} is not text; a plan is a TOML file"));
        Plan::from_text(&encoding::text(bytes).ok_or_else(not_text)?, path)
    }

    /// Reads the text of a plan.
    ///
    /// # Errors
    /// A usage error with line and column.
    pub fn from_text(text: &str, path: &Path) -> Result<Self> {
        let document = parsed(text, path)?;
        let written: Written =
            toml::from_str(text).map_err(|e| located(text, path, e.span().unwrap_or(0..0), e.message()))?;
        let refuse = |span, message: &str| Err(located(text, path, span, message));
        let base = match (written.preset, written.config) {
            (Some(preset), Some(_)) => {
                return refuse(preset.span(), "`preset` and `config` exclude each other; keep one");
            }
            (_, Some(file)) => Base::File(path.parent().unwrap_or(Path::new("")).join(file)),
            (preset, None) => Base::Preset(preset.map(Spanned::into_inner)),
        };
        let length = match (written.steps, written.epochs) {
            (Some(steps), Some(_)) => return refuse(steps.span(), "`steps` and `epochs` exclude each other; keep one"),
            (Some(steps), None) => Some((Unit::Steps, *steps.get_ref(), line(text, &steps.span()))),
            (None, Some(epochs)) => Some((Unit::Epochs, *epochs.get_ref(), line(text, &epochs.span()))),
            (None, None) => None,
        };
        let method = match (written.method, written.runs, written.seed) {
            (WrittenMethod::Grid, Some(runs), _) => {
                return refuse(runs.span(), "`runs` is for method = \"random\": a grid has as many as its values make");
            }
            (WrittenMethod::Grid, _, Some(seed)) => {
                return refuse(seed.span(), "`seed` is for method = \"random\"; those of the runs are `seeds`");
            }
            (WrittenMethod::Grid, None, None) => Method::Grid,
            (WrittenMethod::Random, Some(runs), _) if *runs.get_ref() == 0 => {
                return refuse(runs.span(), "`runs` = 0: draw at least one choice");
            }
            (WrittenMethod::Random, Some(runs), seed) => {
                Method::Random { runs: runs.into_inner(), seed: seed.map_or(0, Spanned::into_inner) }
            }
            (WrittenMethod::Random, None, _) => {
                return refuse(0..0, "method = \"random\" needs `runs`, the number of choices to draw");
            }
        };
        let seeds = match written.seeds {
            Some(seeds) if seeds.get_ref().is_empty() => {
                return refuse(seeds.span(), "`seeds` is empty; list at least one, or leave it out");
            }
            Some(seeds) if (1..seeds.get_ref().len()).any(|i| seeds.get_ref()[..i].contains(&seeds.get_ref()[i])) => {
                return refuse(seeds.span(), "`seeds` has one twice; each is tried once");
            }
            Some(seeds) => {
                let line = line(text, &seeds.span());
                Some((seeds.into_inner(), line))
            }
            None => None,
        };
        if let Some(halving) = written.halving.as_ref().filter(|halving| *halving.get_ref() < 2) {
            return refuse(halving.span(), "`halving` is at least 2: after each rung the better 1/halving go on");
        }
        let rungs = match written.rungs {
            Some(rungs) if rungs.get_ref().is_empty() => {
                return refuse(rungs.span(), "`rungs` is empty; list steps, or leave it out");
            }
            Some(rungs) if rungs.get_ref()[0] == 0 || rungs.get_ref().windows(2).any(|pair| pair[0] >= pair[1]) => {
                return refuse(rungs.span(), "`rungs` do not rise; list steps above 0 in rising order");
            }
            Some(rungs) => {
                let line = line(text, &rungs.span());
                Some((rungs.into_inner(), line))
            }
            None => None,
        };
        let factor = written.halving.map(Spanned::into_inner).or(rungs.as_ref().map(|_| 2));
        let mut settings = Vec::new();
        if let Some(parsed) = document.get_ref().get("settings").and_then(|value| value.get_ref().as_table()) {
            collect(parsed, &written.settings, "", &mut |key, span, value| {
                let values = Values::read(key, value).map_err(|e| located(text, path, span.clone(), &e))?;
                settings.push((span.start, Varied { key: key.to_string(), line: line(text, &span), values }));
                Ok(())
            })?;
        }
        settings.sort_by_key(|(place, _)| *place);
        let settings: Vec<_> = settings.into_iter().map(|(_, varied)| varied).collect();
        let plan = Plan {
            path: path.to_path_buf(),
            text: text.to_string(),
            base,
            length,
            seeds,
            method,
            halving: Halving { rungs, factor },
            settings,
        };
        plan.check()?;
        Ok(plan)
    }

    /// Refuses keys that the plan says in two places.
    fn check(&self) -> Result<()> {
        for (i, Varied { key, line, .. }) in self.settings.iter().enumerate() {
            let other = match key.as_str() {
                "seed" if self.seeds.is_some() => "`seeds`",
                "training.steps" | "training.epochs" if self.length.is_some() => "`steps` or `epochs`",
                _ if self.settings[..i].iter().any(|other| other.key == *key) => "another line",
                _ => continue,
            };
            return Err(self.at(*line, &format!("`{key}` is given by {other} of the plan too; keep one")));
        }
        Ok(())
    }

    /// What is wrong in a line of the plan.
    pub fn at(&self, line: usize, message: &str) -> Error {
        Error::usage(format!("{}:{line}: {message}", self.path.display()))
    }
}

/// What hears of a key, its place and its value.
type Take<'a> = dyn FnMut(&str, Range<usize>, &Value) -> Result<()> + 'a;

/// Tells `take` of every key of `[settings]` that has values, with its place.
fn collect(parsed: &DeTable<'_>, values: &Table, above: &str, take: &mut Take<'_>) -> Result<()> {
    for (name, value) in parsed.iter() {
        let Some(plain) = values.get(name.get_ref().as_ref()) else { continue };
        let key = if above.is_empty() { name.get_ref().to_string() } else { format!("{above}.{}", name.get_ref()) };
        match (value.get_ref().as_table(), plain) {
            (Some(inner), Value::Table(table)) if !is_range(table) => collect(inner, table, &key, take)?,
            _ => take(&key, name.span(), plain)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Plan::from_text(text, Path::new("p.toml")).unwrap_err().to_string()
    }

    #[test]
    fn keys_are_read_quoted_dotted_and_in_tables() {
        let text = "preset = \"quick\"\n[settings]\n\"adam.lr\" = [1e-3]\nadam.beta1 = 0.5\n[settings.objective]\nd_steps = \
                    { from = 1, to = 3 }\n";
        let plan = Plan::from_text(text, Path::new("p.toml")).unwrap();
        let found: Vec<_> = plan.settings.iter().map(|varied| (varied.key.as_str(), varied.line)).collect();
        assert_eq!(found, [("adam.lr", 3), ("adam.beta1", 4), ("objective.d_steps", 6)]);
        assert_eq!((plan.base, plan.method), (Base::Preset(Some("quick".to_string())), Method::Grid));
        assert_eq!(plan.halving, Halving::default());
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_its_line() {
        for (text, expected) in [
            ("preset = \"a\"\nconfig = \"b\"", "p.toml:1:10: `preset` and `config` exclude each other"),
            ("steps = 5\nepochs = 1", "p.toml:1:9: `steps` and `epochs` exclude each other"),
            ("runs = 5", "p.toml:1:8: `runs` is for method = \"random\""),
            ("seed = 5", "`seed` is for method = \"random\""),
            ("method = \"random\"", "needs `runs`"),
            ("method = \"random\"\nruns = 0", "p.toml:2:8: `runs` = 0"),
            ("method = \"best\"", "unknown variant `best`"),
            ("rungs = [5, 5]", "p.toml:1:9: `rungs` do not rise"),
            ("rungs = [0, 5]", "`rungs` do not rise"),
            ("rungs = []", "`rungs` is empty"),
            ("halving = 1", "p.toml:1:11: `halving` is at least 2"),
            ("seeds = []", "`seeds` is empty"),
            ("seeds = [1, 1]", "`seeds` has one twice"),
            ("lr = 5", "p.toml:1:1: unknown field `lr`"),
            ("steps = [", "p.toml:1:"),
            ("seeds = [1]\n[settings]\nseed = [1]", "p.toml:3: `seed` is given by `seeds` of the plan too"),
            ("steps = 1\n[settings]\n\"training.epochs\" = 1", "p.toml:3: `training.epochs` is given by `steps`"),
            ("[settings]\n\"adam.lr\" = 1\nadam.lr = 2", "p.toml:3: `adam.lr` is given by another line"),
            ("[settings]\n\"adam.lr\" = []", "p.toml:2:1: `adam.lr` has no values"),
        ] {
            let found = refusal(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
