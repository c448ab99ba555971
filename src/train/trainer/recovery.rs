//! What a run does when its device is lost or its numbers run away: it goes on from its last
//! checkpoint.

use super::{Observer, Trainer};
use crate::error::{Error, Kind, Result};
use crate::model::config::OnNan;

/// How often a run goes on after each kind of failure.
const ATTEMPTS: u32 = 3;
/// What the learning rates are multiplied by after a divergence.
pub const SLOWER: f64 = 0.5;

/// The failures that a process has survived.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    losses_of_device: u32,
}

impl Recovery {
    /// Takes `trainer` back to where it can go on.
    ///
    /// # Errors
    /// The failure itself where there is no going on: another kind, one too many, or the way back
    /// fails too.
    pub(super) fn go_on(&mut self, trainer: &mut Trainer, mut error: Error, observer: &mut dyn Observer) -> Result<()> {
        let failed_at = trainer.position().0;
        while error.is_lost() && self.losses_of_device < ATTEMPTS {
            self.losses_of_device += 1;
            let reopened = trainer.machine.reopen(&trainer.config, trainer.feed.data());
            match reopened.and_then(|()| trainer.rewind(observer)) {
                Ok(step) => {
                    observer.notice(&format!(
                        "{error}; opened it again: going on from step {step} instead of {failed_at} ({} of {ATTEMPTS} times)",
                        self.losses_of_device
                    ));
                    return Ok(());
                }
                // Lost once more on the way back: that counts, and is tried again.
                Err(then) if then.is_lost() => error = also(&error, &then),
                Err(then) => return Err(also(&error, &then)),
            }
        }
        let rolls_back = trainer.config.training.on_nan == OnNan::Rollback;
        if error.kind() == Kind::Diverged && rolls_back && trainer.rollbacks < ATTEMPTS {
            let step = trainer.rewind(observer).map_err(|e| also(&error, &e))?;
            trainer.slow_down(SLOWER).map_err(|e| also(&error, &e))?;
            observer.notice(&format!(
                "{error}; going on from step {step} with half the learning rates ({} of {ATTEMPTS} times)",
                trainer.rollbacks
            ));
            return Ok(());
        }
        Err(error)
    }
}

/// A failure whose remedy failed too.
fn also(first: &Error, then: &Error) -> Error {
    let message = format!("{first}; going on failed too: {then}");
    // A device that hangs on the way back must not be waited for.
    if then.is_time_out() { then.clone().reworded(message) } else { first.clone().reworded(message) }
}
