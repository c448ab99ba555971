//! Gzip files, which may hold several members, one after another, as `bgzip` and `cat` make them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// What every such file begins with.
pub(super) const GZIP: &[u8] = &[0x1f, 0x8b];

/// From this number of members on they must hold [`LEAST`] bytes on average (those of `bgzip` hold
/// 64 KiB): starting one takes microseconds, whatever it holds.
const MANY: u64 = 1000;
const LEAST: u64 = 1024;

/// Unpacks the members of a gzip file. Unlike `flate2::bufread::MultiGzDecoder` it does not go
/// through endless numbers of members that hold next to nothing.
pub(super) struct Members<R> {
    /// `None` after the last member.
    member: Option<GzDecoder<R>>,
    /// Members so far, and what they held.
    count: u64,
    bytes: u64,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(source: R) -> Self {
        Members { member: Some(GzDecoder::new(source)), count: 1, bytes: 0 }
    }

    /// Goes to the next member, if there is one.
    fn next(&mut self) -> io::Result<()> {
        let Some(mut source) = self.member.take().map(GzDecoder::into_inner) else { return Ok(()) };
        if source.fill_buf()?.is_empty() {
            return Ok(());
        }
        if self.count >= MANY && self.bytes < self.count * LEAST {
            return Err(io::Error::other("its gzip members hold next to nothing"));
        }
        self.count += 1;
        self.member = Some(GzDecoder::new(source));
        Ok(())
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let read = member.read(into)?;
            if read > 0 {
                self.bytes += read as u64;
                return Ok(read);
            }
            self.next()?;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::makers::gzip;

    fn unpacked(file: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        Members::new(file).read_to_end(&mut content).map(|_| content)
    }

    #[test]
    fn members_are_one_content() {
        let (a, b, nothing) = (gzip(b"one, "), gzip(b"two"), gzip(b""));
        assert_eq!(unpacked(&a).unwrap(), b"one, ");
        assert_eq!(unpacked(&[&a[..], &b].concat()).unwrap(), b"one, two");
        // `bgzip` ends with an empty member.
        assert_eq!(unpacked(&[&nothing[..], &a, &nothing, &b, &nothing].concat()).unwrap(), b"one, two");
        assert_eq!(unpacked(&nothing).unwrap(), b"");
    }

    #[test]
    fn members_without_end_and_garbage_are_refused() {
        let message = |file: &[u8]| unpacked(file).unwrap_err().to_string();
        let (a, nothing) = (gzip(b"one"), gzip(b""));
        let nearly = nothing.repeat(MANY as usize - 1);
        assert_eq!(unpacked(&[&nearly[..], &a].concat()).unwrap(), b"one");
        assert_eq!(message(&[&nearly[..], &a, &a].concat()), "its gzip members hold next to nothing");
        let full = gzip(&[7; LEAST as usize]).repeat(MANY as usize + 9);
        assert_eq!(unpacked(&full).unwrap().len(), (MANY as usize + 9) * LEAST as usize);
        assert!(message(&[&a[..], b"garbage of some length"].concat()).contains("invalid gzip header"));
        assert!(unpacked(&[&a[..], &a[..7]].concat()).is_err());
    }
}
