//! A run as a process of its own: what happens to it ends no other run.

use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};

use super::journal::Failure;
use crate::disk;
use crate::encoding;
use crate::error::{Error, Kind, Result};

/// Exit codes above this one tell of a signal.
const SIGNALS: i32 = 128;

/// A run that goes on.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    /// Its place in the journal.
    pub index: usize,
    log: PathBuf,
}

/// How a process ended.
#[derive(Debug)]
pub enum Ended {
    /// It did what it was to do.
    Done,
    /// A signal stopped it, and it was saved.
    Stopped(i32),
    /// Another process has its folder.
    Busy,
    /// It could not go on.
    Failed(Failure),
}

impl Child {
    /// Starts a process that writes what it says to the end of `log`.
    ///
    /// # Errors
    /// An I/O error naming the program or the log.
    pub fn start(mut command: Command, index: usize, log: &Path) -> Result<Self> {
        let writer = || disk::append(log).map_err(|e| Error::io("write", log, &e));
        command.stdin(Stdio::null()).stdout(writer()?).stderr(writer()?);
        // Ctrl-C in a terminal comes to this process alone, which passes it on: a second one, soon
        // after, would end a run that is being saved.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let process = command.spawn().map_err(|e| Error::io("run", Path::new(command.get_program()), &e))?;
        Ok(Child { process, index, log: log.to_path_buf() })
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// An I/O error when the system does not tell.
    pub fn ended(&mut self) -> Result<Option<Ended>> {
        let status = self.process.try_wait().map_err(|e| Error::io("wait for the run that writes", &self.log, &e))?;
        Ok(status.map(|status| self.what_came(status)))
    }

    /// Sends it a signal, by which it saves and ends. Windows sends Ctrl-C to all processes of a
    /// console by itself, and no other signal.
    pub fn pass_on(&self, signal: i32) {
        #[cfg(unix)]
        if let Some(signal) = rustix::process::Signal::from_named_raw(signal) {
            // One that has ended needs none.
            let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.process), signal);
        }
        #[cfg(not(unix))]
        let _ = signal;
    }

    fn what_came(&self, status: ExitStatus) -> Ended {
        match (status.code(), killed_by(status)) {
            (Some(0), _) => Ended::Done,
            (Some(code), _) if code == Kind::Busy as i32 => Ended::Busy,
            (Some(code), _) if code > SIGNALS && code < SIGNALS + 32 => Ended::Stopped(code - SIGNALS),
            // Before it listens for signals they end it as any program.
            (None, Some(signal @ (1 | 2 | 15))) => Ended::Stopped(signal),
            (None, signal) => {
                let signal = signal.map_or(String::new(), |signal| format!(" by signal {signal}"));
                Ended::Failed(Failure { code: None, reason: format!("it was killed{signal}") })
            }
            (code, _) => Ended::Failed(Failure { code, reason: self.last_words() }),
        }
    }

    /// Its last line of error.
    fn last_words(&self) -> String {
        let text = disk::read(&self.log).ok().and_then(encoding::text).unwrap_or_default();
        let line = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).map(str::to_string);
        line.unwrap_or_else(|| format!("it said nothing; see {}", self.log.display()))
    }
}

/// The signal that killed a process, where one did.
#[cfg(unix)]
fn killed_by(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

/// Windows kills without one.
#[cfg(not(unix))]
fn killed_by(_: ExitStatus) -> Option<i32> {
    None
}
