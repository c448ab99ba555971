//! How twins use the processor: all cores through rayon, and the widest vector instructions that it
//! has through pulp, which compiles the closure once for each instruction set and picks one when
//! the program runs.

use rayon::prelude::*;

use super::real::Real;

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

/// Σ a·b in sixteen interleaved partial sums.
#[inline(always)]
pub fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    let ((a16, a_rest), (b16, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [F::ZERO; 16];
    for (a, b) in a16.iter().zip(b16) {
        for i in 0..16 {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: F = a_rest.iter().zip(b_rest).map(|(&a, &b)| a * b).sum();
    sums.into_iter().sum::<F>() + rest
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
