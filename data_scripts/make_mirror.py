"""Make a classroom's mirror: `python data_scripts/make_mirror.py FOLDER hc18 busi --size 256`.

Reads the archives that are on this disk (downloads in USFT_DATA, else those of the folder USFT_MIRROR) and writes them
with the same names and inner layout, each picture at most ``--size`` pixels long, and ``registry.txt`` with their
hashes. Then USFT_MIRROR=FOLDER, or the address that serves it, is all that a class needs. What no lesson reads is left
out of the archives; boxes and widths in tables still describe the originals, but HC18's pixel sizes are adapted. What a
member of an archive holds, and so how it is reduced, stands in the set's own file (`Archive.members`).
"""

import argparse
import gzip
import hashlib
import io
import os
import re
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from usft_lib import BadInput
from usft_lib.errors import check_name
from usft_lib.sources.archive import SafeZip, read_tar
from usft_lib.sources.cache import cache_folder, write_whole
from usft_lib.sources.catalogue import SOURCES
from usft_lib.sources.fetch import Location, hash_of, original_routes, routes, routes_by_hand
from usft_lib.sources.masks import mask
from usft_lib.sources.mirror import mirror, parse
from usft_lib.sources.outlines import fill_outline
from usft_lib.sources.pictures import open_picture, resize_mask, values_of
from usft_lib.sources.source import Archive, Sample, Source

QUALITY = 92  # of JPEG pictures
README = re.compile(r"(?:^|/)(?:readme|licen[cs]e)[^/]*$", re.I)  # kept, whatever else is


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


def area(data: bytes, name: str, size: int) -> bytes:
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
    inside = resized(fill_outline(line), *shape)
    return encoded((inside & ~binary_erosion(inside)).astype(np.uint8) * 255, name)


def classes(data: bytes, name: str, size: int) -> bytes:
    """Classes stay classes: each pixel takes the value of the nearest one."""
    image = open_picture(data, name)
    height, width = reduced_shape(image.height, image.width, size)
    if (height, width) == (image.height, image.width):
        return data
    return encoded(np.asarray(image.resize((width, height), Image.Resampling.NEAREST)), name)


def stack(data: bytes, size: int, kind: str) -> bytes:
    """A NumPy file in the place of many: uint8 ``[n, h, w]`` of pictures or of masks."""
    values = np.load(io.BytesIO(data), allow_pickle=False)
    height, width = reduced_shape(*values.shape[1:3], size)
    if (height, width) == values.shape[1:3]:
        return data
    flat = values.reshape(values.shape[:3])
    if kind == "mask":
        small = [resized(inside > 0, height, width) for inside in flat]
    else:
        small = [np.asarray(Image.fromarray(v).resize((width, height), Image.Resampling.BILINEAR)) for v in flat]
    file = io.BytesIO()
    np.save(file, np.stack(small).astype(np.uint8))
    return file.getvalue()


REDUCE = {"picture": picture, "mask": area, "outline": outline, "classes": classes}


def reduced_members(path: Path, archive: Archive, size: int) -> Iterator[tuple[str, bytes]]:
    """(member, reduced bytes) of an archive, in its order; those that no pattern of it fits are left out."""
    for member, data in members(path, archive.name):
        kind = next((kind for pattern, kind in (*archive.members, (README, "text")) if pattern.search(member)), None)
        if kind == "text":
            yield member, data
        elif kind:
            yield member, stack(data, size, kind) if member.endswith(".npy") else REDUCE[kind](data, member, size)


def members(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each file in a zip or a .tar.gz."""
    if name.endswith(".tar.gz"):
        yield from read_tar(path, name)
        return
    with SafeZip(path, name) as opened:
        for member in opened.names:
            yield member, opened.read(member)


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


def at_hand(location: Location, folder: Path) -> Path | None:
    """The archive of ``location`` if it is on this disk already and has the right hash; nobody is asked for it."""
    path = Path(location.where) if location.is_folder else location.downloaded(folder)
    known = location.fingerprint(folder)
    return path if known and path.is_file() and hash_of(path, known) == known else None


def archives_at_hand(source: Source) -> dict[str, Path] | None:
    """The archives of a set that are on this disk: downloads, what was put there by hand, or the mirror's folder."""
    seen = mirror(ask=False)
    folder = cache_folder() / source.name
    for route in [*original_routes(source), *routes_by_hand(source, folder), *routes(source, seen)]:
        files = {location.archive: at_hand(location, folder) for location in route}
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
        for archive in source.archives:
            if archive.reduced:
                made[archive.name].write_bytes(archive.reduced(files, size))
            else:
                write = write_tar if archive.name.endswith(".tar.gz") else write_zip
                write(made[archive.name], reduced_members(files[archive.name], archive, size))
        images = _read_back(source, files, made)
        hashes, megabytes = {}, 0.0
        for name, path in made.items():
            with open(path, "rb") as file:
                hashes[name] = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            megabytes += path.stat().st_size / 1e6
        for name, path in made.items():
            path.chmod(0o644)  # a class shares them
            os.replace(path, folder / name)
    add_to_lists(folder, hashes)
    return images, megabytes


def _read_back(source: Source, files: dict[str, Path], made: dict[str, Path]) -> int:
    """How many images the reduced archives give. Raises `BadInput` if smaller pictures kept their old pixel sizes."""
    small = {each.id: _length(each) for each in source.read(made, [])}
    if any(small.values()):
        for each in source.read(files, []):
            before, now = _length(each), small.get(each.id)
            if before and now and abs(now / before - 1) > 0.02:  # rounding to whole pixels is less
                raise BadInput(
                    f"{source.name}: {each.id} is {before:.1f} mm long, in the smaller copy {now:.1f} mm: its pixel "
                    "size was not adapted, so the set needs Archive(reduced=…), as HC18 has it."
                )
    return len(small)


def _length(sample: Sample) -> float | None:
    """The longest side of a picture in millimetres, where its pixel size is known."""
    return sample.mm and sample.mm * max(sample.picture.shape)


def add_to_lists(folder: Path, hashes: dict[str, str]) -> None:
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
    if chosen.folder.resolve().is_relative_to(Path(__file__).resolve().parents[1]):
        say(f"{chosen.folder} lies in the repository, where no real image may be: name a folder outside, as ../pack.")
        return 1
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
