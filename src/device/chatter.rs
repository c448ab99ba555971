//! What drivers and Vulkan's loader print on stderr while they start, past every logger. The
//! program puts it aside; `-vv` shows it.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_PUT_ASIDE: AtomicBool = AtomicBool::new(false);

/// From now on, what is printed while adapters are looked for and opened goes nowhere. This holds
/// for the whole process, whose stderr it is: for programs, not for libraries.
pub fn put_aside() {
    IS_PUT_ASIDE.store(true, Ordering::Relaxed);
}

/// Runs `work` with stderr put aside, where that is wanted and possible (Unix).
pub(super) fn without<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(all(unix, feature = "cli"))]
    let _back = if IS_PUT_ASIDE.load(Ordering::Relaxed) { unix::Aside::put().ok() } else { None };
    work()
}

#[cfg(all(unix, feature = "cli"))]
mod unix {
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};

    use rustix::stdio::dup2_stderr;

    /// stderr as it was, which it becomes again when this is dropped, also by a panic.
    pub(super) struct Aside(OwnedFd);

    impl Aside {
        pub(super) fn put() -> io::Result<Aside> {
            let as_it_was = io::stderr().as_fd().try_clone_to_owned()?;
            dup2_stderr(File::options().write(true).open("/dev/null")?)?;
            Ok(Aside(as_it_was))
        }
    }

    impl Drop for Aside {
        fn drop(&mut self) {
            // It was open a moment ago, so nothing stands in the way.
            let _ = dup2_stderr(&self.0);
        }
    }
}
