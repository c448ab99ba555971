//! What judges the samples of a run: settled before its first step, and the same ever after.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::sets::{self, SIZE};
use crate::output::grouped;
use crate::shape::Shape;
use crate::shell::quoted;

/// What judges the samples of a run. A run that says nothing of it is judged by pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedBy {
    /// What images are compared by.
    pub by: By,
    /// The digest of the features, in hexadecimal, told when a run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// Samples of an estimate, told when a run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
}

/// What images are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// What a feature network sees in them.
    Features,
    /// Their pixels.
    Pixels,
}

/// What the distance in features is called.
pub const FRECHET: &str = "Fréchet distance";

/// Digits of a digest that tell features apart in a line for people.
const SHORT: usize = 8;

impl JudgedBy {
    /// Whether it is features that judge.
    pub fn is_by_features(judged: Option<&JudgedBy>) -> bool {
        judged.is_some_and(|judged| judged.by == By::Features)
    }

    /// What judges, for people: `features 1a2b3c4d, n = 1,000`, or `pixels`.
    pub fn told(judged: Option<&JudgedBy>) -> String {
        let Some(JudgedBy { features, samples, .. }) = judged.filter(|judged| judged.by == By::Features) else {
            return "pixels".to_string();
        };
        let digest = features.as_ref().map(|digest| format!(" {}", digest.chars().take(SHORT).collect::<String>()));
        let count = samples.map(|samples| format!(", n = {}", grouped(samples.into())));
        format!("features{}{}", digest.unwrap_or_default(), count.unwrap_or_default())
    }
}

/// The command that makes features of the data set `data` at this size, which the run in a folder,
/// if there is one, was trained with.
pub fn makes_features(data: &str, image: Shape, run: Option<&Path>) -> String {
    let set = sets::named(data).filter(|_| image == SIZE);
    match (set, run) {
        (Some(_), _) => format!("dcgan-gpu data get {data} --features"),
        (None, Some(run)) => format!("dcgan-gpu eval {}", quoted(run)),
        (None, None) => {
            let (Shape { height, width, channels }, data) = (image, quoted(Path::new(data)));
            format!("dcgan-gpu eval {data} --data {data} --image {height}x{width}x{channels}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_judges_is_told_in_short() {
        assert_eq!(JudgedBy::told(None), "pixels");
        let mut judged = JudgedBy { by: By::Features, features: None, samples: None };
        assert_eq!(JudgedBy::told(Some(&judged)), "features");
        (judged.features, judged.samples) = (Some("0123456789abcdef".to_string()), Some(1000));
        assert_eq!(JudgedBy::told(Some(&judged)), "features 01234567, n = 1,000");
        judged.by = By::Pixels;
        assert_eq!(JudgedBy::told(Some(&judged)), "pixels");
    }

    #[test]
    fn the_command_is_that_of_the_data() {
        assert_eq!(makes_features("mnist", SIZE, None), "dcgan-gpu data get mnist --features");
        assert_eq!(makes_features("strokes", SIZE, Some(Path::new("runs/a"))), "dcgan-gpu eval runs/a");
        assert_eq!(makes_features("pictures", SIZE, None), "dcgan-gpu eval pictures --data pictures --image 28x28x1");
    }
}
