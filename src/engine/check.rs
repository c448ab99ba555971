//! The look for NaN and infinity in everything that training changes: a plan of its own, between
//! steps.

use super::storage::Storage;
use crate::device::Session;
use crate::error::{DeviceFailure, Error, Result};
use crate::kernels::reduce::{self, NOT_FINITE, SHARES};
use crate::model::network::is_first_moment;
use crate::model::tensors::Tensors;
use crate::plan::{Profile, Program, Recorder, Role, View};

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The first tensor that holds NaN or infinity, named as in a checkpoint:
    /// `generator/parameter/3.weight`.
    pub not_finite: Option<String>,
    /// The largest magnitude in G's first moments: its gradient, smoothed over steps. NaN of an
    /// optimizer that has none.
    pub generator_moment: f32,
    /// The same of D.
    pub discriminator_moment: f32,
}

/// What no magnitude has: the sign of a float is not part of it.
const NOT_WRITTEN: u32 = u32::MAX;

/// The recorded check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// `[tensors, SHARES]`: for each tensor that holds stored ones the largest magnitude of each
    /// share.
    largest: View,
    /// Index of its plan in the program.
    plan: usize,
}

impl Check {
    /// Adds the plan to a program.
    ///
    /// # Errors
    /// A usage error when a size is beyond a portable limit.
    pub fn place(program: &mut Program, profile: &Profile) -> Result<Self> {
        let storage = Storage::of(program);
        let count = storage.wholes().len() as u32;
        let largest = program.floats("largest magnitudes", Role::Scratch, u64::from(count * SHARES));
        let mut recorder = Recorder::new(profile);
        for (number, whole) in (0..).zip(storage.wholes()) {
            recorder.scope(format!("check of {}", program.spec(whole.view.tensor).label));
            reduce::record_largest(&mut recorder, whole.view, largest.slice(number * SHARES, SHARES));
        }
        let plan = program.push([recorder.cut("check")?])[0];
        Ok(Check { largest, plan })
    }

    /// Runs it on a loaded program, after everything that was run; `storage` is that program's.
    ///
    /// # Errors
    /// When the device fails, or did not do this work.
    pub(super) fn run(&self, session: &mut dyn Session, storage: &Storage) -> Result<Checked> {
        session.write(self.largest, &vec![NOT_WRITTEN; self.largest.len as usize]);
        session.run(&[self.plan])?;
        let words = session.read(self.largest)?;
        if words.contains(&NOT_WRITTEN) {
            let message = "the device returned no magnitudes where a check was submitted: it did not do the work";
            return Err(Error::device_failed(DeviceFailure::Lost, message));
        }
        let largest = words.chunks_exact(SHARES as usize).map(|shares| shares.iter().copied().fold(0, u32::max));
        let largest: Vec<_> = storage.wholes().iter().zip(largest).collect();
        let moment = |owner: &str| {
            let moments = largest.iter().find(|(whole, _)| is_first_moment(&whole.parts[0], owner));
            moments.map_or(f32::NAN, |(_, bits)| f32::from_bits(*bits))
        };
        let (generator_moment, discriminator_moment) = (moment("generator"), moment("discriminator"));
        let not_finite = match largest.iter().find(|(_, bits)| *bits >= NOT_FINITE) {
            Some((whole, _)) => {
                let mut tensors = Tensors::default();
                whole.read(session, &mut tensors)?;
                let label = &session.program().spec(whole.view.tensor).label;
                Some(tensors.not_finite().unwrap_or(label).to_string())
            }
            None => None,
        };
        Ok(Checked { not_finite, generator_moment, discriminator_moment })
    }
}
