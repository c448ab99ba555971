//! Servers that are slow are waited for; those that hang are left.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use dcgan_gpu::error::Kind;

use super::{arrives, fails_with};
use crate::sets::{NAME, impatient, published};
use crate::site::{Request, hang, head, part_head, send};

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
