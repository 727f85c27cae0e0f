"""Montgomery County chest X-rays: 138 radiographs with a mask for each lung, to find the lungs (lessons 03, 05)."""

import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import BadInput
from ..archive import SafeZip
from ..masks import mask
from ..pictures import check_same_size, grey
from ..source import Address, Archive, Sample, Source

ARCHIVE = "NLM-MontgomeryCXRSet.zip"
NAME = re.compile(r"(?:^|/)(?P<folder>CXR_png|leftMask|rightMask)/(?P<stem>MCUCXR_\d+_(?P<sick>[01]))\.png$", re.I)


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """The mask is the left lung and the right lung together; the last digit of a name says tuberculosis or normal."""
    with SafeZip(files[ARCHIVE]) as archive:
        found: dict[str, dict[str, str]] = {}
        for name in archive.names:
            match = NAME.search(name)
            if match:
                found.setdefault(match["stem"], {})[match["folder"].lower()] = name
        if not found:
            raise BadInput(f"{ARCHIVE} holds no CXR_png/MCUCXR_….png: it is not the Montgomery set.")
        for stem, parts in sorted(found.items()):
            for part in ("cxr_png", "leftmask", "rightmask"):
                if part not in parts:
                    what = "a mask but no image" if part == "cxr_png" else f"an image but no {part[:-4]} lung mask"
                    raise BadInput(f"{ARCHIVE}: {stem} has {what}: fetch the archive again.")
            picture = grey(archive.read(parts["cxr_png"]), parts["cxr_png"])
            left, _ = mask(archive.read(parts["leftmask"]), parts["leftmask"])
            right, _ = mask(archive.read(parts["rightmask"]), parts["rightmask"])
            for part, lung in (("leftmask", left), ("rightmask", right)):
                check_same_size(picture, f"{ARCHIVE}: {parts['cxr_png']}", lung, parts[part])
            label = "tuberculosis" if stem.endswith("1") else "normal"
            yield Sample(stem, stem[:-2], picture, left | right, label)


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
            (
                Address(
                    "https://openi.nlm.nih.gov/imgs/collections/NLM-MontgomeryCXRSet.zip",
                    "sha256:54601e952315d8f67383e9202a6e145997ade429f54f7e0af44b4e158714f424",
                    614,
                ),
            ),
        ),
    ),
    read=read,
    fit="stretch",
)
