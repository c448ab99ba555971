//! How much memory this process may still take: what the machine has to spare, what its cgroup
//! leaves (a container's limit, a batch system's), and what `ulimit` leaves.

mod cgroup;
mod process;

use std::fmt;
use std::path::Path;

/// Who keeps a process from taking more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The machine: what can be taken without swapping.
    Machine,
    /// A cgroup that the process is in, or one above it.
    Cgroup,
    /// The limit of the address space, `ulimit -v`.
    AddressSpace,
    /// The limit of private data, `ulimit -d`.
    Data,
}

/// Memory that this process can still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spare {
    /// How many bytes.
    pub bytes: u64,
    /// What keeps it from more.
    pub bound: Bound,
}

impl fmt::Display for Spare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = self.bytes >> 20;
        match self.bound {
            Bound::Machine => write!(f, "this machine has {mebibytes} MiB to spare"),
            Bound::Cgroup => write!(f, "the memory limit of its cgroup leaves {mebibytes} MiB"),
            Bound::AddressSpace => write!(f, "`ulimit -v` leaves {mebibytes} MiB"),
            Bound::Data => write!(f, "`ulimit -d` leaves {mebibytes} MiB"),
        }
    }
}

/// What this process can still take, where the system says so: Linux, Windows and macOS.
pub fn spare() -> Option<Spare> {
    tightest(bounds())
}

/// The bound that leaves least.
pub fn tightest(bounds: impl IntoIterator<Item = Spare>) -> Option<Spare> {
    bounds.into_iter().min_by_key(|spare| spare.bytes)
}

/// What each bound that the system tells of leaves: work may be subject to some of them alone.
pub fn bounds() -> Vec<Spare> {
    #[cfg(any(windows, target_os = "macos"))]
    let found = sysinfo::System::new().ok().and_then(|mut system| {
        system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
        // Zero stands for a question that the system did not answer.
        let bytes = Some(system.available_memory()).filter(|&bytes| bytes > 0)?;
        Some(Spare { bytes, bound: Bound::Machine })
    });
    #[cfg(any(windows, target_os = "macos"))]
    let found = Vec::from_iter(found);
    // Elsewhere such files would be anybody's.
    #[cfg(not(any(windows, target_os = "macos")))]
    let found = if cfg!(target_os = "linux") { bounds_below(Path::new("/")) } else { Vec::new() };
    found
}

/// As [`bounds`], of a Linux whose files lie below `root`.
#[cfg_attr(
    all(not(test), any(windows, target_os = "macos")),
    expect(dead_code, reason = "tests look at it on every system")
)]
fn bounds_below(root: &Path) -> Vec<Spare> {
    let bounds = [
        (Bound::Machine, process::available(root)),
        (Bound::Cgroup, cgroup::spare(root)),
        (Bound::AddressSpace, process::address_space(root)),
        (Bound::Data, process::data(root)),
    ];
    bounds.into_iter().filter_map(|(bound, bytes)| Some(Spare { bytes: bytes?, bound })).collect()
}

/// The most memory that was resident since the start of this process, or since [`forget_peak`],
/// where the system tells (Linux).
pub fn peak() -> Option<u64> {
    if cfg!(target_os = "linux") { process::peak(Path::new("/")) } else { None }
}

/// Forgets the [`peak`] so far; `false` where that is not possible.
pub fn forget_peak() -> bool {
    cfg!(target_os = "linux") && std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// A text file of the system, below `root`.
fn read(root: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(root.join(file)).ok()
}

#[cfg(test)]
mod tests;
