//! Ctrl-C and its relatives: the first asks a run to end and save, the second, or one before the run, ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dcgan_gpu::error::{Error, Kind, Result};
use dcgan_gpu::train::stop::Stop;
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signals that end a run, and the exit code that each means. A terminal that is closed ends a run like SIGTERM.
const SIGNALS: &[(i32, Kind)] = &[
    (SIGINT, Kind::Interrupted),
    (SIGTERM, Kind::Terminated),
    #[cfg(unix)]
    (SIGHUP, Kind::Terminated),
];

/// Signals that are watched.
pub struct Watch {
    stop: Stop,
    /// Whether the next signal ends the process.
    at_once: Arc<AtomicBool>,
}

impl Watch {
    /// From now on a signal asks for the run's end, and only a second one ends the process.
    pub fn begin(&self) -> &Stop {
        self.at_once.store(false, Ordering::SeqCst);
        &self.stop
    }
}

/// From now on a signal ends the process with its exit code: before a run begins there is nothing to save, and tuning and
/// compiling take their time. Signals that whoever started the process has it ignore, as `nohup` does, stay ignored.
pub fn watch() -> Result<Watch> {
    let stop = Stop::default();
    let at_once = Arc::new(AtomicBool::new(true));
    for &(signal, kind) in SIGNALS.iter().filter(|(signal, _)| !is_ignored(*signal)) {
        // In this order: the first signal of a run finds `at_once` false, and sets it.
        flag::register_conditional_shutdown(signal, kind as i32, at_once.clone())
            .and_then(|_| flag::register(signal, at_once.clone()))
            .and_then(|_| flag::register_usize(signal, stop.flag().clone(), signal as usize))
            .map_err(|e| Error::new(Kind::Other, format!("cannot watch signal {signal}: {e}")))?;
    }
    Ok(Watch { stop, at_once })
}

/// How a run that `signal` stopped ends: `what` says where it is and how to go on.
pub fn stopped(signal: i32, what: &str) -> Error {
    let kind = SIGNALS.iter().find(|(known, _)| *known == signal).map_or(Kind::Terminated, |(_, kind)| *kind);
    let cause = if signal == SIGINT { "Ctrl-C" } else { "a signal" };
    Error::new(kind, format!("stopped by {cause} {what}"))
}

/// Whether the process ignores a signal from its start on, where the system tells (Linux).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
