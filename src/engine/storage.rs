//! What learns or is kept, on a device: how it begins, and how it gets into a checkpoint and back.

use crate::device::Session;
use crate::error::Result;
use crate::model::tensors::Tensors;
use crate::plan::{Program, Stored, View};

/// The tensors of a program that hold stored ones; each is read and written as a whole.
#[derive(Debug)]
pub(super) struct Storage(Vec<Whole>);

/// A whole tensor and what is stored in it.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) view: View,
    pub(super) parts: Vec<Stored>,
}

impl Storage {
    pub(super) fn of(program: &Program) -> Self {
        let wholes = program.by_tensor(program.stored.iter().cloned(), |stored| stored.view);
        Storage(wholes.into_iter().map(|(view, parts)| Whole { view, parts }).collect())
    }

    pub(super) fn wholes(&self) -> &[Whole] {
        &self.0
    }

    /// What every tensor begins with.
    pub(super) fn initial(&self, seed: u64) -> impl Iterator<Item = (View, Vec<f32>)> {
        let begin = move |stored: &Stored, values: &mut [f32]| {
            stored.begins.fill(seed, values);
            Ok(())
        };
        self.0.iter().map(move |whole| (whole.view, whole.join(begin).unwrap_or_default()))
    }

    /// Everything that is stored.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn read(&self, session: &mut dyn Session) -> Result<Tensors> {
        let mut tensors = Tensors::default();
        self.0.iter().try_for_each(|whole| whole.read(session, &mut tensors))?;
        Ok(tensors)
    }

    /// Puts back what [`Storage::read`] gave.
    ///
    /// # Errors
    /// A checkpoint error when a tensor is missing or has another shape; nothing is written then.
    pub(super) fn write(&self, session: &mut dyn Session, tensors: &Tensors) -> Result<()> {
        let copy = |stored: &Stored, values: &mut [f32]| {
            values.copy_from_slice(tensors.get(stored)?);
            Ok(())
        };
        let all = self.0.iter().map(|whole| Ok((whole.view, whole.join(copy)?))).collect::<Result<Vec<_>>>()?;
        all.iter().for_each(|(view, values)| session.write_floats(*view, values));
        Ok(())
    }
}

impl Whole {
    /// Adds what is stored in it.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn read(&self, session: &mut dyn Session, tensors: &mut Tensors) -> Result<()> {
        let values = session.read_floats(self.view)?;
        let part = |view: View| &values[view.offset as usize..][..view.len as usize];
        self.parts.iter().for_each(|stored| tensors.insert(stored, part(stored.view)));
        Ok(())
    }

    /// The whole tensor, its parts filled one by one; zero between them.
    fn join(&self, fill: impl Fn(&Stored, &mut [f32]) -> Result<()>) -> Result<Vec<f32>> {
        let mut values = vec![0.0; self.view.len as usize];
        for stored in &self.parts {
            fill(stored, &mut values[stored.view.offset as usize..][..stored.view.len as usize])?;
        }
        Ok(values)
    }
}
