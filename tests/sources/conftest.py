"""A mirror, addresses on the web and one web server for all tests of data sets."""

from dataclasses import replace
from pathlib import Path

import pytest
import requests
from sources.fakes import BUSI, serve, write_mirror

from usft_lib.sources import web as asking
from usft_lib.sources.catalogue import SOURCES
from usft_lib.sources.source import Address, Archive


@pytest.fixture(scope="session")
def server():
    with serve() as web:
        yield web


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """A connection that failed is tried again at once."""
    monkeypatch.setattr(asking, "PAUSE", 0)


@pytest.fixture
def web(server):
    """The server, with no pages yet."""
    server.clear()
    yield server
    server.mend()


@pytest.fixture
def mirror_of(cache, tmp_path, monkeypatch):
    """Make a mirror folder with these archives and point USFT_MIRROR to it."""

    def make(archives: dict[str, bytes]) -> Path:
        folder = write_mirror(tmp_path / "mirror", archives)
        monkeypatch.setenv("USFT_MIRROR", str(folder))
        return folder

    return make


@pytest.fixture
def addresses(cache, web, monkeypatch):
    """Let BUSI be at these addresses: (path on the server or a whole address, hash or None, MB) each."""

    def set_to(*places):
        urls = [path if "://" in path else web.address + path for path, _, _ in places]
        archive = Archive(BUSI, tuple(Address(url, *rest) for url, (_, *rest) in zip(urls, places, strict=True)))
        monkeypatch.setitem(SOURCES, "busi", replace(SOURCES["busi"], archives=(archive,)))

    return set_to


@pytest.fixture
def asked(monkeypatch):
    """The addresses that were asked for, in order, whether anybody answered or not."""
    urls: list[str] = []
    real = requests.Session.request

    def request(self, method, url, **options):
        urls.append(url)
        return real(self, method, url, **options)

    monkeypatch.setattr(requests.Session, "request", request)
    return urls
