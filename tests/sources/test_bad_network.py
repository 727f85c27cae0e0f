"""A classroom's mirror on a bad network: what the student is told, what lies on the disk, and whether a retry succeeds.

A real server on this machine serves a mirror and does one thing wrong at a time. ``pytest -s`` prints the table.
"""

import hashlib
import re
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import torch
from sources import fakes
from sources.fakes import HTML, files_in, write_mirror

from usft_lib.errors import BadInput, DataUnavailable
from usft_lib.sources import fetch, load, loading, mirror
from usft_lib.sources.sets import hc18, montgomery
from usft_lib.sources.source import Address, Archive

ZIP, TABLE, LIST = montgomery.ARCHIVE, hc18.SIZES, "registry.txt"
PORTAL = b"Welcome to the guest network. Please log in to go on.\n"
OTHER = fakes.zipped({name: data for name, data in fakes.montgomery_members().items() if "0002" not in name})
STAND_INS = {"montgomery": "sim-radiographs", "hc18": "sim-ultrasound"}
SHORT = 0.2  # seconds, in place of the library's time-out, where the server falls silent
SLOW = 0.8  # the same where it is slow: longer than any gap, shorter than the whole

Answer = Callable[["Handler", bytes], None]


class Handler(BaseHTTPRequestHandler):
    """Serves the files of a folder, each as the server's ``faults`` say, or whole."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.asked.append((name, self.headers.get("Range")))
        self.close_connection = True
        path = self.server.folder / name
        with suppress(OSError):  # the client may give up first
            if name == "login":
                self.page(200, HTML)
            elif path.is_file():
                self.server.faults.get(name, whole)(self, path.read_bytes())
            else:
                self.page(404, b"not here")

    def head(self, status: int, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in ({"Connection": "close"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def page(self, status: int, body: bytes, **headers: str) -> None:
        self.head(status, len(body), **headers)
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """``mend()`` ends all faults, and the silence of those answers that hang."""

    def __init__(self, folder: Path):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.faults: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.ranges = False
        self.mended = threading.Event()

    def mend(self) -> None:
        self.faults = {}
        self.mended.set()


# Answers, right and wrong


def whole(to: Handler, body: bytes) -> None:
    """As it should be; a part where one is asked for, if this server serves parts."""
    if not to.server.ranges:
        return to.page(200, body)
    part = re.fullmatch(r"bytes=(\d+)-(\d*)", to.headers.get("Range", ""))
    if part is None:
        return to.page(200, body, Accept_Ranges="bytes")
    first, last = int(part[1]), min(int(part[2] or len(body)), len(body) - 1)
    if first > last:
        return to.page(416, b"", Content_Range=f"bytes */{len(body)}")
    to.page(206, body[first : last + 1], Content_Range=f"bytes {first}-{last}/{len(body)}", Accept_Ranges="bytes")


def dropped(to: Handler, body: bytes) -> None:
    """The connection breaks (TCP reset) halfway through the body."""
    to.head(200, len(body), **({"Accept_Ranges": "bytes"} if to.server.ranges else {}))
    to.wfile.write(body[: len(body) // 2])
    to.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    to.rfile.close()
    to.connection.close()


def cut(to: Handler, body: bytes) -> None:
    to.head(200, len(body))
    to.wfile.write(body[: len(body) // 2])


def nothing(to: Handler, body: bytes) -> None:
    """Takes the request and closes before any byte of an answer."""


def length_too_large(to: Handler, body: bytes) -> None:
    to.head(200, len(body) + 1000)
    to.wfile.write(body)


def half(to: Handler, body: bytes) -> None:
    """Half of the file, declared as if it were the whole."""
    to.page(200, body[: len(body) // 2])


def half_without_length(to: Handler, body: bytes) -> None:
    to.head(200)
    to.wfile.write(body[: len(body) // 2])


def half_in_chunks(to: Handler, body: bytes) -> None:
    to.head(200, Transfer_Encoding="chunked")
    to.wfile.write(b"%x\r\n%s\r\n" % (len(body) // 2, body[: len(body) // 2]))


def first_line(to: Handler, body: bytes) -> None:
    """A list that ends too early, but at the end of a line: shorter, and in good order."""
    to.page(200, body.splitlines(keepends=True)[0])


def partial(to: Handler, body: bytes) -> None:
    """A part that nobody asked for."""
    to.page(206, body[: len(body) // 2], Content_Range=f"bytes 0-{len(body) // 2 - 1}/{len(body)}")


def trickle(to: Handler, body: bytes) -> None:
    """Slow but sure: never silent for long, and longer on the whole than the time-out."""
    to.head(200, len(body))
    pieces = 12
    for i in range(pieces):
        time.sleep(1.1 * SLOW / pieces)
        to.wfile.write(body[len(body) * i // pieces : len(body) * (i + 1) // pieces])


def silent(to: Handler, body: bytes) -> None:
    to.server.mended.wait(10)


def silent_halfway(to: Handler, body: bytes) -> None:
    to.head(200, len(body))
    to.wfile.write(body[: len(body) // 2])
    to.server.mended.wait(10)


def other(to: Handler, body: bytes) -> None:
    to.page(200, OTHER)


def altered(to: Handler, body: bytes) -> None:
    """One bit in the middle is not what it was."""
    middle = len(body) // 2
    to.page(200, body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])


def not_packed(to: Handler, body: bytes) -> None:
    to.page(200, body, Content_Encoding="gzip")


def no_http(to: Handler, body: bytes) -> None:
    to.wfile.write(body)


def to_login(to: Handler, body: bytes) -> None:
    to.page(302, b"", Location="/login")


def in_circles(to: Handler, body: bytes) -> None:
    to.page(302, b"", Location=to.path)


def says(status: int, body: bytes = b"") -> Answer:
    return lambda to, _: to.page(status, body)


def hash_of_another(to: Handler, body: bytes) -> None:
    to.page(200, re.sub(rb"sha256:\w+", b"sha256:" + fakes.sha256(OTHER).encode(), body))


# The faults: what is wrong with which file, and words that the student must read (None: nothing, as it succeeds)


@dataclass(frozen=True)
class Fault:
    file: str
    what: str
    answer: Answer
    words: str | None
    time_out: float | None = None
    ranges: bool = False
    name: str = "montgomery"

    def __str__(self) -> str:
        return f"{'archive' if self.file == ZIP else 'table' if self.file == TABLE else 'list'}: {self.what}"


OF_ARCHIVES = [
    Fault(ZIP, "dropped halfway", dropped, ""),
    Fault(ZIP, "dropped halfway, serves ranges", dropped, "", ranges=True),
    Fault(ZIP, "whole, serves ranges", whole, None, ranges=True),
    Fault(ZIP, "closed halfway", cut, "was cut short: try again"),
    Fault(ZIP, "closed before any byte", nothing, "mirror: no connection"),
    Fault(ZIP, "declares more than it sends", length_too_large, "was cut short: try again"),
    Fault(ZIP, "half, declared as whole", half, "is not the published file (its hash differs)"),
    Fault(ZIP, "half, no length declared", half_without_length, "is not the published file (its hash differs)"),
    Fault(ZIP, "half of a chunked answer", half_in_chunks, "was cut short: try again"),
    Fault(ZIP, "206 to a plain request", partial, "is not the published file (its hash differs)"),
    Fault(ZIP, "slow but sure", trickle, None, time_out=SLOW),
    Fault(ZIP, "silent", silent, f"mirror: no answer in {SHORT} s", time_out=SHORT),
    Fault(ZIP, "silent halfway", silent_halfway, "mirror: no ", time_out=SHORT),
    Fault(ZIP, "another archive", other, "is not the published file (its hash differs)"),
    Fault(ZIP, "one bit altered", altered, "is not the published file (its hash differs)"),
    Fault(ZIP, "empty", says(200), "what came is an empty file"),
    Fault(ZIP, "a captive portal's page", says(200, HTML), "an HTML page, not an archive"),
    Fault(ZIP, "redirected to a log-in", to_login, "an HTML page, not an archive"),
    Fault(ZIP, "redirected in circles", in_circles, "mirror: no connection"),
    Fault(ZIP, "404", says(404, HTML), "mirror: answer 404"),
    Fault(ZIP, "500", says(500, HTML), "mirror: answer 500"),
    Fault(ZIP, "503", says(503, HTML), "mirror: answer 503"),
    Fault(ZIP, "called gzip, is not", not_packed, "mirror: no connection"),
    Fault(ZIP, "not HTTP at all", no_http, "mirror: no connection"),
    Fault(TABLE, "closed halfway", cut, "was cut short: try again", name="hc18"),
    Fault(TABLE, "half, declared as whole", half, "is not the published file (its hash differs)", name="hc18"),
    Fault(TABLE, "another file", other, "is not the published file (its hash differs)", name="hc18"),
    Fault(TABLE, "a captive portal's page", says(200, HTML), "an HTML page", name="hc18"),
    Fault(TABLE, "404", says(404), "mirror: answer 404", name="hc18"),
]
OF_LISTS = [
    Fault(LIST, "dropped halfway", dropped, "cannot be reached (no connection)"),
    Fault(LIST, "closed halfway", cut, "cannot be reached (no connection)"),
    Fault(LIST, "closed before any byte", nothing, "cannot be reached (no connection)"),
    Fault(LIST, "declares more than it sends", length_too_large, "cannot be reached (no connection)"),
    Fault(LIST, "half, ends within a line", half, ""),
    Fault(LIST, "half, ends within a line, no length declared", half_without_length, ""),
    Fault(LIST, "ends after its first line", first_line, "the mirror does not hold it"),
    Fault(LIST, "206 to a plain request", partial, ""),
    Fault(LIST, "slow but sure", trickle, None, time_out=SLOW),
    Fault(LIST, "silent", silent, f"cannot be reached (no answer in {SHORT} s)", time_out=SHORT),
    Fault(LIST, "silent halfway", silent_halfway, "cannot be reached (no ", time_out=SHORT),
    Fault(LIST, "hashes of another file", hash_of_another, "is not the published file (its hash differs)"),
    Fault(LIST, "empty", says(200), "its registry.txt is empty"),
    Fault(LIST, "an HTML page", says(200, HTML), "an HTML page came in place of its registry.txt"),
    Fault(LIST, "an HTML page with a byte-order mark", says(200, b"\xef\xbb\xbf" + HTML), ""),
    Fault(LIST, "a captive portal's plain text", says(200, PORTAL), ""),
    Fault(LIST, "another archive", other, ""),
    Fault(LIST, "redirected to a log-in", to_login, "an HTML page came in place of its registry.txt"),
    Fault(LIST, "redirected in circles", in_circles, "cannot be reached (no connection)"),
    Fault(LIST, "404", says(404, HTML), "cannot be reached (its registry.txt: answer 404)"),
    Fault(LIST, "500", says(500, HTML), "cannot be reached (its registry.txt: answer 500)"),
    Fault(LIST, "503", says(503, HTML), "cannot be reached (its registry.txt: answer 503)"),
    Fault(LIST, "not HTTP at all", no_http, "cannot be reached (no connection)"),
]

HARMFUL_LISTS = [fault for fault in OF_LISTS if fault.words is not None]

ROWS: dict[str, tuple[str, str, str]] = {}  # fault → what the student sees, files after, retry
AFTER = ", the data here already"


# The classroom


@pytest.fixture(scope="module")
def archives():
    return {"another.zip": OTHER, ZIP: fakes.zipped(fakes.montgomery_members()), **fakes.hc18()}


@pytest.fixture(scope="module")
def server(archives, tmp_path_factory):
    server = Server(write_mirror(tmp_path_factory.mktemp("served"), archives))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server
    server.mend()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    """What the same archives give where nothing can go wrong: from the folder, in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USFT_MIRROR", str(server.folder))
        patch.setenv("USFT_DATA", str(tmp_path_factory.mktemp("undisturbed")))
        patch.delenv("USFT_MIRROR_SHA256", raising=False)
        return {(name, size): load(name, size=size) for name in STAND_INS for size in (32, 48)}


@pytest.fixture
def classroom(server, undisturbed, cache, monkeypatch):
    """An empty cache and the server as its mirror; nobody listens where the originals are said to be."""
    server.mend()
    server.mended = threading.Event()
    server.asked.clear()
    server.ranges = False
    monkeypatch.setenv("USFT_MIRROR", server.address)
    monkeypatch.delenv("USFT_MIRROR_SHA256", raising=False)
    monkeypatch.setattr(loading, "SIMULATED_IMAGES", 2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        for name in STAND_INS:
            source = loading.SOURCES[name]
            moved = tuple(Archive(a.name, (Address(nowhere + a.name, "md5:" + "0" * 32, 1),)) for a in source.archives)
            monkeypatch.setitem(loading.SOURCES, name, replace(source, archives=moved))
        yield server


@contextmanager
def disturbed(server: Server, fault: Fault):
    server.faults = {fault.file: fault.answer}
    server.ranges = fault.ranges
    with pytest.MonkeyPatch.context() as patch:
        if fault.time_out:
            patch.setattr(*((mirror, "WAIT") if fault.file == LIST else (fetch, "SILENCE")), fault.time_out)
        try:
            yield
        finally:
            server.mend()


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


def note(fault: str, told: list[str], files: str, again: list[tuple[bool, list[str]]]) -> None:
    """Add a row to the table; ``again`` is (as undisturbed?, what was read) of each retry."""
    failed = "; ".join(" ".join(read) or "other images" for ok, read in again if not ok)
    ROWS[fault] = (" / ".join(told) or "nothing: it succeeds", files, failed or "ok")


# Tests


def test_the_server_serves_ranges(classroom, archives):
    """The server itself, before anything is concluded from it."""
    address, good = f"{classroom.address}/{ZIP}", archives[ZIP]
    classroom.ranges = True
    part = requests.get(address, headers={"Range": "bytes=10-19"}, timeout=5)
    rest = requests.get(address, headers={"Range": f"bytes={len(good) - 5}-"}, timeout=5)
    assert (part.status_code, part.content, rest.content) == (206, good[10:20], good[-5:])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(good)}"
    assert requests.get(address, headers={"Range": f"bytes={len(good)}-"}, timeout=5).status_code == 416
    assert requests.get(address, timeout=5).content == good
    classroom.ranges = False
    plain = requests.get(address, headers={"Range": "bytes=10-19"}, timeout=5)
    assert (plain.status_code, plain.content) == (200, good)


@pytest.mark.parametrize("fault", OF_ARCHIVES + OF_LISTS, ids=str)
def test_fault_is_told_leaves_nothing_wrong_and_a_retry_succeeds(
    classroom, cache, archives, undisturbed, capsys, fault
):
    good = undisturbed[fault.name, 32]
    with disturbed(classroom, fault):
        data, told = ask(capsys, fault.name)
        files = state(cache, archives)
        stand_in, told_then = ask(capsys, fault.name, otherwise=STAND_INS[fault.name])
        files_then = state(cache, archives)
        assert fault.file in [name for name, _ in classroom.asked]
    again, told_again = ask(capsys, fault.name)
    note(str(fault), told, files, [(same(again, good), told_again)])

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
            assert stand_in.name == f"{STAND_INS[fault.name]} ({fault.name} not at hand)"
            assert any("stands in for" in line for line in told_then)


@pytest.mark.parametrize("fault", HARMFUL_LISTS, ids=str)
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
    note(str(fault) + AFTER, told, files, again)

    assert all(ok for ok, _ in again), again
    assert "!" not in files + state(cache, archives)
    assert not any(line.startswith("!") for line in told)
    assert same(data, undisturbed[name, 48]) or told[-1].startswith(("DataUnavailable", "BadInput"))


def test_table():
    """Every fault has a row, and every retry succeeded."""
    if not ROWS:
        pytest.skip("the table is filled by the other tests of this file")

    def short(text: str, most: int = 90) -> str:
        text = re.sub(r"http://127\.0\.0\.1:\d+", "http://…", re.sub(r"DataUnavailable: \w+ is ", "", text))
        text = " ".join(text.split())
        return text if len(text) <= most else text[: most - 1] + "…"

    print("\n\nfault | what the student sees | files after | retry\n--- | --- | --- | ---")
    for fault, (told, files, retry) in ROWS.items():
        print(f"{fault} | {short(told)} | {files} | {short(retry)}")
    expected = [str(fault) for fault in OF_ARCHIVES + OF_LISTS] + [str(fault) + AFTER for fault in HARMFUL_LISTS]
    assert list(ROWS) == expected
    assert {fault: retry for fault, (_, _, retry) in ROWS.items() if retry != "ok"} == {}
