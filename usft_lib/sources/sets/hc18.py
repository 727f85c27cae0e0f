"""HC18: fetal heads in ultrasound, each with the ellipse that a sonographer drew, and their size in mm (lesson 10)."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ...errors import BadInput
from ..archive import SafeZip
from ..outlines import fill_outline
from ..pairs import check_pairs, read_pair
from ..source import Address, Archive, Sample, Source

WEB = "https://zenodo.org/records/1327317/files/"
PICTURES = "training_set.zip"
SIZES = "training_set_pixel_size_and_HC.csv"
TRAINING = r"^(?!.*(?:^|/)(?i:test)[^/]*/[^/]*$)(?:.*/)?"  # copies hold the test set, too, which has no outlines
PICTURE = re.compile(TRAINING + r"(\d+_\d*HC)\.(?i:png)$")
OUTLINE = re.compile(TRAINING + r"(\d+_\d*HC)_Annotation\.(?i:png)$")


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """Images NNN_HC, NNN_2HC … are of examination NNN, the subject. A picture that is there twice is kept once.

    An examination is not a woman: the authors write of 551 women for all 1334 images (PLoS ONE 13:e0200412, 2018).
    """
    sizes = read_sizes(files[SIZES])
    with SafeZip(files[PICTURES], PICTURES) as archive:
        pictures, outlines = archive.find(PICTURE, "NNN_HC.png"), archive.find(OUTLINE, "NNN_HC_Annotation.png")
        check_pairs(archive, pictures, outlines, "_Annotation.png")
        seen: set[tuple[str, str]] = set()
        for stem in sorted(pictures, key=lambda stem: (stem.partition("_")[0], len(stem), stem)):  # _HC before _2HC
            subject = stem.partition("_")[0]
            picture, outline = read_pair(archive, pictures[stem], outlines[stem])
            same = (subject, hashlib.sha256(picture.tobytes()).hexdigest())
            if same in seen:
                continue
            seen.add(same)
            if stem not in sizes:
                raise BadInput(f"{SIZES} has no line for {stem}.png: fetch both files again, from the same place.")
            mm, circumference = sizes[stem]
            extra = {"circumference_mm": circumference}
            yield Sample(stem, subject, picture, fill_outline(outline), mm=mm, extra=extra)
        if len(seen) < len(pictures):
            remarks.append(f"{len(pictures) - len(seen)} repeated left out")


def read_sizes(path: Path) -> dict[str, tuple[float, float]]:
    """The table of the data set: {"000_HC": (millimetres per pixel, head circumference in millimetres)}."""
    text = path.read_bytes().decode("utf-8-sig", "replace")
    sizes = {}
    for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
        if number == 1 or not any(map(str.strip, row)):  # a spreadsheet leaves lines of commas
            continue
        try:
            mm, circumference = float(row[1]), float(row[2])
            if not (0 < mm < 10 and 0 < circumference < 1000):
                raise ValueError
        except (ValueError, IndexError):
            raise BadInput(f"{SIZES}, line {number} is not 'file, mm per pixel, mm around': fetch it again.") from None
        sizes[Path(row[0]).stem] = (mm, circumference)
    return sizes


def reduced_sizes(files: dict[str, Path], longest: int) -> bytes:
    """The table for pictures reduced to a side of ``longest``: their pixels are larger, the circumferences stay."""
    read_sizes(files[SIZES])  # says it if the table is damaged
    with SafeZip(files[PICTURES], PICTURES) as archive:
        pictures = archive.find(PICTURE, "NNN_HC.png")
        sides = {stem: max(Image.open(io.BytesIO(archive.read(name))).size) for stem, name in pictures.items()}
    rows = [row for row in csv.reader(io.StringIO(files[SIZES].read_text("utf-8-sig"))) if row]
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(rows[0])
    for file, mm, *rest in rows[1:]:
        side = sides.get(Path(file).stem, 0)
        if side:
            out.writerow([file, mm if side <= longest else repr(float(mm) * (side / longest)), *rest])
    return text.getvalue().encode()


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
            (Address(WEB + PICTURES, "md5:00eb8198b9a505b2b3a6dfc740382497", 100),),
            members=((PICTURE, "picture"), (OUTLINE, "outline")),
        ),
        Archive(SIZES, (Address(WEB + SIZES, None, 0.1),), reduced=reduced_sizes),
    ),
    read=read,
    may_share=True,
)
