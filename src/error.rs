//! One error type for the whole crate: what went wrong, where, and what to do, in one line, with
//! the exit code it means.

use std::fmt;
use std::path::Path;

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The class of a failure; its number is the exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything that has no code of its own.
    Other = 1,
    /// A flag, key, preset or value that cannot be used.
    Usage = 2,
    /// No device matches, or none can be opened.
    NoDevice = 3,
    /// A data set is missing, empty or broken.
    Data = 4,
    /// A file or folder cannot be read or written.
    Io = 5,
    /// The device failed, or computes wrong results.
    Device = 6,
    /// Training diverged to NaN or infinity.
    Diverged = 7,
    /// Another process uses the run folder.
    Busy = 8,
    /// A checkpoint is missing, foreign or broken.
    Checkpoint = 9,
    /// Ctrl-C stopped a run, which was saved.
    Interrupted = 130,
    /// A signal stopped a run, which was saved: SIGTERM, SIGHUP, or one with a code of its own
    /// ([`Error::stopped`]).
    Terminated = 143,
}

/// How a device failed, which decides what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceFailure {
    /// It is gone, or did not do its work. Opened again it may work, with the state of a
    /// checkpoint.
    Lost,
    /// It has too little memory. The same work would fail again.
    OutOfMemory,
    /// It did not finish in time. It may hang for ever, so nothing waits for it any more.
    TimedOut,
}

/// A failure with its class and a one-line message that names the remedy.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    device_failure: Option<DeviceFailure>,
    /// Where it is another than that of the class.
    exit_code: Option<u8>,
    message: String,
}

impl Error {
    /// Makes an error of `kind`; `message` says what, where and what to do.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, device_failure: None, exit_code: None, message: message.into() }
    }

    /// The end of a run that a signal stopped, and that was saved; `exit_code` is the signal's.
    pub fn stopped(kind: Kind, exit_code: u8, message: impl Into<String>) -> Self {
        Error { exit_code: Some(exit_code), ..Error::new(kind, message) }
    }

    /// A [`Kind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message)
    }

    /// A [`Kind::Data`] error.
    pub fn data(message: impl Into<String>) -> Self {
        Error::new(Kind::Data, message)
    }

    /// A [`Kind::Checkpoint`] error.
    pub fn checkpoint(message: impl Into<String>) -> Self {
        Error::new(Kind::Checkpoint, message)
    }

    /// A [`Kind::Device`] error.
    pub fn device(message: impl Into<String>) -> Self {
        Error::new(Kind::Device, message)
    }

    /// A [`Kind::Device`] error that says how the device failed.
    pub fn device_failed(failure: DeviceFailure, message: impl Into<String>) -> Self {
        Error { device_failure: Some(failure), ..Error::device(message) }
    }

    /// A [`Kind::Io`] error: `action` ("write", "create") failed on `path`.
    pub fn io(action: &str, path: &Path, cause: &std::io::Error) -> Self {
        Error::new(Kind::Io, format!("cannot {action} {}: {cause}", path.display()))
    }

    /// The same failure in other words.
    #[must_use]
    pub fn reworded(self, message: impl Into<String>) -> Self {
        Error { message: message.into(), ..self }
    }

    /// The class of the failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How the device failed, where it did and that is known.
    pub fn device_failure(&self) -> Option<DeviceFailure> {
        self.device_failure
    }

    /// Whether the device was lost: [`crate::device::Device::reopen`] may give a working one.
    pub fn is_lost(&self) -> bool {
        self.device_failure == Some(DeviceFailure::Lost)
    }

    /// Whether the device did not finish in time: a process that ends has to leave without waiting
    /// for it.
    pub fn is_time_out(&self) -> bool {
        self.device_failure == Some(DeviceFailure::TimedOut)
    }

    /// The exit code that the program ends with.
    pub fn exit_code(&self) -> u8 {
        self.exit_code.unwrap_or(self.kind as u8)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
