"""Turn what a mask file holds into inside and outside, and refuse what cannot be meant as that."""

from pathlib import Path

import numpy as np

from ..errors import BadInput
from .pictures import open_picture, values_of

NEAR = 0.15  # of the largest value: values this near to an end are that end (JPEG noise)
FLAT = 0.2  # of the in-between pixels lie in flat areas: they are a class of their own, not an antialiased edge
GREY = 0.35  # of all pixels are in between: this is a picture, not a mask


def mask(data: bytes | Path, what: str) -> tuple[np.ndarray, bool]:
    """Decode a mask: bool ``[h, w]``, and whether it had soft (antialiased) edges that were cut at half.

    Raises:
        BadInput: it holds more than two classes (the line says which values), or is no mask at all.
    """
    values = values_of(open_picture(data, what), what)
    if values.ndim == 3:
        values = _uncoloured(values, what)
    return to_mask(values, what)


def to_mask(values: np.ndarray, what: str) -> tuple[np.ndarray, bool]:
    """Grey values ``[h, w]`` → bool ``[h, w]`` and whether soft edges were cut at half of the largest value.

    Zero and one other value, whichever, are outside and inside. Of more values, those in between may only be the edge
    of an object. A label map (0, 1, 2 or 0, 128, 255) has them in flat areas instead.
    """
    top = values.max()
    low = values.min()
    if top == 0:
        return np.zeros(values.shape, bool), False
    if low == top:
        raise BadInput(f"{what} is {top:g} everywhere: a mask needs 0 outside the object.")
    whole = np.issubdtype(values.dtype, np.integer)
    near = NEAR * float(top) if top >= 64 or not whole else 0.0
    if not ((values > low) & (values < top)).any():
        if low > near:
            raise BadInput(f"{what} holds {low:g} and {top:g}, but no 0: save the object as 255 and all else as 0.")
        return values == top, False
    between = (values > near) & (values < top - near)
    flat = between & _flat(values, 0.02 * float(top))
    if whole and top < 64:
        flat = between  # small whole numbers are labels: no antialiasing gives them
    if between.any() and flat.sum() > FLAT * between.sum():
        raise BadInput(
            f"{what} holds more than two classes (values {_listed(values, flat)}): keep one class, save it as 255 and "
            "all else as 0."
        )
    if low > near or between.mean() > GREY:
        raise BadInput(
            f"{what} holds grey values from {low:g} to {top:g} all over, as a picture does: a mask is 0 outside the "
            "object and one other value inside."
        )
    return values > float(top) / 2, True


def _flat(values: np.ndarray, tolerance: float) -> np.ndarray:
    """True where a pixel and its eight neighbours differ by no more than ``tolerance``; False at the border."""
    v = values.astype(np.float32)
    flat = np.zeros(v.shape, bool)
    if min(v.shape) < 3:
        return flat
    middle = v[1:-1, 1:-1]
    near = np.ones(middle.shape, bool)
    height, width = middle.shape
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            near &= np.abs(v[dy : dy + height, dx : dx + width] - middle) <= tolerance
    flat[1:-1, 1:-1] = near
    return flat


def _listed(values: np.ndarray, flat: np.ndarray, most: int = 8) -> str:
    found, counts = np.unique(values[flat], return_counts=True)
    common = found[np.argsort(-counts)][:most]
    listed = sorted({float(values.min()), float(values.max()), *map(float, common)})
    return ", ".join(f"{v:g}" for v in listed)


def _uncoloured(values: np.ndarray, what: str) -> np.ndarray:
    """RGB → one channel: grey stays; black with one colour becomes 0 and 255; more colours are more classes."""
    if (values == values[..., :1]).all():
        return values[..., 0]
    colours = np.unique(values.reshape(-1, 3), axis=0)
    if len(colours) == 2 and not colours[0].any():
        return np.where(values.any(-1), 255, 0).astype(np.uint8)
    listed = ", ".join("(" + " ".join(map(str, c)) + ")" for c in colours[:6].tolist())
    more = ", …" if len(colours) > 6 else ""
    raise BadInput(
        f"{what} is in colour with {len(colours)} colours ({listed}{more}): keep one class, save it as white on black."
    )
