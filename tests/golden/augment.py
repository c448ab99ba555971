"""DiffAugment by the draws of `shaders/common/augmentation.wgsl`: mirror, brightness, contrast, translation, cutout."""

import numpy as np
import torch
from torch import Tensor

from philox import Draws, unit


def augment(x: Tensor, how: dict, draws: Draws, fill: float = -1.0) -> Tensor:
    """Each image mirrored, brightened, given contrast, shifted and cut; what is vacated or cut is filled.

    Block 2b has image b's mirror, brightness and contrast, block 2b + 1 its shift and the place of its hole.
    """
    blocks = draws.blocks(2 * len(x)).reshape(len(x), 2, 4)
    return torch.stack([augment_image(*image, how, fill) for image in zip(x, blocks)])


def augment_image(x: Tensor, blocks: np.ndarray, how: dict, fill: float) -> Tensor:
    """One image [channel, row, column]."""
    values, places = blocks
    brightness, contrast = (
        how.get(key, 0.0) * float(2.0 * unit(word) - 1.0)
        for key, word in zip(("brightness", "contrast"), values[1:3])
    )
    if how.get("mirror") and values[0] >= 1 << 31:
        x = x.flip(2)
    x = x + contrast * (x - x.mean()) + brightness
    # For rows and columns: what comes to each place of the result, and which of these places are inside.
    sources, inside = [], []
    for size, shift_word, hole_word in zip(x.shape[1:], places[:2], places[2:]):
        most, hole = (int(how.get(key, 0.0) * size + 0.5) for key in ("translation", "cutout"))
        source = torch.arange(size) - (below(shift_word, 2 * most + 1) - most)
        first = below(hole_word, size + 1 - hole % 2) - hole // 2
        place = torch.arange(size)
        sources.append(source.clamp(0, size - 1))
        inside.append(((source >= 0) & (source < size), (place >= first) & (place < first + hole)))
    (rows, hole_rows), (columns, hole_columns) = inside
    kept = rows[:, None] & columns & ~(hole_rows[:, None] & hole_columns)
    return torch.where(kept, x[:, sources[0]][:, :, sources[1]], fill)


def below(word: np.uint32, bound: int) -> int:
    """An integer uniform in 0..bound."""
    return int(word) * bound >> 32
