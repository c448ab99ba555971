//! One file from one address, to a temporary file that a later try goes on with.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use ureq::http::header;

use super::FetchObserver;
use super::http::{Answer, Http, Limits};
use super::trouble::{self, Outcome, Trouble};
use super::verify::{Integrity, verify};
use crate::data::sets::File;
use crate::disk;
use crate::error::Error;

/// What is fetched, from where, and how.
pub(super) struct Transfer<'a> {
    pub http: &'a Http,
    pub limits: &'a Limits,
    pub file: &'a File,
    pub url: &'a str,
    /// The temporary file.
    pub part: &'a Path,
}

/// How a web page begins, in lower case.
const PAGES: [&str; 4] = ["<!doctype", "<html", "<head", "<?xml"];

/// Enough of a file to tell what it is.
const OPENING: usize = 64;

impl Transfer<'_> {
    /// Fetches the file, again and again while that helps. When this succeeds, the temporary file
    /// is the published file.
    pub fn run(&self, observer: &mut dyn FetchObserver) -> Outcome<()> {
        let (mut fruitless, mut validator) = (0, None);
        for tried in 1.. {
            let before = self.arrived();
            let (why, brought) = match self.attempt(&mut validator, observer) {
                Err(Trouble::Passing(why)) => (why, self.arrived() > before),
                Err(Trouble::Stale(why)) => {
                    self.discard()?;
                    validator = None;
                    (why, false)
                }
                success_or_final => return success_or_final,
            };
            fruitless = if brought { 0 } else { fruitless + 1 };
            if fruitless >= self.limits.tries || tried >= self.limits.tries_in_all {
                return Err(Trouble::Passing(format!("{why}, {tried} times")));
            }
            observer.note(&format!("{}: {why}; going on from byte {}", self.url, self.arrived()));
            std::thread::sleep(self.limits.pause * 2_u32.pow(fruitless.min(5)) / 2);
        }
        unreachable!("the number of tries is limited")
    }

    /// One request, and what comes of it.
    fn attempt(&self, validator: &mut Option<String>, observer: &mut dyn FetchObserver) -> Outcome<()> {
        let mut have = self.arrived();
        if have == self.file.bytes && self.integrity()? == Integrity::Good {
            return Ok(());
        }
        if have >= self.file.limit() {
            self.discard()?;
            have = 0;
        }
        let answer = self.http.get(self.url, have, validator.as_deref())?;
        let start = beginning(&answer, have)?;
        let whole = answer.declared().map(|bytes| start.saturating_add(bytes));
        if answer.is_page() {
            // What has arrived before stays: another address may go on with it.
            return Err(Trouble::Wrong(page(&answer)));
        }
        // Its length alone may show that it is another file.
        let (bytes, limit) = (self.file.bytes, self.file.limit());
        if let Some(whole) = whole
            && (whole > limit || (whole != bytes && limit == bytes))
        {
            return Err(Trouble::Wrong(format!("has a file of {whole} bytes there, not of {bytes}")));
        }
        if start == 0 {
            *validator = answer.validator();
        }
        let arrived = self.receive(answer, start, observer)?;
        match self.integrity()? {
            Integrity::Good => Ok(()),
            // Without a declared length the end of the connection may be its cut.
            _ if whole.is_none() && arrived < bytes => {
                Err(Trouble::Passing(format!("ends after {arrived} of {bytes} bytes")))
            }
            _ if start > 0 => {
                Err(Trouble::Stale("the part that had arrived before and this one make no whole file".into()))
            }
            Integrity::Bad(why) => Err(self.thrown_away(format!("sends another file ({why})"))),
            Integrity::Unchecked => Err(self.thrown_away("sends a file that no checksum is known for".into())),
        }
    }

    /// Appends the body to the temporary file from byte `start` on; the bytes that it has then.
    fn receive(&self, mut answer: Answer, start: u64, observer: &mut dyn FetchObserver) -> Outcome<u64> {
        let local = |cause| Trouble::Local(Error::io("write", self.part, &cause));
        let mut part = OpenOptions::new().create(true).write(true).truncate(false).open(self.part).map_err(local)?;
        part.set_len(start).and_then(|()| part.seek(SeekFrom::Start(start))).map_err(local)?;
        let (mut arrived, mut opening, mut buffer) = (start, Vec::new(), vec![0; 1 << 16]);
        let (mut since, mut window) = (Instant::now(), start);
        observer.progress(self.file.name, arrived, self.file.bytes);
        loop {
            let bytes = match answer.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(bytes) => bytes,
                Err(cause) => {
                    let _ = part.sync_all();
                    return Err(trouble::of_io(cause));
                }
            };
            if start == 0 && opening.len() < OPENING {
                opening.extend_from_slice(&buffer[..bytes.min(OPENING)]);
                if is_page(&opening) {
                    return Err(self.thrown_away(page(&answer)));
                }
            }
            arrived += bytes as u64;
            if arrived > self.file.limit() {
                let why = format!("sends more than the {} bytes of the file", self.file.bytes);
                return Err(self.thrown_away(why));
            }
            part.write_all(&buffer[..bytes]).map_err(local)?;
            observer.progress(self.file.name, arrived, self.file.bytes);
            if since.elapsed() >= self.limits.patience {
                if arrived - window < self.limits.trickle {
                    let seconds = since.elapsed().as_secs_f64();
                    return Err(Trouble::Passing(format!("sent only {} bytes in {seconds:.0} s", arrived - window)));
                }
                (since, window) = (Instant::now(), arrived);
            }
        }
        part.sync_all().map_err(local)?;
        Ok(arrived)
    }

    fn integrity(&self) -> Outcome<Integrity> {
        if self.arrived() == 0 {
            return Ok(Integrity::Bad("it has no content".into()));
        }
        Ok(verify(self.part, self.file)?)
    }

    /// Bytes of the temporary file.
    fn arrived(&self) -> u64 {
        fs::metadata(self.part).map_or(0, |metadata| metadata.len())
    }

    /// The trouble with bytes that are not the file's, which are removed.
    fn thrown_away(&self, why: String) -> Trouble {
        self.discard().err().unwrap_or(Trouble::Wrong(why))
    }

    fn discard(&self) -> Outcome<()> {
        disk::remove_file(self.part).map_err(|cause| Trouble::Local(Error::io("remove", self.part, &cause)))
    }
}

/// The byte at which the answer to a request from byte `have` on begins.
fn beginning(answer: &Answer, have: u64) -> Outcome<u64> {
    match answer.status.as_u16() {
        200 => Ok(0),
        206 if have == 0 => Err(Trouble::Refused("answers with a part of the file that nobody asked for".into())),
        206 => {
            let range = answer.header(header::CONTENT_RANGE).unwrap_or("none");
            let is_right = range.strip_prefix("bytes ").and_then(|rest| rest.split_once('-'));
            if is_right.and_then(|(first, _)| first.trim().parse().ok()) == Some(have) {
                Ok(have)
            } else {
                Err(Trouble::Stale(format!("answers with the wrong part of the file ({range}, asked from {have})")))
            }
        }
        416 => Err(Trouble::Stale(format!("has no more than the {have} bytes that had arrived before"))),
        _ => Err(trouble::of_status(answer.status)),
    }
}

/// Whether bytes are the beginning of a web page.
fn is_page(opening: &[u8]) -> bool {
    let text = String::from_utf8_lossy(opening);
    let text = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    PAGES.iter().any(|page| text.starts_with(page))
}

fn page(answer: &Answer) -> String {
    let from = answer.redirected.as_ref().map_or(String::new(), |address| format!(" of {address}"));
    format!("sends a web page{from} instead of the file: a login page, or a network that needs a log-in")
}

#[cfg(test)]
mod tests {
    use super::is_page;

    #[test]
    fn pages_are_told_by_their_first_bytes() {
        for page in ["<!DOCTYPE html>", "\n\t <HTML lang=en>", "\u{feff}<head>", "<?xml version='1.0'?>"] {
            assert!(is_page(page.as_bytes()), "{page}");
        }
        for other in ["", "<", "text <html>", "\u{1f}\u{8b}\u{8}<html>"] {
            assert!(!is_page(other.as_bytes()), "{other}");
        }
    }
}
