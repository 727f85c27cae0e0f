"""Turn what a mask file holds into inside and outside, and refuse what cannot be meant as that."""

from pathlib import Path

import numpy as np

from ..errors import BadInput
from .pictures import open_picture, values_of

NEAR = 0.15  # of the largest value: values this near to an end are that end (JPEG noise)
FLAT = 0.2  # of the in-between pixels lie in flat areas: they are a class of their own, not an antialiased edge
GREY = 0.35  # of all pixels are in between: this is a picture, not a mask
LEVEL = 0.25  # of the pixels of one exact value lie in areas of that value alone: it was painted
EXACT = 3  # other values at most: nothing blurs or JPEG-compresses to so few, so that each counts as it is
NOISE = 0.04  # of the largest value: with more values, those this near to outside or inside are noise
ROUNDING = 2.5  # of 255: the same among few values (JPEG of high quality is off by one or two)
FEW = 9  # pixels: fewer are never called a class


class SeveralClasses(BadInput):
    """A mask holds more than one class besides what is outside; the line says which values."""


def mask(data: bytes | Path, what: str) -> tuple[np.ndarray, bool]:
    """Decode a mask: bool ``[h, w]``, and whether it had soft (antialiased) edges that were cut at half.

    Raises:
        BadInput: it holds more than two classes (the line says which values), or is no mask at all.
    """
    return mask_of(values_of(open_picture(data, what), what), what)


def mask_of(values: np.ndarray, what: str) -> tuple[np.ndarray, bool]:
    """As `mask`, of decoded values: ``[h, w]``, or ``[h, w, 3]`` in colour."""
    return to_mask(_uncoloured(values, what) if values.ndim == 3 else values, what)


def to_mask(values: np.ndarray, what: str) -> tuple[np.ndarray, bool]:
    """Grey values ``[h, w]`` → bool ``[h, w]`` and whether soft edges were cut at half of the largest value.

    Zero and one other value, whichever, are outside and inside. Of more values, those in between may only be the edge
    of an object, those near an end its JPEG noise. A label map (0, 1, 2 or 0, 128, 255 or 0, 1, 255) has flat areas of
    one exact value instead, or thin lines of it that lie on one side of the object's edge.

    Cannot be told apart, and is cut at half: a line of a further class, one pixel wide along the edge, from an
    antialiased edge; lines within two grey values of an end, or beside soft edges within 15 %, from what JPEG leaves;
    and lines of a further class, where the object is nowhere 3 pixels wide either, from thin antialiased objects.
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
            raise BadInput(f"{what} has {low:g} and {top:g}, but no 0: save the object as 255 and all else as 0.")
        return values == top, False
    between = (values > near) & (values < top - near)
    flat = between & _flat(values, 0.02 * float(top))
    if whole and top < 64:
        flat = between  # small whole numbers are labels: no antialiasing gives them
    if between.any() and flat.sum() > FLAT * between.sum():
        raise SeveralClasses(_classes(values, flat, what))
    if low > near or between.mean() > GREY:
        raise BadInput(
            f"{what} has grey values from {low:g} to {top:g} all over, as a picture does: a mask is 0 outside the "
            "object and one other value inside."
        )
    hidden = _hidden(values, near)
    if hidden.any():
        raise SeveralClasses(_classes(values, hidden, what))
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


def _hidden(values: np.ndarray, near: float) -> np.ndarray:
    """bool ``[h, w]``: the pixels of all classes, if there are further ones near an end of the range or in thin lines.

    On the slope of an edge each pixel has a higher and a lower neighbour, and noise differs from pixel to pixel. So one
    exact value that most pixels off the slopes share was painted.
    """
    from scipy.ndimage import maximum_filter, minimum_filter  # not at the top: it takes half a second

    found, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    index = index.reshape(values.shape)
    top, step = float(found[-1]), 1.0 if np.issubdtype(values.dtype, np.integer) else 0.0
    flat = np.bincount(index[_flat(values, 0)], minlength=len(found))
    painted = (flat > 0) & (flat >= LEVEL * counts)
    outside, inside = (np.where(end, counts, 0).argmax() for end in (found <= near, found >= top - near))
    other = np.ones(len(found), bool)
    other[[outside, inside]] = False
    noisy = (other & ~painted).sum() > EXACT
    further = other & painted & (not noisy)
    if not further.any():
        slack = NOISE * top if noisy else ROUNDING * max(top / 255, step)
        for main in (outside, inside):
            other &= np.abs(found.astype(np.float64) - float(found[main])) > slack
        rest = other[index]
        stray = rest & ((values == maximum_filter(values, 3)) | (values == minimum_filter(values, 3)))
        shared = np.bincount(index[stray], minlength=len(found))
        most = shared.argmax()
        if shared[most] >= FEW and shared[most] > stray.sum() / 2 and shared[most] > FLAT * rest.sum():
            if near < found[most] < top - near:  # where the object is thin, its antialiased pixels are off slopes too
                further[most] = painted[inside] or painted[most]
            else:
                further[most] = painted[most] or not noisy
    if further.any():
        further[[outside, inside]] = True
    return further[index]


def _classes(values: np.ndarray, further: np.ndarray, what: str, most: int = 8) -> str:
    """The line that says which values there are: the ends of the range and the commonest of ``further`` ones."""
    found, counts = np.unique(values[further], return_counts=True)
    common = found[np.argsort(-counts)][:most]
    listed = sorted({float(values.min()), float(values.max()), *map(float, common)})
    return (
        f"{what} has more than two classes (values {', '.join(f'{v:g}' for v in listed)}): keep one class, save it "
        "as 255 and all else as 0."
    )


def _uncoloured(values: np.ndarray, what: str) -> np.ndarray:
    """RGB → one channel: grey stays; black with one colour becomes 0 and 255; more colours are more classes."""
    if (values == values[..., :1]).all():
        return values[..., 0]
    colours = np.unique(values.reshape(-1, 3), axis=0)
    if len(colours) == 2 and not colours[0].any():
        return np.where(values.any(-1), 255, 0).astype(np.uint8)
    listed = ", ".join("(" + " ".join(map(str, c)) + ")" for c in colours[:6].tolist())
    more = ", …" if len(colours) > 6 else ""
    raise SeveralClasses(
        f"{what} is in colour with {len(colours)} colours ({listed}{more}): keep one class, save it as white on black."
    )
