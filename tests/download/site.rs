//! A server of one thread a connection that answers as a test says, and remembers what it was
//! asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `CONNECT`.
    pub method: String,
    /// The path with its first slash, or what is to be connected to.
    pub target: String,
    /// The header lines.
    pub headers: Vec<String>,
}

impl Request {
    /// Reads a request; `None` when the client says nothing.
    pub fn read(stream: &mut impl Read) -> Option<Request> {
        let mut lines = BufReader::with_capacity(1, stream).lines();
        let first = lines.next()?.ok()?;
        let mut words = first.split(' ').map(String::from);
        let (method, target) = (words.next()?, words.next()?);
        let headers = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        Some(Request { method, target, headers })
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The first byte that is asked for.
    pub fn from(&self) -> usize {
        let range = self.header("range").and_then(|range| range.strip_prefix("bytes="));
        range.map_or(0, |range| range.strip_suffix('-').unwrap().parse().unwrap())
    }
}

/// The server; it ends when it is dropped.
pub struct Site {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
}

impl Site {
    /// Answers each request by `answer`, which is given the request, the number of those before it,
    /// and the connection.
    pub fn new(answer: impl Fn(&Request, usize, &mut TcpStream) + Send + Sync + 'static) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, ended) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (answer, log, stop) = (Arc::new(answer), requests.clone(), ended.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (answer, log, mut stream) = (answer.clone(), log.clone(), stream);
                thread::spawn(move || {
                    let Some(request) = Request::read(&mut stream) else { return };
                    let number = {
                        let mut log = log.lock().unwrap();
                        log.push(request.clone());
                        log.len() - 1
                    };
                    answer(&request, number, &mut stream);
                });
            }
        });
        Site { address, requests, ended }
    }

    /// The base address, with its slash.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// Sends the head of an answer, with `Connection: close`. A client that has gone is no failure of
/// the server's.
pub fn head(stream: &mut impl Write, status: &str, headers: &[&str]) {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    send(stream, format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n").as_bytes());
}

/// Sends bytes.
pub fn send(stream: &mut impl Write, bytes: &[u8]) {
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
}

/// Begins to send `file` from byte `from` on.
pub fn part_head(stream: &mut impl Write, from: usize, file: &[u8]) {
    let length = format!("Content-Length: {}", file.len() - from);
    if from == 0 {
        head(stream, "200 OK", &[&length, "ETag: \"one\"", "Content-Type: application/gzip"]);
    } else {
        let range = format!("Content-Range: bytes {from}-{}/{}", file.len() - 1, file.len());
        head(stream, "206 Partial Content", &[&length, &range]);
    }
}

/// Answers as a good server does: the whole file, or the part that is asked for.
pub fn serve(stream: &mut impl Write, request: &Request, file: &[u8]) {
    part_head(stream, request.from(), file);
    send(stream, &file[request.from()..]);
}

/// Sends the first half of what is asked for and cuts the connection.
pub fn cut(stream: &mut impl Write, request: &Request, file: &[u8]) {
    let from = request.from();
    part_head(stream, from, file);
    send(stream, &file[from..from + (file.len() - from) / 2]);
}

/// Answers with a web page.
pub fn page(stream: &mut impl Write, status: &str, content_type: &str) {
    let text = "\n<!DOCTYPE html><html><title>Sign in</title></html>";
    let length = format!("Content-Length: {}", text.len());
    head(stream, status, &[&length, &format!("Content-Type: {content_type}")]);
    send(stream, text.as_bytes());
}

/// Says nothing more for a while that is longer than any time-out of the tests, and shorter than
/// forever.
pub fn hang() {
    thread::sleep(Duration::from_secs(20));
}
