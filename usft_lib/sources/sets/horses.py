"""Weizmann horses: 328 photographs, each with the horse cut out, a natural-image control (lessons 07, 11)."""

import re
from collections.abc import Iterator
from pathlib import Path

from ..archive import SafeZip
from ..pairs import check_pairs, read_pair
from ..source import Archive, Sample, Source

ARCHIVE = "weizmann_horse_db.zip"
PICTURE = re.compile(r"(?:^|/)rgb/(horse\d+)\.jpe?g$", re.I)
MASK = re.compile(r"(?:^|/)figure_ground/(horse\d+)\.(?:png|jpe?g)$", re.I)


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """Each photograph counts as a subject of its own."""
    with SafeZip(files[ARCHIVE], ARCHIVE) as archive:
        pictures, masks = archive.find(PICTURE, "rgb/horse….jpg"), archive.find(MASK, "figure_ground/horse….png")
        check_pairs(archive, pictures, masks)
        for stem, name in sorted(pictures.items()):
            yield Sample(stem, stem, *read_pair(archive, name, masks[stem]))


HORSES = Source(
    name="horses",
    title="Weizmann horses",
    modality="natural photographs",
    images=328,
    subjects=328,
    licence="not stated",
    terms="published for research; redistribution is not settled, so keep copies within your class",
    citation="Borenstein and Ullman, Class-specific, top-down segmentation, ECCV 2002",
    archives=(
        Archive(
            ARCHIVE,
            by_hand="from a colleague or the authors",
            members=((PICTURE, "picture"), (MASK, "mask")),
        ),
    ),
    read=read,
)
