//! The file operations that the survival of a run rests on. Each of them can be made to fail by a
//! test: see [`DiskFault`].

use std::cell::RefCell;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use same_file::Handle;
use tempfile::{NamedTempFile, PersistError};

/// A kind of file operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reading a file, or listing a folder.
    Read,
    /// Opening a file for writing, a new one if there is none.
    Create,
    /// Writing bytes.
    Write,
    /// Waiting until bytes, or a folder's names, are on the disk.
    Sync,
    /// Locking a file.
    Lock,
    /// Giving a file its name.
    Rename,
    /// Giving a file a name that no file has, in one step: not every file system can.
    NameOnce,
    /// Making a folder.
    CreateFolder,
    /// Removing a file or a folder.
    Remove,
}

/// A failure that a test asks for: on the thread that armed it, as long as it lives, the `nth`
/// operation of a kind fails (counted from 1), alone or with all later ones of that kind, as on a
/// disk that is full or gone.
///
/// A failing write leaves half of its bytes behind.
#[derive(Debug)]
pub struct DiskFault {
    operation: Operation,
    _on_this_thread: std::marker::PhantomData<*const ()>,
}

#[derive(Debug)]
struct Armed {
    operation: Operation,
    left: u64,
    kind: io::ErrorKind,
    lasts: bool,
    happened: bool,
}

thread_local! {
    static ARMED: RefCell<Vec<Armed>> = const { RefCell::new(Vec::new()) };
}

impl DiskFault {
    /// Arms a failure on this thread, one of each kind of operation at a time. With `lasts` all
    /// later operations of the kind fail too.
    pub fn arm(operation: Operation, nth: u64, kind: io::ErrorKind, lasts: bool) -> DiskFault {
        ARMED.with_borrow_mut(|all| all.push(Armed { operation, left: nth, kind, lasts, happened: false }));
        DiskFault { operation, _on_this_thread: std::marker::PhantomData }
    }

    /// Whether it came to the failure.
    pub fn happened(&self) -> bool {
        ARMED.with_borrow(|all| all.iter().any(|armed| armed.operation == self.operation && armed.happened))
    }
}

impl Drop for DiskFault {
    fn drop(&mut self) {
        ARMED.with_borrow_mut(|all| all.retain(|armed| armed.operation != self.operation));
    }
}

/// Fails where a test wants it.
fn attempt(operation: Operation) -> io::Result<()> {
    ARMED.with_borrow_mut(|all| {
        let Some(armed) = all.iter_mut().find(|armed| armed.operation == operation) else { return Ok(()) };
        armed.left = armed.left.saturating_sub(1);
        if armed.left > 0 || (armed.happened && !armed.lasts) {
            return Ok(());
        }
        armed.happened = true;
        Err(armed.kind.into())
    })
}

/// The bytes of a file.
///
/// # Errors
/// As [`fs::read`], and when it is a pipe or a device, which may never end.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_part(path, |mut file| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes)
    })
}

/// What a folder holds, in the order of the names.
///
/// # Errors
/// As [`fs::read_dir`].
pub fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    attempt(Operation::Read)?;
    let mut paths = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The bytes that `part` takes from a file's beginning.
///
/// # Errors
/// As [`File::open`] and `part`, and when it is a pipe or a device.
pub fn read_part<T>(path: &Path, part: impl FnOnce(File) -> io::Result<T>) -> io::Result<T> {
    attempt(Operation::Read)?;
    // Opening a pipe would already wait.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    part(File::open(path)?)
}

/// Opens a file that bytes are appended to.
///
/// # Errors
/// As [`File::options`].
pub fn append(path: &Path) -> io::Result<File> {
    attempt(Operation::Create)?;
    File::options().create(true).append(true).open(path)
}

/// Makes a file that must not be there yet.
///
/// # Errors
/// As [`File::create_new`].
pub fn create(path: &Path) -> io::Result<File> {
    attempt(Operation::Create)?;
    File::create_new(path)
}

/// Opens a file that is held, not written.
///
/// # Errors
/// As [`File::options`].
pub fn hold(path: &Path) -> io::Result<File> {
    attempt(Operation::Create)?;
    File::options().create(true).truncate(false).write(true).open(path)
}

/// Locks a file that no other process has locked, until it is closed.
///
/// # Errors
/// As [`File::try_lock`].
pub fn try_lock(file: &File) -> Result<(), TryLockError> {
    attempt(Operation::Lock).map_err(TryLockError::Error)?;
    file.try_lock()
}

/// Opens a file that is there, to read it and to write over it.
///
/// # Errors
/// As [`File::options`].
pub fn reopen(path: &Path) -> io::Result<File> {
    attempt(Operation::Create)?;
    File::options().read(true).write(true).open(path)
}

/// Makes a file that has no lasting name yet: see [`name`].
///
/// # Errors
/// As [`tempfile::Builder::tempfile_in`].
pub fn temporary(options: &tempfile::Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    attempt(Operation::Create)?;
    // Without the name of the temporary file, which tells nobody anything.
    options.tempfile_in(folder).map_err(|e| match e.to_string().split_once(" at path ") {
        Some((cause, _)) => io::Error::new(e.kind(), cause),
        None => e,
    })
}

/// Writes all of `bytes`.
///
/// # Errors
/// As [`Write::write_all`].
pub fn write_all(file: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    attempt(Operation::Write).inspect_err(|_| {
        let _ = file.write_all(&bytes[..bytes.len() / 2]);
    })?;
    file.write_all(bytes)
}

/// Waits until a file's bytes are on the disk.
///
/// # Errors
/// As [`File::sync_all`].
pub fn sync(file: &File) -> io::Result<()> {
    attempt(Operation::Sync)?;
    file.sync_all()
}

/// Whether a file system says that it cannot do a thing at all.
pub fn is_unsupported(error: &io::Error) -> bool {
    #[cfg(unix)]
    let codes = {
        use rustix::io::Errno;
        // The last is Linux' own ENOTSUPP, which some file systems let out in place of the others.
        // What other systems than Linux call so is not the same number as EOPNOTSUPP.
        [Errno::NOSYS.raw_os_error(), Errno::OPNOTSUPP.raw_os_error(), Errno::NOTSUP.raw_os_error(), 524]
    };
    // ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED
    #[cfg(not(unix))]
    let codes = [1, 50];
    error.kind() == io::ErrorKind::Unsupported || error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Waits until the names in a folder are on the disk, on systems where folders can be opened and
/// file systems that can do that.
///
/// # Errors
/// As [`File::sync_all`].
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let synced = attempt(Operation::Sync).and_then(|()| match cfg!(unix) {
        true => File::open(path)?.sync_all(),
        false => Ok(()),
    });
    // CIFS, FUSE and others sync files alone, and say so: nothing more can be done there.
    synced.or_else(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Ok(()),
        _ if is_unsupported(&error) => Ok(()),
        _ => Err(error),
    })
}

/// Gives a temporary file its name, over an older file only where `replace` says so; the open file
/// comes back.
///
/// # Errors
/// As [`tempfile::NamedTempFile::persist`]; the temporary file is removed.
pub fn name(file: NamedTempFile, path: &Path, replace: bool) -> io::Result<File> {
    if replace {
        return name_by(file, |file| file.persist(path)).map_err(|(error, _)| error);
    }
    let once = |file: NamedTempFile| match attempt(Operation::NameOnce) {
        Ok(()) => file.persist_noclobber(path),
        Err(error) => Err(PersistError { error, file }),
    };
    // How Linux' RENAME_NOREPLACE and hard links end where a file system has neither.
    let lacks_both = |error: &io::Error| {
        use io::ErrorKind::{InvalidInput, PermissionDenied, TooManyLinks};
        is_unsupported(error) || matches!(error.kind(), InvalidInput | PermissionDenied | TooManyLinks)
    };
    name_by(file, once).or_else(|(error, file)| match file {
        // Windows gives a name once on every file system, and replaces no file that is open.
        Some(file) if cfg!(unix) && lacks_both(&error) => name_reserved(file, path),
        _ => Err(error),
    })
}

/// Gives a temporary file a name that no file has, in two steps: an empty file reserves it.
fn name_reserved(file: NamedTempFile, path: &Path) -> io::Result<File> {
    let reserved = Handle::from_file(create(path)?)?;
    name_by(file, |file| file.persist(path)).map_err(|(error, _)| {
        if Handle::from_path(path).is_ok_and(|there| there == reserved) {
            let _ = fs::remove_file(path);
        }
        error
    })
}

/// Gives a temporary file its name by `deed`, or gives it back.
fn name_by(
    file: NamedTempFile,
    deed: impl Fn(NamedTempFile) -> Result<File, PersistError>,
) -> Result<File, (io::Error, Option<NamedTempFile>)> {
    let mut file = Some(file);
    let named = attempt(Operation::Rename).and_then(|()| {
        patiently(|| {
            let Some(temporary) = file.take() else { return Err(io::ErrorKind::NotFound.into()) };
            deed(temporary).map_err(|refused| {
                file = Some(refused.file);
                refused.error
            })
        })
    });
    named.map_err(|error| (error, file))
}

/// Renames a file.
///
/// # Errors
/// As [`fs::rename`].
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    attempt(Operation::Rename)?;
    patiently(|| fs::rename(from, to))
}

/// Makes a folder, and those above it; one that is there is fine.
///
/// # Errors
/// As [`fs::create_dir_all`].
pub fn create_folders(path: &Path) -> io::Result<()> {
    attempt(Operation::CreateFolder)?;
    fs::create_dir_all(path)
}

/// Makes a folder that must not be there yet.
///
/// # Errors
/// As [`fs::create_dir`].
pub fn create_folder(path: &Path) -> io::Result<()> {
    attempt(Operation::CreateFolder)?;
    fs::create_dir(path)
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// As [`fs::remove_file`].
pub fn remove_file(path: &Path) -> io::Result<()> {
    attempt(Operation::Remove)?;
    or_absent(patiently(|| fs::remove_file(path)))
}

/// Removes a folder with all that it holds; one that is not there is fine.
///
/// # Errors
/// As [`fs::remove_dir_all`].
pub fn remove_folder(path: &Path) -> io::Result<()> {
    attempt(Operation::Remove)?;
    or_absent(patiently(|| fs::remove_dir_all(path)))
}

/// Does what needs a file that nobody else uses. Virus scanners and indexers open a file as soon as
/// it is closed, and until they are done with it, Windows neither renames, nor replaces, nor
/// removes it: there it is tried again, for up to 1.3 seconds.
fn patiently<T>(mut deed: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    /// ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_USER_MAPPED_FILE
    const IN_USE: [i32; 4] = [5, 32, 33, 1224];
    let is_in_use =
        |cause: &io::Error| cfg!(windows) && cause.raw_os_error().is_some_and(|code| IN_USE.contains(&code));
    for doublings in 0..7 {
        match deed() {
            Err(cause) if is_in_use(&cause) => sleep(Duration::from_millis(10 << doublings)),
            result => return result,
        }
    }
    deed()
}

fn or_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(all(test, windows))]
mod tests {
    use std::os::windows::fs::OpenOptionsExt;

    use super::*;

    /// Has `path` open as no other may use it, for a while.
    fn hold_for(path: &Path, time: Duration) -> std::thread::JoinHandle<()> {
        let file = File::options().read(true).share_mode(0).open(path).unwrap();
        std::thread::spawn(move || {
            sleep(time);
            drop(file);
        })
    }

    #[test]
    fn a_file_that_is_in_use_for_a_moment_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let holder = hold_for(&path, Duration::from_millis(200));
        assert!(fs::rename(&path, folder.path().join("b")).is_err(), "the file is not in use");
        let temporary = temporary(&tempfile::Builder::new(), folder.path()).unwrap();
        fs::write(temporary.path(), "new").unwrap();
        name(temporary, &path, true).unwrap();
        holder.join().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");

        let holder = hold_for(&path, Duration::from_millis(200));
        rename(&path, &folder.path().join("b")).unwrap();
        holder.join().unwrap();
        let holder = hold_for(&folder.path().join("b"), Duration::from_millis(200));
        remove_file(&folder.path().join("b")).unwrap();
        holder.join().unwrap();
        assert_eq!(list(folder.path()).unwrap(), [PathBuf::new(); 0]);
    }

    #[test]
    fn a_file_that_stays_in_use_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let holder = hold_for(&path, Duration::from_secs(4));
        assert!(remove_file(&path).is_err());
        holder.join().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
