"""Oxford-IIIT Pet: some 7400 photographs of cats and dogs, each cut out, a large natural-image control (lesson 11)."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import BadInput
from ..archive import read_tar
from ..pairs import check_same_size
from ..pictures import grey, open_picture
from ..source import Address, Archive, Sample, Source

WEB = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
PICTURES, ANNOTATIONS = "images.tar.gz", "annotations.tar.gz"
PICTURE = re.compile(r"(?:^|/)images/([A-Za-z_]+_\d+)\.jpg$")
TRIMAP = re.compile(r"(?:^|/)trimaps/([A-Za-z_]+_\d+)\.png$")
LIST = re.compile(r"/(list|trainval|test)\.txt$")
FIGURE, GROUND, BORDER = 1, 2, 3
LEFT_OUT = 50  # more files than these cannot be used: it is not the published set, of which about ten cannot


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """The border of a trimap counts to the animal. A few published files are GIFs or damaged, which are left out.

    The images come in the order of their archive, which is read once from end to end.
    """
    trimaps: dict[str, tuple[str, bytes]] = {}
    for name, data in read_tar(files[ANNOTATIONS], ANNOTATIONS):
        if match := TRIMAP.search(name):
            trimaps[match[1]] = name, data
    if not trimaps:
        raise BadInput(f"{ANNOTATIONS} has no trimaps/….png: it is not that of the Oxford pets.")
    unusable: list[str] = []
    seen = 0
    for name, data in read_tar(files[PICTURES], PICTURES):
        match = PICTURE.search(name)
        if not match:
            continue
        seen += 1
        trimap_name, trimap = trimaps.pop(match[1], ("", b""))
        try:
            if not trimap_name:
                raise BadInput(f"{name} has no trimap.")
            picture = grey(data, name)
            animal = figure(trimap, trimap_name)
            check_same_size(picture, name, animal, trimap_name)
        except BadInput as error:
            unusable.append(str(error))
            continue
        yield Sample(match[1], match[1], picture, animal, species(match[1]))
    if not seen:
        raise BadInput(f"{PICTURES} has no images/….jpg: it is not that of the Oxford pets.")
    unusable += [f"{name} has no image." for name, _ in trimaps.values()]
    if len(unusable) > LEFT_OUT:
        raise BadInput(f"More than {LEFT_OUT} images of the Oxford pets cannot be used; the first: {unusable[0]}")
    if unusable:
        remarks.append(f"{len(unusable)} images that cannot be used left out")


def figure(data: bytes, what: str) -> np.ndarray:
    """A trimap (1 animal, 2 ground, 3 the border between them) → bool ``[h, w]``, True on the animal and its border."""
    image = open_picture(data, what)
    values = np.asarray(image)
    if values.ndim != 2 or not np.isin(values, (FIGURE, GROUND, BORDER)).all():
        raise BadInput(f"{what} is no trimap: it must contain only 1, 2 and 3.")
    return values != GROUND


def species(stem: str) -> str:
    """"cat" or "dog": names of cats' breeds are written with a capital letter."""
    return "cat" if stem[0].isupper() else "dog"


PETS = Source(
    name="pets",
    title="Oxford-IIIT Pet",
    modality="natural photographs",
    images=7390,
    subjects=None,
    licence="CC BY-SA 4.0; the photographs belong to their owners",
    terms="use with attribution; redistribution of the photographs is not settled, so keep copies within your class",
    citation="Parkhi et al., Cats and dogs, CVPR 2012",
    archives=(
        Archive(
            PICTURES,
            (Address(WEB + PICTURES, "md5:5c4f3ee8e5d25df40f4fd59a7f44e54c", 792),),
            members=((PICTURE, "picture"),),
        ),
        Archive(
            ANNOTATIONS,
            (Address(WEB + ANNOTATIONS, "md5:95a8c909bbe2e81eed6a22bccdf3f68f", 19),),
            members=((TRIMAP, "classes"), (LIST, "text")),
        ),
    ),
    read=read,
)
