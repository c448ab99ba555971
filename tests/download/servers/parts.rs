//! Files that arrive in pieces: what has arrived is used, or thrown away where it is the wrong
//! piece.

use std::net::TcpStream;

use dcgan_gpu::error::Kind;

use super::{arrives, fails};
use crate::sets::{NAME, get, names, options, published, set_of};
use crate::site::{Request, Site, cut, head, send, serve};

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
