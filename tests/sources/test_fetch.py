"""Downloads: which address, in which order, and what is left on the disk when something goes wrong: nothing."""

from dataclasses import replace

import pytest
from sources import fakes
from sources.fakes import BUSI, HTML, fails, known, left, serve

from usft_lib.errors import DataUnavailable
from usft_lib.sources import load, prepare
from usft_lib.sources.catalogue import SOURCES
from usft_lib.sources.fetch import original_routes, routes
from usft_lib.sources.mirror import Mirror


def test_a_bad_address_gives_way_to_the_next(addresses, web, cache, capsys):
    good = fakes.busi()
    web.pages |= {
        "/gone": (404, b"gone", 4),
        "/page": HTML,
        "/short": (200, good[: len(good) // 2], len(good)),
        "/cut": good[: len(good) // 2],
        "/altered": fakes.small_busi(),
        "/good": good,
    }
    addresses(*[(path, known(good), 1) for path in web.pages])
    data = load("busi", size=32)
    assert len(data) == 4
    assert set(web.asked) == set(web.pages)
    assert len(left(cache)) == 2  # the archive and the prepared file
    out = capsys.readouterr().out
    assert "about 1 MB" in out and "Licence: copies state CC0" in out and "Data in Brief" in out


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/gone", "answer 404"),
        ("/page", "HTML page"),
        ("/short", "cut short"),
        ("/altered", "not the published file"),
        ("/empty", "empty"),
    ],
)
@pytest.mark.parametrize("hashed", [True, False])
def test_bad_download_is_one_line_and_leaves_nothing(addresses, web, cache, path, words, hashed):
    good = fakes.busi()
    web.pages |= {
        "/gone": (404, b"gone", 4),
        "/page": HTML,
        "/short": (200, good[: len(good) // 2], len(good)),
        "/altered": fakes.small_busi() if hashed else fakes.zipped({"../x.png": b"x"}),
        "/empty": b"",
    }
    addresses((path, known(good) if hashed else None, 1))
    message = fails(DataUnavailable)
    assert "127.0.0.1" in message and "USFT_MIRROR" in message and 'otherwise="sim-ultrasound"' in message
    if hashed or path != "/altered":
        assert words in message
    assert left(cache) == []


def test_archive_without_published_hash_is_known_by_that_of_the_download(addresses, web, cache, monkeypatch):
    good = fakes.busi()
    web.pages["/busi"] = good
    addresses(("/busi", None, 1))
    data = load("busi", size=32)
    assert fakes.sha256(good)[:8] in data.provenance
    archive, note, prepared = sorted(left(cache), key=lambda f: (".npz" in f, f.endswith("sha256")))
    assert (cache / note).read_text() == known(good)
    (cache / archive).unlink()
    monkeypatch.setattr(prepare, "collect", None)
    assert len(load("busi", size=32)) == 4 and len(web.asked) == 1


def test_the_note_belongs_to_the_download_that_is_there(addresses, web, cache):
    """An archive that was removed, and is another one when it is fetched again, is known by its new hash."""
    web.pages["/busi"] = fakes.busi()
    addresses(("/busi", None, 1))
    load("busi", size=32)
    (archive,) = cache.rglob(f"*-{BUSI}")
    archive.unlink()
    web.pages["/busi"] = fakes.small_busi()
    assert len(load("busi", size=48)) == 6
    (note,) = cache.rglob("*.sha256")
    assert note.read_text() == known(fakes.small_busi())


def test_unusable_download_without_published_hash_is_not_kept(addresses, web, cache):
    web.pages["/busi"] = fakes.zipped({"other.txt": b"x"})
    addresses(("/busi", None, 1))
    assert "it is not the published archive" in fails(DataUnavailable)
    assert left(cache) == []


def test_no_network_is_one_line_and_each_address_is_tried_three_times(addresses, cache, asked):
    with serve() as web:
        nobody = web.address  # a port that nobody listens on any more
    addresses((nobody + "/a", "md5:" + "0" * 32, 1), (nobody + "/b", None, 206))
    message = fails(DataUnavailable)
    assert asked == [nobody + "/a"] * 3
    assert "no connection" in message and "206 MB" in message and "large=True" in message
    assert left(cache) == []


def test_the_server_knows_the_size_better(addresses, web, cache):
    good = fakes.busi()
    web.pages["/busi"] = (200, good, 61_000_000)
    addresses(("/busi", known(good), 1))
    assert "61 MB" in fails(DataUnavailable)
    assert left(cache) == []


def test_mixed_origins_only_where_they_go_together():
    """HC18's table of pixel sizes depends on the resolution of the pictures: never one from here and one from there."""
    half = Mirror("folder", {"training_set.zip": "sha256:" + "0" * 64, "shenzhen_masks.zip": "sha256:" + "1" * 64})
    assert routes(SOURCES["hc18"], half) == routes(SOURCES["busi"], half) == routes(SOURCES["shenzhen"], None) == []
    (route,) = routes(SOURCES["shenzhen"], half)
    assert [location.from_mirror for location in route] == [False, True]
    assert routes(replace(SOURCES["hc18"], mix=True), half)
    assert original_routes(SOURCES["shenzhen"]) == []  # its masks have no address
    (route,) = original_routes(SOURCES["hc18"])
    assert not any(location.from_mirror for location in route)
