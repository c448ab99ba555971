//! Servers that refuse, redirect, lie about the length, or send something else.

use std::io::Write;
use std::net::TcpStream;

use dcgan_gpu::error::Kind;
use flate2::Compression;

use super::{arrives, fails};
use crate::sets::{NAME, get, gzip, names, options, published, set_of};
use crate::site::{Request, Site, head, page, send, serve};

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
    // By their type, by their first bytes whatever their type, and with the address that a redirect
    // led to.
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
        // Ten times the content in a small file: unpacking stops at the size that the content may
        // have.
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
