"""Montgomery County chest X-rays: 138 radiographs with a mask for each lung, to find the lungs (lessons 03, 05)."""

import re
from collections.abc import Iterator
from pathlib import Path

from ..archive import SafeZip
from ..pairs import check_pairs, read_pair
from ..source import Address, Archive, Sample, Source

WEB = "https://openi.nlm.nih.gov/imgs/collections/"
ARCHIVE = "NLM-MontgomeryCXRSet.zip"
PICTURE, LEFT, RIGHT = (
    re.compile(rf"(?:^|/){folder}/(MCUCXR_\d+_[01])\.png$", re.I) for folder in ("CXR_png", "leftMask", "rightMask")
)


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """The mask is the left lung and the right lung together; the last digit of a name says tuberculosis or normal."""
    with SafeZip(files[ARCHIVE], ARCHIVE) as archive:
        pictures = archive.find(PICTURE, "CXR_png/MCUCXR_….png")
        left, right = archive.find(LEFT, "leftMask/MCUCXR_….png"), archive.find(RIGHT, "rightMask/MCUCXR_….png")
        check_pairs(archive, pictures, left, "left lung mask")
        check_pairs(archive, pictures, right, "right lung mask")
        for stem, name in sorted(pictures.items()):
            label = "tuberculosis" if stem.endswith("1") else "normal"
            yield Sample(stem, stem[:-2], *read_pair(archive, name, left[stem], right[stem]), label)


MONTGOMERY = Source(
    name="montgomery",
    title="Montgomery County chest X-rays",
    modality="radiograph",
    images=138,
    subjects=138,
    licence="NLM, free to use with attribution",
    terms="NLM asks that the two papers are cited; redistribution is not settled, so keep copies within your class",
    citation=(
        "Jaeger et al., Quant. Imaging Med. Surg. 4(6):475-477, 2014; "
        "Candemir et al., IEEE Trans. Med. Imaging 33(2):577-590, 2014"
    ),
    archives=(
        Archive(
            ARCHIVE,
            (Address(WEB + ARCHIVE, "sha256:54601e952315d8f67383e9202a6e145997ade429f54f7e0af44b4e158714f424", 614),),
            members=((PICTURE, "picture"), (LEFT, "mask"), (RIGHT, "mask")),
        ),
    ),
    read=read,
    fit="stretch",
)
