"""HC18: fetal heads in ultrasound, each with the ellipse that a sonographer drew, and their size in mm (lesson 09)."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ...errors import BadInput
from ..archive import SafeZip, looks_like
from ..masks import mask
from ..pictures import check_same_size, grey
from ..source import Address, Archive, Sample, Source

PICTURES = "training_set.zip"
SIZES = "training_set_pixel_size_and_HC.csv"
PICTURE = re.compile(r"(?:^|/)((\d+)_\d*HC)\.png$")
OUTLINE = re.compile(r"(?:^|/)(\d+_\d*HC)_Annotation\.png$")


def fill_outline(outline: np.ndarray) -> np.ndarray:
    """The area inside a drawn ellipse, up to the middle of its line: bool ``[h, w]`` → bool ``[h, w]``.

    The sonographer's ellipse is the middle of the line, however thick it is drawn: with the whole line, heads would be
    0.7 % too large around, so it is 0.3 % (measured against the published circumferences).
    """
    from scipy.ndimage import distance_transform_edt  # not at the top: `import usft_lib` stays quick

    filled = fill_whole(outline)
    inside = filled & ~outline
    if not inside.any():
        return filled
    outwards = distance_transform_edt(np.pad(filled, 1, mode="edge"))[1:-1, 1:-1]  # a border is no edge
    return filled & (distance_transform_edt(~inside) <= outwards)


def fill_whole(outline: np.ndarray) -> np.ndarray:
    """The area inside a drawn ellipse, line included: bool ``[h, w]`` → bool ``[h, w]``.

    Where the ellipse leaves the picture its line is open and filling gains nothing. The part of an ellipse inside a
    rectangle is convex, so the convex hull of the line is that part (up to a corner of the picture inside the ellipse).
    """
    from scipy.ndimage import binary_fill_holes

    filled = binary_fill_holes(outline)
    if filled.sum() - outline.sum() > outline.sum():
        return filled
    return fill_hull(outline) | outline


def fill_hull(outline: np.ndarray) -> np.ndarray:
    """The convex hull of the True pixels: bool ``[h, w]`` → bool ``[h, w]``."""
    from scipy.spatial import ConvexHull, QhullError

    y, x = np.nonzero(outline)
    points = np.stack([x, y], axis=1)
    try:
        corners = points[ConvexHull(points).vertices]
    except (QhullError, ValueError, IndexError):  # a dot or a straight line has no hull
        return outline.copy()
    canvas = Image.new("L", (outline.shape[1], outline.shape[0]))
    ImageDraw.Draw(canvas).polygon([tuple(map(int, corner)) for corner in corners], fill=1, outline=1)
    return np.asarray(canvas).astype(bool)


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """Images NNN_HC, NNN_2HC … show fetus NNN, the subject. A picture that is there twice is kept once."""
    sizes = read_sizes(files[SIZES])
    with SafeZip(files[PICTURES]) as archive:
        pictures = {m[1]: (m[2], name) for name in archive.names if (m := PICTURE.search(name))}
        outlines = {m[1]: name for name in archive.names if (m := OUTLINE.search(name))}
        if not pictures:
            raise BadInput(f"{PICTURES} holds no NNN_HC.png: it is not the HC18 training set.")
        for stem in sorted(pictures.keys() ^ outlines.keys()):
            what = "an image but no _Annotation.png" if stem in pictures else "an _Annotation.png but no image"
            raise BadInput(f"{PICTURES}: {stem} has {what}: fetch the archive again.")
        seen: set[tuple[str, str]] = set()
        for stem in sorted(pictures, key=lambda stem: (pictures[stem][0], len(stem), stem)):  # NNN_HC before NNN_2HC
            subject, name = pictures[stem]
            picture = grey(archive.read(name), name)
            same = (subject, hashlib.sha256(picture.tobytes()).hexdigest())
            if same in seen:
                continue
            seen.add(same)
            if stem not in sizes:
                raise BadInput(f"{SIZES} has no line for {stem}.png: fetch both files again, from the same place.")
            outline, _ = mask(archive.read(outlines[stem]), outlines[stem])
            check_same_size(picture, f"{PICTURES}: {name}", outline, outlines[stem])
            mm, circumference = sizes[stem]
            extra = {"circumference_mm": circumference}
            yield Sample(stem, subject, picture, fill_outline(outline), mm=mm, extra=extra)
        if len(seen) < len(pictures):
            remarks.append(f"{len(pictures) - len(seen)} repeated left out")


def read_sizes(path: Path) -> dict[str, tuple[float, float]]:
    """The table of the data set: {"000_HC": (millimetres a pixel, head circumference in millimetres)}."""
    text = path.read_bytes().decode("utf-8-sig", "replace")
    other = looks_like(path)
    if other and "HTML" in other:
        raise BadInput(f"{SIZES} is an HTML page: the address probably moved or wants a log-in.")
    sizes = {}
    for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
        if number == 1 or not row:
            continue
        try:
            mm, circumference = float(row[1]), float(row[2])
            if not (0 < mm < 10 and 0 < circumference < 1000):
                raise ValueError
        except (ValueError, IndexError):
            raise BadInput(f"{SIZES}, line {number} is not 'file, mm a pixel, mm around': fetch it again.") from None
        sizes[row[0].removesuffix(".png")] = (mm, circumference)
    return sizes


def circumferences(size: int = 128, large: bool = False) -> dict[str, float]:
    """Head circumference in millimetres by image id, as the sonographers measured it (lesson 09).

    Raises:
        DataUnavailable: as `load`.
    """
    from ..loading import prepared
    from ..prepare import read_extra

    return read_extra(prepared("hc18", size, large)[1], "circumference_mm")


HC18 = Source(
    name="hc18",
    title="HC18, fetal head circumference",
    modality="ultrasound",
    images=998,
    subjects=806,
    licence="CC BY 4.0",
    terms="use and share with attribution",
    citation="van den Heuvel et al., PLoS ONE 13(8):e0200412, 2018; Zenodo record 1327317",
    archives=(
        Archive(
            PICTURES,
            (
                Address(
                    "https://zenodo.org/records/1327317/files/training_set.zip",
                    "md5:00eb8198b9a505b2b3a6dfc740382497",
                    100,
                ),
            ),
        ),
        Archive(
            SIZES,
            (Address("https://zenodo.org/records/1327317/files/training_set_pixel_size_and_HC.csv", None, 0.1),),
        ),
    ),
    read=read,
    fit="pad",
    may_share=True,
)
