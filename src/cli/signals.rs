//! Ctrl-C and its relatives: the first asks a run to end and save, the second, or one before the run, ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::time::{Duration, Instant};

use dcgan_gpu::error::{Error, Kind, Result};
use dcgan_gpu::train::stop::Stop;
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};

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

/// Signals that are watched.
#[derive(Clone)]
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
    let watch = Watch { stop: Stop::default(), at_once: Arc::new(AtomicBool::new(true)) };
    let watched: Vec<i32> = SIGNALS.iter().map(|(signal, _)| *signal).filter(|signal| !is_ignored(*signal)).collect();
    install(&watched, watch.clone()).map_err(|e| Error::new(Kind::Other, format!("cannot watch signals: {e}")))?;
    Ok(watch)
}

#[cfg(unix)]
fn install(watched: &[i32], watch: Watch) -> io::Result<()> {
    let mut signals = signal_hook::iterator::Signals::new(watched)?;
    let mut first: Option<Instant> = None;
    let heed = move |signal: i32| {
        if watch.at_once.load(Ordering::SeqCst) || first.is_some_and(|first| first.elapsed() >= ECHO) {
            signal_hook::low_level::exit(kind_of(signal) as i32);
        }
        if first.is_none() {
            first = Some(Instant::now());
            watch.stop.flag().store(signal as usize, Ordering::SeqCst);
        }
    };
    std::thread::Builder::new().name("signals".to_string()).spawn(move || signals.forever().for_each(heed))?;
    Ok(())
}

#[cfg(not(unix))]
fn install(watched: &[i32], watch: Watch) -> io::Result<()> {
    use signal_hook::flag;
    for &signal in watched {
        // In this order: the first signal of a run finds `at_once` false, and sets it.
        flag::register_conditional_shutdown(signal, kind_of(signal) as i32, watch.at_once.clone())?;
        flag::register(signal, watch.at_once.clone())?;
        flag::register_usize(signal, watch.stop.flag().clone(), signal as usize)?;
    }
    Ok(())
}

/// How a run that `signal` stopped ends: `what` says where it is and how to go on.
pub fn stopped(signal: i32, what: &str) -> Error {
    let cause = if signal == SIGINT { "Ctrl-C" } else { "a signal" };
    Error::new(kind_of(signal), format!("stopped by {cause} {what}"))
}

fn kind_of(signal: i32) -> Kind {
    SIGNALS.iter().find(|(known, _)| *known == signal).map_or(Kind::Terminated, |(_, kind)| *kind)
}

/// Whether the process ignores a signal from its start on, where the system tells (Linux).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
