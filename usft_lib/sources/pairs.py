"""An archive's picture with its mask: each has the other, and both are of one size."""

from collections.abc import Collection

import numpy as np

from ..errors import BadInput
from .archive import SafeZip
from .masks import mask
from .pictures import grey


def check_pairs(archive: SafeZip, pictures: Collection[str], masks: Collection[str], called: str = "mask") -> None:
    """Raise `BadInput`, which names the first, if some of ``pictures`` and of ``masks`` have no partner."""
    for stem in sorted({*pictures} ^ {*masks}):
        what = f"an image but no {called}" if stem in pictures else "a mask but no image"
        raise BadInput(f"{archive.title}: {stem} has {what}: fetch the archive again.")


def read_pair(archive: SafeZip, name: str, *masks: str) -> tuple[np.ndarray, np.ndarray]:
    """A picture's grey values ``[h, w]``, and what its masks cover together: bool ``[h, w]``."""
    picture = grey(archive.read(name), name)
    covered = np.zeros(picture.shape, bool)
    for one in masks:
        inside, _ = mask(archive.read(one), one)
        check_same_size(picture, f"{archive.title}: {name}", inside, one)
        covered |= inside
    return picture, covered


def check_same_size(picture: np.ndarray, name: str, mask: np.ndarray, mask_name: str) -> None:
    """Raise `BadInput`, which names both files, unless a picture and its mask are of one size."""
    if mask.shape != picture.shape:
        raise BadInput(
            f"{name} is {picture.shape[1]} × {picture.shape[0]} and {mask_name} is {mask.shape[1]} × {mask.shape[0]} "
            "pixels: they must agree."
        )
