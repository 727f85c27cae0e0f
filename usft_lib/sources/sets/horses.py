"""Weizmann horses: 328 photographs, each with the horse cut out, a natural-image control (lessons 05, 10)."""

import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import BadInput
from ..archive import SafeZip
from ..masks import mask
from ..pictures import check_same_size, grey
from ..source import Archive, Sample, Source

ARCHIVE = "weizmann_horse_db.zip"
PICTURE = re.compile(r"(?:^|/)rgb/(horse\d+)\.jpe?g$", re.I)
MASK = re.compile(r"(?:^|/)figure_ground/(horse\d+)\.(?:png|jpe?g)$", re.I)


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """Each photograph counts as a subject of its own."""
    with SafeZip(files[ARCHIVE]) as archive:
        pictures = {m[1]: name for name in archive.names if (m := PICTURE.search(name))}
        masks = {m[1]: name for name in archive.names if (m := MASK.search(name))}
        if not pictures:
            raise BadInput(f"{ARCHIVE} holds no rgb/horse….jpg: it is not the Weizmann horses.")
        for stem in sorted(pictures.keys() ^ masks.keys()):
            what = "an image but no mask" if stem in pictures else "a mask but no image"
            raise BadInput(f"{ARCHIVE}: {stem} has {what}: copy the archive anew.")
        for stem, name in sorted(pictures.items()):
            picture = grey(archive.read(name), name)
            horse, _ = mask(archive.read(masks[stem]), masks[stem])
            check_same_size(picture, f"{ARCHIVE}: {name}", horse, masks[stem])
            yield Sample(stem, stem, picture, horse)


HORSES = Source(
    name="horses",
    title="Weizmann horses",
    modality="natural photographs",
    images=328,
    subjects=328,
    licence="not stated",
    terms="published for research; redistribution is not settled, so keep copies within your class",
    citation="Borenstein and Ullman, Class-specific, top-down segmentation, ECCV 2002",
    archives=(Archive(ARCHIVE, by_hand="get it from a colleague or the authors and put it into a mirror folder"),),
    read=read,
    fit="pad",
)
