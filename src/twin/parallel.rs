//! How twins use the processor: all cores through rayon, and the widest vector instructions that it
//! has through pulp, which compiles the closure once for each instruction set and picks one when
//! the program runs.

use rayon::prelude::*;

/// Elements that one task works on: enough to hide its start, few enough to balance.
pub const CHUNK: usize = 16 * 1024;

/// Calls `f(first, chunk)` for consecutive chunks of `out`, `first` being the index of the chunk's
/// first element. Chunks hold whole multiples of `row` elements. Results cannot depend on the
/// number of threads. `f` must be `#[inline(always)] move`, as for [`vectorised`].
pub fn chunks<T: Send>(out: &mut [T], row: usize, f: impl Fn(usize, &mut [T]) + Copy + Send + Sync) {
    let size = (CHUNK / row).max(1) * row;
    let chunks = out.par_chunks_mut(size).enumerate();
    chunks.for_each(|(i, chunk)| {
        vectorised(
            #[inline(always)]
            move || f(i * size, chunk),
        )
    });
}

/// Runs `f` compiled for the processor's own vector instructions.
///
/// `f` must be `#[inline(always)]`, or it is compiled apart from its caller, for the oldest
/// processor; and `move`, or its loops read every captured number from memory again.
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

/// The vector instructions that twins use on this processor: together with the architecture they
/// decide the order of additions, and so the last bits.
pub fn vector_instructions() -> &'static str {
    let arch = format!("{:?}", pulp::Arch::new());
    match arch.split(['(', ' ']).next() {
        Some("V4") => "AVX-512",
        Some("V3") => "AVX2",
        Some("Neon") => "NEON",
        _ => "no vector instructions beyond the architecture's own",
    }
}
