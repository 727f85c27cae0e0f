"""A classroom's mirror goes before the originals, vouches for itself only, and gives way where it cannot be had."""

import hashlib

import pytest
import torch
from sources import fakes
from sources.fakes import BUSI, HTML, fails, known, left, serve

from usft_lib.errors import BadInput
from usft_lib.sources import load, prepare
from usft_lib.sources.mirror import parse


def test_folder_mirror_is_read_in_place_and_prepared_once(mirror_of, cache, monkeypatch):
    folder = mirror_of({BUSI: fakes.busi()})
    data = load("busi", size=32)
    mark = fakes.sha256(fakes.busi())[:8]
    assert data.provenance == f"busi: 4 images, mirror {mark}, checked against the mirror's own list"
    (prepared,) = left(cache)  # no copy of the archive
    assert prepared.startswith("busi/32-v")
    monkeypatch.setattr(prepare, "collect", None)  # would fail if anything were prepared again
    (folder / BUSI).unlink()  # nor is the archive needed, or hashed again
    again = load("busi", size=32)
    assert torch.equal(again.images, data.images) and torch.equal(again.masks, data.masks)
    assert (again.subjects, again.ids, again.labels) == (data.subjects, data.ids, data.labels)
    assert again.provenance == data.provenance


def test_a_subset_in_a_mirror_never_answers_for_the_original(mirror_of, addresses, web, monkeypatch):
    mirror_of({BUSI: fakes.busi()})
    original = fakes.small_busi()
    web.pages["/busi"] = original
    addresses(("/busi", known(original), 1))
    assert len(load("busi", size=32)) == 4
    monkeypatch.setenv("USFT_MIRROR", "")
    data = load("busi", size=32)
    assert len(data) == 6 and data.provenance.startswith("busi: 6 images, 127.0.0.1 ")


def test_mirror_goes_before_the_originals_even_if_those_are_prepared(mirror_of, addresses, web):
    original = fakes.small_busi()
    web.pages["/busi"] = original
    addresses(("/busi", known(original), 1))
    assert len(load("busi", size=32)) == 6
    mirror_of({BUSI: fakes.busi()})
    assert len(load("busi", size=32)) == 4


def test_mirror_without_the_archive_gives_way_to_the_next_address(mirror_of, addresses, web, capsys):
    folder = mirror_of({"other.zip": b"x"})
    original = fakes.busi()
    web.pages["/busi"] = original
    addresses(("/busi", known(original), 1))
    assert "127.0.0.1" in load("busi", size=32).provenance
    mirror_of({"other.zip": b"x", BUSI: fakes.small_busi()})
    (folder / BUSI).unlink()  # listed, not there
    assert len(load("busi", size=32)) == 4


def test_address_mirror(cache, web, monkeypatch, tmp_path, capsys):
    data = fakes.busi()
    web.pages |= {"/class/registry.txt": f"{BUSI} {known(data)}\n".encode(), f"/class/{BUSI}": data}
    monkeypatch.setenv("USFT_MIRROR", web.address + "/class/")
    first = load("busi", size=32)
    assert first.provenance.startswith("busi: 4 images, mirror ")
    out = capsys.readouterr().out
    assert "Licence" in out and "Al-Dhabyani" in out
    asked = len(web.asked)
    load("busi", size=32)  # prepared: nobody is asked
    assert len(web.asked) == asked
    load("busi", size=48)  # the archive is kept: only the list is asked for
    assert web.asked[asked:] == ["/class/registry.txt"]


def test_unreachable_mirror_falls_back_to_its_list_as_last_seen(cache, monkeypatch, capsys, asked):
    with serve() as web:
        data = fakes.busi()
        web.pages |= {"/registry.txt": f"{BUSI} {known(data)}\n".encode(), f"/{BUSI}": data}
        monkeypatch.setenv("USFT_MIRROR", web.address)
        load("busi", size=32)
    asked.clear()
    assert len(load("busi", size=32)) == 4
    assert asked == []
    assert len(load("busi", size=48)) == 4  # from the archive that was kept
    assert asked == [web.address + "/registry.txt"] * 3
    out = capsys.readouterr().out
    assert out.count("cannot be reached") == 1 and "last seen" in out


def test_absent_mirror_folder_is_said_and_passed(cache, addresses, web, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("USFT_MIRROR", str(tmp_path / "unplugged"))
    original = fakes.busi()
    web.pages["/busi"] = original
    addresses(("/busi", known(original), 1))
    assert "127.0.0.1" in load("busi", size=32).provenance
    assert "no such folder" in capsys.readouterr().out


@pytest.mark.parametrize("named", ["file:///tmp", "ftp://127.0.0.1/class"])
def test_mirror_by_another_protocol_is_said_and_passed(cache, addresses, web, monkeypatch, capsys, named):
    monkeypatch.setenv("USFT_MIRROR", named)
    original = fakes.busi()
    web.pages["/busi"] = original
    addresses(("/busi", known(original), 1))
    assert "127.0.0.1" in load("busi", size=32).provenance
    out = capsys.readouterr().out
    assert named in out and "must be a folder or an http or https address" in out and "no such folder" not in out


def test_pinned_list(mirror_of, monkeypatch):
    folder = mirror_of({BUSI: fakes.busi()})
    digest = hashlib.sha256((folder / "registry.txt").read_bytes()).hexdigest()
    monkeypatch.setenv("USFT_MIRROR_SHA256", digest)
    assert len(load("busi", size=32)) == 4
    monkeypatch.setenv("USFT_MIRROR_SHA256", "sha256:" + "0" * 64)
    assert "USFT_MIRROR_SHA256" in fails(BadInput)


def test_list_of_a_mirror():
    digest = "a" * 64
    text = f"# ours\n\na.zip sha256:{digest}\nb.zip {digest.upper()}\n'c d.zip' md5:{'b' * 32} http://x\n"
    expected = {"a.zip": f"sha256:{digest}", "b.zip": f"sha256:{digest}", "c d.zip": "md5:" + "b" * 32}
    assert parse(text.encode(), "m") == expected
    bad_lines = ("a.zip", f"../a.zip {digest}", f"a/b.zip {digest}", f"C:a.zip {digest}", "a.zip sha256:12", 'a "zip')
    for bad in (*bad_lines, f"a.zip crc:{digest}", "a.zip " + "g" * 64):
        with pytest.raises(BadInput, match="Line 1 .* write one such line for each archive"):
            parse(bad.encode(), "m")


def test_altered_archive_in_the_mirror_is_not_swallowed(mirror_of, cache):
    folder = mirror_of({BUSI: fakes.busi()})
    good = (folder / BUSI).read_bytes()
    for bad, words in (
        (good[: len(good) // 2], "cut short"),
        (fakes.small_busi(), "not the file that its registry.txt lists"),
        (HTML, "HTML page"),
    ):
        (folder / BUSI).write_bytes(bad)
        message = fails(BadInput, otherwise="sim-ultrasound")
        assert words in message and BUSI in message
        assert left(cache) == []


def test_hostile_archive_in_the_mirror_is_refused(mirror_of, cache):
    mirror_of({BUSI: fakes.zipped({"../evil.png": b"x"})})
    assert "(..)" in fails(BadInput)
    mirror_of({BUSI: fakes.zipped({"bomb.png": bytes(5_000_000)})})
    assert "bomb" in fails(BadInput)
    assert left(cache) == []
