//! `train --resume-or-start`: a command that is given again asks for the run that is there.

use std::path::Path;

use crate::error::{Error, Result};
use crate::model::config::Config;
use crate::model::difference::difference;
use crate::model::judged::JudgedBy;
use crate::train::trainer::SLOWER;
use toml::Value;

/// The configuration with which a run goes on that has `stored`, and was taken back and on with
/// smaller learning rates so many times, where `asked` is what the command resolves to.
///
/// # Errors
/// A usage error naming the first key that a run cannot change, and that the command wants
/// otherwise; a checkpoint error when TOML cannot hold either.
pub fn agree(mut asked: Config, stored: &Config, rollbacks: u32, run: &Path) -> Result<Config> {
    (0..rollbacks).for_each(|_| asked.scale_learning_rates(SLOWER));
    settle_like(&mut asked, stored);
    let mut config = stored.clone();
    config.update(&asked)?;
    let [ours, theirs] =
        [&config, &asked].map(|config| Value::try_from(config).map_err(|e| Error::checkpoint(e.to_string())));
    match difference("", Some(&ours?), Some(&theirs?)) {
        None => Ok(config),
        Some((key, what)) => {
            let run = run.display();
            Err(Error::usage(format!(
                "{key} cannot change on a resumed run: {run} has {what}; repeat the command that started it, or name \
                 another folder"
            )))
        }
    }
}

/// Takes over from `stored` what a run is told by its data and its length when it begins, whose
/// weights it began with, and the words for it, which another version of the program may change.
fn settle_like(asked: &mut Config, stored: &Config) {
    (asked.name, asked.about) = (stored.name.clone(), stored.about.clone());
    asked.from.clone_from(&stored.from);
    if let (Some(asked_classes), Some(classes)) = (&mut asked.classes, &stored.classes)
        && asked_classes.names.is_empty()
    {
        asked_classes.names.clone_from(&classes.names);
        asked.output.rows = stored.output.rows;
    }
    if asked.judge.is_none() && JudgedBy::is_by_features(stored.judge.as_ref()) {
        asked.judge.clone_from(&stored.judge);
    }
    if let (Some(asked), Some(stored)) = (&mut asked.judge, &stored.judge)
        && asked.by == stored.by
    {
        asked.features = asked.features.take().or_else(|| stored.features.clone());
        asked.samples = asked.samples.or(stored.samples);
    }
    if asked.background.is_none() {
        asked.background.clone_from(&stored.background);
    }
    let weight = asked.objective.penalty.map(|penalty| asked.penalty_weight(penalty));
    if let Some(penalty) = &mut asked.objective.penalty {
        penalty.weight = weight;
    }
    let networks = [(&mut asked.generator, &stored.generator), (&mut asked.discriminator, &stored.discriminator)];
    for (asked, stored) in networks {
        let asked = asked.optimizer.as_mut().and_then(|changes| changes.schedule.as_mut());
        let stored = stored.optimizer.as_ref().and_then(|changes| changes.schedule.as_ref());
        if let (Some(asked), Some(stored)) = (asked, stored) {
            asked.end = asked.end.or(stored.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sources::preset;

    fn refusal(change: impl Fn(&mut Config)) -> String {
        let stored = preset("quick").unwrap();
        let mut asked = stored.clone();
        change(&mut asked);
        agree(asked, &stored, 0, Path::new("run")).unwrap_err().to_string()
    }

    #[test]
    fn the_first_key_that_differs_is_named() {
        let rest = "; repeat the command that started it, or name another folder";
        let batch = preset("quick").unwrap().training.batch_size;
        assert_eq!(
            refusal(|config| (config.training.batch_size, config.seed) = (7, 99)),
            format!("seed cannot change on a resumed run: run has 0, not 99{rest}")
        );
        assert_eq!(
            refusal(|config| config.training.batch_size = 7),
            format!("training.batch_size cannot change on a resumed run: run has {batch}, not 7{rest}")
        );
        assert_eq!(
            refusal(|config| drop(config.generator.layers.pop())),
            format!("generator.layers cannot change on a resumed run: run has another one{rest}")
        );
        assert_eq!(
            refusal(|config| config.background = Some(vec![0])),
            format!("background cannot change on a resumed run: run has another one{rest}")
        );
    }

    #[test]
    fn what_may_change_does() {
        let stored = preset("quick").unwrap();
        let mut asked = stored.clone();
        (asked.training.steps, asked.output.keep) = (Some(9999), 7);
        (asked.name, asked.about) = ("x".to_string(), "y".to_string());
        let config = agree(asked, &stored, 0, Path::new("run")).unwrap();
        assert_eq!((config.training.steps, config.output.keep, config.name), (Some(9999), 7, stored.name));
    }

    #[test]
    fn a_run_that_was_slowed_down_is_asked_for_with_its_first_rate() {
        let asked = preset("quick").unwrap();
        let mut stored = asked.clone();
        stored.adam.lr *= 0.25;
        assert_eq!(agree(asked.clone(), &stored, 2, Path::new("run")).unwrap(), stored);
        assert!(agree(asked, &stored, 1, Path::new("run")).unwrap_err().to_string().starts_with("adam.lr cannot"));
    }
}
