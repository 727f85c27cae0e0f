"""The shapes of one data set drawn in the texture of another: appearance alone changes (lesson 05).

A lung filled with speckle exists in no patient. It is an experiment: same shapes, same places, same task, only the look
is that of ultrasound, so what a network loses here it loses to appearance.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F

from ..data import SegmentationData
from ..seeds import generator
from .shapes import check_range, drawer, smooth_noise
from .ultrasound import display, speckle


def in_speckle(
    data: SegmentationData, seed: int = 0, *, contrast_db: tuple[float, float] | None = None
) -> SegmentationData:
    """The masks of ``data`` drawn as echo-poor shapes in speckled tissue; masks and subjects stay (lesson 05).

    Image i depends on the seed, its id and its mask alone; nothing of the old image is used. `ultrasound.speckle` draws
    the echoes, `ultrasound.display` the grey values.

    Args:
        contrast_db: echo level inside against outside, by default −16…−6 (dark, as lungs are on a radiograph).

    Raises:
        BadInput: a contrast out of its range.
    """
    low, high = check_range("contrast_db", contrast_db, (-16, -6), -40, 20)
    images = torch.stack(
        [_draw(mask[0], low, high, seed, name) for mask, name in zip(data.masks, data.ids, strict=True)]
    )
    made = f"masks of {data.provenance or data.name}, speckle simulated with seed {seed}"
    return replace(data, images=images[:, None], name=f"{data.name} in speckle", provenance=made)


def _draw(mask: torch.Tensor, low: float, high: float, seed: int, name: str) -> torch.Tensor:
    """One image ``[S, S]`` of a mask ``[S, S]``."""
    random = generator("in speckle", seed, name)
    draw = drawer(random)
    size, margin = len(mask), 16  # the filters are circular: what they carry around the edges is cut off
    # Two samples a pixel, so that speckle finer than a pixel is kept.
    inside = F.interpolate(mask[None, None].float(), scale_factor=2)
    inside = F.pad(F.avg_pool2d(inside, 3, 1, 1, count_include_pad=False), [margin] * 4, mode="replicate")[0, 0]
    mottle = draw(1, 4) * smooth_noise(random, *inside.shape, size / 6, size / 6)
    level = mottle + draw(low, high) * inside
    field = speckle(level, draw(1.2, 3), draw(0.8, 1.5), random)[margin:-margin, margin:-margin]
    return display({"gain": draw(-4, 4), "range": draw(42, 65)}, field, size)
