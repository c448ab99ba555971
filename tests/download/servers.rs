//! Servers that cut, delay, redirect, lie and refuse: the file arrives whole, or the error says what happened.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dcgan_gpu::data::fetch::Options;
use dcgan_gpu::error::Kind;
use flate2::Compression;

use crate::sets::{NAME, Notes, Published, get, gzip, impatient, names, options, published, set_of};
use crate::site::{Request, Site, cut, hang, head, page, part_head, send, serve};

/// Downloads `what` from a server that answers by `answer`, which must succeed; the notes and the requests.
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

/// The same for a server that must fail, with an error of `kind` that contains `fragment`; the number of requests.
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
    options: fn(&[String]) -> Options,
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

#[test]
fn a_cut_connection_goes_on_where_it_ended() {
    let what = published(NAME, false);
    let (notes, requests) = arrives(&what, |request, number, stream, file| match number {
        0 | 1 => cut(stream, request, file),
        _ => serve(stream, request, file),
    });
    let half = what.gz.len() / 2;
    let second = half + (what.gz.len() - half) / 2;
    notes.say(&["the connection is cut", &format!("going on from byte {half}")]);
    assert_eq!(requests.iter().map(Request::from).collect::<Vec<_>>(), [0, half, second]);
    assert_eq!(requests[2].header("if-range"), Some("\"one\""));
}

#[test]
fn a_server_without_ranges_begins_anew() {
    let (_, requests) = arrives(&published(NAME, false), |request, number, stream, file| match number {
        0 => cut(stream, request, file),
        _ => {
            head(stream, "200 OK", &[&format!("Content-Length: {}", file.len())]);
            send(stream, file);
        }
    });
    assert!(requests.len() == 2 && requests[1].from() > 0);
}

#[test]
fn a_part_that_is_the_wrong_one_is_not_used() {
    // Once with bytes of elsewhere, and once with a header that says nothing.
    for range in ["Content-Range: bytes 0-99/400", "Content-Range: bytes */400", "X: y"] {
        let (notes, requests) = arrives(&published(NAME, false), move |request, number, stream, file| match number {
            0 => cut(stream, request, file),
            1 => {
                head(stream, "206 Partial Content", &["Content-Length: 100", range]);
                send(stream, &file[..100]);
            }
            _ => serve(stream, request, file),
        });
        notes.say(&["answers with the wrong part of the file", "going on from byte 0"]);
        assert_eq!(requests[2].from(), 0);
    }
    let unasked = |request: &Request, _: usize, stream: &mut TcpStream, file: &[u8]| {
        assert_eq!(request.from(), 0);
        let range = format!("Content-Range: bytes 0-{}/{}", file.len() - 1, file.len());
        head(stream, "206 Partial Content", &[&format!("Content-Length: {}", file.len()), &range]);
        send(stream, file);
    };
    assert_eq!(fails(Kind::Io, "a part of the file that nobody asked for", unasked), 1);
}

#[test]
fn what_an_earlier_run_left_is_used_or_thrown_away() {
    let what = published(NAME, false);
    let part = format!(".{NAME}.part");
    let thirds = what.gz.len() / 3;
    let mut foreign = what.gz.clone();
    foreign[..thirds].fill(7);
    let long = vec![1; what.gz.len() + 1];
    let cases: [(&[u8], &[usize]); 5] = [
        (&what.gz[..thirds], &[thirds]),
        // The checksum of the whole file tells, and it begins anew.
        (&foreign[..thirds], &[thirds, 0]),
        // All of it had arrived: nothing is asked.
        (&what.gz, &[]),
        (&foreign, &[0]),
        (&long, &[0]),
    ];
    for (left, asked) in cases {
        let (folder, file) = (tempfile::tempdir().unwrap(), what.gz.clone());
        std::fs::write(folder.path().join(&part), left).unwrap();
        let site = Site::new(move |request, _, stream| serve(stream, request, &file));
        let (result, notes) = get(&set_of(&[&what]), folder.path(), &options(&[site.url()]));
        result.unwrap_or_else(|error| panic!("{error}: {notes:#?}"));
        assert!(std::fs::read(folder.path().join(NAME)).unwrap() == what.gz);
        assert_eq!(names(folder.path()), [NAME]);
        assert_eq!(site.requests().iter().map(Request::from).collect::<Vec<_>>(), asked);
    }
}

#[test]
fn a_server_whose_file_has_become_shorter() {
    let (notes, requests) = arrives(&published(NAME, false), |request, number, stream, file| match number {
        0 => cut(stream, request, file),
        1 => head(stream, "416 Range Not Satisfiable", &["Content-Length: 0"]),
        _ => serve(stream, request, file),
    });
    notes.say(&["has no more than the", "going on from byte 0"]);
    assert_eq!(requests[2].from(), 0);
}

#[test]
fn servers_that_recover() {
    for status in ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests"] {
        let (notes, _) = arrives(&published(NAME, false), move |request, number, stream, file| match number {
            0 | 1 => head(stream, status, &["Content-Length: 0"]),
            _ => serve(stream, request, file),
        });
        notes.say(&["answers", status]);
    }
    // Without a declared length, the end of the connection is the end of the file, or it is not.
    arrives(&published(NAME, false), |request, number, stream, file| match number {
        0 => {
            head(stream, "200 OK", &[]);
            send(stream, &file[..1000]);
        }
        1 => {
            head(stream, "206 Partial Content", &["Content-Range: bytes 1000-9999/10000"]);
            send(stream, &file[1000..]);
        }
        _ => panic!("{request:?}"),
    });
}

#[test]
fn a_slow_server_is_waited_for() {
    arrives(&published(NAME, false), |request, _, stream, file| {
        std::thread::sleep(Duration::from_millis(200));
        head(stream, "200 OK", &[&format!("Content-Length: {}", file.len())]);
        assert_eq!(request.from(), 0);
        for bytes in file.chunks(file.len() / 8 + 1) {
            std::thread::sleep(Duration::from_millis(50));
            send(stream, bytes);
        }
    });
}

#[test]
fn a_server_that_never_answers_is_left() {
    assert_eq!(fails_with(impatient, Kind::Io, "no answer in time", |_, _, _, _| hang()), 3);
}

#[test]
fn a_server_that_hangs_in_its_headers_is_left() {
    let in_headers = |_: &Request, _: usize, stream: &mut TcpStream, _: &[u8]| {
        send(stream, b"HTTP/1.1 200 OK\r\nContent-Le");
        hang();
    };
    assert_eq!(fails_with(impatient, Kind::Io, "no answer in time", in_headers), 3);
}

#[test]
fn a_server_that_hangs_in_the_body_is_left() {
    let in_body = |request: &Request, number: usize, stream: &mut TcpStream, file: &[u8]| {
        let from = request.from();
        assert_eq!(from, if number == 0 { 0 } else { 1000 });
        part_head(stream, from, file);
        send(stream, if number == 0 { &file[..1000] } else { &[] });
        hang();
    };
    // The first try brought something and does not count.
    assert_eq!(fails_with(impatient, Kind::Io, "no answer in time", in_body), 4);
}

#[test]
fn a_server_that_only_drips_is_left() {
    let drop_by_drop = |request: &Request, _: usize, stream: &mut TcpStream, file: &[u8]| {
        part_head(stream, request.from(), file);
        for byte in &file[request.from()..] {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // Every try brings a little, so that only their number in all ends it.
    assert_eq!(fails_with(impatient, Kind::Io, "sent only", drop_by_drop), 6);
}

#[test]
fn refusals_are_named() {
    for (status, kind, asked) in [
        ("403 Forbidden", Kind::Io, 1),
        ("404 Not Found", Kind::Io, 1),
        ("410 Gone", Kind::Io, 1),
        ("451 Unavailable For Legal Reasons", Kind::Io, 1),
        ("500 Internal Server Error", Kind::Io, 3),
        ("501 Not Implemented", Kind::Io, 1),
    ] {
        let answer = move |_: &Request, _: usize, stream: &mut TcpStream, _: &[u8]| page(stream, status, "text/html");
        assert_eq!(fails(kind, &format!("answers {status}"), answer), asked);
    }
    let elsewhere = |_: &Request, _: usize, stream: &mut TcpStream, _: &[u8]| head(stream, "302 Found", &["X: y"]);
    fails(Kind::Io, "cannot be understood", elsewhere);
    let garbage = |_: &Request, _: usize, stream: &mut TcpStream, _: &[u8]| send(stream, b"220 mail ready\r\n\r\n");
    fails(Kind::Io, "cannot be understood", garbage);
}

#[test]
fn web_pages_are_recognised() {
    // By their type, by their first bytes whatever their type, and with the address that a redirect led to.
    for content_type in ["text/html; charset=utf-8", "application/gzip"] {
        let answer = move |_: &Request, _: usize, stream: &mut TcpStream, file: &[u8]| {
            // A page of the right size, too: the length alone must not be what tells.
            let text = format!("<!doctype html>{}", " ".repeat(file.len() - 15));
            head(
                stream,
                "200 OK",
                &[&format!("Content-Length: {}", file.len()), &format!("Content-Type: {content_type}")],
            );
            send(stream, text.as_bytes());
        };
        assert_eq!(fails(Kind::Data, "sends a web page instead of the file: a login page", answer), 1);
    }
    let redirect = |request: &Request, _: usize, stream: &mut TcpStream, _: &[u8]| {
        if request.target == "/login?to=x" {
            page(stream, "200 OK", "text/html");
        } else {
            head(stream, "302 Found", &["Location: /login?to=x", "Content-Length: 0"]);
        }
    };
    assert_eq!(fails(Kind::Data, "/login?to=x instead of the file", redirect), 2);
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let (_, requests) = arrives(&published(NAME, false), |request, _, stream, file| match request.target.as_str() {
        "/elsewhere" => serve(stream, request, file),
        _ => head(stream, "301 Moved Permanently", &["Location: /elsewhere", "Content-Length: 0"]),
    });
    assert_eq!(requests.len(), 2);
    let circle = |_: &Request, _: usize, stream: &mut TcpStream, _: &[u8]| {
        head(stream, "302 Found", &["Location: /again", "Content-Length: 0"]);
    };
    assert_eq!(fails(Kind::Io, "redirects without end", circle), 6);
}

#[test]
fn a_server_that_lies_about_the_length() {
    // More is declared than is sent: the connection is cut, again and again.
    let too_long = |_: &Request, _: usize, stream: &mut TcpStream, file: &[u8]| {
        head(stream, "200 OK", &[&format!("Content-Length: {}", file.len())]);
        send(stream, &file[..10]);
    };
    assert_eq!(fails(Kind::Io, "the connection is cut", too_long), 4);
    // Another length than the file has is refused before anything is read.
    for bytes in [5_u64, 1 << 40] {
        let other = move |_: &Request, _: usize, stream: &mut TcpStream, file: &[u8]| {
            head(stream, "200 OK", &[&format!("Content-Length: {bytes}")]);
            send(stream, file);
        };
        assert_eq!(fails(Kind::Data, &format!("has a file of {bytes} bytes there, not of "), other), 1);
    }
}

#[test]
fn a_server_that_sends_for_ever_is_cut() {
    let endless = |_: &Request, _: usize, stream: &mut TcpStream, _: &[u8]| {
        head(stream, "200 OK", &["Transfer-Encoding: chunked"]);
        while stream.write_all(b"1000\r\n").and_then(|()| stream.write_all(&[b'x'; 0x1000])).is_ok() {
            send(stream, b"\r\n");
        }
    };
    assert_eq!(fails(Kind::Data, "sends more than the ", endless), 1);
}

#[test]
fn wrong_bytes_are_refused() {
    let right_size = |_: &Request, _: usize, stream: &mut TcpStream, file: &[u8]| {
        let mut wrong = file.to_vec();
        wrong[file.len() / 2] ^= 1;
        head(stream, "200 OK", &[&format!("Content-Length: {}", file.len())]);
        send(stream, &wrong);
    };
    assert_eq!(fails(Kind::Data, "sends another file (its checksum is not the published one)", right_size), 1);
}

#[test]
fn another_container_is_told_by_its_content() {
    let what = published(NAME, true);
    let other = gzip(&what.content, Compression::none());
    assert_ne!(other, what.gz);
    let bombs = [
        (other.clone(), None),
        // Ten times the content in a small file: unpacking stops at the size that the content may have.
        (
            gzip(&what.content.repeat(10).iter().map(|_| 0).collect::<Vec<u8>>(), Compression::best()),
            Some("its content has more bytes"),
        ),
        (gzip(&what.content[1..], Compression::none()), Some("its content has 235215 bytes, not 235216")),
        (other[..other.len() - 9].to_vec(), Some("it cannot be unpacked")),
    ];
    for (sent, problem) in bombs {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new(move |request, _, stream| serve(stream, request, &sent));
        let (result, _) = get(&set_of(&[&what]), folder.path(), &options(&[site.url()]));
        match (result, problem) {
            (Ok(report), None) => assert!(report.files[0].verified),
            (Err(error), Some(problem)) => {
                assert!(error.to_string().contains(problem) && error.kind() == Kind::Data, "{error}");
                assert!(names(folder.path()).is_empty());
            }
            (result, problem) => panic!("{result:?}, not {problem:?}"),
        }
    }
}

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
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
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
