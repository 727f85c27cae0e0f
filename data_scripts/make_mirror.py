"""Make a classroom's mirror: ``python data_scripts/make_mirror.py FOLDER hc18 busi --size 256``.

Reads the archives that are on this disk (downloads in USFT_DATA, else those of the folder USFT_MIRROR) and writes them
with the same names and inner layout, each picture at most ``--size`` pixels long, and ``registry.txt`` with their
hashes. Then USFT_MIRROR=FOLDER, or the address that serves it, is all that a class needs. What no lesson reads is left
out of the archives; boxes and widths in tables still describe the originals, but HC18's pixel sizes are adapted.
"""

import argparse
import csv
import gzip
import hashlib
import io
import os
import re
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from usft_lib import BadInput
from usft_lib.errors import check_name
from usft_lib.sources.archive import SafeZip
from usft_lib.sources.cache import cache_folder, write_whole
from usft_lib.sources.fetch import at_hand, ways
from usft_lib.sources.loading import SOURCES
from usft_lib.sources.masks import mask
from usft_lib.sources.mirror import mirror, parse
from usft_lib.sources.pictures import open_picture, resize_mask, values_of
from usft_lib.sources.sets import busbra, busi, hc18, horses, montgomery, pets, shenzhen
from usft_lib.sources.source import Source
from usft_lib.sources.tarball import SafeTar

QUALITY = 92  # of JPEG pictures

Reduce = Callable[[bytes, str, int], bytes]  # (bytes of a member, its name, size) → bytes


def reduced_shape(height: int, width: int, size: int) -> tuple[int, int]:
    """``height``, ``width`` brought to a longest side of ``size``; as they are if that would enlarge them."""
    longest = max(height, width)
    if longest <= size:
        return height, width
    return max(1, round(height * size / longest)), max(1, round(width * size / longest))


def encoded(values: np.ndarray | Image.Image, name: str) -> bytes:
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    file = io.BytesIO()
    if name.lower().endswith((".jpg", ".jpeg")):
        image.save(file, "JPEG", quality=QUALITY)
    else:
        image.save(file, "PNG")
    return file.getvalue()


def picture(data: bytes, name: str, size: int) -> bytes:
    """Grey or colour, 8 or 16 bit, as it was; reduced by the filter with which the course itself reduces."""
    try:
        image = open_picture(data, name)
    except BadInput:
        return data  # a few pets are no pictures that can be read: whoever reads the archive leaves them out
    height, width = reduced_shape(image.height, image.width, size)
    if (height, width) == (image.height, image.width):
        return data
    values = values_of(image, name)
    if values.dtype == np.uint8:
        return encoded(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR), name)
    deep = Image.fromarray(values.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return encoded(np.rint(np.asarray(deep)).astype(np.uint16), name)


def resized(inside: np.ndarray, height: int, width: int) -> np.ndarray:
    """A bool mask by area: True where more than half of a pixel was inside.

    Pixels that are just half inside, many where 2 become 1, count as inside when a lesson reduces further; were they
    inside here too, objects would grow twice, by 3 % of their area on the chest X-rays.
    """
    return ~resize_mask(~inside, height, width)


def figure(data: bytes, name: str, size: int) -> bytes:
    """A mask: 0 and 255."""
    inside, _ = mask(data, name)
    shape = reduced_shape(*inside.shape, size)
    if shape == inside.shape:
        return data
    return encoded(resized(inside, *shape).astype(np.uint8) * 255, name)


def outline(data: bytes, name: str, size: int) -> bytes:
    """The outline of a filled area, one pixel wide: the area inside is reduced, and its border drawn.

    It is closed along the border of the picture, so that filling gives back just that area.
    """
    from scipy.ndimage import binary_erosion

    line, _ = mask(data, name)
    shape = reduced_shape(*line.shape, size)
    if shape == line.shape:
        return data
    area = resized(hc18.fill_outline(line), *shape)
    return encoded((area & ~binary_erosion(area)).astype(np.uint8) * 255, name)


def trimap(data: bytes, name: str, size: int) -> bytes:
    """Classes stay classes: each pixel takes the value of the nearest one."""
    image = open_picture(data, name)
    height, width = reduced_shape(image.height, image.width, size)
    if (height, width) == (image.height, image.width):
        return data
    return encoded(np.asarray(image.resize((width, height), Image.Resampling.NEAREST)), name)


def arrays(data: bytes, name: str, size: int) -> bytes:
    """The small copy of BUSI: arrays uint8 ``[n, h, w]`` of images or of labels."""
    stack = np.load(io.BytesIO(data), allow_pickle=False)
    height, width = reduced_shape(*stack.shape[1:3], size)
    if (height, width) == stack.shape[1:3]:
        return data
    flat = stack.reshape(stack.shape[:3])
    if name.endswith("_label.npy"):
        small = [resized(label > 0, height, width) for label in flat]
    else:
        small = [np.asarray(Image.fromarray(v).resize((width, height), Image.Resampling.BILINEAR)) for v in flat]
    file = io.BytesIO()
    np.save(file, np.stack(small).astype(np.uint8))
    return file.getvalue()


def as_it_is(data: bytes, name: str, size: int) -> bytes:
    return data


README = (re.compile(r"(?:^|/)(?:readme|licen[cs]e)[^/]*$", re.I), as_it_is)

# What becomes of the members of each archive; those that no pattern fits are left out.
RULES: dict[str, list[tuple[re.Pattern, Reduce]]] = {
    montgomery.ARCHIVE: [(re.compile(r"CXR_png/MCUCXR_[^/]*$"), picture), (re.compile(r"Mask/MCUCXR_[^/]*$"), figure)],
    shenzhen.PICTURES: [(shenzhen.PICTURE, picture)],
    shenzhen.MASKS: [(shenzhen.MASK, figure)],
    hc18.PICTURES: [(hc18.PICTURE, picture), (hc18.OUTLINE, outline)],
    busi.ARCHIVE: [
        (re.compile(r"_mask(_\d+)?\.png$"), figure),
        (busi.FILE, picture),
        (re.compile(r"^(train|val|test)_(images|label)\.npy$"), arrays),
    ],
    busbra.ARCHIVE: [
        (busbra.PICTURE, picture),
        (busbra.MASK, figure),
        (re.compile(r"(?:^|/)(bus_data|\d+-fold-cv)\.csv$"), as_it_is),
    ],
    pets.PICTURES: [(pets.PICTURE, picture)],
    pets.ANNOTATIONS: [(pets.TRIMAP, trimap), (re.compile(r"/(list|trainval|test)\.txt$"), as_it_is)],
    horses.ARCHIVE: [(horses.PICTURE, picture), (horses.MASK, figure)],
}


def reduced_members(path: Path, name: str, size: int) -> Iterator[tuple[str, bytes]]:
    """(member, reduced bytes) of an archive, in its order."""
    if name.endswith(".tar.gz"):
        yield from _reduced(SafeTar(path, name).members(), name, size)
        return
    with SafeZip(path, name) as opened:
        yield from _reduced(((member, opened.read(member)) for member in opened.names), name, size)


def _reduced(members: Iterator[tuple[str, bytes]], name: str, size: int) -> Iterator[tuple[str, bytes]]:
    for member, data in members:
        rule = next((rule for pattern, rule in (*RULES[name], README) if pattern.search(member)), None)
        if rule:
            yield member, rule(data, member, size)


def write_zip(path: Path, members: Iterator[tuple[str, bytes]]) -> None:
    """The same members give the same bytes, whenever and by whom they are written."""
    with zipfile.ZipFile(path, "w") as out:
        for name, data in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            packed = name.lower().endswith((".png", ".jpg", ".jpeg"))
            info.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            out.writestr(info, data)


def write_tar(path: Path, members: Iterator[tuple[str, bytes]]) -> None:
    """As `write_zip`, for a .tar.gz."""
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w|", format=tarfile.USTAR_FORMAT) as out:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o644
                out.addfile(info, io.BytesIO(data))


def scaled_sizes(table: Path, pictures: Path, size: int) -> bytes:
    """HC18's table for reduced pictures: millimetres a pixel grow as the pixels do, circumferences stay."""
    factor: dict[str, float] = {}
    with SafeZip(pictures) as opened:
        for name in opened.names:
            if hc18.PICTURE.search(name):
                longest = max(Image.open(io.BytesIO(opened.read(name))).size)
                factor[name.rpartition("/")[2]] = max(longest / size, 1)
    hc18.read_sizes(table)  # says it if the table is damaged
    rows = [row for row in csv.reader(io.StringIO(table.read_text("utf-8-sig"))) if row]
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(rows[0])
    for row in rows[1:]:
        if row[0] in factor:
            mm = row[1] if factor[row[0]] == 1 else repr(float(row[1]) * factor[row[0]])
            out.writerow([row[0], mm, *row[2:]])
    return text.getvalue().encode()


def archives_at_hand(source: Source) -> dict[str, Path] | None:
    """The archives of a set that are on this disk: downloads of the originals, else those of the mirror's folder."""
    seen = mirror(ask=False)
    folder = cache_folder() / source.name
    for way in [*ways(source, None, with_mirror=False), *ways(source, seen, with_mirror=True)]:
        files = {place.archive: at_hand(place, folder) for place in way}
        if None not in files.values():
            return files
    return None


def make(source: Source, files: dict[str, Path], folder: Path, size: int) -> tuple[int, float]:
    """Write the reduced archives of one set and list them: (images that can be read from them, megabytes).

    They are written beside the folder's other files, read back as a lesson would, and only then renamed.
    """
    if any(path.parent.resolve() == folder.resolve() for path in files.values()):
        raise BadInput(f"{folder} is the mirror that is read from: name another folder.")
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as making:
        made = {name: Path(making) / name for name in files}
        for name, path in files.items():
            if name == hc18.SIZES:
                made[name].write_bytes(scaled_sizes(path, files[hc18.PICTURES], size))
            else:
                write = write_tar if name.endswith(".tar.gz") else write_zip
                write(made[name], reduced_members(path, name, size))
        images = sum(1 for _ in source.read(made, []))
        hashes, megabytes = {}, 0.0
        for name, path in made.items():
            with open(path, "rb") as file:
                hashes[name] = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            megabytes += path.stat().st_size / 1e6
        for name, path in made.items():
            path.chmod(0o644)  # a class shares them
            os.replace(path, folder / name)
    enlist(folder, hashes)
    return images, megabytes


def enlist(folder: Path, hashes: dict[str, str]) -> None:
    """Put archives into the folder's registry.txt, and the terms of all sets that are there into TERMS.txt."""
    registry = folder / "registry.txt"
    known = parse(registry.read_bytes(), str(folder)) if registry.is_file() else {}
    known = {name: text for name, text in (known | hashes).items() if (folder / name).is_file()}
    lines = "".join(f"{name} {known[name]}\n" for name in sorted(known))
    write_whole(registry, lambda file: file.write(lines.encode()))
    terms = "These archives are reduced copies, made by data_scripts/make_mirror.py. Whoever uses them cites:\n"
    for source in SOURCES.values():
        if all(archive.name in known for archive in source.archives):
            terms += f"\n{source.title}: {source.citation}.\nLicence: {source.licence}. Terms: {source.terms}.\n"
    write_whole(folder / "TERMS.txt", lambda file: file.write(terms.encode()))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write the mirror")
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets (default: all that are on this disk)")
    parser.add_argument("--size", type=int, default=256, help="longest side in pixels (default: %(default)s)")
    parser.add_argument("--i-may-share", action="store_true", help="also sets whose redistribution is not settled")
    chosen = parser.parse_args(arguments)
    if not 16 <= chosen.size <= 4096:
        parser.error("--size must lie between 16 and 4096")
    say = partial(print, file=sys.stderr)
    failed = 0
    try:
        chosen.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        say(f"{chosen.folder} cannot be made: {error.strerror}.")
        return 1
    for name in dict.fromkeys(chosen.names) or SOURCES:
        try:
            source = SOURCES[check_name("published data set", name, SOURCES)]
            files = archives_at_hand(source)
            if files is None:
                failed += bool(chosen.names)
                say(f"{name}: not on this disk; python data_scripts/fetch.py {name} fetches it.")
                continue
            print(f"{name}: {source.title}\n  Licence: {source.licence}. Terms: {source.terms}.")
            if not source.may_share and not chosen.i_may_share:
                failed += 1
                say(f"{name}: left out, as its redistribution is not settled: add --i-may-share if you may.")
                continue
            images, megabytes = make(source, files, chosen.folder, chosen.size)
            print(f"  {images} images, longest side at most {chosen.size} pixels, {megabytes:.1f} MB")
        except (BadInput, OSError) as error:
            failed += 1
            say(f"{name}: not made: {error}")
    if (chosen.folder / "registry.txt").is_file():
        print(f"Now set USFT_MIRROR={chosen.folder.absolute()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
