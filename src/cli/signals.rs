//! Ctrl-C and its relatives: the first asks a run to end and save, the second, or one before the
//! run, ends the process at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::train::stop::Stop;
#[cfg(unix)]
use signal_hook::consts::{SIGALRM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Signals that end a run. Schedulers send the last four some time before they kill: Slurm with
/// `--signal`, others at the end of a processor's time.
#[cfg(unix)]
const WATCHED: [i32; 7] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM];

/// A second signal within this time is the first one, sent twice: `timeout` sends it to a process
/// and then to its group.
const ECHO: Duration = Duration::from_millis(100);

/// Whether the next signal ends the process, since there is nothing to save.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// Signals that are watched.
#[derive(Clone)]
pub struct Watch {
    stop: Stop,
    /// When the first signal of the run came.
    first: Arc<OnceLock<Instant>>,
}

impl Watch {
    /// From now on a signal asks for the run's end, and only a second one ends the process.
    pub fn begin(&self) -> &Stop {
        AT_ONCE.store(false, Ordering::SeqCst);
        &self.stop
    }

    /// Does what a signal asks for.
    fn heed(&self, signal: i32) {
        let is_second = self.first.get().is_some_and(|first| first.elapsed() >= ECHO);
        if is_second || AT_ONCE.load(Ordering::SeqCst) {
            signal_hook::low_level::exit(code_of(signal).into());
        }
        if self.first.set(Instant::now()).is_ok() {
            self.stop.flag().store(signal as usize, Ordering::SeqCst);
        }
    }
}

/// Lets signals end process 1 with their exit codes, as a container's first process is: from that
/// one Linux keeps all signals that it does not listen for, and other processes need no help.
#[cfg(unix)]
pub fn heed_as_first_process() {
    use signal_hook::flag::register_conditional_shutdown;
    if std::process::id() != 1 {
        return;
    }
    // SIGQUIT never asks a run to save.
    let always = Arc::new(AtomicBool::new(true));
    let signals = WATCHED.map(|signal| (signal, &*AT_ONCE)).into_iter().chain([(SIGQUIT, &always)]);
    for (signal, at_once) in signals.filter(|(signal, _)| !is_ignored(*signal)) {
        // Where that fails, all is as it was.
        let _ = register_conditional_shutdown(signal, code_of(signal).into(), Arc::clone(at_once));
    }
}

/// Windows has no first process that is treated otherwise.
#[cfg(not(unix))]
pub fn heed_as_first_process() {}

/// From now on a signal ends the process with its exit code: before a run begins there is nothing
/// to save, and tuning and compiling take their time. Signals that whoever started the process has
/// it ignore, as `nohup` does, stay ignored.
pub fn watch() -> Result<Watch> {
    let watch = Watch { stop: Stop::default(), first: Arc::default() };
    install(&watch).map_err(|e| Error::new(Kind::Other, format!("cannot watch signals: {e}")))?;
    Ok(watch)
}

/// Calls `listen` on a thread of its own.
fn spawn(listen: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("signals".to_string()).spawn(listen).map(drop)
}

#[cfg(unix)]
fn install(watch: &Watch) -> io::Result<()> {
    let watched = WATCHED.into_iter().filter(|signal| !is_ignored(*signal));
    let mut signals = signal_hook::iterator::Signals::new(watched)?;
    let watch = watch.clone();
    spawn(move || signals.forever().for_each(|signal| watch.heed(signal)))
}

/// Ctrl-Break, a console that is closed, and the end of the session are Windows' SIGTERM. The
/// system ends the process five seconds after the last two, however busy it is.
#[cfg(windows)]
fn install(watch: &Watch) -> io::Result<()> {
    use tokio::signal::windows;
    macro_rules! listen {
        ($event:ident, $signal:expr) => {{
            let (mut events, watch) = (windows::$event()?, watch.clone());
            spawn(move || {
                while pollster::block_on(events.recv()).is_some() {
                    watch.heed($signal);
                }
            })?;
        }};
    }
    listen!(ctrl_c, SIGINT);
    listen!(ctrl_break, SIGTERM);
    listen!(ctrl_close, SIGTERM);
    listen!(ctrl_logoff, SIGTERM);
    listen!(ctrl_shutdown, SIGTERM);
    Ok(())
}

/// How a run that `signal` stopped ends: `what` says where it is and how to go on.
pub fn stopped(signal: i32, what: &str) -> Error {
    let cause = if signal == SIGINT { "Ctrl-C" } else { "a signal" };
    let kind = if signal == SIGINT { Kind::Interrupted } else { Kind::Terminated };
    Error::stopped(kind, code_of(signal), format!("stopped by {cause} {what}"))
}

/// The exit code that shells give to a signal; a terminal that is closed ends a run like SIGTERM.
fn code_of(signal: i32) -> u8 {
    #[cfg(unix)]
    let signal = if signal == SIGHUP { SIGTERM } else { signal };
    128 + signal as u8
}

/// Whether the process ignores a signal from its start on, where the system tells (Linux).
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
