//! Servers that cut, delay, redirect, lie and refuse: the file arrives whole, or the error says
//! what happened.

mod lies;
mod mirrors;
mod parts;
mod patience;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use dcgan_gpu::data::fetch::FetchOptions;
use dcgan_gpu::error::Kind;

use crate::sets::{NAME, Notes, Published, get, names, options, published, set_of};
use crate::site::{Request, Site, serve};

/// Downloads `what` from a server that answers by `answer`, which must succeed; the notes and the
/// requests.
#[track_caller]
fn arrives(
    what: &Published,
    answer: impl Fn(&Request, usize, &mut TcpStream, &[u8]) + Send + Sync + 'static,
) -> (Notes, Vec<Request>) {
    let (folder, file) = (tempfile::tempdir().unwrap(), what.gz.clone());
    let site = Site::new(move |request, number, stream| answer(request, number, stream, &file));
    let (result, notes) = get(&set_of(&[what]), folder.path(), &options(&[site.url()]));
    let report = result.unwrap_or_else(|error| panic!("{error}: {notes:#?}"));
    assert_eq!(report.files.len(), 1);
    assert!(report.files[0].verified && report.files[0].from == Some(format!("{}{NAME}", site.url())));
    assert!(std::fs::read(&report.files[0].path).unwrap() == what.gz);
    assert_eq!(names(folder.path()), [NAME]);
    (notes, site.requests())
}

/// The same for a server that must fail, with an error of `kind` that contains `fragment`; the
/// number of requests.
#[track_caller]
fn fails(
    kind: Kind,
    fragment: &str,
    answer: impl Fn(&Request, usize, &mut TcpStream, &[u8]) + Send + Sync + 'static,
) -> usize {
    fails_with(options, kind, fragment, answer)
}

/// The same with options of another kind.
#[track_caller]
fn fails_with(
    options: fn(&[String]) -> FetchOptions,
    kind: Kind,
    fragment: &str,
    answer: impl Fn(&Request, usize, &mut TcpStream, &[u8]) + Send + Sync + 'static,
) -> usize {
    let (folder, what) = (tempfile::tempdir().unwrap(), published(NAME, false));
    let (file, start) = (what.gz.clone(), Instant::now());
    let site = Site::new(move |request, number, stream| answer(request, number, stream, &file));
    let (result, _) = get(&set_of(&[&what]), folder.path(), &options(&[site.url()]));
    let error = result.unwrap_err();
    let message = error.to_string();
    assert!(message.contains(fragment), "{message:?} does not say {fragment:?}");
    assert_eq!(error.kind(), kind, "{message}");
    let by_hand = format!("to do it by hand, put {NAME} from {} into {}", site.url(), folder.path().display());
    assert!(message.ends_with(&by_hand) && !message.contains('\n'), "{message:?} does not say {by_hand:?}");
    assert!(!folder.path().join(NAME).exists(), "a file that did not arrive whole has its name");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    site.requests().len()
}

#[test]
fn a_good_server() {
    let (notes, requests) = arrives(&published(NAME, false), |request, _, stream, file| serve(stream, request, file));
    notes.say(&["fetching http://127.0.0.1:", NAME]);
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("GET", "/train-images-idx3-ubyte.gz"));
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
    assert!(requests[0].header("user-agent").unwrap().starts_with("dcgan-gpu/"));
}
