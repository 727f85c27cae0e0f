"""A classroom's own copy of the archives: a folder or an address that holds them and a ``registry.txt``.

``USFT_MIRROR`` names it and ``USFT_MIRROR_SHA256`` pins its list. A mirror vouches for itself only: its hashes are its
own, and prepared data remembers them, so that its reduced or partial copies never answer for the originals.
"""

import hashlib
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from ..errors import BadInput
from .cache import cache_folder, setting, write_whole
from .web import by_proxy, options, patiently, refusal

WAIT = 20  # seconds until an address that does not answer is given up


@dataclass(frozen=True)
class Mirror:
    """Where the mirror is (a folder or an http address) and the hash of each archive that its list names."""

    where: str
    hashes: dict[str, str]

    def locate(self, archive: str) -> str:
        """The address or the path of one archive."""
        return f"{self.where.rstrip('/')}/{archive}" if is_address(self.where) else str(Path(self.where) / archive)


def is_address(where: str) -> bool:
    return where.lower().startswith(("http://", "https://"))


def mirror(ask: bool = True) -> Mirror | None:
    """The mirror that ``USFT_MIRROR`` names, or None.

    A folder is always read. An address is asked only if ``ask``; otherwise, and where the mirror cannot be reached,
    its list as last seen is used, and there is none if it never was.

    Raises:
        BadInput: its list is not the pinned one, or cannot be understood.
    """
    if not configured():
        return None
    named = setting("USFT_MIRROR")
    where = named if "://" in named else str(Path(named).expanduser().absolute())
    seen = cache_folder() / "mirrors" / (hashlib.sha256(where.encode()).hexdigest()[:16] + ".txt")
    if ask or not is_address(where):
        try:
            text = _fetch(where)
            check_pin(text, named)
            hashes = parse(text, named)  # before it is remembered: what cannot be read must not stand in the way again
            if is_address(where) and not hashes:
                raise _Unreached("its registry.txt is empty")
            _remember(seen, text)
            return Mirror(where, hashes)
        except _Unreached as error:
            if ask:
                then = "its list as last seen and then the originals are used" if seen.is_file() else "going on without"
                print(f"The mirror {named} cannot be reached ({error}): {then}.")
    if not seen.is_file():
        return None
    text = seen.read_bytes()
    if ask:
        check_pin(text, named)
    elif not is_pinned(text):
        return None  # an older list than the one that is pinned now: ask anew
    try:
        return Mirror(where, parse(text, named))
    except BadInput:  # damaged on this disk: as if it had never been seen
        return None


def configured() -> bool:
    """True where ``USFT_MIRROR`` names a mirror, reachable or not."""
    return bool(setting("USFT_MIRROR"))


def is_pinned(text: bytes) -> bool:
    """True where ``text`` is the list that ``USFT_MIRROR_SHA256`` pins, or nothing is pinned."""
    pin = setting("USFT_MIRROR_SHA256").lower().removeprefix("sha256:")
    return not pin or hashlib.sha256(text).hexdigest() == pin


def check_pin(text: bytes, named: str) -> None:
    """Raise `BadInput` unless ``text`` is the list that is pinned, if one is."""
    if not is_pinned(text):
        raise BadInput(
            f"registry.txt of the mirror {named} is not the one that USFT_MIRROR_SHA256 pins: ask the mirror's owner "
            "for the hash of its current list, or unset USFT_MIRROR."
        )


def parse(text: bytes, named: str) -> dict[str, str]:
    """``name sha256:…`` a line (a pooch registry; a bare hash is sha256) → {name: "sha256:…"}."""
    hashes = {}
    for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            name, known = shlex.split(line)[:2]
        except ValueError:
            name = known = ""
        algorithm, _, digest = known.rpartition(":")
        algorithm = algorithm or "sha256"
        digits = hashlib.new(algorithm).digest_size * 2 if algorithm in ("sha256", "md5") else -1
        plain = name not in ("", ".", "..") and not set(name) & set("/\\:")
        if not plain or len(digest) != digits or set(digest.lower()) - set("0123456789abcdef"):
            raise BadInput(
                f"Line {number} of registry.txt of the mirror {named} is not 'name sha256:…': write one such "
                "line for each archive."
            )
        hashes[name] = f"{algorithm}:{digest.lower()}"
    return hashes


class _Unreached(Exception):
    pass


def _fetch(where: str) -> bytes:
    if not is_address(where):
        try:
            return (Path(where) / "registry.txt").read_bytes()
        except OSError as error:
            if "://" in where:
                raise _Unreached("it must be a folder or an http or https address") from None
            what = "no such folder" if not Path(where).is_dir() else f"registry.txt: {error.strerror}"
            raise _Unreached(what) from None
    address = f"{where.rstrip('/')}/registry.txt"
    try:
        answer = patiently(lambda: _ask(address), "mirror")
    except requests.HTTPError as error:
        raise _Unreached(f"its registry.txt: {refusal(error.response)}{by_proxy(address)}") from None
    except requests.Timeout:
        raise _Unreached(f"no answer in {WAIT} s{by_proxy(address)}") from None
    except requests.ConnectionError:
        raise _Unreached(f"no connection{by_proxy(address)}") from None
    except (requests.RequestException, ValueError):
        raise _Unreached("no connection") from None
    if answer.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":  # after a byte-order mark, perhaps
        raise _Unreached(f"an HTML page came in place of its registry.txt{by_proxy(address)}")
    return answer.content


def _ask(address: str) -> requests.Response:
    answer = requests.get(address, timeout=WAIT, **options(address))
    answer.raise_for_status()
    return answer


def _remember(seen: Path, text: bytes) -> None:
    with suppress(OSError):  # only a convenience: whether the folder can be written to is said elsewhere
        if not seen.is_file() or seen.read_bytes() != text:
            seen.parent.mkdir(parents=True, exist_ok=True)
            write_whole(seen, lambda file: file.write(text))
