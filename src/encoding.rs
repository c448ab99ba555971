//! Text as editors and shells save it: UTF-8, with a byte-order mark or without, or UTF-16 with
//! one, which PowerShell's `>` and Windows' Notepad write.

/// The text in the bytes of a file, without its byte-order mark; nothing where they are no text.
pub fn text(bytes: Vec<u8>) -> Option<String> {
    let wide = |bytes: &[u8], word: fn([u8; 2]) -> u16| {
        let (pairs, odd) = bytes.as_chunks();
        let words: Vec<u16> = pairs.iter().map(|&pair| word(pair)).collect();
        String::from_utf16(&words).ok().filter(|_| odd.is_empty())
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_gives_the_same_text() {
        let expected = "α = 1\n𝛽 = 2\n";
        let words: Vec<u16> = expected.encode_utf16().collect();
        let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
        for bytes in [
            expected.as_bytes().to_vec(),
            marked(b"\xef\xbb\xbf", expected.as_bytes().to_vec()),
            marked(b"\xff\xfe", words.iter().flat_map(|word| word.to_le_bytes()).collect()),
            marked(b"\xfe\xff", words.iter().flat_map(|word| word.to_be_bytes()).collect()),
        ] {
            assert_eq!(text(bytes).as_deref(), Some(expected));
        }
        for bytes in [&b"\xff"[..], b"\xff\xfe1", b"\xff\xfe\x00\xd8", b"\xef\xbb\xbf\xff", b"a\x80"] {
            assert_eq!(text(bytes.to_vec()), None, "{bytes:?}");
        }
        assert_eq!(text(Vec::new()).as_deref(), Some(""));
    }
}
