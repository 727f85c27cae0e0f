"""Read the members of a zip straight from it, after checking that none of them can do harm.

Nothing is ever extracted. An archive is refused whole when one of its entries leaves its folder, is a link or a
device, or unpacks to far more than it holds.
"""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ..errors import BadInput

ENTRIES = 50_000
UNPACKED = 20 * 10**9  # bytes
RATIO = 200  # of unpacked to packed
HARMLESS = 64 * 10**6  # bytes; a single entry below this may be packed better than RATIO (masks are, by nature)


def is_junk(name: str) -> bool:
    """True for what operating systems leave in folders: macOS resource forks, Windows thumbnails, hidden files."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.startswith(".") or path.name.lower() in ("thumbs.db", "desktop.ini")


ZIP = (b"PK\x03\x04", b"PK\x05\x06")
GZIP = (b"\x1f\x8b",)


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
        other = looks_like(path)
        if other:
            raise BadInput(f"{self.title} is {other}.")
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
            size = Path(path).stat().st_size / 1e6
            raise BadInput(f"{self.title} is cut short or damaged ({size:.1f} MB): fetch it again.") from None
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
            raise BadInput(f"{self.title} holds {len(infos)} entries (at most {ENTRIES}): it is not used.")
        total = sum(info.file_size for info in infos)
        if total > UNPACKED or total > RATIO * packed:
            raise BadInput(
                f"{self.title} would unpack from {packed / 1e6:.3g} to {total / 1e6:.3g} MB (at most {RATIO}:1 and "
                f"{UNPACKED / 1e9:g} GB): a decompression bomb or damaged, it is not used."
            )
        files: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            wrong = _harm(info)
            if wrong is None and info.filename in files:
                wrong = "is there twice"
            if wrong:
                raise BadInput(f"{self.title}: its entry {info.filename[:80]!r} {wrong}; the archive is not used.")
            if not info.is_dir() and not is_junk(info.filename):
                files[info.filename] = info
        return files

    def read(self, name: str) -> bytes:
        """The bytes of one member, never more than the archive declares."""
        info = self._infos[name]
        try:
            with self._zip.open(info) as member:
                data = member.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
            raise BadInput(f"{self.title}: {name} in it is damaged: fetch the archive again.") from None
        if len(data) != info.file_size:
            raise BadInput(f"{self.title}: {name} in it is not as long as declared: fetch the archive again.")
        return data


def harm_of_name(name: str) -> str | None:
    """What is wrong with an entry's name, as the end of a sentence; None if nothing is."""
    if name.startswith("/") or "\\" in name or "\0" in name or (len(name) > 1 and name[1] == ":"):
        return "has an absolute path or a backslash"
    if ".." in name.split("/"):
        return "leaves the archive's folder (..)"
    return None


def _harm(info: zipfile.ZipInfo) -> str | None:
    """What is wrong with an entry, as the end of a sentence; None if nothing is."""
    # zipfile cuts a name at a zero byte and, on Windows, turns backslashes: look at the name as it was stored
    wrong = harm_of_name(getattr(info, "orig_filename", info.filename))
    if wrong:
        return wrong
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.file_size > HARMLESS and info.file_size > RATIO * max(info.compress_size, 1):
        return f"unpacks more than {RATIO}:1"
    return None
