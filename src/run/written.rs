//! Telling a configuration as this program wrote it from one that somebody edited since.
//!
//! The checksum stands in the file that it is of, so both are always of one writing: a process may
//! be killed between two files.

use sha2::{Digest, Sha256};

use crate::model::checkpoint::hex;

/// What the first line begins with.
const MARK: &str = "# What is changed here is noticed when the run goes on. SHA-256 as written: ";

/// `text` with its mark in front.
pub(super) fn marked(text: &str) -> String {
    format!("{MARK}{}\n{text}", checksum(text))
}

/// Whether `text` is as it was marked; nothing where it has no mark, as older programs left it.
pub(super) fn is_unchanged(text: &str) -> Option<bool> {
    let (first, rest) = text.split_once('\n')?;
    Some(first.trim_end().strip_prefix(MARK)? == checksum(rest))
}

/// The checksum of the lines, however they end.
fn checksum(text: &str) -> String {
    let mut sha256 = Sha256::new();
    for line in text.lines() {
        sha256.update(line);
        sha256.update("\n");
    }
    hex(&sha256.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_again_until_a_value_changes() {
        let text = marked("a = 1\nb = 2\n");
        assert_eq!(text.parse::<toml::Table>().unwrap().len(), 2);
        assert_eq!(is_unchanged(&text), Some(true));
        assert_eq!(is_unchanged(&text.replace('\n', "\r\n")), Some(true), "an editor of Windows saved it");
        assert_eq!(is_unchanged(&text.replace("b = 2", "b = 3")), Some(false));
        assert_eq!(is_unchanged(&text.replace("a = 1\n", "")), Some(false));
        assert_eq!(is_unchanged("a = 1\nb = 2\n"), None);
        assert_eq!(is_unchanged(""), None);
    }
}
