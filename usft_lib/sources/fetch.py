"""Bring one archive here: from the mirror's folder in place, from an address by pooch; checked before it is used."""

import hashlib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import BadInput, DataUnavailable
from .archive import SafeZip, looks_like
from .cache import write_whole
from .mirror import WAIT, Mirror, is_address
from .source import Source

SILENCE = 60  # seconds until a download that brings nothing more is given up
LIMIT = 60  # MB: a larger download starts only when it is asked for


@dataclass(frozen=True)
class Place:
    """One place that has one archive. ``megabytes`` is 0 where nothing limits the download (a classroom's mirror)."""

    archive: str
    where: str
    hash: str | None
    megabytes: float
    from_mirror: bool

    @property
    def is_folder(self) -> bool:
        return not is_address(self.where)

    @property
    def host(self) -> str:
        """Who is asked, for people: "mirror" or the name of the server."""
        return "mirror" if self.from_mirror else urlsplit(self.where).hostname or self.where

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


def ways(source: Source, mirror: Mirror | None, with_mirror: bool) -> list[tuple[Place, ...]]:
    """Each way to have all archives of a source, in the order in which they are tried.

    With the mirror: those that use it at all. Without: those from the published addresses alone. A mirror's archive is
    put beside an original one only where the source says that they go together.
    """
    choices = []
    for archive in source.archives:
        places = []
        if with_mirror and mirror and archive.name in mirror.hashes:
            places.append(Place(archive.name, mirror.place(archive.name), mirror.hashes[archive.name], 0, True))
        places += [Place(archive.name, a.url, a.hash, a.megabytes, False) for a in archive.addresses]
        choices.append(places)
    found = []
    for way in product(*choices):
        kinds = {place.from_mirror for place in way}
        if (True in kinds) == with_mirror and (len(kinds) == 1 or source.mix):
            found.append(way)
    return found


def bring(place: Place, folder: Path, large: bool) -> Path:
    """The archive of ``place`` as a file on this disk, of the right hash.

    Raises:
        DataUnavailable: it cannot be had from there (a few words that say why, not a whole sentence).
        BadInput: the mirror's folder holds another file than its list says.
    """
    if not place.is_folder:
        return _download(place, folder, large)
    path = Path(place.where)
    if not path.is_file():
        raise DataUnavailable(f"the mirror lists {place.archive} but does not hold it")
    try:
        digest = _digest(path, place.hash)
    except OSError as error:
        raise DataUnavailable(f"{place.archive} in the mirror cannot be read: {error.strerror}") from None
    if digest != place.hash:
        wrong = looks_like(path) if _is_zip(place) else None
        if wrong is None and _is_zip(place):
            with SafeZip(path):  # says it if the file is cut short
                pass
        raise BadInput(
            f"{place.archive} in the mirror is {wrong or 'not the file that its registry.txt lists: copy it anew'}."
        )
    return path


def at_hand(place: Place, folder: Path) -> Path | None:
    """The archive of ``place`` if it is on this disk already and has the right hash; nobody is asked for it."""
    path = Path(place.where) if place.is_folder else place.downloaded(folder)
    known = place.fingerprint(folder)
    return path if known and path.is_file() and _digest(path, known) == known else None


def _is_zip(place: Place) -> bool:
    return place.archive.endswith((".zip", ".npz"))


def _digest(path: Path, like: str) -> str:
    algorithm = like.partition(":")[0]
    with open(path, "rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _download(place: Place, folder: Path, large: bool) -> Path:
    path = place.downloaded(folder)
    kept = path.is_file() and place.hash is None
    if not kept:
        _retrieve(place, path, large)
    if place.hash is None and not (kept and _sidecar(path).is_file()):  # a lost note is written anew
        digest = _digest(path, "sha256:")
        write_whole(_sidecar(path), lambda file: file.write(digest.encode()))
    return path


def _retrieve(place: Place, path: Path, large: bool) -> None:
    """Fetch an archive to ``path`` by pooch, unless it is there and has the published hash."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")  # its long lines say what ours say already

    def check_length(answer, **_) -> None:  # sizes in the course's lists are "about"; the server knows
        megabytes = int(answer.headers.get("content-length") or 0) / 1e6
        if answer.ok and megabytes > LIMIT and not large and not place.from_mirror:
            answer.close()
            raise DataUnavailable(f"{place.host}: {megabytes:.0f} MB, more than is fetched unasked")

    get = pooch.HTTPDownloader(
        progressbar=True, chunk_size=1 << 16, timeout=(WAIT, SILENCE), hooks={"response": check_length}
    )

    def get_checked(url: str, output_file: str, _pooch) -> None:
        get(url, output_file, _pooch)
        wrong = looks_like(Path(output_file))
        if wrong and (_is_zip(place) or "HTML" in wrong):
            raise DataUnavailable(f"{place.host}: what came is {wrong}")
        if _is_zip(place) and place.hash is None:
            try:
                with SafeZip(Path(output_file), title=f"{place.host}: {place.archive}"):
                    pass
            except BadInput as error:
                raise DataUnavailable(str(error).rstrip(".")) from None

    try:
        pooch.retrieve(place.where, place.hash, fname=path.name, path=path.parent, downloader=get_checked)
    except requests.exceptions.SSLError:
        raise DataUnavailable(f"{place.host}: no secure connection") from None
    except requests.HTTPError as error:
        raise DataUnavailable(f"{place.host}: answer {error.response.status_code}") from None
    except requests.exceptions.ChunkedEncodingError:
        raise DataUnavailable(f"{place.host}: the download of {place.archive} was cut short: try again") from None
    except requests.Timeout as error:
        wait = WAIT if isinstance(error, requests.ConnectTimeout) else SILENCE
        raise DataUnavailable(f"{place.host}: no answer in {wait} s") from None
    except requests.RequestException:
        raise DataUnavailable(f"{place.host}: no connection") from None
    except ValueError:
        raise DataUnavailable(
            f"{place.host}: what came as {place.archive} is not the published file (its hash differs)"
        ) from None


def forget(place: Place, folder: Path) -> None:
    """Remove a download that turned out to be unusable, so that the next call fetches it anew."""
    if not place.is_folder:
        place.downloaded(folder).unlink(missing_ok=True)
        _sidecar(place.downloaded(folder)).unlink(missing_ok=True)
