"""Read the members of a .tar.gz straight from it, in the order in which they are stored, after the checks of `SafeZip`.

A compressed tar can only be read from its beginning: opening it walks through all of it once, to check it, and
``members`` once more. Nothing is ever extracted, and no more than one member is held in memory.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..errors import BadInput
from . import archive
from .archive import GZIP, harm_of_name, is_junk, looks_like

DAMAGED = (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, OverflowError, RecursionError)


class SafeTar:
    """A checked .tar.gz: ``names`` (files only, junk left out) and ``members()``, which yields (name, bytes).

    Raises:
        BadInput: one line that names the archive and what is wrong with it.
    """

    def __init__(self, path: Path, title: str | None = None):
        self.path = Path(path)
        self.title = title or self.path.name
        other = looks_like(self.path, GZIP)
        if other:
            raise BadInput(f"{self.title} is {other}.")
        self.names = [name for name, _ in self._walk(read=False)]

    def members(self) -> Iterator[tuple[str, bytes]]:
        """(name, bytes) of each file, in the archive's order."""
        yield from self._walk(read=True)

    def _walk(self, read: bool) -> Iterator[tuple[str, bytes]]:
        packed = self.path.stat().st_size
        seen: set[str] = set()
        entries = 0
        try:
            with gzip.open(self.path) as unzipped:
                limited = _Limited(unzipped, packed, self.title)
                tar = tarfile.open(fileobj=limited, mode="r:")
                while (info := tar.next()) is not None:
                    tar.members.clear()  # it would keep them all
                    entries += 1
                    if entries > archive.ENTRIES:
                        raise BadInput(f"{self.title} holds more than {archive.ENTRIES} entries: it is not used.")
                    wrong = _harm(info) or ("is there twice" if info.name in seen else None)
                    if wrong:
                        raise BadInput(f"{self.title}: its entry {info.name[:80]!r} {wrong}; the archive is not used.")
                    if info.isdir():
                        continue
                    seen.add(info.name)
                    if not is_junk(info.name):
                        yield info.name, tar.extractfile(info).read() if read else b""
                limited.check_end()
        except BadInput:
            raise
        except DAMAGED:
            raise BadInput(f"{self.title} is cut short or damaged ({packed / 1e6:.1f} MB): fetch it again.") from None


def _harm(info: tarfile.TarInfo) -> str | None:
    """What is wrong with an entry, as the end of a sentence; None if nothing is."""
    wrong = harm_of_name(info.name)
    if wrong:
        return wrong
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or info.issparse():
        return "is a link or a device"
    if info.size > archive.HARMLESS:
        return f"is larger than {archive.HARMLESS / 1e6:g} MB"
    return None


class _Limited:
    """What tarfile reads from: stops beyond the limits, and remembers how the last block looked.

    tarfile takes a broken header for the end of the archive, and reads a header's long names at whatever length they
    declare; neither is left to it.
    """

    def __init__(self, file, packed: int, title: str):
        self._file, self._title = file, title
        self._most = min(archive.UNPACKED, archive.RATIO * packed)
        self._packed = packed
        self._last = b""

    def _check(self, end: int) -> None:
        if end > self._most:
            raise BadInput(
                f"{self._title} would unpack from {self._packed / 1e6:.3g} to more than {self._most / 1e6:.3g} MB (at "
                f"most {archive.RATIO}:1 and {archive.UNPACKED / 1e9:g} GB): a decompression bomb or damaged, it is "
                "not used."
            )

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int, whence: int = 0) -> int:
        if whence != 0 or position < self._file.tell():
            raise OSError("never backwards: a header of negative size would be read for ever")
        self._check(position)
        return self._file.seek(position)

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > archive.HARMLESS + tarfile.BLOCKSIZE:
            raise OSError("a header of that length is damaged")
        self._check(self._file.tell() + size)
        self._last = self._file.read(size)
        return self._last

    def check_end(self) -> None:
        """Raise unless the archive ended with a block of zeros; read the rest, so that gzip compares its checksum."""
        if self._last.strip(b"\0"):
            raise OSError("a broken header, not the end")
        while self._file.read(1 << 20):
            self._check(self._file.tell())
