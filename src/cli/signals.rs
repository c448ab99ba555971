//! Ctrl-C and its relatives: the first asks a run to end and save, the second ends the process at once.

use std::io;
#[cfg(not(unix))]
use std::sync::{Arc, atomic::AtomicBool};
#[cfg(unix)]
use std::{
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use dcgan_gpu::error::{Error, Kind, Result};
use dcgan_gpu::train::stop::Stop;
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
#[cfg(not(unix))]
use signal_hook::flag;
#[cfg(unix)]
use signal_hook::low_level;

/// The signals that end a run, and the exit code that each means. A terminal that is closed ends a run like SIGTERM.
const SIGNALS: &[(i32, Kind)] = &[
    (SIGINT, Kind::Interrupted),
    (SIGTERM, Kind::Terminated),
    #[cfg(unix)]
    (SIGHUP, Kind::Terminated),
];

/// A second signal within this time is the first one, sent twice: `timeout` sends it to a process and then to its group.
#[cfg(unix)]
const ECHO: Duration = Duration::from_millis(100);

/// From now on a signal asks for the run's end, and a second one ends the process. Signals that whoever started the process
/// has it ignore, as `nohup` does, stay ignored.
pub fn watch() -> Result<Stop> {
    let stop = Stop::default();
    let watched: Vec<i32> = SIGNALS.iter().map(|(signal, _)| *signal).filter(|signal| !is_ignored(*signal)).collect();
    install(&watched, &stop).map_err(|e| Error::new(Kind::Other, format!("cannot watch signals: {e}")))?;
    Ok(stop)
}

#[cfg(unix)]
fn install(watched: &[i32], stop: &Stop) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new(watched)?;
    let stop = stop.clone();
    thread::Builder::new().name("signals".to_string()).spawn(move || {
        let mut first: Option<Instant> = None;
        for signal in signals.forever() {
            match first {
                Some(first) if first.elapsed() >= ECHO => low_level::exit(kind_of(signal) as i32),
                Some(_) => {}
                None => {
                    first = Some(Instant::now());
                    stop.flag().store(signal as usize, Ordering::Relaxed);
                }
            }
        }
    })?;
    Ok(())
}

#[cfg(not(unix))]
fn install(watched: &[i32], stop: &Stop) -> io::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    for &signal in watched {
        // In this order: the first signal finds `asked` false, and sets it.
        flag::register_conditional_shutdown(signal, kind_of(signal) as i32, asked.clone())?;
        flag::register(signal, asked.clone())?;
        flag::register_usize(signal, stop.flag().clone(), signal as usize)?;
    }
    Ok(())
}

fn kind_of(signal: i32) -> Kind {
    SIGNALS.iter().find(|(known, _)| *known == signal).map_or(Kind::Terminated, |(_, kind)| *kind)
}

/// How a run that `signal` stopped ends: `what` says where it is and how to go on.
pub fn stopped(signal: i32, what: &str) -> Error {
    let cause = if signal == SIGINT { "Ctrl-C" } else { "a signal" };
    Error::new(kind_of(signal), format!("stopped by {cause} {what}"))
}

/// Whether the process ignores a signal from its start on, where the system tells (Linux).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
