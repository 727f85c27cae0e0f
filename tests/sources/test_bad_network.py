"""A classroom's mirror on a bad network: what the student is told, what lies on the disk, and whether a retry succeeds.

A real server on this machine serves a mirror and does one thing wrong at a time: a case for each thing that a student
can be told, or that may lie on the disk.
"""

import hashlib
import re
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from sources import fakes
from sources.fakes import HTML, Handler, Web, files_in, known, write_mirror

from usft_lib.errors import BadInput, DataUnavailable
from usft_lib.sources import fetch, load, loading, mirror
from usft_lib.sources.catalogue import SOURCES
from usft_lib.sources.sets import hc18, montgomery
from usft_lib.sources.source import Address, Archive

ZIP, TABLE, LIST = montgomery.ARCHIVE, hc18.SIZES, "registry.txt"
OTHER = fakes.zipped({name: data for name, data in fakes.montgomery_members().items() if "0002" not in name})
STAND_INS = {"montgomery": "sim-radiographs", "hc18": "sim-ultrasound"}
SHORT = 0.2  # seconds, in place of the library's time-out, where the server falls silent
SLOW = 0.8  # the same where it is slow: longer than any gap, shorter than the whole

Answer = Callable[[Handler, bytes], None]


def cut(to: Handler, body: bytes) -> None:
    to.head(200, len(body))
    to.wfile.write(body[: len(body) // 2])


def nothing(to: Handler, body: bytes) -> None:
    """Takes the request and closes before any byte of an answer."""


def half(to: Handler, body: bytes) -> None:
    """Half of the file, declared as if it were the whole."""
    to.page(200, body[: len(body) // 2])


def first_line(to: Handler, body: bytes) -> None:
    """A list that ends too early, but at the end of a line: shorter, and in good order."""
    to.page(200, body.splitlines(keepends=True)[0])


def trickle(to: Handler, body: bytes) -> None:
    """Slow but sure: never silent for long, and longer on the whole than the time-out."""
    to.head(200, len(body))
    pieces = 12
    for i in range(pieces):
        time.sleep(1.1 * SLOW / pieces)
        to.wfile.write(body[len(body) * i // pieces : len(body) * (i + 1) // pieces])


def silent(to: Handler, body: bytes) -> None:
    to.web.mended.wait(10)


def altered(to: Handler, body: bytes) -> None:
    """One bit in the middle is not what it was."""
    middle = len(body) // 2
    to.page(200, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])


def to_login(to: Handler, body: bytes) -> None:
    to.page(302, b"", Location="/login")


def says(status: int, body: bytes = b"") -> Answer:
    return lambda to, _: to.page(status, body)


def hash_of_another(to: Handler, body: bytes) -> None:
    to.page(200, re.sub(rb"sha256:\w+", known(OTHER).encode(), body))


# The faults: what is wrong with which file, and words that the student must read (None: nothing, as it succeeds)


@dataclass(frozen=True)
class Fault:
    file: str
    what: str
    answer: Answer
    words: str | None
    time_out: float | None = None
    name: str = "montgomery"

    def __str__(self) -> str:
        return f"{'archive' if self.file == ZIP else 'table' if self.file == TABLE else 'list'}: {self.what}"


HASH = "is not the published file (its hash differs)"
CLOSED = Fault(LIST, "closed halfway", cut, "cannot be reached (no connection)")
HALF = Fault(LIST, "half, ends within a line", half, "is not 'name sha256:…'")
SHORTER = Fault(LIST, "ends after its first line", first_line, "the mirror does not have it")
OF_ANOTHER = Fault(LIST, "hashes of another file", hash_of_another, HASH)
FAULTS = [
    Fault(ZIP, "closed halfway", cut, "was cut short: try again"),
    Fault(ZIP, "closed before any byte", nothing, "mirror: no connection"),
    Fault(ZIP, "slow but sure", trickle, None, time_out=SLOW),
    Fault(ZIP, "silent", silent, f"mirror: no answer in {SHORT} s", time_out=SHORT),
    Fault(ZIP, "one bit altered", altered, HASH),
    Fault(ZIP, "empty", says(200), "sent an empty file"),
    Fault(ZIP, "redirected to a log-in", to_login, "an HTML page, not an archive"),
    Fault(ZIP, "503", says(503, HTML), "mirror: answer 503"),
    Fault(TABLE, "a captive portal's page", says(200, HTML), "an HTML page", name="hc18"),
    CLOSED,
    HALF,
    SHORTER,
    OF_ANOTHER,
    Fault(LIST, "slow but sure", trickle, None, time_out=SLOW),
    Fault(LIST, "silent", silent, f"cannot be reached (no answer in {SHORT} s)", time_out=SHORT),
    Fault(LIST, "empty", says(200), "its registry.txt is empty"),
    Fault(LIST, "an HTML page after a byte-order mark", says(200, b"\xef\xbb\xbf" + HTML), "an HTML page came in"),
    Fault(LIST, "404", says(404, HTML), "cannot be reached (its registry.txt: answer 404)"),
]


# The classroom


@pytest.fixture(scope="module")
def archives():
    return {"another.zip": OTHER, ZIP: fakes.zipped(fakes.montgomery_members()), **fakes.hc18()}


@pytest.fixture(scope="module")
def undisturbed(archives, tmp_path_factory):
    """What the same archives give where nothing can go wrong: from a folder, in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USFT_MIRROR", str(write_mirror(tmp_path_factory.mktemp("served"), archives)))
        patch.setenv("USFT_DATA", str(tmp_path_factory.mktemp("undisturbed")))
        patch.delenv("USFT_MIRROR_SHA256", raising=False)
        return {(name, size): load(name, size=size) for name in STAND_INS for size in (32, 48)}


@pytest.fixture
def classroom(web, archives, undisturbed, cache, monkeypatch):
    """An empty cache and the server as its mirror; nobody listens where the originals are said to be."""
    listed = "".join(f"{name} {known(data)}\n" for name, data in archives.items()).encode()
    web.pages = {f"/{name}": data for name, data in (archives | {LIST: listed, "login": HTML}).items()}
    monkeypatch.setenv("USFT_MIRROR", web.address)
    monkeypatch.delenv("USFT_MIRROR_SHA256", raising=False)
    monkeypatch.setattr(loading, "SIMULATED_IMAGES", 2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        for name in STAND_INS:
            source = SOURCES[name]
            moved = tuple(Archive(a.name, (Address(nowhere + a.name, "md5:" + "0" * 32, 1),)) for a in source.archives)
            monkeypatch.setitem(SOURCES, name, replace(source, archives=moved))
        yield web


@contextmanager
def disturbed(web: Web, fault: Fault):
    web.faults[f"/{fault.file}"] = fault.answer
    with pytest.MonkeyPatch.context() as patch:
        if fault.time_out:
            patch.setattr(*((mirror, "WAIT") if fault.file == LIST else (fetch, "SILENCE")), fault.time_out)
        try:
            yield
        finally:
            web.mend()


def ask(capsys, name: str, size: int = 32, **options):
    """(data or None, what the student reads of the mirror and of errors, a line each)."""
    capsys.readouterr()
    data, error = None, None
    try:
        data = load(name, size=size, **options)
    except Exception as caught:
        error = caught
    told = [s for s in capsys.readouterr().out.splitlines() if s.startswith("The mirror") or "stands in for" in s]
    if error is not None:
        alone = error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)
        plain = alone and isinstance(error, DataUnavailable | BadInput) and "\n" not in str(error)
        shown = f"{type(error).__name__}: {error}"
        told.append(shown if plain else "! " + "".join(traceback.format_exception(error)))
    return data, told


def same(data, good) -> bool:
    return (
        data is not None
        and (data.name, data.ids, data.subjects, data.labels) == (good.name, good.ids, good.subjects, good.labels)
        and torch.equal(data.images, good.images)
        and torch.equal(data.masks, good.masks)
    )


def state(cache: Path, archives: dict[str, bytes]) -> str:
    """The files of the cache, in words; "!" stands before what should not be there."""
    seen = []
    for file in map(Path, files_in(cache)):
        data = (cache / file).read_bytes()
        mark, _, name = file.name.partition("-")
        if file.parts[0] == "mirrors" and file.suffix == ".txt":
            try:
                known = mirror.parse(data, "m")
                right = known == {n: "sha256:" + fakes.sha256(d) for n, d in archives.items()}
                seen.append("list" if right else "list as it came")
            except BadInput:
                seen.append("! list that cannot be read")
        elif name in archives:
            right = data == archives[name] and mark == hashlib.sha256(data).hexdigest()[:8]
            seen.append("checked archive" if right else f"! {file}, which is another file")
        elif re.fullmatch(r"\d+-v\d+-\w+\.npz", file.name):
            seen.append("prepared data")
        else:
            seen.append(f"! {file}")
    return ", ".join(seen) or "none"


# Tests


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault_is_told_leaves_nothing_wrong_and_a_retry_succeeds(
    classroom, cache, archives, undisturbed, capsys, fault
):
    good = undisturbed[fault.name, 32]
    with disturbed(classroom, fault):
        data, told = ask(capsys, fault.name)
        files = state(cache, archives)
        stand_in, told_then = ask(capsys, fault.name, otherwise=STAND_INS[fault.name])
        files_then = state(cache, archives)
        assert f"/{fault.file}" in classroom.asked
    again, told_again = ask(capsys, fault.name)

    assert same(again, good), told_again
    assert "!" not in files + files_then + state(cache, archives)
    assert not any(line.startswith("!") for line in told + told_then)
    if fault.words is None:
        assert same(data, good) and same(stand_in, good) and told == told_then == []
    else:
        assert data is None and fault.words in " ".join(told) and "prepared" not in files + files_then
        if stand_in is None:  # a list that cannot be understood is the teacher's to mend: no stand-in hides it
            assert told_then[-1].startswith("BadInput")
        else:
            assert stand_in.name == f"{STAND_INS[fault.name]} ({fault.name} not available)"
            assert any("stands in for" in line for line in told_then)


@pytest.mark.parametrize("fault", [CLOSED, HALF, SHORTER, OF_ANOTHER], ids=str)
def test_fault_of_the_list_does_no_harm_to_what_is_here_already(classroom, cache, archives, undisturbed, capsys, fault):
    """A later lesson wants another size: the archive is here, and only the list is asked for."""
    name = fault.name
    assert same(load(name, size=32), undisturbed[name, 32])
    with disturbed(classroom, fault):
        assert same(load(name, size=32), undisturbed[name, 32])  # prepared: nobody is asked
        data, told = ask(capsys, name, size=48)
        files = state(cache, archives)
    again = []
    for size in (32, 48):
        got, read = ask(capsys, name, size=size)
        again.append((same(got, undisturbed[name, size]), read))

    assert all(ok for ok, _ in again), again
    assert "!" not in files + state(cache, archives)
    assert not any(line.startswith("!") for line in told)
    assert same(data, undisturbed[name, 48]) or told[-1].startswith(("DataUnavailable", "BadInput"))
