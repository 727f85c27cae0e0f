"""Read the members of a zip or a .tar.gz straight from it, after checking that none of them can do harm.

Nothing is ever extracted. An archive is refused whole when one of its entries leaves its folder, is a link or a
device, or unpacks to far more than it holds.
"""

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from re import Pattern

from ..errors import BadInput

ENTRIES = 50_000
UNPACKED = 20 * 10**9  # bytes
RATIO = 200  # of unpacked to packed
HARMLESS = 64 * 10**6  # bytes; a single entry below this may be packed better than RATIO (masks are, by nature)
ZIP, GZIP = (b"PK\x03\x04", b"PK\x05\x06"), (b"\x1f\x8b",)
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, ValueError, OverflowError, RuntimeError)


def is_junk(name: str) -> bool:
    """True for what operating systems leave in folders: macOS resource forks, Windows thumbnails, hidden files."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith(".") or path.name.lower() in ("thumbs.db", "desktop.ini")


def looks_like(path: Path, magic: tuple[bytes, ...] = ZIP) -> str | None:
    """What a file that should begin with ``magic`` is instead, in words that say what to do; None if it does."""
    with open(path, "rb") as file:
        start = file.read(1024)
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(magic):
        return None
    if not start:
        return "an empty file: fetch it again"
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"<script")):
        return "an HTML page, not an archive: the address probably moved or wants a log-in"
    return f"not a {'zip' if magic == ZIP else 'gzip'} archive: fetch it again from its official address"


class SafeZip:
    """A checked zip, open for reading: ``names`` (files only, junk left out) and ``read(name)``.

    Raises:
        BadInput: one line that names the archive and what is wrong with it.
    """

    def __init__(self, path: Path, title: str | None = None):
        self.title = title or Path(path).name
        _check_start(path, self.title, ZIP)
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGED:
            raise _damaged(path, self.title) from None
        try:
            self._infos = self._check(Path(path).stat().st_size)
        except BaseException:
            self._zip.close()
            raise
        self.names = sorted(self._infos)

    def __enter__(self) -> "SafeZip":
        return self

    def __exit__(self, *_) -> None:
        self._zip.close()

    def _check(self, packed: int) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > ENTRIES:
            raise BadInput(f"{self.title} has {len(infos)} entries (at most {ENTRIES}): it is not used.")
        if sum(info.file_size for info in infos) > _most(packed):
            raise _bomb(self.title, packed)
        files: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            wrong = _harm_of_zip(info) or ("is there twice" if info.filename in files else None)
            if wrong:
                raise _refused(self.title, info.filename, wrong)
            if not info.is_dir() and not is_junk(info.filename):
                files[info.filename] = info
        return files

    def find(self, pattern: Pattern[str], what: str) -> dict[str, str]:
        """{first group of the pattern: name} of the members that it fits; ``what`` they are called if there is none.

        Copies may hold the same file in several folders; other files of one name in several folders are refused.
        """
        found: dict[str, str] = {}
        for name in self.names:
            if match := pattern.search(name):
                first = self._infos[found.setdefault(match[1], name)]
                if (first.CRC, first.file_size) != (self._infos[name].CRC, self._infos[name].file_size):
                    raise BadInput(
                        f"{self.title}: {first.filename} and {name} have the same name but differ: keep one of these."
                    )
        if not found:
            raise BadInput(f"{self.title} has no {what}: it is not the published archive.")
        return found

    def read(self, name: str) -> bytes:
        """The bytes of one member, never more than the archive declares."""
        info = self._infos[name]
        try:
            with self._zip.open(info) as member:
                data = member.read(info.file_size + 1)
        except DAMAGED:
            raise BadInput(f"{self.title}: {name} in it is damaged: fetch the archive again.") from None
        if len(data) != info.file_size:
            raise BadInput(f"{self.title}: {name} in it is not as long as declared: fetch the archive again.")
        return data


def check_zip(path: Path, title: str) -> None:
    """Raise `BadInput`, as `SafeZip` does, if a file is no zip that can be used."""
    with SafeZip(path, title):
        pass


def read_tar(path: Path, title: str | None = None) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each file of a .tar.gz, junk left out, in its order; no more than one of them is in memory.

    Raises:
        BadInput: as `SafeZip`; a compressed tar is read once from end to end, so files before the fault come first.
    """
    title, packed = title or Path(path).name, Path(path).stat().st_size
    _check_start(path, title, GZIP)
    seen: set[str] = set()
    try:
        with gzip.open(path) as unzipped:
            limited = _Limited(unzipped, title, packed)
            # One block at a time: then the last that was read is the one at which tarfile stopped.
            tar = tarfile.open(fileobj=limited, mode="r|", bufsize=tarfile.BLOCKSIZE)
            for number, info in enumerate(tar, 1):
                if number > ENTRIES:
                    raise BadInput(f"{title} has more than {ENTRIES} entries: it is not used.")
                wrong = _harm_of_tar(info) or ("is there twice" if info.name in seen else None)
                if wrong:
                    raise _refused(title, info.name, wrong)
                limited.until = limited.position + 2 * HARMLESS
                if info.isreg():
                    seen.add(info.name)
                    data = tar.extractfile(info).read()
                    if not is_junk(info.name):
                        yield info.name, data
            if limited.last != bytes(tarfile.BLOCKSIZE):
                raise OSError("no block of zeros: a broken header, which tarfile takes for the end")
            while limited.read(1 << 20):  # to the end, where gzip compares its checksum
                pass
    except BadInput:
        raise
    except DAMAGED:
        raise _damaged(path, title) from None


class _Limited:
    """What tarfile reads from: the unpacked bytes up to ``until`` and to the limits, and the ``last`` block of them.

    tarfile itself reads the long names of a header at whatever length they declare.
    """

    def __init__(self, file, title: str, packed: int):
        self._file, self._title, self._packed = file, title, packed
        self.position, self.until, self.last = 0, 2 * HARMLESS, b""

    def read(self, size: int) -> bytes:
        self.last = self._file.read(size)
        self.position += len(self.last)
        if self.position > min(self.until, _most(self._packed)):
            raise _bomb(self._title, self._packed)
        return self.last


def _check_start(path: Path, title: str, magic: tuple[bytes, ...]) -> None:
    other = looks_like(path, magic)
    if other:
        raise BadInput(f"{title} is {other}.")


def _most(packed: int) -> int:
    return min(UNPACKED, RATIO * packed)


def _bomb(title: str, packed: int) -> BadInput:
    return BadInput(
        f"{title} would unpack from {packed / 1e6:.3g} to more than {_most(packed) / 1e6:.3g} MB (at most {RATIO}:1 "
        f"and {UNPACKED / 1e9:g} GB): a decompression bomb or damaged, it is not used."
    )


def _damaged(path: Path, title: str) -> BadInput:
    return BadInput(f"{title} is cut short or damaged ({Path(path).stat().st_size / 1e6:.1f} MB): fetch it again.")


def _refused(title: str, entry: str, wrong: str) -> BadInput:
    return BadInput(f"{title}: its entry {entry[:80]!r} {wrong}; the archive is not used.")


def _harm_of_name(name: str) -> str | None:
    """What is wrong with an entry's name, as the end of a sentence; None if nothing is."""
    if name.startswith("/") or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":"):
        return "has an absolute path or a backslash"
    if ".." in name.split("/"):
        return "leaves the archive's folder (..)"
    return None


def _harm_of_zip(info: zipfile.ZipInfo) -> str | None:
    # zipfile cuts a name at a zero byte and, on Windows, turns backslashes: look at the name as it was stored
    wrong = _harm_of_name(getattr(info, "orig_filename", info.filename))
    if wrong:
        return wrong
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.file_size > HARMLESS and info.file_size > RATIO * max(info.compress_size, 1):
        return f"unpacks more than {RATIO}:1"
    return None


def _harm_of_tar(info: tarfile.TarInfo) -> str | None:
    # Stricter than tarfile.data_filter, which lets links pass and cuts the slash off an absolute path.
    wrong = _harm_of_name(info.name)
    if wrong:
        return wrong
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or info.issparse():
        return "is a link or a device"
    if info.size > HARMLESS:
        return f"is larger than {HARMLESS / 1e6:g} MB"
    return None
