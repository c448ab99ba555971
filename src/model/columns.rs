//! What a step records: one table of columns, and the values of a step by column.
//!
//! A column comes by a row here and by the engine that records it: `metrics.jsonl`, TensorBoard,
//! the report's charts and facts, and `compare` read the table.

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// D's loss: on real images plus on generated ones.
pub const D_LOSS: &str = "d_loss";
/// G's loss.
pub const G_LOSS: &str = "g_loss";
/// Mean D(x) on real images.
pub const D_REAL: &str = "d_real";
/// Mean D(x) on generated images, as D's loss saw them.
pub const D_FAKE: &str = "d_fake";

/// Mean logit of real images, of losses whose logits are no probabilities'.
pub const LOGIT_REAL: &str = "logit_real";
/// Mean logit of generated images.
pub const LOGIT_FAKE: &str = "logit_fake";
/// The penalty on D's gradients at real images, with its weight, as all penalties here.
pub const R1: &str = "penalty.r1";
/// That at generated images.
pub const R2: &str = "penalty.r2";
/// That between real and generated images, or around real ones.
pub const GRADIENT_PENALTY: &str = "penalty.gp";
/// The LeCam regulariser.
pub const LECAM: &str = "penalty.lecam";

/// The largest spectral norm of D's normalised layers, before they are normalised.
pub const SIGMA: &str = "sigma.max";
/// The class loss of D on real images.
pub const CLASS_REAL: &str = "class.real";
/// The class loss of D on generated images.
pub const CLASS_FAKE: &str = "class.fake";
/// The class loss of G.
pub const CLASS_GENERATOR: &str = "class.g";

/// A recorded number.
#[derive(Debug)]
pub struct Column {
    /// Its key in JSON.
    pub name: &'static str,
    /// What people read where it stands alone.
    pub label: &'static str,
    /// What people read in the chart of its group.
    pub curve: &'static str,
    /// Where TensorBoard shows it.
    pub tag: &'static str,
}

/// Columns that share a chart.
#[derive(Debug)]
pub struct Group {
    /// Its name in a page.
    pub id: &'static str,
    /// The chart's title in a page.
    pub title: &'static str,
    /// The label of the chart's y axis.
    pub axis: &'static str,
    /// What its columns are together.
    pub about: &'static str,
    /// What the values mean, in a sentence.
    pub note: &'static str,
    /// Labels of the y axis; chosen by the values where there are none.
    pub ticks: &'static [f64],
    /// Whether every run records its columns, so that one that lacks them is told as lacking.
    pub always: bool,
    /// The columns, in the order in which they are recorded.
    pub columns: &'static [Column],
}

/// All columns.
pub static GROUPS: [Group; 6] = [
    Group {
        id: "losses",
        title: "Losses",
        axis: "loss",
        about: "Losses of D and G",
        note: "A loss of D near 0 leaves G nothing to learn from.",
        ticks: &[],
        always: true,
        columns: &[
            Column { name: D_LOSS, label: "D loss", curve: "D loss", tag: "loss/discriminator" },
            Column { name: G_LOSS, label: "G loss", curve: "G loss", tag: "loss/generator" },
        ],
    },
    Group {
        id: "beliefs",
        title: "D(x)",
        axis: "D(x)",
        about: "D(x) on real and generated images",
        note: "How real D takes the images to be: 0.5 for both means that it cannot tell them apart.",
        ticks: &[0.0, 0.25, 0.5, 0.75, 1.0],
        always: false,
        columns: &[
            Column { name: D_REAL, label: "D(x) real", curve: "real images", tag: "D(x)/real" },
            Column { name: D_FAKE, label: "D(x) generated", curve: "generated images", tag: "D(x)/generated" },
        ],
    },
    Group {
        id: "logits",
        title: "D's logits",
        axis: "mean logit",
        about: "D's mean logits of real and generated images",
        note: "How much more real D takes real images to be than generated ones; where 0 is, means nothing.",
        ticks: &[],
        always: false,
        columns: &[
            Column { name: LOGIT_REAL, label: "logit real", curve: "real images", tag: "logit/real" },
            Column { name: LOGIT_FAKE, label: "logit generated", curve: "generated images", tag: "logit/generated" },
        ],
    },
    Group {
        id: "penalties",
        title: "Penalties",
        axis: "penalty",
        about: "What D's loss has besides, with its weight",
        note: "One that is far above D's loss holds D back; one that stays at 0 does nothing.",
        ticks: &[],
        always: false,
        columns: &[
            Column { name: R1, label: "R1", curve: "R1, at real images", tag: "penalty/r1" },
            Column { name: R2, label: "R2", curve: "R2, at generated images", tag: "penalty/r2" },
            Column { name: GRADIENT_PENALTY, label: "gradient penalty", curve: "gradient penalty", tag: "penalty/gp" },
            Column { name: LECAM, label: "LeCam", curve: "LeCam", tag: "penalty/lecam" },
        ],
    },
    Group {
        id: "classes",
        title: "Class losses",
        axis: "cross-entropy",
        about: "Losses of the classes that D tells",
        note: "That of k classes that are guessed is ln k.",
        ticks: &[],
        always: false,
        columns: &[
            Column { name: CLASS_REAL, label: "class real", curve: "real images", tag: "class/real" },
            Column { name: CLASS_FAKE, label: "class generated", curve: "generated images", tag: "class/generated" },
            Column { name: CLASS_GENERATOR, label: "class of G", curve: "G's loss", tag: "class/generator" },
        ],
    },
    Group {
        id: "sigma",
        title: "Spectral norm",
        axis: "σ",
        about: "The largest spectral norm of D's weights, before it is divided out",
        note: "It may grow without harm: what D computes with has a norm of 1.",
        ticks: &[],
        always: false,
        columns: &[Column { name: SIGMA, label: "largest σ", curve: "largest σ", tag: "sigma/max" }],
    },
];

impl Group {
    /// The columns to tell of steps with these values: those that one of them has.
    pub fn told<'a>(&self, steps: impl Iterator<Item = &'a Values> + Clone) -> Vec<&'static Column> {
        let is_told = |column: &&Column| self.always || steps.clone().any(|values| values.has(column.name));
        self.columns.iter().filter(is_told).collect()
    }
}

/// All columns in order.
pub fn columns() -> impl Iterator<Item = &'static Column> {
    GROUPS.iter().flat_map(|group| group.columns)
}

/// The values of a step, or their means over several, by column; a map in JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Vec<(&'static str, f64)>);

impl Values {
    /// The value of a column; NaN where it has none.
    pub fn get(&self, name: &str) -> f64 {
        self.iter().find(|(of, _)| *of == name).map_or(f64::NAN, |(_, value)| value)
    }

    /// Whether the column is there, be it as NaN.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(of, _)| of == name)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().copied()
    }

    /// Whether all are numbers.
    pub fn are_finite(&self) -> bool {
        self.iter().all(|(_, value)| value.is_finite())
    }
}

impl<T: Into<f64>> FromIterator<(&'static str, T)> for Values {
    fn from_iter<I: IntoIterator<Item = (&'static str, T)>>(values: I) -> Self {
        Values(values.into_iter().map(|(name, value)| (name, value.into())).collect())
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            // What an engine computed is an f32, and has no more digits than one.
            let short = value as f32;
            match f64::from(short) == value {
                true => map.serialize_entry(name, &short)?,
                false => map.serialize_entry(name, &value)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Values {
    /// Takes the columns of the table, in its order; what is no number is NaN. Those of a later
    /// program are left out.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = serde_json::Map::deserialize(deserializer)?;
        let value = |name: &str| Some(map.get(name)?.as_f64().unwrap_or(f64::NAN));
        Ok(columns().filter_map(|column| Some((column.name, value(column.name)?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for name in [|c: &Column| c.name, |c: &Column| c.label, |c: &Column| c.tag] {
            let all: std::collections::BTreeSet<_> = columns().map(name).collect();
            assert_eq!(all.len(), columns().count(), "{all:?}");
        }
    }

    #[test]
    fn values_are_written_in_order_with_the_digits_of_an_f32() {
        let values: Values = [(G_LOSS, 0.1_f32), (D_LOSS, f32::NAN), (D_FAKE, 1.0)].into_iter().collect();
        assert_eq!(serde_json::to_string(&values).unwrap(), r#"{"g_loss":0.1,"d_loss":null,"d_fake":1.0}"#);
        let mean: Values = [(D_REAL, 1.0 / 3.0)].into_iter().collect();
        assert_eq!(serde_json::to_string(&mean).unwrap(), r#"{"d_real":0.3333333333333333}"#);
        assert!(values.get(D_REAL).is_nan() && !values.has(D_REAL) && !values.are_finite());
    }

    #[test]
    fn what_a_later_program_records_is_left_out() {
        let text = r#"{"later":{"a":[1]},"d_fake":1,"d_loss":null,"g_loss":0.1,"d_real":"no"}"#;
        let values: Values = serde_json::from_str(text).unwrap();
        assert_eq!(values.iter().map(|(name, _)| name).collect::<Vec<_>>(), [D_LOSS, G_LOSS, D_REAL, D_FAKE]);
        assert_eq!((values.get(G_LOSS), values.get(D_FAKE)), (0.1, 1.0));
        assert!(values.get(D_LOSS).is_nan() && values.get(D_REAL).is_nan());
    }

    #[test]
    fn a_column_is_told_where_a_step_has_it() {
        const EXTRA: &[Column] = &[Column { name: "extra", label: "extra", curve: "extra", tag: "extra" }];
        let group = |always| Group { always, columns: EXTRA, ..GROUPS[0] };
        let (with, without): (Values, Values) = ([("extra", 1.0)].into_iter().collect(), Values::default());
        assert_eq!(group(false).told([&without, &with].into_iter()).len(), 1);
        assert!(group(false).told([&without].into_iter()).is_empty());
        assert_eq!(group(true).told([&without].into_iter()).len(), 1);
    }
}
