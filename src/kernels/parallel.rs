//! How twins use the processor: all cores through rayon, and the widest vector instructions that it has through pulp,
//! which compiles the closure once for each instruction set and picks one when the program runs.

use rayon::prelude::*;

/// Elements that one task works on: enough to hide its start, few enough to balance.
pub const CHUNK: usize = 16 * 1024;

/// Calls `f(first, chunk)` for consecutive chunks of `out`, `first` being the index of the chunk's first element.
/// Chunks hold whole multiples of `row` elements. Results cannot depend on the number of threads.
pub fn chunks<T: Send>(out: &mut [T], row: usize, f: impl Fn(usize, &mut [T]) + Send + Sync) {
    let size = (CHUNK / row).max(1) * row;
    out.par_chunks_mut(size).enumerate().for_each(|(i, chunk)| vectorised(|| f(i * size, chunk)));
}

/// Runs `f` compiled for the processor's own vector instructions.
#[inline(always)]
pub fn vectorised<R>(f: impl FnOnce() -> R) -> R {
    struct Call<F>(F);
    impl<R, F: FnOnce() -> R> pulp::NullaryFnOnce for Call<F> {
        type Output = R;
        #[inline(always)]
        fn call(self) -> R {
            self.0()
        }
    }
    pulp::Arch::new().dispatch(Call(f))
}
