"""How servers are asked: by the course's name, again where that may help, and past a proxy that does not lead there."""

import tomllib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
import requests
from scripts import ROOT, repository, script
from sources import fakes
from sources.fakes import BUSI, Handler, fails, known, left, serve

import usft_lib
from usft_lib.errors import DataUnavailable
from usft_lib.sources import load
from usft_lib.sources import web as asking
from usft_lib.sources.cache import cache_folder, setting
from usft_lib.sources.catalogue import SOURCES

AGENT = f"usft_lib/{usft_lib.__version__} (+https://github.com/{asking.REPOSITORY})"


@pytest.fixture
def busi(addresses, web):
    """The server holds BUSI as an original."""
    web.pages["/busi"] = fakes.busi()
    addresses(("/busi", known(fakes.busi()), 1))
    return web


@pytest.fixture
def school(web, cache, monkeypatch):
    """The server is the mirror and holds BUSI."""
    data = fakes.busi()
    web.pages |= {"/registry.txt": f"{BUSI} {known(data)}\n".encode(), f"/{BUSI}": data}
    monkeypatch.setenv("USFT_MIRROR", web.address)
    return web


@pytest.fixture
def waits(monkeypatch):
    """The seconds that were waited, in place of waiting."""
    seconds = []
    monkeypatch.setattr(asking, "time", SimpleNamespace(sleep=seconds.append))
    return seconds


def first(times: int, answer):
    """A fault that ends after so many requests."""
    seen = []

    def fault(to: Handler, body: bytes):
        seen.append(to)
        answer(to, body) if len(seen) <= times else to.page(200, body)

    return fault


def says(status: int, **headers: str):
    return lambda to, _: to.page(status, b"", **headers)


def cut(to: Handler, body: bytes) -> None:
    to.head(200, len(body))
    to.wfile.write(body[: len(body) // 2])


def closed(to: Handler, body: bytes) -> None:
    """No byte of an answer."""


# Whose name


def test_servers_that_refuse_a_library_s_own_name(busi, school, monkeypatch):
    names = []

    def refuses(to: Handler, body: bytes):
        names.append(to.headers["User-Agent"])
        to.page(200 if names[-1].startswith("usft_lib/") else 403, body)

    school.faults |= {path: refuses for path in ("/registry.txt", f"/{BUSI}", "/busi")}
    assert len(load("busi", size=32)) == 4
    assert names == [AGENT] * 2  # the mirror's list and its archive
    monkeypatch.setenv("USFT_MIRROR", "")
    for archive in cache_folder().rglob(f"*-{BUSI}"):  # the mirror's is the original's
        archive.unlink()
    assert "127.0.0.1" in load("busi", size=48).provenance and names == [AGENT] * 3


@repository
def test_the_name_holds_the_course_s_address(tmp_path):
    assert asking.REPOSITORY == tomllib.loads((ROOT / "course.toml").read_text("utf-8"))["course"]["repository"]
    for file in ("course.toml", "usft_lib/sources/web.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes((ROOT / file).read_bytes())
    script("notebooks/build.py").repoint("us/course@v1.2", tmp_path / "notebooks")
    assert 'REPOSITORY = "us/course"' in (tmp_path / "usft_lib/sources/web.py").read_text("utf-8")


# Busy servers


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_busy_server_is_waited_for_twice(busi, waits, capsys, cache, status, times):
    busi.faults["/busi"] = first(times, says(status, Retry_After="7"))
    if times < 3:
        assert len(load("busi", size=32)) == 4
    else:
        assert f"127.0.0.1: answer {status}: busy, try again in 7 s" in fails(DataUnavailable)
        assert left(cache) == []
    assert waits == [7] * min(times, 2)
    assert capsys.readouterr().out.count(f"127.0.0.1: busy (answer {status}), asked again in 7 s.") == min(times, 2)


def test_a_busy_mirror_is_waited_for(school, waits, capsys):
    school.faults["/registry.txt"] = first(2, says(503, Retry_After="2"))
    school.faults[f"/{BUSI}"] = first(1, says(429, Retry_After="60"))
    assert "mirror" in load("busi", size=32).provenance
    assert waits == [2, 2, 60]
    assert "mirror: busy (answer 503), asked again in 2 s." in capsys.readouterr().out
    school.faults["/registry.txt"] = says(429, Retry_After="61")
    load("busi", size=48)
    assert "its registry.txt: answer 429: busy, try again in 2 minutes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"Retry_After": "3600"}, "answer 429: busy, try again in 60 minutes"),
        ({"Retry_After": "soon"}, "answer 429;"),
        ({"Retry_After": ""}, "answer 429;"),
        ({}, "answer 429;"),
    ],
)
def test_a_server_that_is_busy_for_long_is_not_waited_for(busi, waits, header, words):
    busi.faults["/busi"] = says(429, **header)
    assert words in fails(DataUnavailable)
    assert waits == [] and busi.asked == ["/busi"]


def test_a_busy_server_may_name_a_time(busi, waits):
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    busi.faults["/busi"] = first(1, says(503, Retry_After=at))
    load("busi", size=32)
    assert 20 < waits[0] <= 30 and len(waits) == 1
    busi.faults["/busi"] = first(1, says(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"))  # gone by
    (path,) = cache_folder().rglob(f"*-{BUSI}")
    path.unlink()
    load("busi", size=48)
    assert waits[1:] == [1]


# Broken connections, and what is no such thing


@pytest.mark.parametrize("answer", [cut, closed])
@pytest.mark.parametrize("times", [2, 3])
def test_a_broken_connection_is_tried_again(busi, cache, capsys, answer, times):
    busi.faults["/busi"] = first(times, answer)
    if times == 2:
        assert len(load("busi", size=32)) == 4
    else:
        fails(DataUnavailable)
        assert left(cache) == []
    assert busi.asked == ["/busi"] * 3
    assert capsys.readouterr().out.count("127.0.0.1: the connection failed, asked again.") == 2


@pytest.mark.parametrize("wrong", [says(404), says(403), says(500), lambda to, body: to.page(200, fakes.small_busi())])
def test_an_answer_is_an_answer(busi, waits, wrong):
    busi.faults["/busi"] = wrong
    fails(DataUnavailable)
    assert busi.asked == ["/busi"] and waits == []


@pytest.mark.parametrize("kind", [requests.ConnectTimeout, requests.ReadTimeout, requests.exceptions.SSLError])
def test_what_takes_long_or_would_fail_again_is_not_tried_again(waits, kind):
    asked = []

    def ask():
        asked.append(kind)
        raise kind()

    with pytest.raises(kind):
        asking.patiently(ask, "there")
    assert asked == [kind] and waits == []


# Proxies


@pytest.fixture
def proxy(monkeypatch):
    """A proxy that leads nowhere; the settings of whoever runs the tests do not count."""
    with serve() as gone:
        dead = gone.address
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", dead)


def test_a_private_address_is_asked_without_the_proxy(proxy, busi, school):
    school.faults[f"/{BUSI}"] = says(404)
    assert "127.0.0.1" in load("busi", size=32).provenance
    assert school.asked == ["/registry.txt", f"/{BUSI}", "/busi"]


def test_a_mirror_behind_a_proxy_says_what_to_set(proxy, cache, monkeypatch, capsys):
    monkeypatch.setenv("USFT_MIRROR", "http://mirror.school.example/class")
    fails(DataUnavailable, "horses")
    told = capsys.readouterr().out
    assert "no connection, by a proxy; if mirror.school.example is in your own network, set" in told
    assert "NO_PROXY=mirror.school.example" in told
    monkeypatch.setenv("NO_PROXY", "school.example")
    assert asking.by_proxy("http://mirror.school.example/class") == ""


def test_what_is_private():
    private = ("127.0.0.1", "10.1.2.3", "192.168.0.7", "172.16.0.1", "169.254.1.1", "::1", "fe80::1%eth0", "fd00::1")
    assert all(map(asking.is_private, (*private, "localhost", "teacher", "teacher.local")))
    assert not any(map(asking.is_private, ("zenodo.org", "8.8.8.8", "172.32.0.1", "2001:4860:4860::8888")))


# Settings


@pytest.mark.parametrize("quotes", ['"{}"', "'{}'", "“{}”", ' "{}" ', "{} "])
def test_quotes_around_a_setting_are_not_its_own(school, cache, monkeypatch, quotes):
    pin = fakes.sha256(school.pages["/registry.txt"])
    for name, value in (("USFT_MIRROR", school.address), ("USFT_MIRROR_SHA256", pin), ("USFT_DATA", str(cache))):
        monkeypatch.setenv(name, quotes.format(value))
        assert setting(name) == value
    assert cache_folder() == cache
    assert "mirror" in load("busi", size=32).provenance and left(cache)
    monkeypatch.setenv("USFT_MIRROR", quotes.format(""))
    assert setting("USFT_MIRROR") == ""


# --- the probe -----------------------------------------------------------------------------------------------------


@repository
def test_the_probe_asks_every_address_and_link_by_the_courses_name_and_tells_what_gives_nothing(
    addresses, web, tmp_path, monkeypatch, capsys
):
    names, fetch = [], script("data_scripts/fetch.py")
    monkeypatch.setattr(fetch, "SOURCES", {"busi": asking_busi(addresses, ("/here", None, 1), ("/gone", None, 1))})
    pages = {"/page": says(200), "/for-people": says(403), "/lost": says(410)}

    def noted(answer):
        def fault(to, body):
            names.append(to.headers["User-Agent"])
            answer(to, body)

        return fault

    web.pages |= {path: b"x" for path in ("/here", *pages)}
    web.faults |= {path: noted(answer) for path, answer in {"/here": says(200), **pages}.items()}
    text = " ".join(f"[a page]({web.address}{path})" for path in pages)
    (tmp_path / "README.md").write_text(f"{text} https://github.com/OWNER/REPO/x", encoding="utf-8")
    pack = f'[course]\nrepository = "OWNER/REPO"\ntag = "v1"\npack_url = "{web.address}/pack/"\n'
    (tmp_path / "course.toml").write_text(pack, encoding="utf-8")
    monkeypatch.setattr(fetch, "LOCAL", "[A-Z]+/REPO")  # the server of this test is on this machine
    assert fetch.probe(tmp_path) == 3
    told = capsys.readouterr().out.splitlines()
    assert told == [
        f"{web.address}/lost: answer 410",
        f"{web.address}/gone: answer 404",
        f"{web.address}/pack/registry.txt: answer 404",
        "3 addresses and 3 links asked, 3 of them give nothing.",
    ]
    assert names == [AGENT] * 4
    named = pack.replace("OWNER/REPO", "anna/course").replace(f"{web.address}/pack/", "")
    (tmp_path / "course.toml").write_text(named, encoding="utf-8")
    where = "https://github.com/anna/course"
    assert fetch.course(tmp_path) == [f"{where}/archive/v1.zip", f"{where}/blob/v1/notebooks/00_start_here.ipynb"]


def asking_busi(addresses, *places):
    """BUSI at these places."""
    addresses(*places)
    return SOURCES["busi"]
