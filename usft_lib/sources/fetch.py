"""Fetch one archive: from the mirror's folder in location, from an address by pooch; checked before it is used."""

import hashlib
import shutil
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests

from ..errors import BadInput, DataUnavailable
from .archive import check_zip, looks_like
from .cache import write_whole
from .gather import gather, parts_of
from .mirror import WAIT, Mirror, is_address
from .pictures import open_picture
from .source import Archive, Source
from .web import by_proxy, options, patiently, refusal

SILENCE = 60  # seconds until a download that brings nothing more is given up
LIMIT = 60  # MB: a larger download starts only when it is asked for


@dataclass(frozen=True)
class Location:
    """Where one archive can be had. ``megabytes`` is 0 where nothing limits the download (a classroom's mirror).

    ``where`` is an address, that of a folder if the archive is had by single ``files``, or a path on this disk.
    """

    archive: str
    where: str
    hash: str | None
    megabytes: float
    from_mirror: bool
    files: tuple[str, ...] = ()

    @property
    def is_folder(self) -> bool:
        return not is_address(self.where)

    @property
    def is_zip(self) -> bool:
        return self.archive.endswith((".zip", ".npz"))

    @property
    def is_picture(self) -> bool:
        return self.archive.endswith(".png")

    @property
    def host(self) -> str:
        """Who is asked, for people: "mirror", "by hand", or the name of the server."""
        return "mirror" if self.from_mirror else "by hand" if self.is_folder else urlsplit(self.where).hostname or ""

    def downloaded(self, folder: Path) -> Path:
        """Where in ``folder`` a download of it lies: files of other hashes or addresses have other names."""
        mark = self.hash.rpartition(":")[2] if self.hash else hashlib.sha256(self.where.encode()).hexdigest()
        return folder / f"{mark[:8]}-{self.archive}"

    def fingerprint(self, folder: Path) -> str | None:
        """The declared hash; where none is published, that of the download, kept beside it; None before that."""
        if self.hash:
            return self.hash
        note = _sidecar(self.downloaded(folder))
        return note.read_text().strip() if note.is_file() else None


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def routes(source: Source, mirror: Mirror | None) -> list[tuple[Location, ...]]:
    """Each way to have all archives of a source with the help of the mirror, in the order in which they are tried."""
    known = mirror.hashes if mirror else {}
    names = [archive.name for archive in source.archives if archive.name in known]
    return _with(source, {name: Location(name, mirror.locate(name), known[name], 0, True) for name in names})


def routes_by_hand(source: Source, folder: Path) -> list[tuple[Location, ...]]:
    """Each way with the archives that a person put into ``folder``, that of the set in the cache."""
    ours = {}
    for archive in source.archives:
        paths = [folder / name for name in (archive.name, archive.within) if name]
        for path in [path for path in paths if path.is_file()][:1]:
            known = _hash_by_hand(path, path.stat().st_mtime_ns)
            ours[archive.name] = Location(archive.name, str(path), known, 0, False)
    return _with(source, ours)


def original_routes(source: Source) -> list[tuple[Location, ...]]:
    """Each way to have all archives of a source from the published addresses, in the order in which they are tried."""
    return list(product(*map(_originals, source.archives)))


def _with(source: Source, ours: dict[str, Location]) -> list[tuple[Location, ...]]:
    """The ways that use some of ``ours``, beside originals only where the source says that they go together."""
    mine = {archive.name: [ours[archive.name]] if archive.name in ours else [] for archive in source.archives}
    choices = [mine[archive.name] + _originals(archive) for archive in source.archives]
    found = [(route, {location in ours.values() for location in route}) for route in product(*choices)]
    return [route for route, kinds in found if True in kinds and (len(kinds) == 1 or source.mix)]


def _originals(archive: Archive) -> list[Location]:
    return [Location(archive.name, a.url, a.hash, a.megabytes, False, a.files) for a in archive.addresses]


def fetch(location: Location, folder: Path, large: bool) -> Path:
    """The archive of ``location`` as a file on this disk, of the right hash.

    Raises:
        DataUnavailable: it cannot be fetched from there (a few words that say why, not a whole sentence).
        BadInput: the mirror's folder has another file than its list says.
    """
    if not location.is_folder:
        return _download(location, folder, large)
    path = Path(location.where)
    if not location.from_mirror:
        return path  # put there by hand: its hash is its own
    if not path.is_file():
        raise DataUnavailable(f"the mirror lists {location.archive} but does not have it")
    try:
        digest = hash_of(path, location.hash)
    except OSError as error:
        raise DataUnavailable(f"{location.archive} in the mirror cannot be read: {error.strerror}") from None
    if digest != location.hash:
        title = f"{location.archive} in the mirror"
        if location.is_zip:
            check_zip(path, title)  # says it if this is another kind of file, or cut short
        raise BadInput(f"{title} is not the file that its registry.txt lists: copy it again.")
    return path


def hash_of(path: Path, like: str) -> str:
    """The hash of a file, ``"sha256:…"``, by the algorithm of another such text."""
    algorithm = like.partition(":")[0]
    with open(path, "rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


@lru_cache
def _hash_by_hand(path: Path, _changed: int) -> str:
    """The hash of a file that a person put there, computed again when the file was changed."""
    try:
        return hash_of(path, "sha256:")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None


def _download(location: Location, folder: Path, large: bool) -> Path:
    path = location.downloaded(folder)
    kept = path.is_file() and location.hash is None
    if not kept and location.files:
        _gather(location, path, large)
    elif not kept:
        _retrieve(location, path, large)
    if location.files:
        shutil.rmtree(parts_of(path), ignore_errors=True)
    if location.hash is None and not (kept and _sidecar(path).is_file()):  # a lost note is written anew
        digest = hash_of(path, "sha256:")
        write_whole(_sidecar(path), lambda file: file.write(digest.encode()))
    return path


def _gather(location: Location, path: Path, large: bool) -> None:
    """Fetch the single files of a location and put them together at ``path``."""
    address = location.where.rstrip("/")
    told: set[str] = set()

    def tell(line: str) -> None:  # four wait for one server: what they say is said once
        if line not in told:
            told.add(line)
            print(line)

    def fetch_one(file: str, place: Path) -> None:
        one = replace(location, archive=file, where=f"{address}/{file}", files=())
        _retrieve(one, place, large, bar=False, tell=tell)

    gather(location.files, path, address.rpartition("/")[2], fetch_one)


def _retrieve(location: Location, path: Path, large: bool, bar: bool = True, tell=print) -> None:
    """Fetch an archive, or a single picture, to ``path`` by pooch, unless it is there and has the published hash."""
    pooch.get_logger().setLevel("WARNING")  # its long lines say what ours say already

    def check_length(answer, **_) -> None:  # sizes in the course's lists are "about"; the server knows
        megabytes = int(answer.headers.get("content-length") or 0) / 1e6
        if answer.ok and megabytes > LIMIT and not large and not location.from_mirror:
            answer.close()
            raise DataUnavailable(f"{location.host}: {megabytes:.0f} MB, too much to download without large=True")

    def get_checked(url: str, output_file: str, _pooch) -> None:
        get = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=1 << 16,
            timeout=(WAIT, SILENCE),
            hooks={"response": check_length},
            **options(url),
        )
        get(url, output_file, _pooch)
        _check(location, Path(output_file))

    def ask() -> None:
        pooch.retrieve(location.where, location.hash, fname=path.name, path=path.parent, downloader=get_checked)

    try:
        patiently(ask, location.host, tell)
    except (requests.RequestException, ValueError) as error:
        hint = by_proxy(location.where) if location.from_mirror else ""
        raise DataUnavailable(f"{_who(location)}: {_reason(error, location.archive)}{hint}") from None


def _who(location: Location) -> str:
    """Who was asked, and for which of many files."""
    return f"{location.host}: {location.archive}" if location.is_picture else location.host


def _check(location: Location, path: Path) -> None:
    """Raise `DataUnavailable` if what came cannot be what was asked for."""
    wrong = looks_like(path)
    if wrong and (location.is_zip or "HTML" in wrong):
        raise DataUnavailable(f"{_who(location)} sent {wrong}")
    try:
        if location.is_zip and location.hash is None:
            check_zip(path, f"{location.host}: {location.archive}")
        elif location.is_picture:
            open_picture(path, _who(location))
    except BadInput as error:
        raise DataUnavailable(str(error).rstrip(".")) from None


def _reason(error: Exception, archive: str) -> str:
    """Why a download failed, in a few words."""
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection"
    if isinstance(error, requests.HTTPError):
        return refusal(error.response)
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the download of {archive} was cut short: try again"
    if isinstance(error, requests.Timeout) or "Read timed out" in str(error):  # the second one amid a download
        return f"no answer in {WAIT if isinstance(error, requests.ConnectTimeout) else SILENCE} s"
    if isinstance(error, requests.RequestException):
        return "no connection"
    return f"what came as {archive} is not the published file (its hash differs)"  # pooch's ValueError


def forget(location: Location, folder: Path) -> None:
    """Remove a download that turned out to be unusable, so that the next call fetches it anew."""
    if not location.is_folder:
        location.downloaded(folder).unlink(missing_ok=True)
        _sidecar(location.downloaded(folder)).unlink(missing_ok=True)
