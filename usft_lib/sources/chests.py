"""What the two sets of chest X-rays share: the layouts of their copies, and greys that are the wrong way round."""

import re
from re import Pattern

import numpy as np
from PIL import Image

from .pictures import full_range

SIDE = 128  # pixels, at which greys are compared
NEAR, FAR = 2, 10  # of these pixels: what lies so far outside the lungs is compared with them
# Of the full range. Lungs are darker than what lies around them, by .13 to .39 in the mirror's Montgomery set and .30
# to -.006 in its Shenzhen set. So 3 of 566, whose lungs are hardly darker, would not be found if they were inverted.
BRIGHTER = 0.02


def picture_pattern(stem: str) -> Pattern[str]:
    """Names of pictures: ``CXR_png/`` (NLM, ``Lung Segmentation/``) or ``Montgomery/img/`` (Mendeley Data)."""
    return re.compile(rf"(?:^|/)(?:CXR_png|img|images?)/({stem})\.png$", re.I)


def mask_pattern(stem: str) -> Pattern[str]:
    """Names of masks of both lungs: ``masks/``, ``Montgomery/mask/``, or any folder if they end in ``_mask``."""
    return re.compile(rf"(?:^|/)(?:masks?/|(?=\w+_mask\.))({stem})(?:_mask)?\.png$", re.I)


def is_inverted(picture: np.ndarray, lungs: np.ndarray) -> bool:
    """True if the lungs (bool ``[h, w]``) of a picture (``[h, w]``) are brighter than what lies around them."""
    from scipy.ndimage import binary_dilation  # not at the top: it takes half a second

    values = Image.fromarray(picture if picture.dtype == np.uint8 else picture.astype(np.float32))
    small = np.asarray(values.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
    inside = np.asarray(Image.fromarray(lungs).resize((SIDE, SIDE), Image.Resampling.NEAREST))
    around = binary_dilation(inside, iterations=FAR) & ~binary_dilation(inside, iterations=NEAR)
    if not inside.any() or not around.any():
        return False
    return small[inside].mean() - small[around].mean() > BRIGHTER * np.ptp(picture)


def upright(picture: np.ndarray, lungs: np.ndarray, turned: list[str], name: str) -> np.ndarray:
    """The picture with dark lungs; where its greys had to be inverted for that, ``name`` is added to ``turned``."""
    if not is_inverted(picture, lungs):
        return picture
    turned.append(name)
    white = full_range(picture.dtype, float(picture.max()))
    return (white - picture).astype(picture.dtype)


def remark(turned: list[str]) -> list[str]:
    """What the provenance says of inverted greys: one remark, or none."""
    return [f"inverted greys of {len(turned)} turned"] if turned else []
