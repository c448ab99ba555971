"""The random numbers of `src/random.rs` in numpy: Philox4x32-10, a pure function of (seed, stream, step, index).

Importing this module checks the generator against the published vectors: no golden file is made from a wrong one.
"""

from dataclasses import dataclass

import numpy as np

LATENTS = 1
"""Stream of the latent vectors of training steps."""
INITIAL = 0x1000
"""First stream of the initial parameters: generator from here, discriminator 256 further."""

MASK = np.uint64(0xFFFF_FFFF)
HIGH = np.uint64(32)


def philox(key: tuple[int, int], counter: tuple[np.ndarray | int, ...]) -> np.ndarray:
    """Philox4x32-10 for arrays of 128-bit counters (four words each) and one key: words [..., 4] as uint32."""
    k0, k1 = key
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(word, dtype=np.uint64) for word in counter))
    for _ in range(10):
        p0, p1 = np.uint64(0xD251_1F53) * c0, np.uint64(0xCD9E_8D57) * c2
        c0, c1, c2, c3 = (p1 >> HIGH) ^ c1 ^ np.uint64(k0), p1 & MASK, (p0 >> HIGH) ^ c3 ^ np.uint64(k1), p0 & MASK
        k0, k1 = (k0 + 0x9E37_79B9) & 0xFFFF_FFFF, (k1 + 0xBB67_AE85) & 0xFFFF_FFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


@dataclass(frozen=True)
class Draws:
    """The random numbers of one (seed, stream, step)."""

    seed: int
    stream: int
    step: int = 0
    part: int = 0
    """The repetition of D's update within the step."""

    def blocks(self, count: int) -> np.ndarray:
        """Blocks 0..count as uint32 [count, 4]: block i has the counter (i, step, stream, part)."""
        key = (self.seed & 0xFFFF_FFFF, self.seed >> 32)
        return philox(key, (np.arange(count, dtype=np.uint64), self.step, self.stream, self.part))

    def words(self, count: int) -> np.ndarray:
        """Words 0..count as uint32: word i is lane i % 4 of block i / 4."""
        return self.blocks(-(-count // 4)).reshape(-1)[:count]

    def uniform(self, limit: float, *shape: int) -> np.ndarray:
        """`fill_uniform`: float32 numbers uniform in (-limit, limit)."""
        unit = _open_unit(self.words(int(np.prod(shape))))
        return ((2.0 * unit - 1.0) * limit).astype(np.float32).reshape(shape)

    def normal(self, *shape: int) -> np.ndarray:
        """`fill_normal`: N(0, 1) by Box-Muller in float64, two numbers from each pair of words, rounded to float32."""
        count = int(np.prod(shape))
        unit = _open_unit(self.words(-(-count // 4) * 4)).reshape(-1, 2)
        radius, angle = np.sqrt(-2.0 * np.log(unit[:, 0])), 2.0 * np.pi * unit[:, 1]
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        return pairs.reshape(-1)[:count].astype(np.float32).reshape(shape)


def unit(words: np.ndarray) -> np.ndarray:
    """What shaders make of words: their upper 24 bits as numbers in [0, 1), exact in float32 and float64."""
    return (words >> np.uint32(8)).astype(np.float64) * 2.0**-24


def _open_unit(words: np.ndarray) -> np.ndarray:
    return (words.astype(np.float64) + 0.5) / 4_294_967_296.0


def _verify() -> None:
    """The known-answer vectors of the Random123 library (`kat_vectors`, philox4x32 10 rounds)."""
    ones = 0xFFFF_FFFF
    pi = (0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344)
    for key, counter, expected in [
        ((0, 0), (0, 0, 0, 0), [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
        ((ones, ones), (ones, ones, ones, ones), [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
        ((0xA409_3822, 0x299F_31D0), pi, [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]),
    ]:
        words = philox(key, counter).tolist()
        if words != expected:
            raise AssertionError(f"philox{key, counter} gives {words}, published is {expected}")


_verify()
