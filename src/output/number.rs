//! Numbers for people.

/// 1234567 as `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

/// A number of bytes in units that fit: `28.9 kB`.
pub fn size(bytes: u64) -> String {
    // A unit ends where its last digit would be rounded to the next one.
    match bytes {
        1 => "1 byte".to_string(),
        0..1_000 => format!("{bytes} bytes"),
        1_000..999_950 => format!("{:.1} kB", bytes as f64 / 1e3),
        999_950..999_950_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        let all = [0, 999, 1_000, 12_345, 1_234_567].map(grouped);
        assert_eq!(all, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!([1, 12, 999].map(size), ["1 byte", "12 bytes", "999 bytes"]);
        assert_eq!([4_542, 28_881, 599_084, 999_949].map(size), ["4.5 kB", "28.9 kB", "599.1 kB", "999.9 kB"]);
        assert_eq!([999_950, 26_421_880, 999_949_999].map(size), ["1.0 MB", "26.4 MB", "999.9 MB"]);
        assert_eq!([999_950_000, 12_345_678_901].map(size), ["1.0 GB", "12.3 GB"]);
    }
}
