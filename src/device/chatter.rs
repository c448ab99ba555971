//! What drivers and Vulkan's loader print on stderr while they start, past every logger. The
//! program puts it aside; `-vv` shows it.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_PUT_ASIDE: AtomicBool = AtomicBool::new(false);

/// From now on, what is printed while adapters are looked for and opened goes nowhere, also the
/// last words of a driver that aborts there. This holds for the whole process, whose stderr it is:
/// for programs, not for libraries.
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
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::stdio::dup2_stderr;

    /// Of two threads, the second would take the null device for stderr as it was.
    static ALONE: Mutex<()> = Mutex::new(());

    /// stderr as it was, which it becomes again when this is dropped, also by a panic.
    pub(super) struct Aside {
        as_it_was: OwnedFd,
        _alone: MutexGuard<'static, ()>,
    }

    impl Aside {
        pub(super) fn put() -> io::Result<Aside> {
            let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
            let as_it_was = io::stderr().as_fd().try_clone_to_owned()?;
            dup2_stderr(File::options().write(true).open("/dev/null")?)?;
            Ok(Aside { as_it_was, _alone: alone })
        }
    }

    impl Drop for Aside {
        fn drop(&mut self) {
            // It was open a moment ago, so nothing stands in the way.
            let _ = dup2_stderr(&self.as_it_was);
        }
    }
}

#[cfg(all(test, unix, feature = "cli"))]
mod tests {
    use std::thread::{sleep, spawn};
    use std::time::Duration;

    use same_file::Handle;

    use super::unix::Aside;

    #[test]
    fn stderr_comes_back_however_threads_overlap() {
        let before = Handle::stderr().unwrap();
        let first = Aside::put().unwrap();
        assert_ne!(Handle::stderr().unwrap(), before, "the test's own stderr must be another than the null device");
        let second = spawn(|| {
            let _second = Aside::put().unwrap();
            sleep(Duration::from_millis(200));
        });
        sleep(Duration::from_millis(100));
        drop(first);
        second.join().unwrap();
        assert_eq!(Handle::stderr().unwrap(), before);
    }
}
