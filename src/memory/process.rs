//! What Linux's `/proc` says of the machine's memory and of this process's limits.

use std::path::Path;

use super::read;

/// Bytes that can be taken without swapping.
pub(super) fn available(root: &Path) -> Option<u64> {
    bytes_behind(&read(root, "proc/meminfo")?, "MemAvailable:")
}

/// Bytes of address space that `ulimit -v` leaves.
pub(super) fn address_space(root: &Path) -> Option<u64> {
    left(root, "Max address space", "VmSize:")
}

/// Bytes of private data that `ulimit -d` leaves.
pub(super) fn data(root: &Path) -> Option<u64> {
    left(root, "Max data size", "VmData:")
}

/// The most bytes that were resident.
pub(super) fn peak(root: &Path) -> Option<u64> {
    bytes_behind(&read(root, "proc/self/status")?, "VmHWM:")
}

/// What is left of a limit, of which the process uses what stands behind `used`.
fn left(root: &Path, limit: &str, used: &str) -> Option<u64> {
    let limit = soft_limit(&read(root, "proc/self/limits")?, limit)?;
    let used = bytes_behind(&read(root, "proc/self/status")?, used)?;
    Some(limit.saturating_sub(used))
}

/// The bytes behind `key` in a text that counts in kB.
fn bytes_behind(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limit that holds now, not the one up to which the process may raise it; none where it is
/// `unlimited`.
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_bytes() {
        let text = "MemTotal:       24617044 kB\nMemFree:         18 kB\nMemAvailable:   21536372 kB\n";
        assert_eq!(bytes_behind(text, "MemAvailable:"), Some(21_536_372 << 10));
        assert_eq!(bytes_behind("MemTotal: 1 kB\n", "MemAvailable:"), None);
        assert_eq!(bytes_behind("VmSize: 18446744073709551615 kB\n", "VmSize:"), None);
    }

    #[test]
    fn the_limit_that_holds_is_the_soft_one() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max data size             unlimited            unlimited            bytes     \n\
                    Max address space         1073741824           2147483648           bytes     \n";
        assert_eq!(soft_limit(text, "Max address space"), Some(1 << 30));
        assert_eq!(soft_limit(text, "Max data size"), None);
        assert_eq!(soft_limit(text, "Max stack size"), None);
    }
}
