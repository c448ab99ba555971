//! What somebody changed in the configuration file of a run that goes on.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::config::Config;
use super::origins::Origin;
use super::settings::is_resumable;
use super::sources::Merge;
use crate::error::{Error, Result};

/// The longest value that a message quotes, in characters: a list of layers says nothing in a line.
const LONGEST_VALUE: usize = 60;

/// A run's configuration with what its file, the text read from `path`, changes in it; and what
/// that is, a line for each value. A key that the file does not have stays as it is.
///
/// # Errors
/// A usage error naming file, line and key where the file cannot be read, or changes what has to
/// stay.
pub fn edited(stored: &Config, text: &str, path: &Path) -> Result<(Config, Vec<String>)> {
    let (mut config, merge) = read(stored, text, path, |_| true)?;
    // Of a configuration, one value may be written in several ways.
    let (before, after) = (values(stored)?, values(&config)?);
    let changed = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
    let mut changes = BTreeMap::new();
    for key in changed {
        // What follows from a change is none of its own.
        if let Origin::File(_, line) = merge.origins().of(key) {
            changes.insert((line, key), [before.get(key), after.get(key)].map(told));
        }
    }
    if let Some(((line, key), [was, is])) = changes.iter().find(|((_, key), _)| !is_resumable(key)) {
        return Err(Error::usage(format!(
            "{}:{line}: {key} cannot change on a resumed run, and is {is} here, {was} in the run; put the old value back, \
             or start a new run",
            path.display()
        )));
    }
    if config.unit() != stored.unit() {
        // A cadence without a unit keeps its meaning when the length is given in the other one.
        let unit = stored.unit();
        let (now, then) = (&mut config.output, &stored.output);
        let samples = (now.sample_every == then.sample_every).then_some(&mut now.sample_every);
        let saves = if now.checkpoint_every == then.checkpoint_every { now.checkpoint_every.counted() } else { None };
        samples.into_iter().chain(saves).for_each(|cadence| {
            cadence.unit.get_or_insert(unit);
        });
    }
    let name = path.display();
    let lines = changes.iter().map(|((_, key), [was, is])| format!("{name}: {key} is {is} now, was {was}")).collect();
    Ok((config, lines))
}

/// A run's configuration with what its file says of what a resumed run may change.
///
/// # Errors
/// A usage error naming file, line and key where the file cannot be read.
pub fn renewed(stored: &Config, text: &str, path: &Path) -> Result<Config> {
    read(stored, text, path, is_resumable).map(|(config, _)| config)
}

/// The configuration with what the file says of the keys that `takes` takes; from where its values
/// come, the merge tells.
fn read(stored: &Config, text: &str, path: &Path, takes: impl Fn(&str) -> bool) -> Result<(Config, Merge)> {
    let before = values(stored)?;
    let mut merge = Merge::from_run(stored)?;
    // What is as it was is not looked at: names that no new run may have, for one.
    merge.read(text, path, |key, value| {
        let key = key.join(".");
        takes(&key) && before.get(&key) != Some(value)
    })?;
    let config = merge.unchecked()?;
    match config.out_of_range().map(|(key, problem)| (merge.origins().of(key), problem)) {
        Some((origin @ Origin::File(..), problem)) => Err(Error::usage(format!("{problem} ({origin})"))),
        _ => Ok((config, merge)),
    }
}

/// The values of a configuration by their keys, as a file has them.
fn values(config: &Config) -> Result<BTreeMap<String, Value>> {
    fn gather(table: Table, path: &str, found: &mut BTreeMap<String, Value>) {
        for (key, value) in table {
            let key = if path.is_empty() { key } else { format!("{path}.{key}") };
            match value {
                Value::Table(table) => gather(table, &key, found),
                value => drop(found.insert(key, value)),
            }
        }
    }
    let failed = |e: &dyn std::fmt::Display| Error::checkpoint(format!("the run's configuration: {e}"));
    // By way of text: a value of 32 bits has fewer digits there.
    let text = toml::to_string(config).map_err(|e| failed(&e))?;
    let mut found = BTreeMap::new();
    gather(text.parse().map_err(|e| failed(&e))?, "", &mut found);
    Ok(found)
}

/// A value for a message.
fn told(value: Option<&Value>) -> String {
    match value.map(Value::to_string) {
        None => "not set".to_string(),
        Some(text) if text.chars().count() > LONGEST_VALUE => "a long value".to_string(),
        Some(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cadence::Unit;
    use crate::model::sources::preset;

    /// The lines about a run of `quick` in whose file `old` became `new`, or the refusal.
    fn edit(old: &str, new: &str) -> std::result::Result<Vec<String>, String> {
        let config = preset("quick").unwrap();
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains(old), "{text}");
        let path = Path::new("config.toml");
        edited(&config, &text.replacen(old, new, 1), path).map(|(_, lines)| lines).map_err(|e| e.to_string())
    }

    #[test]
    fn what_may_change_is_taken_and_told() {
        assert_eq!(edit("", "").unwrap(), [""; 0]);
        assert_eq!(edit("keep = 3", "keep = 5").unwrap(), ["config.toml: output.keep is 5 now, was 3"]);
        let other_unit = edit("steps = 4000", "epochs = 2").unwrap();
        assert_eq!(other_unit, ["config.toml: training.epochs is 2 now, was not set"]);
        let text = "[output]\ntensorboard = true\nlog_every = 1\n";
        let (config, lines) = edited(&preset("quick").unwrap(), text, Path::new("a")).unwrap();
        assert!(config.output.tensorboard && config.output.log_every == 1 && lines.len() == 2, "{lines:?}");
    }

    #[test]
    fn the_same_value_written_otherwise_is_no_change() {
        for (old, new) in [
            ("label_real = 1.0", "label_real = 1"),
            ("lr = 0.0002", "lr = 2e-4"),
            ("", "# a remark\n"),
            ("[training]", "[objective]\nloss = \"non-saturating\"\n[training]"),
            ("keep = 3\n", ""),
        ] {
            assert_eq!(edit(old, new).unwrap(), [""; 0], "{new}");
        }
        // As a value of 32 bits it has other digits than as one of 64.
        let mut config = preset("quick").unwrap();
        config.training.label_real = 0.9;
        let text = toml::to_string(&config).unwrap();
        assert_eq!(edited(&config, &text, Path::new("a")).unwrap().1, [""; 0]);
    }

    #[test]
    fn what_has_to_stay_is_refused_with_file_line_key_and_both_values() {
        let refused = edit("lr = 0.0002", "lr = 0.001").unwrap_err();
        assert!(refused.starts_with("config.toml:") && !refused.starts_with("config.toml:1:"), "{refused}");
        assert!(
            refused.contains(": adam.lr cannot change on a resumed run, and is 0.001 here, 0.0002 in the run; put")
        );
        for (old, new, fragment) in [
            ("[training]", "[average]\nhalf_life_images = 5.0\n[training]", "is 5.0 here, not set in the run"),
            ("slope = 0.2", "slope = 0.3", "discriminator.layers cannot change"),
            ("[training]", "[objective]\nloss = \"hinge\"\n[training]", "objective.loss cannot change"),
            ("keep = 3", "keep = 1", "output.keep = 1 is outside 2"),
            ("keep = 3", "keep = \"x\"", "`output.keep`: invalid type"),
            ("keep = 3", "keeps = 3", "unknown key `output.keeps`; did you mean `keep`?"),
            ("keep = 3", "keep = = 3", ":"),
            ("steps = 4000", "steps = 4000\nepochs = 1", "exclude each other"),
        ] {
            let refused = edit(old, new).unwrap_err();
            assert!(refused.contains(fragment) && refused.contains("config.toml:"), "{new}: {refused}");
            assert!(!refused.contains('\n'), "{refused}");
        }
    }

    #[test]
    fn a_cadence_without_a_unit_keeps_its_meaning() {
        let mut config = preset("keras").unwrap();
        config.output.sample_every.unit = None;
        let text = "[training]\nsteps = 9\n[output]\nsample_every = 1\ncheckpoint_every = 3\n";
        let (edited, _) = edited(&config, text, Path::new("a")).unwrap();
        assert_eq!(edited.output.sample_every.unit, Some(Unit::Epochs));
        let written = "3".parse().unwrap();
        assert_eq!(edited.output.checkpoint_every, written, "it was written with the new length");
    }

    #[test]
    fn what_the_program_wrote_itself_renews_what_may_change_alone() {
        let config = preset("quick").unwrap();
        let text = "[training]\nsteps = 9\n[adam]\nlr = 1.0\n[unknown]\nkey = 1\n";
        let renewed = renewed(&config, text, Path::new("a")).unwrap();
        assert_eq!((renewed.training.steps, renewed.adam.lr), (Some(9), config.adam.lr));
    }
}
