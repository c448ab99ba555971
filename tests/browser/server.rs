//! The web server of the check: a page, its data, and what the page posts back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Bytes that a posted body may have.
const LONGEST_BODY: usize = 16 << 20;

/// What the page posts.
pub enum Event {
    /// How far it is.
    Progress(String),
    /// Its findings.
    Result(String),
}

/// A server on a free port of this machine alone, until the process ends.
pub struct Server {
    /// Where the page is.
    pub url: String,
    events: Receiver<Event>,
}

impl Server {
    /// Serves `page` at `/` and `work` at `/work`.
    pub fn start(page: &'static str, work: String) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}/", listener.local_addr()?);
        let (sender, events) = channel();
        let work = Arc::new(work);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sender, work) = (sender.clone(), work.clone());
                // A thread for each connection: browsers open some that they never use.
                std::thread::spawn(move || answer(&stream, page, &work, &sender));
            }
        });
        Ok(Server { url, events })
    }

    /// The next event, if one comes in time.
    pub fn next(&self, patience: Duration) -> Option<Event> {
        self.events.recv_timeout(patience).ok()
    }
}

fn answer(stream: &TcpStream, page: &str, work: &str, events: &Sender<Event>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length.min(LONGEST_BODY)];
    reader.read_exact(&mut body)?;
    let text = || String::from_utf8_lossy(&body).into_owned();
    let path: Vec<_> = request.split_whitespace().take(2).collect();
    let (status, kind, content) = match path[..] {
        ["GET", "/"] => ("200 OK", "text/html", page),
        ["GET", "/work"] => ("200 OK", "application/json", work),
        ["POST", "/progress" | "/result"] => ("204 No Content", "text/plain", ""),
        _ => ("404 Not Found", "text/plain", "there is nothing here\n"),
    };
    let length = content.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(content.as_bytes())?;
    // Nobody listens any more once a result has arrived.
    let _ = match path[..] {
        ["POST", "/progress"] => events.send(Event::Progress(text())),
        ["POST", "/result"] => events.send(Event::Result(text())),
        _ => Ok(()),
    };
    Ok(())
}
