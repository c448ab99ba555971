//! What is known of a device that failed: the messages, the same for adapters and the host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::limits;
use crate::error::{DeviceFailure, Error, Result};
use crate::plan::Program;

/// What went wrong outside a call that could return it; shared by all who use a device.
#[derive(Clone, Debug, Default)]
pub(super) struct DeviceHealth(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The first failure, and what was said of it.
    failure: Option<(Option<DeviceFailure>, String)>,
    /// A test made the device hang.
    hangs: bool,
}

impl DeviceHealth {
    /// Notes a failure. The first one stays, unless a later one explains it: a lost device makes
    /// invalid what is used afterwards, and one that ran out of memory is lost.
    pub(super) fn note(&self, failure: Option<DeviceFailure>, cause: impl Into<String>) {
        let mut state = self.state();
        let explains = match &state.failure {
            None => true,
            Some((None, _)) => failure.is_some(),
            Some(_) => failure == Some(DeviceFailure::OutOfMemory),
        };
        if explains {
            state.failure = Some((failure, cause.into()));
        }
    }

    /// Makes the device hang, as far as the host can tell.
    pub(super) fn hang(&self) {
        self.state().hangs = true;
    }

    /// Whether a test made the device hang.
    pub(super) fn hangs(&self) -> bool {
        self.state().hangs
    }

    /// Whether something failed that nothing explains so far.
    pub(super) fn is_unexplained(&self) -> bool {
        matches!(self.state().failure, Some((None, _)))
    }

    /// # Errors
    /// The failure that was noted.
    pub(super) fn check(&self, name: &str, program: &Program, patience: Duration) -> Result<()> {
        match &self.state().failure {
            Some((failure, cause)) => Err(failed(*failure, name, cause, program, patience)),
            None => Ok(()),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error that says how device `name` failed while it ran `program`, and what to do.
pub(super) fn failed(
    failure: Option<DeviceFailure>,
    name: &str,
    cause: &str,
    program: &Program,
    patience: Duration,
) -> Error {
    let cause = cause.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(failure) = failure else {
        return Error::device(format!(
            "{name} failed: {cause}; update its driver, or try another with --device (`devices` lists them)"
        ));
    };
    let message = match failure {
        DeviceFailure::Lost => {
            let cause = if cause.is_empty() { "no cause was given" } else { &cause };
            format!("{name} was lost: {cause}; try again, or another with --device (`devices` lists them)")
        }
        DeviceFailure::OutOfMemory => format!(
            "{name} ran out of memory: this network needs {} MiB and working space ({cause}); {}",
            limits::total(program) >> 20,
            limits::remedy(program)
        ),
        DeviceFailure::TimedOut => format!(
            "{name} did not finish within {} s ({cause}); if it is slow and does not hang, use a larger \
             --device-timeout or a smaller --batch-size",
            patience.as_secs()
        ),
    };
    Error::device_failed(failure, message)
}

/// The error of a device on which a tensor did not fit behind those that did.
pub(super) fn does_not_fit(name: &str, program: &Program, index: usize) -> Error {
    let tensor = &program.tensors[index];
    let fitted: u64 = program.tensors[..index].iter().map(|spec| crate::plan::allocated_bytes(spec.words)).sum();
    let message = format!(
        "{name} has too little memory: this network needs {} MiB, and {} MiB fitted before tensor `{}` of {} MiB; {}",
        limits::total(program) >> 20,
        fitted >> 20,
        tensor.label,
        crate::plan::allocated_bytes(tensor.words) >> 20,
        limits::remedy(program)
    );
    Error::device_failed(DeviceFailure::OutOfMemory, message)
}
