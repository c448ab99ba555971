//! The threads that everything is computed on: rayon's pool.

use std::error::Error as _;
use std::hint::black_box;
use std::sync::OnceLock;
use std::thread::available_parallelism;

use crate::error::{Error, Kind, Result};
use crate::memory::{self, Bound, Spare};

/// Address space that a thread takes for its stack, and to begin with.
const OF_A_THREAD: u64 = (2 << 20) + (64 << 10);
/// Address space that is left to the others while threads start.
const OF_THE_REST: u64 = 16 << 20;

/// Starts the threads, unless they run already; rayon would do so by itself, and panic where the
/// system has none.
///
/// # Errors
/// [`Kind::Other`] when the system starts no more threads, or their stacks fill the address space,
/// in which case nothing could be relied on.
pub fn start() -> Result<()> {
    static STARTED: OnceLock<Result<()>> = OnceLock::new();
    STARTED.get_or_init(start_once).clone()
}

fn start_once() -> Result<()> {
    let count = wanted();
    let refused = |cause: &str| {
        let remedy = "set RAYON_NUM_THREADS to fewer, or raise `ulimit -u` or `ulimit -v`";
        Err(Error::new(Kind::Other, format!("cannot start {count} threads to compute on: {cause}; {remedy}")))
    };
    let needed = OF_A_THREAD.saturating_mul(count as u64).saturating_add(OF_THE_REST);
    let is_too_little = |spare: &Spare| spare.bound == Bound::AddressSpace && spare.bytes < needed;
    if let Some(spare) = memory::bounds().into_iter().find(is_too_little) {
        return refused(&spare.to_string());
    }
    let failed = rayon::ThreadPoolBuilder::new().num_threads(count).build_global().err();
    // It has a cause unless the threads run already.
    match failed.as_ref().and_then(|error| error.source()) {
        Some(cause) => refused(&cause.to_string()),
        None => Ok(()),
    }
}

/// How many threads rayon would start by itself.
fn wanted() -> usize {
    let set = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    set.filter(|&count| count > 0).unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}

/// Has every thread ask for memory once: an allocator may set address space aside for each of them
/// (glibc does, 64 MiB), and what is left then stays.
pub fn settle() {
    rayon::broadcast(|_| drop(black_box(vec![1_u8; 64])));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_start_once_as_many_as_rayon_would() {
        start().unwrap();
        start().unwrap();
        assert_eq!(rayon::current_num_threads(), wanted());
        settle();
    }
}
