//! A program loaded on the host.

use std::time::{Duration, Instant};

use super::Interpreter;
use crate::device::faults::{self, At, What};
use crate::device::limits::Residence;
use crate::device::{PATIENCE_SECONDS, Timing, health, limits};
use crate::error::{DeviceFailure, Error, Result};
use crate::plan::{Profile, Program, View};
use crate::twin::Twinned;

const NAME: &str = "cpu";

/// Refuses a program that does not fit.
pub(in crate::device) fn check(program: &Program) -> Result<()> {
    limits::check(program, NAME, Profile::HOST.max_binding_bytes, Residence::Process)
}

/// A program in host memory.
#[derive(Debug)]
pub struct HostSession {
    interpreter: Interpreter<f32>,
    program: Program,
    /// A failure that a test injected: as on an adapter, nothing works afterwards.
    failed: Option<Error>,
}

impl HostSession {
    /// Allocates a program's tensors.
    ///
    /// # Errors
    /// [`crate::error::Kind::Device`] when memory does not suffice.
    pub fn load(program: Program, twins: &'static [Twinned]) -> Result<HostSession> {
        check(&program)?;
        let struck = faults::strike(At::Allocate);
        let interpreter = match struck {
            Some(What::OutOfMemory) => Err(program.tensors.len() - 1),
            _ => Interpreter::try_new(&program, twins),
        };
        let interpreter = interpreter.map_err(|tensor| health::does_not_fit(NAME, &program, tensor))?;
        let mut session = HostSession { interpreter, program, failed: None };
        struck.map_or(Ok(()), |what| session.fail(what))?;
        Ok(session)
    }

    fn arrive(&mut self) -> Result<()> {
        self.pass(At::Wait)?;
        if self.pass(At::Read)? { Ok(()) } else { Err(self.failed(DeviceFailure::Lost)) }
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

impl crate::device::Session for HostSession {
    fn program(&self) -> &Program {
        &self.program
    }

    fn write(&mut self, view: View, words: &[u32]) {
        self.interpreter.write(view, words);
    }

    fn read(&mut self, view: View) -> Result<Vec<u32>> {
        self.arrive()?;
        Ok(self.interpreter.bits(view))
    }

    fn run(&mut self, plans: &[usize]) -> Result<()> {
        if self.pass(At::Submit)? {
            self.interpreter.run(plans.iter().flat_map(|&plan| &self.program.plans[plan].dispatches));
        }
        Ok(())
    }

    fn run_dispatch(&mut self, plan: usize, index: usize) -> Result<()> {
        if self.pass(At::Submit)? {
            self.interpreter.dispatch(&self.program.plans[plan].dispatches[index]);
        }
        Ok(())
    }

    fn compile_time(&self) -> Duration {
        Duration::ZERO
    }

    fn timing(&self, _plan: usize) -> Timing {
        Timing::Host
    }

    fn time_dispatches(&mut self, plan: usize) -> Result<Vec<f64>> {
        (0..self.program.plans[plan].dispatches.len()).map(|index| self.time_dispatch(plan, index)).collect()
    }

    fn time_dispatch(&mut self, plan: usize, index: usize) -> Result<f64> {
        let start = Instant::now();
        self.interpreter.dispatch(&self.program.plans[plan].dispatches[index]);
        Ok(start.elapsed().as_secs_f64())
    }
}
