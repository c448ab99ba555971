//! The memory of this process, where the system tells (Linux).

use crate::device::limits::proc_bytes;

/// Forgets the peak so far, so that [`peak_bytes`] speaks of what follows; `false` where that is
/// not possible.
pub fn reset_peak() -> bool {
    cfg!(target_os = "linux") && std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most memory that was resident since the start, or since [`reset_peak`].
pub fn peak_bytes() -> Option<u64> {
    proc_bytes("/proc/self/status", "VmHWM:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_covers_what_was_touched() {
        let touched = vec![1_u8; 64 << 20];
        if let Some(peak) = peak_bytes() {
            assert!(
                peak > 64 << 20,
                "{peak} with {} bytes touched",
                touched.iter().map(|&b| usize::from(b)).sum::<usize>()
            );
        }
    }
}
