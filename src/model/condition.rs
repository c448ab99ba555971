//! When a run is good enough: `fd<20`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::nearest::nearest;

/// A bound that an estimate of the samples' quality passes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// What is compared.
    pub of: Estimate,
    /// How.
    pub relation: Relation,
    /// With what.
    pub bound: f64,
}

/// A number of a line of `quality.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// The Fréchet distance in features.
    Fd,
    /// The sliced Wasserstein distance in pixels.
    Distance,
    /// How much samples differ.
    Diversity,
}

/// How an estimate lies to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Estimate {
    const ALL: [Estimate; 3] = [Estimate::Fd, Estimate::Distance, Estimate::Diversity];

    /// Its key in `quality.jsonl`.
    pub fn name(self) -> &'static str {
        match self {
            Estimate::Fd => "fd",
            Estimate::Distance => "distance",
            Estimate::Diversity => "diversity",
        }
    }
}

impl Relation {
    /// Those of two characters first: they begin with the others.
    const ALL: [Relation; 4] = [Relation::AtMost, Relation::AtLeast, Relation::Below, Relation::Above];

    fn sign(self) -> &'static str {
        match self {
            Relation::Below => "<",
            Relation::AtMost => "<=",
            Relation::Above => ">",
            Relation::AtLeast => ">=",
        }
    }
}

impl Condition {
    /// Whether an estimate passes the bound; one that is no number does not.
    pub fn holds(&self, estimate: f64) -> bool {
        match self.relation {
            Relation::Below => estimate < self.bound,
            Relation::AtMost => estimate <= self.bound,
            Relation::Above => estimate > self.bound,
            Relation::AtLeast => estimate >= self.bound,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.of.name(), self.relation.sign(), self.bound)
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write one such as fd<20, distance<=0.05 or diversity>0.9";
        let split = |relation: Relation| text.split_once(relation.sign()).map(|(name, bound)| (name, relation, bound));
        let Some((name, relation, bound)) = Relation::ALL.into_iter().find_map(split) else {
            return Err(format!("`{text}` is no condition; {example}"));
        };
        let (name, bound) = (name.trim(), bound.trim());
        let names = || Estimate::ALL.map(Estimate::name).into_iter();
        let Some(of) = Estimate::ALL.into_iter().find(|of| of.name() == name) else {
            let near = nearest(name, names()).map_or(String::new(), |near| format!("did you mean `{near}`? "));
            let all = names().collect::<Vec<_>>().join(", ");
            return Err(format!("`{name}` is no estimate; {near}there are: {all}"));
        };
        match bound.parse::<f64>() {
            Ok(bound) if bound.is_finite() => Ok(Condition { of, relation, bound }),
            _ => Err(format!("`{bound}` in `{text}` is no number; {example}")),
        }
    }
}

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

/// Reads a condition, or an empty text, which takes one away.
///
/// # Errors
/// What is no condition.
pub(super) fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Condition>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = (!text.trim().is_empty()).then(|| text.parse()).transpose();
    parsed.map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Condition, String> {
        text.parse()
    }

    #[test]
    fn conditions_are_read_and_written_again() {
        for (text, again) in [
            ("fd<20", "fd<20"),
            (" distance <= 0.05 ", "distance<=0.05"),
            ("diversity>0.9", "diversity>0.9"),
            ("fd>=-1e-3", "fd>=-0.001"),
        ] {
            let condition = parsed(text).unwrap();
            assert_eq!(condition.to_string(), again);
            assert_eq!(parsed(again), Ok(condition));
        }
    }

    #[test]
    fn bounds_are_passed_or_not() {
        let holds = |text: &str, estimate| parsed(text).unwrap().holds(estimate);
        for (text, below, at, above) in [
            ("fd<2", true, false, false),
            ("fd<=2", true, true, false),
            ("fd>2", false, false, true),
            ("fd>=2", false, true, true),
        ] {
            assert_eq!([1.0, 2.0, 3.0].map(|value| holds(text, value)), [below, at, above], "{text}");
            assert!(!holds(text, f64::NAN));
        }
    }

    #[test]
    fn what_is_no_condition_is_told() {
        for (text, fragment) in [
            ("fd", "`fd` is no condition; write one such as fd<20"),
            ("fd=20", "`fd=20` is no condition"),
            ("fdd<20", "`fdd` is no estimate; did you mean `fd`? there are: fd, distance, diversity"),
            ("d_loss<1", "`d_loss` is no estimate; there are: fd"),
            ("<1", "`` is no estimate; "),
            ("fd<", "`` in `fd<` is no number"),
            ("fd<low", "`low` in `fd<low` is no number"),
            ("fd<nan", "`nan` in `fd<nan` is no number"),
            ("fd<20<30", "`20<30` in `fd<20<30` is no number"),
        ] {
            let refusal = parsed(text).unwrap_err();
            assert!(refusal.contains(fragment) && !refusal.contains('\n'), "{text}: {refusal}");
        }
    }
}
