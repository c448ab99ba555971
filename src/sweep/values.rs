//! The values that a sweep gives a setting: a list, or a range.

use serde::Deserialize;
use toml::Value;

use crate::model::settings::{SETTINGS, SettingKind};

/// The most numbers that a grid takes of a range.
const MOST_STEPS: u32 = 1000;

/// Significant digits of a value within a range: enough to tell neighbours apart, few enough to
/// read.
const DIGITS: usize = 6;

/// What a setting may become.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One of these.
    List(Vec<Value>),
    /// Something between two numbers.
    Range(Range),
}

/// The numbers between two others, which belong to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    from: f64,
    to: f64,
    scale: Scale,
    /// How many a grid takes.
    steps: Option<u32>,
    /// Whether only whole numbers are meant.
    is_whole: bool,
}

/// How the numbers of a range are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    /// Equal differences are as likely.
    #[default]
    Linear,
    /// Equal ratios are as likely.
    Log,
}

/// A range as a plan has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    from: Value,
    to: Value,
    #[serde(default)]
    scale: Scale,
    steps: Option<u32>,
}

impl Values {
    /// Reads what a plan says of `key`: a list, a range, or a single value.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(key: &str, written: &Value) -> Result<Self, String> {
        match written {
            Value::Array(values) if values.is_empty() => {
                Err(format!("`{key}` has no values; list at least one, or leave it out"))
            }
            Value::Array(values) => match (1..values.len()).find(|&i| values[..i].contains(&values[i])) {
                Some(i) => Err(format!("`{key}` has {} twice; each value is tried once", values[i])),
                None => Ok(Values::List(values.clone())),
            },
            Value::Table(table) if is_range(table) => Range::read(key, written).map(Values::Range),
            value => Ok(Values::List(vec![value.clone()])),
        }
    }

    /// Whether there is something to choose.
    pub fn vary(&self) -> bool {
        !matches!(self, Values::List(values) if values.len() == 1)
    }

    /// The values that a grid takes.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of_grid(&self, key: &str) -> Result<Vec<Value>, String> {
        let range = match self {
            Values::List(values) => return Ok(values.clone()),
            Values::Range(range) => range,
        };
        let Some(steps) = range.steps else {
            return Err(format!("`{key}` is a range: say with `steps = N` how many of its numbers a grid takes"));
        };
        let mut values = Vec::new();
        for step in 0..steps {
            let value = range.at(f64::from(step) / f64::from(steps - 1));
            // Whole numbers may be fewer.
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(values)
    }

    /// The value that belongs to a number uniform in (0, 1).
    pub fn drawn(&self, uniform: f64) -> Value {
        match self {
            Values::List(values) => values[((uniform * values.len() as f64) as usize).min(values.len() - 1)].clone(),
            Values::Range(range) if range.is_whole && range.scale == Scale::Linear => {
                // The ends are as likely as the others.
                Value::Integer((range.from + (uniform * (range.to - range.from + 1.0)).floor()).min(range.to) as i64)
            }
            Values::Range(range) => range.at(uniform),
        }
    }

    /// What does not go with values that are drawn, in words.
    pub fn not_for_drawing(&self, key: &str) -> Option<String> {
        let has_steps = matches!(self, Values::Range(Range { steps: Some(_), .. }));
        has_steps.then(|| format!("`{key}`: `steps` is for a grid; leave it out where values are drawn"))
    }
}

/// Whether a table is a range, not one of further keys.
pub fn is_range(table: &toml::Table) -> bool {
    table.contains_key("from") || table.contains_key("to")
}

impl Range {
    fn read(key: &str, written: &Value) -> Result<Self, String> {
        let example = "write { from = 1e-4, to = 1e-3, scale = \"log\" }";
        let Written { from, to, scale, steps } =
            written.clone().try_into().map_err(|e: toml::de::Error| format!("`{key}`: {}; {example}", e.message()))?;
        let are_whole = from.is_integer() && to.is_integer();
        let is_whole = match SETTINGS.iter().find(|setting| setting.key == key).map(|setting| setting.kind) {
            None => are_whole,
            Some(SettingKind::Number(..)) => false,
            Some(SettingKind::Count(..) | SettingKind::Seed) if are_whole => true,
            Some(SettingKind::Count(..) | SettingKind::Seed) => {
                return Err(format!("`{key}` is a whole number, and so are the ends of its range"));
            }
            Some(_) => return Err(format!("`{key}` is no number; list its values")),
        };
        let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
        let [from, to] = match [&from, &to].map(number) {
            [Some(from), Some(to)] if from.is_finite() && to.is_finite() => [from, to],
            _ => return Err(format!("`{key}`: a range lies between two numbers; {example}")),
        };
        if from >= to {
            return Err(format!("`{key}`: from = {from} is not below to = {to}"));
        }
        if scale == Scale::Log && from <= 0.0 {
            return Err(format!("`{key}`: from = {from} has no place on a log scale; begin above 0"));
        }
        if let Some(steps) = steps.filter(|&steps| steps > MOST_STEPS) {
            return Err(format!("`{key}`: {steps} steps are more than the {MOST_STEPS} that a range may have"));
        }
        if steps.is_some_and(|steps| steps < 2) {
            return Err(format!("`{key}`: a range has at least 2 steps, its ends"));
        }
        Ok(Range { from, to, scale, steps, is_whole })
    }

    /// The number at a part of the way, from 0 to 1.
    fn at(&self, part: f64) -> Value {
        let value = match self.scale {
            Scale::Linear => self.from + part * (self.to - self.from),
            // With the same bits on every platform.
            Scale::Log => libm::exp(libm::log(self.from) + part * (libm::log(self.to) - libm::log(self.from))),
        };
        let value = match part {
            0.0 => self.from,
            1.0 => self.to,
            _ => format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value).clamp(self.from, self.to),
        };
        if self.is_whole { Value::Integer(value.round() as i64) } else { Value::Float(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, text: &str) -> Result<Values, String> {
        let table: toml::Table = format!("x = {text}").parse().unwrap();
        Values::read(key, &table["x"])
    }

    fn numbers(values: &[Value]) -> Vec<f64> {
        values.iter().map(|value| value.as_float().unwrap()).collect()
    }

    #[test]
    fn a_grid_takes_ends_and_what_lies_between() {
        let linear = read("adam.beta1", "{ from = 0.0, to = 0.5, steps = 3 }").unwrap();
        assert_eq!(numbers(&linear.of_grid("adam.beta1").unwrap()), [0.0, 0.25, 0.5]);
        let log = read("adam.lr", "{ from = 1e-5, to = 1e-3, scale = \"log\", steps = 5 }").unwrap();
        assert_eq!(numbers(&log.of_grid("adam.lr").unwrap()), [1e-5, 3.16228e-5, 1e-4, 3.16228e-4, 1e-3]);
        let whole = read("objective.d_steps", "{ from = 1, to = 3, steps = 5 }").unwrap();
        let expected = [1, 2, 3].map(Value::Integer);
        assert_eq!(whole.of_grid("objective.d_steps").unwrap(), expected, "each once");
        assert!(read("adam.lr", "{ from = 0.1, to = 1 }").unwrap().of_grid("adam.lr").is_err());
    }

    #[test]
    fn drawn_values_fill_lists_and_ranges_evenly() {
        let mut seen = [0; 3];
        let list = read("x", "[\"a\", \"b\", \"c\"]").unwrap();
        let whole = read("objective.d_steps", "{ from = 1, to = 3 }").unwrap();
        for i in 0..300 {
            let uniform = (f64::from(i) + 0.5) / 300.0;
            let at = ["a", "b", "c"].iter().position(|name| list.drawn(uniform).as_str() == Some(name)).unwrap();
            assert_eq!(whole.drawn(uniform), Value::Integer(at as i64 + 1));
            seen[at] += 1;
        }
        assert_eq!(seen, [100; 3]);
        let log = read("adam.lr", "{ from = 1e-4, to = 1e-2, scale = \"log\" }").unwrap();
        assert_eq!(log.drawn(0.5), Value::Float(1e-3));
    }

    #[test]
    fn what_is_no_list_and_no_range_is_told() {
        for (key, text, expected) in [
            ("adam.lr", "[]", "`adam.lr` has no values; list at least one, or leave it out"),
            ("adam.lr", "[0.1, 0.2, 0.1]", "`adam.lr` has 0.1 twice; each value is tried once"),
            ("adam.lr", "{ from = 0.2, to = 0.1 }", "`adam.lr`: from = 0.2 is not below to = 0.1"),
            ("adam.lr", "{ from = 0.0, to = 0.1, scale = \"log\" }", "`adam.lr`: from = 0 has no place on a log scale"),
            ("adam.lr", "{ from = 0.1 }", "`adam.lr`: missing field `to`; write { from"),
            ("adam.lr", "{ from = 0.1, to = 0.2, scale = \"cubic\" }", "unknown variant `cubic`"),
            ("adam.lr", "{ from = 0.1, to = 0.2, step = 3 }", "unknown field `step`"),
            ("adam.lr", "{ from = nan, to = 0.2 }", "`adam.lr`: a range lies between two numbers"),
            ("adam.lr", "{ from = 0.1, to = 0.2, steps = 1 }", "`adam.lr`: a range has at least 2 steps, its ends"),
            ("adam.lr", "{ from = 0.1, to = 0.2, steps = 1001 }", "`adam.lr`: 1001 steps are more than the 1000"),
            ("objective.d_steps", "{ from = 0.5, to = 2 }", "`objective.d_steps` is a whole number, and so are"),
            ("training.order", "{ from = 1, to = 2 }", "`training.order` is no number; list its values"),
        ] {
            let refusal = read(key, text).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
    }
}
