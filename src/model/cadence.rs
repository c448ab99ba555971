//! Every so many steps or epochs: when a run leaves something.

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

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a cadence such as 200, \"200steps\" or \"2epochs\"")]
enum CadenceText {
    Bare(u32),
    Text(String),
}

impl std::str::FromStr for Cadence {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" => None,
            "step" | "steps" => Some(Unit::Steps),
            "epoch" | "epochs" => Some(Unit::Epochs),
            other => return Err(format!("`{other}` is no unit; write 200steps, 2epochs or a number")),
        };
        match digits.trim().parse() {
            Ok(count) if count > 0 => Ok(Cadence { count, unit }),
            _ => Err(format!("`{text}` is not a cadence; write 200steps, 2epochs or a number above 0")),
        }
    }
}

impl TryFrom<CadenceText> for Cadence {
    type Error = String;

    fn try_from(text: CadenceText) -> std::result::Result<Self, String> {
        match text {
            CadenceText::Bare(count) => count.to_string().parse(),
            CadenceText::Text(text) => text.parse(),
        }
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

impl Cadence {
    /// In steps, given the steps of an epoch.
    pub fn steps(self, default: Unit, steps_per_epoch: u32) -> u32 {
        match self.unit.unwrap_or(default) {
            Unit::Steps => self.count,
            Unit::Epochs => self.count.saturating_mul(steps_per_epoch),
        }
    }
}
