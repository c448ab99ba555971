//! The look for NaN and infinity in everything that training changes: a plan of its own, between steps.

use super::gan::Gan;
use crate::device::Session;
use crate::error::{DeviceFailure, Error, Result};
use crate::kernels::reduce::{self, NOT_FINITE, SHARES};
use crate::model::checkpoint::Tensors;
use crate::model::network::{Layout, State};
use crate::plan::Profile;
use crate::plan::{Program, Recorder, Role, View};

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The first tensor that holds NaN or infinity, named as in a checkpoint: `generator/parameter/3.weight`.
    pub not_finite: Option<String>,
    /// The largest magnitude in G's first moments: its gradient, smoothed over steps.
    pub generator_moment: f32,
    /// The same of D.
    pub discriminator_moment: f32,
}

/// What a checkpoint calls the flat tensors of a network, in the order of [`flats`].
const NAMES: [&str; 4] = ["parameter", "adam_m", "adam_v", "state"];
/// The place of the first moments among them.
const MOMENTS: usize = 1;

/// What no magnitude has: the sign of a float is not part of it.
const NOT_WRITTEN: u32 = u32::MAX;

/// The flat tensors of a network.
fn flats(state: &State) -> [View; 4] {
    let optimizer = state.optimizer.expect("checked networks train");
    [state.parameters, optimizer.m, optimizer.v, state.running]
}

/// The recorded check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// `[2, 4, SHARES]`: for each flat tensor the largest magnitude of each share.
    largest: View,
    /// Index of its plan in the program.
    plan: usize,
}

impl Check {
    /// Adds the plan to a program.
    ///
    /// # Errors
    /// A usage error when a size is beyond a portable limit.
    pub fn place(program: &mut Program, profile: &Profile, gan: &Gan) -> Result<Self> {
        let states = [&gan.g_state, &gan.d_state];
        let count = (states.len() * NAMES.len()) as u32;
        let largest = program.floats("largest magnitudes", Role::Scratch, u64::from(count * SHARES));
        let mut recorder = Recorder::new(profile);
        for (number, x) in (0..).zip(states.into_iter().flat_map(flats)) {
            recorder.scope(format!("check of {}", program.spec(x.tensor).label));
            reduce::record_largest(&mut recorder, x, largest.slice(number * SHARES, SHARES));
        }
        program.plans.push(recorder.finish()?);
        Ok(Check { largest, plan: program.plans.len() - 1 })
    }

    /// Runs it on a loaded program, after everything that was run.
    ///
    /// # Errors
    /// When the device fails, or did not do this work.
    pub fn run(&self, session: &mut dyn Session, layouts: &[Layout; 2], states: &[State; 2]) -> Result<Checked> {
        session.write(self.largest, &vec![NOT_WRITTEN; self.largest.len as usize]);
        session.run(&[self.plan])?;
        let words = session.read(self.largest)?;
        if words.contains(&NOT_WRITTEN) {
            let message = "the device returned no magnitudes where a check was submitted: it did not do the work";
            return Err(Error::device_failed(DeviceFailure::Lost, message));
        }
        let largest: Vec<u32> =
            words.chunks_exact(SHARES as usize).map(|shares| shares.iter().copied().fold(0, u32::max)).collect();
        let moment = |network: usize| f32::from_bits(largest[network * NAMES.len() + MOMENTS]);
        let not_finite = match largest.iter().position(|&bits| bits >= NOT_FINITE) {
            Some(found) => {
                let (network, flat) = (found / NAMES.len(), found % NAMES.len());
                Some(name(session, &layouts[network], &states[network], flat)?)
            }
            None => None,
        };
        Ok(Checked { not_finite, generator_moment: moment(0), discriminator_moment: moment(1) })
    }
}

/// The first tensor of a flat one that holds NaN or infinity.
fn name(session: &mut dyn Session, layout: &Layout, state: &State, flat: usize) -> Result<String> {
    let what = NAMES[flat];
    let table = if what == "state" { &layout.running } else { &layout.parameters };
    let values = session.read_floats(flats(state)[flat])?;
    let mut tensors = Tensors::default();
    tensors.insert_flat(layout.name, what, table, &values);
    Ok(match tensors.not_finite().first() {
        Some(name) => (*name).to_string(),
        None => format!("{}/{what}", layout.name),
    })
}
