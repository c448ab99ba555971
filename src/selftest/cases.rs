//! The cases: small programs of awkward shapes that together run every kernel in every family.

use super::layer::{LayerProgram, parse_layers, random};
use crate::error::Result;
use crate::kernels;
use crate::kernels::case::{LayerTrial, Trial, Ways};
use crate::kernels::linear::variants;
use crate::plan::{Dispatch, LinearFamily, Profile, Program};

/// A program to run in lockstep.
#[derive(Debug)]
pub struct Case {
    /// What it is, such as `conv 3x5 stride 2x1 of 37 (tile)`.
    pub name: String,
    /// All its plans run, in order.
    pub program: Program,
}

impl Case {
    /// All dispatches, in order.
    pub fn dispatches(&self) -> impl Iterator<Item = &Dispatch> {
        self.program.plans.iter().flat_map(|plan| &plan.dispatches)
    }
}

/// All cases for a device; the linear ones in each of its families.
///
/// # Errors
/// When a case does not fit together: a mistake in a file of `kernels/`.
pub fn all(profile: &Profile) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for trial in kernels::cases() {
        match trial {
            Trial::Program(name, program) => cases.push(Case { name, program }),
            Trial::Layers(layers) => match layers.ways {
                Ways::Default => cases.push(Case { program: program(profile, &layers)?, name: layers.name }),
                Ways::Families => cases.extend(in_families(profile, &layers)?),
                Ways::Variants => cases.extend(in_variants(profile, &layers)?),
            },
        }
    }
    Ok(cases)
}

fn program(profile: &Profile, layers: &LayerTrial) -> Result<Program> {
    let mut placed = LayerProgram::new(profile, layers.input, layers.batch, &parse_layers(layers.layers)?)?;
    random(&mut placed.program, placed.x, 0, layers.values);
    Ok(placed.program)
}

/// The linear families that a device can run.
fn families(profile: &Profile) -> impl Iterator<Item = (Profile, String)> {
    let families: &[LinearFamily] = match profile.family {
        LinearFamily::Tile => &[LinearFamily::Tile],
        LinearFamily::Lane => &[LinearFamily::Tile, LinearFamily::Lane],
    };
    families.iter().map(|&family| (Profile { family, ..*profile }, format!("{family:?}").to_lowercase()))
}

/// Each family's default.
fn in_families(profile: &Profile, layers: &LayerTrial) -> Result<Vec<Case>> {
    let case = |(profile, family): (Profile, String)| {
        // Enough splits for sums in two passes, also where a device would not need them.
        let profile = Profile { workgroups_to_fill: profile.workgroups_to_fill.max(16), ..profile };
        Ok(Case { name: format!("{} ({family})", layers.name), program: program(&profile, layers)? })
    };
    families(profile).map(case).collect()
}

/// Every way to run a linear dispatch besides the default.
fn in_variants(profile: &Profile, layers: &LayerTrial) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (profile, family) in families(profile) {
        for number in 1.. {
            let mut program = program(&profile, layers)?;
            let mut changed = false;
            for dispatch in program.plans.iter_mut().flat_map(|plan| &mut plan.dispatches) {
                if let Some(variant) = variants::of(dispatch, &profile).get(number) {
                    *dispatch = variant.apply(dispatch);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
            cases.push(Case { name: format!("{}, variant {number} ({family})", layers.name), program });
        }
    }
    Ok(cases)
}
