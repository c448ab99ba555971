//! One server after another.

use dcgan_gpu::error::Kind;

use crate::sets::{CLOSED, NAME, get, options, published, set_of};
use crate::site::{Request, Site, cut, page, serve};

#[test]
fn the_next_mirror_is_asked() {
    let (what, labels) = (published(NAME, false), published("train-labels-idx1-ubyte.gz", false));
    let bad = Site::new(|_, _, stream| page(stream, "403 Forbidden", "text/html"));
    let liar = Site::new(|_, _, stream| page(stream, "200 OK", "text/html"));
    let (images, others) = (what.gz.clone(), labels.gz.clone());
    let good = Site::new(move |request, _, stream| {
        serve(stream, request, if request.target.contains("images") { &images } else { &others });
    });
    let folder = tempfile::tempdir().unwrap();
    let mirrors = [bad.url(), liar.url(), good.url()];
    let (result, notes) = get(&set_of(&[&what, &labels]), folder.path(), &options(&mirrors));
    let report = result.unwrap();
    assert!(report.files.iter().all(|file| file.from.as_ref().unwrap().starts_with(&good.url())));
    notes.say(&[&bad.url(), "answers 403 Forbidden"]);
    notes.say(&[&liar.url(), "sends a web page"]);
    // What worked is asked first for the next file.
    assert_eq!([&bad, &liar, &good].map(|site| site.requests().len()), [1, 1, 2]);
}

#[test]
fn one_mirror_goes_on_where_another_was_cut() {
    let what = published(NAME, false);
    // A login page, by its type, does not touch what has arrived either.
    for last_words in ["404 Not Found", "200 OK"] {
        let (first, second) = (what.gz.clone(), what.gz.clone());
        let dying = Site::new(move |request, number, stream| match number {
            0 => cut(stream, request, &first),
            _ => page(stream, last_words, "text/html"),
        });
        let good = Site::new(move |request, _, stream| serve(stream, request, &second));
        let folder = tempfile::tempdir().unwrap();
        get(&set_of(&[&what]), folder.path(), &options(&[dying.url(), good.url()])).0.unwrap();
        let asked = good.requests();
        assert_eq!(asked.iter().map(Request::from).collect::<Vec<_>>(), [what.gz.len() / 2], "{last_words}");
        assert_eq!(asked[0].header("if-range"), None, "the other server's ETag means nothing to this one");
    }
}

#[test]
fn nobody_there() {
    // A port that was free a moment ago may be another test's by now.
    let closed = CLOSED.to_string();
    let (what, folder) = (published(NAME, false), tempfile::tempdir().unwrap());
    let unknown = "http://no-such-host.invalid/".to_string();
    let (result, notes) = get(&set_of(&[&what]), folder.path(), &options(&[closed.clone(), unknown.clone()]));
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    for part in [&closed, "the connection is refused", &unknown, "the host is not found", NAME] {
        assert!(error.to_string().contains(part), "{error} does not say {part}");
    }
    notes.say(&[&closed, "the connection is refused"]);
}
