//! Counter-based random numbers: every draw is a pure function of (seed, stream, part, step,
//! index), so nothing has to be saved to resume exactly. The generator is Philox4x32-10 (Salmon et
//! al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011); `shaders/common/philox.wgsl` is
//! the same function in WGSL.

/// Purposes that must never share random numbers; the third word of the Philox counter.
///
/// What a step draws for its images and layers is told apart in [`crate::engine::step`].
pub mod stream {
    /// Latent vectors of training steps.
    pub const LATENTS: u32 = 1;
    /// The order of the images in an epoch.
    pub const SHUFFLE: u32 = 2;
    /// The built-in digits of `--data strokes`.
    pub const STROKES: u32 = 3;
    /// Latent vectors that `sample` and its relatives draw.
    pub const SAMPLES: u32 = 4;
    /// Directions on which samples and real images are compared.
    pub const DIRECTIONS: u32 = 5;
    /// Latent vectors on which running statistics of an average are estimated.
    pub const ESTIMATES: u32 = 6;
    /// Subsets and directions by which sets of images are compared.
    pub const EVALUATION: u32 = 7;
    /// Settings that a sweep draws.
    pub const SWEEP: u32 = 8;
    /// Initial parameters: one stream for each parameter, counted from here.
    pub const INITIAL: u32 = 0x1000;
    /// Where power iterations start: one stream for each variable that no gradient changes, counted
    /// from here.
    pub const SPECTRAL: u32 = 0x1800;
    /// Streams drawn inside shaders, counted from here.
    pub const DEVICE: u32 = 0x2000;
}

/// Where a shader's random numbers come from: the last two words of the Philox counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// What they are for; see [`stream`].
    pub stream: u32,
    /// Which of D's updates within the step they belong to.
    pub part: u32,
}

impl Source {
    /// The source whose stream lies `offset` further on.
    pub fn offset(self, offset: u32) -> Source {
        Source { stream: self.stream + offset, ..self }
    }
}

/// The first part.
impl From<u32> for Source {
    fn from(stream: u32) -> Self {
        Source { stream, part: 0 }
    }
}

/// One block of Philox4x32-10: four random words from a 128-bit counter and a 64-bit key.
pub fn philox(key: [u32; 2], [c0, c1, c2, c3]: [u32; 4]) -> [u32; 4] {
    philox_many(key, [[c0], [c1], [c2], [c3]]).map(|[word]| word)
}

/// `N` blocks at once, word by word: what compilers turn into vector instructions.
#[inline(always)]
pub fn philox_many<const N: usize>(key: [u32; 2], counters: [[u32; N]; 4]) -> [[u32; N]; 4] {
    const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    const LOW: u64 = 0xFFFF_FFFF;
    // In 64-bit lanes a product is one instruction; their upper halves hold what is left of
    // products until the end.
    let mut c = [[0; N]; 4];
    for (wide, words) in c.iter_mut().zip(&counters) {
        wide.iter_mut().zip(words).for_each(|(wide, &word)| *wide = u64::from(word));
    }
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        for i in 0..N {
            let (p0, p1) = (MULTIPLIERS[0] * (c[0][i] & LOW), MULTIPLIERS[1] * (c[2][i] & LOW));
            (c[0][i], c[1][i]) = ((p1 >> 32) ^ c[1][i] ^ u64::from(k0), p1);
            (c[2][i], c[3][i]) = ((p0 >> 32) ^ c[3][i] ^ u64::from(k1), p0);
        }
        (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
    }
    let mut words = counters;
    for (words, wide) in words.iter_mut().zip(&c) {
        words.iter_mut().zip(wide).for_each(|(word, &wide)| *word = wide as u32);
    }
    words
}

/// The random numbers of one (seed, source, step), addressed by index.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    key: [u32; 2],
    source: Source,
    step: u32,
}

impl Draws {
    /// How many normals a sequence has: four of each block.
    pub const NORMALS: u64 = 1 << 34;

    /// Names the sequence; nothing is computed until a number is asked for.
    pub fn new(seed: u64, source: impl Into<Source>, step: u32) -> Self {
        Draws { key: split(seed), source: source.into(), step }
    }

    /// Four random words: counter (block, step, stream, part).
    pub fn block(&self, block: u32) -> [u32; 4] {
        philox(self.key, [block, self.step, self.source.stream, self.source.part])
    }

    /// Word `index`: lane `index % 4` of block `index / 4`.
    pub fn word(&self, index: u32) -> u32 {
        self.block(index / 4)[(index % 4) as usize]
    }

    /// An integer uniform in `0..bound` (Lemire's multiply-and-shift; the bias is below `bound` /
    /// 2³²).
    pub fn below(&self, index: u32, bound: u32) -> u32 {
        ((u64::from(self.word(index)) * u64::from(bound)) >> 32) as u32
    }

    /// Number `index`, uniform in the open interval (0, 1): (word + ½) / 2³².
    pub fn uniform(&self, index: u32) -> f64 {
        open_unit(self.word(index))
    }

    /// Fills `out` with N(0, 1): each block of four words gives two Box–Muller pairs, in f64 with a
    /// pure-Rust `libm` so that every platform draws the same bits.
    pub fn fill_normal(&self, out: &mut [f32]) {
        self.fill_normal_from(0, out);
    }

    /// As [`Draws::fill_normal`], beginning with number `first` of the sequence, which has
    /// [`Draws::NORMALS`].
    pub fn fill_normal_from(&self, first: u64, out: &mut [f32]) {
        let (mut block, skipped) = ((first / 4) as u32, (first % 4) as usize);
        // What is left of a block that `first` lies within comes before whole blocks.
        let head = if skipped == 0 { 0 } else { (4 - skipped).min(out.len()) };
        let (head, whole) = out.split_at_mut(head);
        for (chunk, skipped) in [(head, skipped)].into_iter().chain(whole.chunks_mut(4).map(|chunk| (chunk, 0))) {
            if chunk.is_empty() {
                continue;
            }
            let w = self.block(block);
            block = block.wrapping_add(1);
            let pairs = [box_muller(w[0], w[1]), box_muller(w[2], w[3])];
            for (value, normal) in chunk.iter_mut().zip(&pairs.as_flattened()[skipped..]) {
                *value = *normal as f32;
            }
        }
    }

    /// Fills `out` with numbers uniform in (-limit, limit).
    pub fn fill_uniform(&self, limit: f64, out: &mut [f32]) {
        for (block, chunk) in out.chunks_mut(4).enumerate() {
            for (value, word) in chunk.iter_mut().zip(self.block(block as u32)) {
                *value = ((2.0 * open_unit(word) - 1.0) * limit) as f32;
            }
        }
    }
}

/// The two halves of a seed, low word first: a Philox key.
pub fn split(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// A number uniform in the open interval (0, 1): (word + ½) / 2³².
fn open_unit(word: u32) -> f64 {
    (f64::from(word) + 0.5) / 4_294_967_296.0
}

fn box_muller(a: u32, b: u32) -> [f64; 2] {
    let radius = libm::sqrt(-2.0 * libm::log(open_unit(a)));
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * open_unit(b));
    [radius * cos, radius * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known-answer vectors published with the Random123 library (`kat_vectors`, philox4x32 10
    /// rounds).
    #[test]
    fn philox_matches_the_published_vectors() {
        assert_eq!(philox([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox([!0; 2], [!0; 4]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            philox([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_sequence_of_normals_can_be_entered_anywhere() {
        let draws = Draws::new(7, stream::SAMPLES, 0);
        let mut whole = [0.0; 23];
        draws.fill_normal(&mut whole);
        for first in 0..23 {
            for length in 0..23 - first {
                let mut part = vec![0.0; length];
                draws.fill_normal_from(first as u64, &mut part);
                assert_eq!(part, whole[first..][..length], "from {first}");
            }
        }
        let mut last = [0.0; 2];
        draws.fill_normal_from(Draws::NORMALS - 2, &mut last);
        let w = draws.block(u32::MAX);
        assert_eq!(last, box_muller(w[2], w[3]).map(|value| value as f32));
    }

    #[test]
    fn normals_have_the_moments_of_a_gaussian() {
        let mut z = vec![0.0; 100_000];
        Draws::new(7, stream::LATENTS, 3).fill_normal(&mut z);
        let moment = |k: i32| z.iter().map(|&v| f64::from(v).powi(k)).sum::<f64>() / z.len() as f64;
        assert!(moment(1).abs() < 0.01, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.15, "fourth moment {}", moment(4));
    }
}
