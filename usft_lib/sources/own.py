"""One image of a student's folders with its masks: whatever way the pixels were stored, or one line that says why not.

Published sets do not come through here: their pixels stay as they were.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageOps

from ..errors import BadInput, shown
from .masks import SeveralClasses, mask_of
from .outlines import fill_outline, outlines_in
from .pictures import grey_of, open_picture, resize_mask, values_of

ORIENTATION = 0x0112  # the EXIF tag by which a camera or a scanner says how to turn the stored pixels; 1 is upright
FEW_VALUES = 64  # a mask of more values has soft edges: a pixel then counts as the nearest of the main ones


def read_own(image: Path, masks: list[Path], inside=None, outline: bool | None = None, resize: bool = False):
    """``(picture, mask, facts)``: grey ``[h, w]``, bool ``[h, w]``, and what `faults.compare` looks at.

    Raises:
        BadInput: one of the files cannot be used.
    """
    stored = open_picture(image, image.name)
    picture = grey_of(ImageOps.exif_transpose(stored), image.name)
    areas = [_read_mask(path, picture, inside) for path in masks]
    facts = {
        "masks": [path.name for path in masks],
        "turned": stored.getexif().get(ORIENTATION, 1) != 1,
        "values": [value for _, found in areas for value in found["values"]],
        "held": {one for _, found in areas for one in found.get("held", ())},
        "soft": any(found["soft"] for _, found in areas),
        "cut-out": any(found["cut-out"] for _, found in areas),
        "outlines": 0,
        "coloured": 0.0,
    }
    if facts["turned"] and areas and all(area.shape == stored.size[::-1] != picture.shape for area, _ in areas):
        picture, facts["turned"] = grey_of(stored, image.name), False  # the masks were drawn on the pixels as stored
    if stored.mode in ("RGB", "P"):
        facts["coloured"] = float((np.ptp(np.asarray(stored.convert("RGB")), axis=2) > 60).mean())
    covered = np.zeros(picture.shape, bool)
    for path, (area, _) in zip(masks, areas, strict=True):
        if outline is not False:
            parts = outlines_in(area)
            facts["outlines"] += bool(parts)
            for part in parts if outline else ():
                area = (area & ~part) | fill_outline(part)
        covered |= _of_size(area, picture.shape, image.name, path.name, resize)
    return picture, covered, facts


def wanted(inside) -> list | None:
    """``inside=`` as a list of labels (floats) and colours (three whole numbers each); None if it was not given."""
    if inside is None:
        return None
    single = isinstance(inside, str | tuple) and (isinstance(inside, str) or len(inside) == 3)
    try:
        several = [inside] if single or not isinstance(inside, list | tuple | set | range) else list(inside)
        colour = {str: lambda one: ImageColor.getrgb(one)[:3], tuple: lambda one: tuple(map(int, one))}
        found = [colour.get(type(one), float)(one) for one in several]
    except (TypeError, ValueError):
        found = []
    if not found:
        raise BadInput(
            f"inside={shown(inside)} is neither a label nor a colour: give a number, a colour such as 'red' or "
            "(255, 0, 0), or a list of several."
        )
    return found


def _read_mask(path: Path, picture: np.ndarray, inside: list | None) -> tuple[np.ndarray, dict]:
    """A mask's area bool ``[h, w]``; its values inside, and whether it has soft edges or is cut out of the picture."""
    stored = open_picture(path, path.name)
    image = ImageOps.exif_transpose(stored)
    if inside is not None:
        return _chosen(image, inside, path.name, noisy=stored.format not in ("PNG", "BMP", "TIFF"))
    values = _layer(image, path.name)
    cut = _cut_out(values, picture, path.name)
    if cut is not None:
        return cut, {"values": [], "soft": False, "cut-out": True}
    try:
        area, soft = mask_of(values, path.name)
    except SeveralClasses as error:
        some = "'red' takes what is red" if values.ndim == 3 else "2 takes one of them, inside=[1, 2] takes two"
        if image.mode == "P":
            labels = ", ".join(map(str, np.unique(np.asarray(image))[:9]))
            some = f"1 takes number 1 of its palette (it uses {labels})"
        raise BadInput(f"{error} Or say which value is the object: inside={some}.") from None
    top = values[area].max(0) if area.any() else np.empty(0)
    same = np.unique(top).tolist()  # one value if it is grey, in whatever mode
    return area, {"values": same if len(same) < 2 else [tuple(top.tolist())], "soft": soft, "cut-out": False}


def _layer(image: Image.Image, what: str) -> np.ndarray:
    """The values of a mask: of a palette of one colour its numbers, of a black picture with alpha the alpha."""
    values = values_of(image, what)
    if image.mode == "P" and (values == values[0, 0]).all():
        return np.asarray(image)
    if image.mode in ("RGBA", "LA") and values.max() == 0:
        return np.asarray(image)[..., -1]
    return values


def _cut_out(values: np.ndarray, picture: np.ndarray, what: str) -> np.ndarray | None:
    """The area of a mask whose file shows the picture itself where it is not black; None if it does not."""
    grey = np.asarray(Image.fromarray(values).convert("L")) if values.ndim == 3 else values
    if grey.shape != picture.shape or len(np.unique(grey)) < 9:
        return None
    for low in (0, 0.05 * float(grey.max())):  # a JPEG leaves noise in what was black
        shown_here = grey > low
        if np.ptp(grey[shown_here]) and np.ptp(picture[shown_here]):
            if np.corrcoef(grey[shown_here], picture[shown_here])[0, 1] > 0.98:
                if shown_here.sum() > 0.98 * (picture > 0).sum():
                    raise BadInput(
                        f"{what} is the image itself, not a mask: give the masks' folder, or their names by pair=."
                    )
                from scipy.ndimage import binary_fill_holes  # not at the top: it takes half a second

                return binary_fill_holes(shown_here)
    return None


def _chosen(image: Image.Image, inside: list, what: str, noisy: bool) -> tuple[np.ndarray, dict]:
    """Where a mask has one of the labels (of a palette: its numbers) or colours asked for."""
    values, area = _layer(image, what), np.zeros(image.size[::-1], bool)
    colours = values if values.ndim == 3 else np.stack([values] * 3, -1)
    grey = (colours == colours[..., :1]).all()
    numbers = np.asarray(image) if image.mode in ("P", "1") else colours[..., 0] if grey else None
    labels, tints = ([one for one in inside if isinstance(one, kind)] for kind in (float, tuple))
    if labels and numbers is not None:
        area |= _nearest(numbers.astype(np.float64)[..., None], np.array(labels)[:, None], noisy)
    if tints and values.dtype == np.uint8:
        area |= _nearest(colours.astype(np.float64), np.array(tints, np.float64), noisy)
    held = np.unique(numbers).tolist() if numbers is not None else np.unique(colours.reshape(-1, 3), axis=0).tolist()
    return area, {"values": [], "held": [str(one) for one in held[:9]], "soft": False, "cut-out": False}


def _nearest(values: np.ndarray, inside: np.ndarray, noisy: bool) -> np.ndarray:
    """Which pixels of ``[h, w, c]`` hold one of ``inside`` ``[k, c]``; of soft edges and noise, which lie nearest."""
    scale = 65536.0 ** np.arange(values.shape[-1])
    codes, index, counts = np.unique(values @ scale, return_inverse=True, return_counts=True)
    found = np.stack([codes // s % 65536 for s in scale], -1)

    def distance(to: np.ndarray) -> np.ndarray:
        return np.abs(found[:, None] - to).max(-1).min(1)

    near = distance(inside)
    if len(found) <= FEW_VALUES and not noisy:
        return (near == 0)[index].reshape(values.shape[:2])
    main = found[(counts > 0.005 * index.size) & (near > 0.15 * found.max())]
    others = np.vstack([main, *([] if (inside == 0).all(1).any() else [np.zeros((1, values.shape[-1]))])])
    return (near < (distance(others) if len(others) else np.inf))[index].reshape(values.shape[:2])


def _of_size(area: np.ndarray, shape: tuple, image: str, mask: str, resize: bool) -> np.ndarray:
    """The mask at its picture's size: as it is, or resized if that was asked for and the sides' ratio agrees."""
    if area.shape == shape:
        return area
    sizes = f"{image} is {shape[1]} × {shape[0]} and its mask {mask} is {area.shape[1]} × {area.shape[0]} pixels"
    if area.shape == shape[::-1]:
        raise BadInput(f"{sizes}: one of them is turned by 90 degrees, so turn it back.")
    if abs(area.shape[0] * shape[1] / area.shape[1] - shape[0]) > max(1.5, 0.02 * shape[0]):
        raise BadInput(f"{sizes}: their sides differ in ratio, so one of them is cropped or padded. Save both alike.")
    if not resize:
        raise BadInput(f"{sizes}: they must agree. If both show the same field, resize=True fits the mask to it.")
    return resize_mask(area, *shape)
