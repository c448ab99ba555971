//! Which of its variants each linear dispatch of a plan runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::variants;
use crate::plan::{Dispatch, Plan, Profile};

/// The chosen variant for each shape that was measured; all others run their default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Choices(pub(crate) BTreeMap<String, String>);

impl Choices {
    /// Gives the linear dispatches of a plan their chosen variant.
    pub fn apply(&self, plan: &mut Plan, profile: &Profile) {
        for dispatch in &mut plan.dispatches {
            let Some(chosen) = self.0.get(&key(dispatch)) else { continue };
            if let Some(variant) = variants::of(dispatch, profile).iter().find(|variant| variant.name() == *chosen) {
                *dispatch = variant.apply(dispatch);
            }
        }
    }

    /// The shapes and their variants.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(shape, variant)| (shape.as_str(), variant.as_str()))
    }

    /// Whether everything runs its default.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for Choices {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Choices(pairs.into_iter().collect())
    }
}

/// What dispatches have in common that one measurement serves.
pub fn key(dispatch: &Dispatch) -> String {
    let size = |name| variants::size(dispatch, name);
    let [batch, c_in, c_out] = ["BATCH", "C_IN", "C_OUT"].map(size);
    let (what, lists) = if dispatch.constants.contains_key("SHARES") {
        ("grad_weight", format!("{} shares", size("SHARES")))
    } else {
        ("forward", format!("{} pixels", size("Q")))
    };
    let pairs = dispatch.bindings.get("pairs").map_or(0, |pairs| pairs.len / 2);
    format!("{what} {batch}x{c_in} to {c_out}, {lists}, {pairs} pairs, longest {}", dispatch.terms)
}
