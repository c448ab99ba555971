//! What is in the folder already: it is checked, kept, replaced or waited for.

use std::fs;
use std::net::TcpListener;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use dcgan_gpu::data::fetch::{self, FetchObserver, Integrity, verify};
use dcgan_gpu::error::Kind;
use flate2::Compression;

use crate::sets::{CLOSED, NAME, Notes, get, gzip, names, options, published, set_of};
use crate::site::{Site, serve};

/// An address that notices a connection.
fn nobody() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    (listener, address)
}

#[test]
fn what_is_there_is_checked_without_a_socket() {
    for known in [false, true] {
        let (what, folder, (listener, address)) = (published(NAME, known), tempfile::tempdir().unwrap(), nobody());
        let unpacked = NAME.strip_suffix(".gz").unwrap();
        let repacked = gzip(&what.content, Compression::none());
        // Only the checksum of the content can tell it in another container.
        for (name, bytes, verified) in
            [(NAME, &what.gz, true), (unpacked, &what.content, known), (NAME, &repacked, known)]
        {
            fs::write(folder.path().join(name), bytes).unwrap();
            let mut options = options(std::slice::from_ref(&address));
            for offline in [true, false] {
                options.offline = offline;
                let report = get(&set_of(&[&what]), folder.path(), &options).0.unwrap();
                let file = &report.files[0];
                assert_eq!((&file.path, file.bytes), (&folder.path().join(name), bytes.len() as u64));
                assert_eq!((file.verified, &file.from), (verified, &None), "{name}, {known}");
            }
            // Not even a lock is left in a folder that is whole.
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody connected");
    }
}

#[test]
fn a_broken_file_is_set_aside_when_a_good_one_has_come() {
    let what = published(NAME, true);
    let mut flipped = what.gz.clone();
    flipped[1000] ^= 1;
    let unpacked = NAME.strip_suffix(".gz").unwrap();
    for (name, broken) in [(NAME, &flipped), (NAME, &b"<html>".to_vec()), (unpacked, &what.content[1..].to_vec())] {
        let (folder, file) = (tempfile::tempdir().unwrap(), what.gz.clone());
        fs::write(folder.path().join(name), broken).unwrap();
        let mut wanted = options(&[CLOSED.to_string()]);
        // With no good one to be had, it stays where it is.
        assert_eq!(get(&set_of(&[&what]), folder.path(), &wanted).0.unwrap_err().kind(), Kind::Io);
        assert_eq!(names(folder.path()), [name]);
        let site = Site::new(move |request, _, stream| serve(stream, request, &file));
        wanted.mirrors = vec![site.url()];
        let (result, notes) = get(&set_of(&[&what]), folder.path(), &wanted);
        assert!(result.unwrap().files[0].from.is_some());
        notes.say(&[name, "is broken: it", "downloading it again"]);
        notes.say(&["the broken file is now", &format!(".{name}.broken")]);
        assert_eq!(names(folder.path()), [format!(".{name}.broken"), NAME.to_string()]);
        assert!(fs::read(folder.path().join(NAME)).unwrap() == what.gz);
        assert!(fs::read(folder.path().join(format!(".{name}.broken"))).unwrap() == *broken);
    }
}

#[test]
fn verdicts() {
    let (folder, known, unknown) = (tempfile::tempdir().unwrap(), published(NAME, true), published(NAME, false));
    let path = folder.path().join(NAME);
    let judge = |bytes: &[u8], what: &crate::sets::Published| {
        fs::write(&path, bytes).unwrap();
        verify(&path, &what.file).unwrap()
    };
    let mut content = known.content.clone();
    content[500] ^= 1;
    let bad = |why: &str| Integrity::Bad(why.into());
    assert_eq!(judge(&content, &unknown), Integrity::Unchecked);
    assert_eq!(judge(&content, &known), bad("its content's checksum is not the published one"));
    assert_eq!(
        judge(&gzip(&content, Compression::fast()), &known),
        bad("its content's checksum is not the published one")
    );
    assert_eq!(judge(&[], &known), bad(&format!("it has 0 bytes, not {}", known.gz.len())));
    let long = [&known.content[..], &[0]].concat();
    assert_eq!(judge(&gzip(&long, Compression::none()), &unknown), bad("its content has more bytes, not 235216"));
    assert_eq!(verify(&folder.path().join("none"), &known.file).unwrap_err().kind(), Kind::Io);
}

#[test]
fn offline_says_what_to_fetch_and_where_to_put_it() {
    let (what, labels) = (published(NAME, false), published("train-labels-idx1-ubyte.gz", false));
    let (folder, (listener, address)) = (tempfile::tempdir().unwrap(), nobody());
    let below = folder.path().join("below");
    let mut options = options(std::slice::from_ref(&address));
    options.offline = true;
    let error = get(&set_of(&[&what, &labels]), &below, &options).0.unwrap_err();
    let message = error.to_string();
    assert_eq!(error.kind(), Kind::Io);
    let place = below.display();
    let remedy = format!("put {NAME}, train-labels-idx1-ubyte.gz from {address} into {place}");
    assert!(message.contains("DCGAN_GPU_OFFLINE forbids to download it") && message.ends_with(&remedy), "{message}");
    assert!(!below.exists() && listener.accept().is_err());
}

/// How long one download waits for the other here, before the test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Collects notes, and tells of each.
struct Ear {
    notes: Notes,
    heard: mpsc::Sender<()>,
}

impl FetchObserver for Ear {
    fn note(&mut self, line: &str) {
        self.notes.note(line);
        let _ = self.heard.send(());
    }

    fn progress(&mut self, name: &str, arrived: u64, total: u64) {
        self.notes.progress(name, arrived, total);
    }
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let what = published(NAME, false);
    let (folder, file) = (tempfile::tempdir().unwrap(), what.gz.clone());
    let ((began, first_began), (waits, second_waits)) = (mpsc::channel(), mpsc::channel());
    let second_waits = Mutex::new(second_waits);
    let site = Site::new(move |request, _, stream| {
        began.send(()).unwrap();
        // The first one is served once the second one has found its lock.
        second_waits.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        serve(stream, request, &file);
    });
    let set = set_of(&[&what]);
    thread::scope(|scope| {
        let first = scope.spawn(|| get(&set, folder.path(), &options(&[site.url()])));
        first_began.recv_timeout(PATIENCE).unwrap();
        let mut ear = Ear { notes: Notes::default(), heard: waits };
        let second = fetch::get(&set, folder.path(), &options(&[site.url()]), &mut ear);
        assert_eq!(second.unwrap().files[0].from, None, "the first one brought it");
        ear.notes.say(&["another process downloads to", "waiting for it"]);
        assert!(first.join().unwrap().0.unwrap().files[0].from.is_some());
    });
    assert_eq!(site.requests().len(), 1);
    assert!(fs::read(folder.path().join(NAME)).unwrap() == what.gz);
}

#[test]
fn a_folder_that_is_held_too_long_is_left() {
    let (what, folder, start) = (published(NAME, false), tempfile::tempdir().unwrap(), Instant::now());
    let lock = fs::File::create(folder.path().join(".download.lock")).unwrap();
    lock.lock().unwrap();
    let (listener, address) = nobody();
    let mut options = options(&[address]);
    options.limits.wait = Duration::from_millis(200);
    let error = get(&set_of(&[&what]), folder.path(), &options).0.unwrap_err();
    assert!(error.to_string().contains("another process downloads into this folder"), "{error}");
    assert_eq!(error.kind(), Kind::Io);
    assert!(start.elapsed() >= Duration::from_millis(200) && listener.accept().is_err());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let (what, folder) = (published(NAME, false), tempfile::tempdir().unwrap());
    let path = folder.path().join("file");
    fs::write(&path, "a file").unwrap();
    let error = get(&set_of(&[&what]), &path.join("below"), &options(&[CLOSED.to_string()])).0.unwrap_err();
    assert!(error.kind() == Kind::Io && error.to_string().starts_with("cannot create "), "{error}");
    assert!(!error.to_string().contains("by hand"), "the network is not to blame: {error}");
}
