//! wgpu's own variables, for users who know them from other programs: which adapter `auto` takes.
//!
//! wgpu's helpers for them ignore a value that they do not know, and panic where no adapter has the
//! name.

use crate::error::{Error, Kind, Result};

use super::gpu::{Adapter, Backend};

/// Which APIs, separated by commas.
const BACKEND: &str = "WGPU_BACKEND";
/// A part of the adapter's name.
const ADAPTER_NAME: &str = "WGPU_ADAPTER_NAME";
/// `low` or `high`: integrated or discrete GPUs first.
const POWER: &str = "WGPU_POWER_PREF";

/// The words for APIs, as wgpu takes them; those without a backend are not built in.
const WORDS: [(&str, Option<Backend>); 11] = [
    ("vulkan", Some(Backend::Vulkan)),
    ("vk", Some(Backend::Vulkan)),
    ("metal", Some(Backend::Metal)),
    ("mtl", Some(Backend::Metal)),
    ("dx12", Some(Backend::Dx12)),
    ("d3d12", Some(Backend::Dx12)),
    ("gl", None),
    ("gles", None),
    ("opengl", None),
    ("webgpu", None),
    ("noop", None),
];

/// What the variables ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Preference {
    backends: Option<Vec<Backend>>,
    /// In small letters.
    name: Option<String>,
    /// Whether integrated GPUs come before discrete ones.
    saves_power: bool,
    /// The variables that narrow the choice, as they are set.
    given: Vec<String>,
}

/// What of an adapter matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) name: &'a str,
    pub(super) backend: Option<Backend>,
    pub(super) is_hardware: bool,
    pub(super) is_integrated: bool,
}

impl<'a> From<&'a Adapter> for Candidate<'a> {
    fn from(adapter: &'a Adapter) -> Self {
        Candidate {
            name: adapter.name(),
            backend: adapter.backend(),
            is_hardware: adapter.is_hardware(),
            is_integrated: adapter.is_integrated(),
        }
    }
}

/// The variables of wgpu that leave `auto` fewer adapters, as they are set: `NAME=value`.
pub fn narrowing_variables() -> Vec<String> {
    Preference::of_environment().map(|preference| preference.given).unwrap_or_default()
}

impl Preference {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a value that means nothing, naming the variable.
    pub(super) fn of_environment() -> Result<Preference> {
        Preference::read(|variable| std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned()))
    }

    /// As [`Preference::of_environment`], of what `variable` gives for a name. A variable without a
    /// value counts as not set, as everywhere in wgpu.
    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Preference> {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let mut preference = Preference::default();
        if let Some(value) = set(BACKEND) {
            preference.backends = Some(backends(&value)?);
            preference.given.push(format!("{BACKEND}={value}"));
        }
        if let Some(value) = set(ADAPTER_NAME) {
            preference.name = Some(value.to_lowercase());
            preference.given.push(format!("{ADAPTER_NAME}={value}"));
        }
        preference.saves_power = match set(POWER).map(|value| (value.to_lowercase(), value)) {
            None => false,
            Some((word, value)) => match word.as_str() {
                "low" => true,
                "high" | "none" => false,
                _ => return Err(Error::usage(format!("{POWER}={value}: it is neither low nor high nor none"))),
            },
        };
        Ok(preference)
    }

    /// The index of the adapter that is taken among `adapters`, which are sorted by default; none
    /// where it is the processor's turn. An adapter with the wanted name is taken whatever it is,
    /// others only if they are hardware.
    ///
    /// # Errors
    /// [`Kind::NoDevice`] when the variables leave no adapter, naming them.
    pub(super) fn choose(&self, adapters: &[Candidate<'_>]) -> Result<Option<usize>> {
        let is_meant = |adapter: &Candidate<'_>| {
            let backend = |backends: &Vec<Backend>| adapter.backend.is_some_and(|backend| backends.contains(&backend));
            let name = |name: &String| adapter.name.to_lowercase().contains(name);
            self.backends.as_ref().is_none_or(backend) && self.name.as_ref().is_none_or(name)
        };
        let mut meant: Vec<_> = adapters.iter().enumerate().filter(|(_, adapter)| is_meant(adapter)).collect();
        if meant.is_empty() && !self.given.is_empty() {
            return Err(Error::new(Kind::NoDevice, format!("no device matches {}", self.given.join(" "))));
        }
        if self.saves_power {
            // Stable: the rest stay in their order.
            meant.sort_by_key(|(_, adapter)| !adapter.is_integrated);
        }
        let taken = meant.iter().find(|(_, adapter)| adapter.is_hardware || self.name.is_some());
        Ok(taken.map(|(index, _)| *index))
    }
}

/// The backends of a list such as `vulkan,dx12`.
fn backends(list: &str) -> Result<Vec<Backend>> {
    let one = |word: &str| {
        let wanted = word.trim().to_lowercase();
        let known = WORDS.iter().find(|(word, _)| *word == wanted).map(|(_, backend)| *backend);
        known.ok_or_else(|| {
            Error::usage(format!(
                "{BACKEND}={list}: there is no API `{}`; there are vulkan, metal and dx12",
                word.trim()
            ))
        })
    };
    let known = list.split(',').filter(|word| !word.trim().is_empty()).map(one).collect::<Result<Vec<_>>>()?;
    Ok(known.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn candidate(name: &str, backend: Backend, kind: [bool; 2]) -> Candidate<'_> {
        let [is_hardware, is_integrated] = kind;
        Candidate { name, backend: Some(backend), is_hardware, is_integrated }
    }

    const ADAPTERS: [Candidate<'static>; 4] = [
        candidate("Big GPU", Backend::Vulkan, [true, false]),
        candidate("Big GPU", Backend::Dx12, [true, false]),
        candidate("Small GPU", Backend::Vulkan, [true, true]),
        candidate("llvmpipe", Backend::Vulkan, [false, false]),
    ];

    fn read(variables: &[(&str, &str)]) -> Result<Preference> {
        Preference::read(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string()))
    }

    fn choose(variables: &[(&str, &str)], adapters: &[Candidate<'_>]) -> std::result::Result<Option<usize>, String> {
        read(variables).and_then(|preference| preference.choose(adapters)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_variables_choose_among_adapters() {
        for (variables, expected) in [
            (&[][..], Some(0)),
            (&[(BACKEND, ""), (ADAPTER_NAME, " "), (POWER, "")], Some(0)),
            (&[(BACKEND, "dx12")], Some(1)),
            (&[(BACKEND, " Metal, D3D12,gl")], Some(1)),
            (&[(ADAPTER_NAME, "SMALL")], Some(2)),
            (&[(ADAPTER_NAME, "llvm")], Some(3)),
            (&[(ADAPTER_NAME, "gpu"), (BACKEND, "dx12")], Some(1)),
            (&[(POWER, "low")], Some(2)),
            (&[(POWER, "Low"), (BACKEND, "dx12")], Some(1)),
            (&[(POWER, "high")], Some(0)),
            (&[(POWER, "none")], Some(0)),
        ] {
            assert_eq!(choose(variables, &ADAPTERS), Ok(expected), "{variables:?}");
        }
        // Software is taken only by its name, and without hardware it is the processor's turn.
        assert_eq!(choose(&[(BACKEND, "vulkan")], &ADAPTERS[3..]), Ok(None));
        assert_eq!(choose(&[(POWER, "low")], &[]), Ok(None));
    }

    #[test]
    fn what_matches_nothing_names_its_variables() {
        for (variables, message) in [
            (&[(BACKEND, "metal")][..], "no device matches WGPU_BACKEND=metal"),
            (&[(BACKEND, "gl")], "no device matches WGPU_BACKEND=gl"),
            (&[(ADAPTER_NAME, "Geforce")], "no device matches WGPU_ADAPTER_NAME=Geforce"),
            (
                &[(ADAPTER_NAME, "small"), (BACKEND, "dx12")],
                "no device matches WGPU_BACKEND=dx12 WGPU_ADAPTER_NAME=small",
            ),
            (
                &[(BACKEND, "vulkan,vulcan")],
                "WGPU_BACKEND=vulkan,vulcan: there is no API `vulcan`; there are vulkan, metal and dx12",
            ),
            (&[(POWER, "most")], "WGPU_POWER_PREF=most: it is neither low nor high nor none"),
        ] {
            assert_eq!(choose(variables, &ADAPTERS), Err(message.to_string()));
        }
    }
}
