//! A program loaded on the host.

use std::time::{Duration, Instant};

use super::cpu::{Cpu, Memory};
use super::faults::{self, At, What};
use super::plan::{Program, View};
use super::{PATIENCE_SECONDS, Profile, health, limits};
use crate::error::{DeviceFailure, Error, Result};

const NAME: &str = "cpu";

/// A program in host memory.
#[derive(Debug)]
pub struct Session {
    cpu: Cpu<f32>,
    program: Program,
    /// A failure that a test injected: as on an adapter, nothing works afterwards.
    failed: Option<Error>,
}

impl Session {
    /// Allocates a program's tensors.
    ///
    /// # Errors
    /// [`crate::error::Kind::Device`] when memory does not suffice.
    pub fn load(program: Program) -> Result<Session> {
        limits::check(&program, NAME, Profile::CPU.max_binding_bytes, true)?;
        let cpu = match faults::strike(At::Allocate) {
            Some(What::OutOfMemory) => Err(program.tensors.len() - 1),
            Some(what) => return Session::failing(program, what),
            None => Cpu::try_new(&program),
        };
        let cpu = cpu.map_err(|tensor| health::does_not_fit(NAME, &program, tensor))?;
        Ok(Session { cpu, program, failed: None })
    }

    fn failing(program: Program, what: What) -> Result<Session> {
        let cpu = Cpu::try_new(&program).map_err(|tensor| health::does_not_fit(NAME, &program, tensor))?;
        let mut session = Session { cpu, program, failed: None };
        session.fail(what)?;
        Ok(session)
    }

    /// The loaded program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Replaces the floats of a view.
    pub fn write_floats(&mut self, view: View, values: &[f32]) {
        self.cpu.floats_mut(view).copy_from_slice(values);
    }

    /// Replaces the integers of a view.
    pub fn write_words(&mut self, view: View, values: &[u32]) {
        match self.cpu.memory_mut(view.tensor) {
            Memory::Words(words) => words[view.offset as usize..][..values.len()].copy_from_slice(values),
            Memory::Floats(_) => panic!("tensor {} holds floats", view.tensor.0),
        }
    }

    /// The floats of a view.
    ///
    /// # Errors
    /// Only those that tests inject.
    pub fn read_floats(&mut self, view: View) -> Result<Vec<f32>> {
        self.arrive()?;
        Ok(self.cpu.floats(view).to_vec())
    }

    /// The bits of a view's words, whatever their type.
    ///
    /// # Errors
    /// As [`Session::read_floats`].
    pub fn read_bits(&mut self, view: View) -> Result<Vec<u32>> {
        self.arrive()?;
        Ok(self.cpu.bits(view))
    }

    fn arrive(&mut self) -> Result<()> {
        self.pass(At::Wait)?;
        if self.pass(At::Read)? { Ok(()) } else { Err(self.failed(DeviceFailure::Lost)) }
    }

    /// Runs one dispatch of a plan.
    ///
    /// # Errors
    /// As [`Session::read_floats`].
    pub fn run_dispatch(&mut self, plan: usize, index: usize) -> Result<()> {
        if self.pass(At::Submit)? {
            self.cpu.dispatch(&self.program.plans[plan].dispatches[index]);
        }
        Ok(())
    }

    /// Runs a whole plan.
    ///
    /// # Errors
    /// As [`Session::read_floats`].
    pub fn run(&mut self, plan: usize) -> Result<()> {
        if self.pass(At::Submit)? {
            self.cpu.run(&self.program.plans[plan]);
        }
        Ok(())
    }

    /// The seconds that one dispatch takes.
    pub fn time_dispatch(&mut self, plan: usize, index: usize) -> f64 {
        let start = Instant::now();
        self.cpu.dispatch(&self.program.plans[plan].dispatches[index]);
        start.elapsed().as_secs_f64()
    }

    /// Passes a point where a test may have a fault; `false` where the work is to be left out.
    fn pass(&mut self, at: At) -> Result<bool> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match faults::strike(at) {
            None => Ok(true),
            Some(what) => self.fail(what).map(|()| false),
        }
    }

    fn fail(&mut self, what: What) -> Result<()> {
        let error = match what {
            What::Lost => self.failed(DeviceFailure::Lost),
            What::OutOfMemory => self.failed(DeviceFailure::OutOfMemory),
            What::TimedOut => self.failed(DeviceFailure::TimedOut),
            What::SilentlyDropped => return Ok(()),
        };
        self.failed = Some(error.clone());
        Err(error)
    }

    fn failed(&self, failure: DeviceFailure) -> Error {
        health::failed(Some(failure), NAME, "injected", &self.program, Duration::from_secs(PATIENCE_SECONDS))
    }
}
