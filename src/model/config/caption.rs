//! What a run's pictures say of it.

use super::Config;
use crate::output::Caption;

impl Config {
    /// The caption of a grid that `verb` draws after `step` steps, of `rows`×`cols` images from the
    /// run's own seed, with its average of G where it has one; `labels` are the classes of the
    /// images.
    pub fn caption(&self, verb: &str, step: u32, [rows, cols]: [usize; 2], labels: &[u32]) -> Caption {
        let mut seen = Vec::new();
        let names = self.classes.as_ref().map_or(&[][..], |classes| &classes.names);
        for &label in labels {
            if !seen.contains(&label) {
                seen.push(label);
            }
        }
        Caption {
            version: env!("CARGO_PKG_VERSION").to_string(),
            verb: verb.to_string(),
            run: self.name.clone(),
            folder: None,
            step,
            seeds: vec![self.seed],
            image: None,
            classes: seen.into_iter().filter_map(|label| names.get(label as usize).cloned()).collect(),
            weights: if self.average.is_some() { "average" } else { "raw" }.to_string(),
            rows,
            cols,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::sources::preset;
    use crate::objective::{Average, Classes};

    #[test]
    fn classes_are_told_once_in_the_order_of_the_images() {
        let mut config = preset("quick").unwrap();
        let caption = config.caption("train", 3, [2, 2], &[]);
        assert_eq!((caption.run.as_str(), caption.step, &caption.seeds), ("quick", 3, &vec![config.seed]));
        assert_eq!((caption.weights.as_str(), caption.classes.len()), ("raw", 0));
        let names = ["cat", "dog", "owl"].map(String::from).into();
        config.classes = Some(Classes { names, ..Classes::default() });
        config.average = Some(Average { half_life_images: 1.0, ramp: 0.0 });
        let caption = config.caption("train", 3, [2, 2], &[2, 2, 0, 0]);
        assert_eq!(
            (caption.classes, caption.weights.as_str()),
            (vec!["owl".to_string(), "cat".to_string()], "average")
        );
    }
}
