"""Montgomery County chest X-rays: 138 radiographs with a mask for each lung, to find the lungs (lessons 03, 07)."""

import re
from collections.abc import Iterator
from pathlib import Path

from ..archive import SafeZip
from ..chests import mask_pattern, picture_pattern, remark, upright
from ..pairs import check_pairs, read_pair
from ..source import Address, Archive, Sample, Source

WEB = "https://openi.nlm.nih.gov/imgs/collections/"
ONE_BY_ONE = (
    "https://data.lhncbc.nlm.nih.gov/public/Tuberculosis-Chest-X-ray-Datasets/Montgomery-County-CXR-Set/MontgomerySet/"
)
ARCHIVE = "NLM-MontgomeryCXRSet.zip"
STEM = r"MCUCXR_\d+_[01]"
PICTURE, BOTH = picture_pattern(STEM), mask_pattern(STEM)
LEFT, RIGHT = (re.compile(rf"(?:^|/){side}Mask/({STEM})\.png$", re.I) for side in ("left", "right"))
NORMAL = """
    1 2 3 4 5 6 8 11 13 15 16 17 19 20 21 22 23 24 26 27 28 29 30 31 35 38 40 41 42 43 44 45 46 47 48 49 51 52 53 54 55
    56 57 58 59 60 61 62 63 64 68 69 70 71 72 74 75 77 79 80 81 82 83 84 85 86 87 89 90 91 92 94 95 96 97 99 100 101 102
    103"""
TUBERCULOSIS = """
    104 108 113 117 126 140 141 142 144 150 162 166 170 173 182 188 194 195 196 203 213 218 223 228 243 251 253 254 255
    258 264 266 275 282 289 294 301 309 311 313 316 331 334 338 348 350 352 354 362 367 369 372 375 383 387 390 393 399
"""
FILES = tuple(
    f"{folder}/MCUCXR_{int(number):04d}_{label}.png"
    for folder in ("CXR_png", "ManualMask/leftMask", "ManualMask/rightMask")
    for label, numbers in enumerate((NORMAL, TUBERCULOSIS))
    for number in numbers.split()
)


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """The mask is the left lung and the right lung together; the last digit of a name says tuberculosis or normal.

    Copies hold one mask for both lungs, and may hold the Shenzhen pictures, too, which are passed over.
    """
    turned: list[str] = []
    with SafeZip(files[ARCHIVE], ARCHIVE) as archive:
        pictures = archive.find(PICTURE, "CXR_png/MCUCXR_….png")
        if any(BOTH.search(name) for name in archive.names):
            sides = {"lung mask": archive.find(BOTH, "masks/MCUCXR_….png")}
        else:
            sides = {
                "left lung mask": archive.find(LEFT, "leftMask/MCUCXR_….png"),
                "right lung mask": archive.find(RIGHT, "rightMask/MCUCXR_….png"),
            }
        for called, masks in sides.items():
            check_pairs(archive, pictures, masks, called)
        for stem, name in sorted(pictures.items()):
            picture, lungs = read_pair(archive, name, *(masks[stem] for masks in sides.values()))
            label = "tuberculosis" if stem.endswith("1") else "normal"
            yield Sample(stem, stem[:-2], upright(picture, lungs, turned, stem), lungs, label)
    remarks += remark(turned)


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
                Address(WEB + ARCHIVE, "sha256:54601e952315d8f67383e9202a6e145997ade429f54f7e0af44b4e158714f424", 614),
                Address(ONE_BY_ONE, None, 614, FILES),
            ),
            by_hand="Mendeley Data, https://doi.org/10.17632/8gf9vpkhgy.2, has a copy that the course can read",
            members=((PICTURE, "picture"), (LEFT, "mask"), (RIGHT, "mask"), (BOTH, "mask")),
        ),
    ),
    read=read,
    fit="stretch",
)
