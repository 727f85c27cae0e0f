"""BUS-BRA: breast ultrasound of 1064 patients with one outlined lesion an image, benign or malignant (lesson 10).

Unlike BUSI it says who the patients are, and it comes with five folds, so that results of several people compare.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import BadInput
from ..archive import SafeZip
from ..pairs import check_pairs, read_pair
from ..source import Address, Archive, Sample, Source

WEB = "https://zenodo.org/records/8231412/files/"
ARCHIVE = "BUSBRA.zip"
PICTURE = re.compile(r"(?:^|/)Images/bus_([\w-]+)\.png$")
MASK = re.compile(r"(?:^|/)Masks/mask_([\w-]+)\.png$")
TABLE = re.compile(r"(?:^|/)(bus_data|\d+-fold-cv)\.csv$")
PATIENTS, FOLDS = "bus_data.csv", "5-fold-cv.csv"


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """``Images/bus_0001-l.png`` goes with ``Masks/mask_0001-l.png``; its patient is ``Case`` of the table."""
    with SafeZip(files[ARCHIVE], ARCHIVE) as archive:
        pictures, masks = archive.find(PICTURE, "Images/bus_….png"), archive.find(MASK, "Masks/mask_….png")
        check_pairs(archive, pictures, masks)
        patients = _table(archive, PATIENTS, ("Case", "Pathology"))
        folds = _table(archive, FOLDS, ("kFold",))
        for number, name in sorted(pictures.items()):
            stem = f"bus_{number}"
            for table, what in ((patients, PATIENTS), (folds, FOLDS)):
                if stem not in table:
                    raise BadInput(f"{ARCHIVE}: {what} has no line for {stem}: fetch the archive again.")
            label, fold = patients[stem]["pathology"].lower(), folds[stem]["kfold"]
            if label not in ("benign", "malignant"):
                raise BadInput(f"{ARCHIVE}: {PATIENTS} calls {stem} {label!r}, neither benign nor malignant.")
            if not fold.isdecimal():
                raise BadInput(f"{ARCHIVE}: {FOLDS} puts {stem} into fold {fold!r}, which is no number.")
            subject = f"case {patients[stem]['case']}"
            yield Sample(stem, subject, *read_pair(archive, name, masks[number]), label, extra={"fold": int(fold)})


def _table(archive: SafeZip, file: str, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """A table of the archive by image id, the names of its columns in lower case."""
    name = next((name for name in archive.names if name.rpartition("/")[2] == file), None)
    if name is None:
        raise BadInput(f"{ARCHIVE} has no {file}: fetch the archive again.")
    text = archive.read(name).decode("utf-8-sig", "replace")
    first, *rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text)) if any(row)] or [[]]
    head = [cell.lower() for cell in first]
    missing = [column for column in ("ID", *columns) if column.lower() not in head]
    if missing:
        raise BadInput(
            f"{ARCHIVE}: {file} has no column {' and no '.join(missing)} (it has {', '.join(head[:12]) or 'none'}): it "
            "is not the table of the BUS-BRA set."
        )
    found = {}
    for number, row in enumerate(rows, 2):
        if len(row) < len(head):
            raise BadInput(f"{ARCHIVE}: line {number} of {file} is cut short: fetch the archive again.")
        cells = dict(zip(head, row, strict=False))
        found[cells["id"].removesuffix(".png")] = cells
    return found


BUSBRA = Source(
    name="busbra",
    title="BUS-BRA, breast ultrasound of 1064 patients",
    modality="ultrasound",
    images=1875,
    subjects=1064,
    licence="CC BY 4.0",
    terms="use and share with attribution",
    citation="Gómez-Flores et al., Medical Physics 51(4):3110-3123, 2024; Zenodo record 8231412",
    archives=(
        Archive(
            ARCHIVE,
            (Address(WEB + ARCHIVE + "?download=1", "md5:1f8b2be6476d58fc97bfb5e5a1ea9bab", 134),),
            members=((PICTURE, "picture"), (MASK, "mask"), (TABLE, "text")),
        ),
    ),
    read=read,
    may_share=True,
)
