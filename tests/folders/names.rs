//! File systems that can neither rename without replacing nor make hard links: a file still gets
//! its name without replacing another one.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use dcgan_gpu::disk::{DiskFault, Operation};
use dcgan_gpu::error::{Kind, Result};
use dcgan_gpu::{Overwrite, Picture, save_png};

/// What such file systems say.
const LACKING: [ErrorKind; 4] =
    [ErrorKind::Unsupported, ErrorKind::InvalidInput, ErrorKind::PermissionDenied, ErrorKind::TooManyLinks];

fn save(path: &Path) -> Result<()> {
    save_png(&Picture::new(vec![7; 4], [2, 2, 1]).unwrap(), path, Overwrite::Never)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn a_file_gets_its_name_in_two_steps() {
    for kind in LACKING {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let fault = DiskFault::arm(Operation::NameOnce, 1, kind, true);
        save(&path).unwrap();
        assert!(fault.happened());
        assert_eq!(image::open(&path).unwrap().into_bytes(), [7; 4], "{kind:?}");

        fs::write(&path, "old").unwrap();
        let error = save(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{} already exists; use --force to replace it", path.display()));
        assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"old".to_vec(), vec!["a.png".to_string()]));
    }
}

#[test]
fn a_failure_between_the_steps_leaves_nothing() {
    for kind in LACKING {
        for (operation, nth) in [(Operation::Create, 2), (Operation::Rename, 2)] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.png");
            let _lacking = DiskFault::arm(Operation::NameOnce, 1, kind, true);
            let fault = DiskFault::arm(operation, nth, ErrorKind::StorageFull, true);
            let error = save(&path).unwrap_err();
            assert!(fault.happened() && error.kind() == Kind::Io, "{error}");
            assert!(error.to_string().starts_with(&format!("cannot write {}", path.display())), "{error}");
            assert_eq!(names(folder.path()), [""; 0], "{operation:?}");
        }
    }
}

/// Somebody else's file that came between the look and the writing.
#[cfg(unix)]
#[test]
fn a_file_that_comes_in_between_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    // Looking follows links, making a file does not.
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let _lacking = DiskFault::arm(Operation::NameOnce, 1, ErrorKind::Unsupported, true);
    assert_eq!(save(&path).unwrap_err().kind(), Kind::Usage);
    assert!(path.is_symlink() && names(folder.path()) == ["a.png"]);
}

#[test]
fn other_failures_are_failures() {
    let folder = tempfile::tempdir().unwrap();
    let _fault = DiskFault::arm(Operation::NameOnce, 1, ErrorKind::StorageFull, true);
    assert_eq!(save(&folder.path().join("a.png")).unwrap_err().kind(), Kind::Io);
    assert_eq!(names(folder.path()), [""; 0]);
}
