//! When a run leaves something: every so many steps or epochs, checkpoints also every so much time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A unit of a run's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Unit {
    Steps,
    Epochs,
}

/// "every so many steps or epochs"; without a unit it counts in that of the run's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CadenceText", into = "CadenceText")]
pub struct Cadence {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Option<Unit>,
}

/// When a checkpoint is saved. Only checkpoints may follow the clock: they record nothing, so a run
/// leaves the same lines and grids however fast it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CadenceText", into = "CadenceText")]
pub enum CheckpointCadence {
    /// After so many steps or epochs.
    Counted(Cadence),
    /// After so much time since the checkpoint before, or since the process began to train.
    Timed(Time),
}

/// A length of time, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    count: u32,
    unit: TimeUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeUnit {
    Seconds,
    Minutes,
    Hours,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a cadence such as 200, \"200steps\" or \"2epochs\", for checkpoints also \"10minutes\""
)]
enum CadenceText {
    Bare(u32),
    Text(String),
}

/// A number, and the word behind it.
fn parts(text: &str) -> (Option<u32>, &str) {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    (digits.trim().parse().ok().filter(|count| *count > 0), &text[digits.len()..])
}

impl TimeUnit {
    fn named(word: &str) -> Option<Self> {
        match word {
            "s" | "sec" | "second" | "seconds" => Some(TimeUnit::Seconds),
            "min" | "minute" | "minutes" => Some(TimeUnit::Minutes),
            "h" | "hour" | "hours" => Some(TimeUnit::Hours),
            _ => None,
        }
    }

    fn name(self, count: u32) -> &'static str {
        let [one, several] = match self {
            TimeUnit::Seconds => ["second", "seconds"],
            TimeUnit::Minutes => ["minute", "minutes"],
            TimeUnit::Hours => ["hour", "hours"],
        };
        if count == 1 { one } else { several }
    }

    fn seconds(self) -> u64 {
        match self {
            TimeUnit::Seconds => 1,
            TimeUnit::Minutes => 60,
            TimeUnit::Hours => 60 * 60,
        }
    }
}

impl FromStr for Cadence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, word) = parts(text);
        let unit = match word {
            "" => None,
            "step" | "steps" => Some(Unit::Steps),
            "epoch" | "epochs" => Some(Unit::Epochs),
            other => return Err(format!("`{other}` is no unit; write 200steps, 2epochs or a number")),
        };
        let count =
            count.ok_or_else(|| format!("`{text}` is not a cadence; write 200steps, 2epochs or a number above 0"))?;
        Ok(Cadence { count, unit })
    }
}

impl FromStr for CheckpointCadence {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (_, word) = parts(text);
        if TimeUnit::named(word).is_some() {
            return text.parse().map(CheckpointCadence::Timed);
        }
        text.parse().map(CheckpointCadence::Counted).map_err(|e: String| match word {
            "" | "step" | "steps" | "epoch" | "epochs" => e,
            _ => format!("{e}, or a time such as 10minutes"),
        })
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, word) = parts(text);
        let time = count.zip(TimeUnit::named(word)).map(|(count, unit)| Time { count, unit });
        time.ok_or_else(|| format!("`{text}` is no time; write 90seconds, 10minutes or 2hours"))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.name(self.count))
    }
}

impl CheckpointCadence {
    /// The cadence in steps or epochs, if it is one.
    pub fn counted(&mut self) -> Option<&mut Cadence> {
        match self {
            CheckpointCadence::Counted(cadence) => Some(cadence),
            CheckpointCadence::Timed(_) => None,
        }
    }
}

impl CadenceText {
    fn read<T: FromStr<Err = String>>(self) -> Result<T, String> {
        match self {
            CadenceText::Bare(count) => count.to_string().parse(),
            CadenceText::Text(text) => text.parse(),
        }
    }
}

impl TryFrom<CadenceText> for Cadence {
    type Error = String;

    fn try_from(text: CadenceText) -> Result<Self, String> {
        text.read()
    }
}

impl TryFrom<CadenceText> for CheckpointCadence {
    type Error = String;

    fn try_from(text: CadenceText) -> Result<Self, String> {
        text.read()
    }
}

impl From<Cadence> for CadenceText {
    fn from(cadence: Cadence) -> Self {
        match cadence.unit {
            None => CadenceText::Bare(cadence.count),
            Some(Unit::Steps) => CadenceText::Text(format!("{}steps", cadence.count)),
            Some(Unit::Epochs) => CadenceText::Text(format!("{}epochs", cadence.count)),
        }
    }
}

impl From<CheckpointCadence> for CadenceText {
    fn from(cadence: CheckpointCadence) -> Self {
        match cadence {
            CheckpointCadence::Counted(cadence) => cadence.into(),
            CheckpointCadence::Timed(time) => CadenceText::Text(time.to_string()),
        }
    }
}

impl Cadence {
    /// In steps, given the steps of an epoch.
    pub fn steps(self, default: Unit, steps_per_epoch: u32) -> u32 {
        match self.unit.unwrap_or(default) {
            Unit::Steps => self.count,
            Unit::Epochs => self.count.saturating_mul(steps_per_epoch),
        }
    }
}

impl Time {
    /// How long that is.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.count) * self.unit.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text comes to, and how it is written again.
    fn read(text: &str) -> (CheckpointCadence, String) {
        let cadence: CheckpointCadence = text.parse().unwrap_or_else(|e| panic!("{e}"));
        let written = match cadence.into() {
            CadenceText::Bare(count) => count.to_string(),
            CadenceText::Text(text) => text,
        };
        (cadence, written)
    }

    #[test]
    fn times_are_written_in_words() {
        for (text, seconds, written) in [
            ("30s", 30, "30seconds"),
            ("90seconds", 90, "90seconds"),
            ("1second", 1, "1second"),
            ("1min", 60, "1minute"),
            ("1hours", 3600, "1hour"),
            ("10min", 600, "10minutes"),
            ("10 minutes", 600, "10minutes"),
            ("2h", 7200, "2hours"),
            ("4294967295hours", 4_294_967_295 * 3600, "4294967295hours"),
        ] {
            let (cadence, again) = read(text);
            let CheckpointCadence::Timed(time) = cadence else { panic!("{text}: {cadence:?}") };
            assert_eq!((time.duration().as_secs(), again.as_str()), (seconds, written), "{text}");
            assert_eq!(read(&again), (cadence, again.clone()));
        }
        for text in ["200", "200steps", "2epochs"] {
            let (cadence, again) = read(text);
            assert_eq!(again, text);
            assert_eq!(cadence, CheckpointCadence::Counted(text.parse().unwrap()));
        }
    }

    #[test]
    fn what_is_no_cadence_is_told() {
        let refusal = |text: &str| text.parse::<CheckpointCadence>().unwrap_err();
        assert_eq!(refusal("0minutes"), "`0minutes` is no time; write 90seconds, 10minutes or 2hours");
        assert_eq!(refusal("1.5hours"), "`1.5hours` is no time; write 90seconds, 10minutes or 2hours");
        assert_eq!(
            refusal("5fortnights"),
            "`fortnights` is no unit; write 200steps, 2epochs or a number, or a time such as 10minutes"
        );
        assert_eq!(refusal("0"), "`0` is not a cadence; write 200steps, 2epochs or a number above 0");
        assert_eq!(
            "5minutes".parse::<Cadence>().unwrap_err(),
            "`minutes` is no unit; write 200steps, 2epochs or a number"
        );
    }
}
