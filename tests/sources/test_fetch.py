"""Where archives come from, in which order, and what is left on the disk when something goes wrong: nothing."""

import errno
import hashlib
import os
import socket
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch
import pytest
import requests
import torch
from filelock import FileLock
from sources import fakes
from sources.fakes import HTML, files_in, serve, write_mirror

from usft_lib.errors import BadInput, DataUnavailable
from usft_lib.sources import fetch, load, loading, mirror, prepare
from usft_lib.sources.mirror import parse
from usft_lib.sources.source import Address, Archive

BUSI = "Dataset_BUSI.zip"


@pytest.fixture
def web():
    with serve() as server:
        yield server


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
    """Let BUSI be at these addresses of the server: (path, hash or None, MB) each."""

    def set_to(*places):
        archive = Archive(BUSI, tuple(Address(web.address + path, known, mb) for path, known, mb in places))
        monkeypatch.setitem(loading.SOURCES, "busi", replace(loading.SOURCES["busi"], archives=(archive,)))

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


def known(data: bytes) -> str:
    return f"sha256:{fakes.sha256(data)}"


def fails(kind, name: str = "busi", **options) -> str:
    with pytest.raises(kind) as caught:
        load(name, size=32, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def left(cache: Path) -> list[str]:
    return [f for f in files_in(cache) if not f.startswith("mirrors")]


# Names and sizes


def test_unknown_names():
    assert "did you mean 'busi'" in fails_name("bussi")
    assert "did you mean 'sim-ultrasound'" in fails_name("busi", otherwise="sim-ultrasounds")
    assert "stand-in" in fails_name("busi", otherwise="montgomery")


def fails_name(name, **options) -> str:
    with pytest.raises(BadInput) as caught:
        load(name, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("size", [0, 8, 100, 1040, 128.0, "128", True, None, -16])
def test_wrong_size(cache, size):
    message = fails_name("busi", size=size)
    assert "multiple of 16" in message and repr(size) in message
    assert not cache.exists()


def test_whole_numbers_of_other_kinds(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    for size in (np.int64(32), np.uint8(32), torch.tensor(32)):
        assert load("busi", size=size).size == 32
    assert len(left(cache)) == 1
    for size in (np.float64(32), True):
        assert "whole number" in fails_name("busi", size=size)


@pytest.mark.parametrize("size", [16, 528, 1024])
def test_stand_in_that_cannot_be_simulated_is_refused_up_front(addresses, web, mirror_of, cache, size):
    addresses(("/busi", None, 1))
    message = fails_name("busi", size=size, otherwise="sim-ultrasound")
    assert 'otherwise="sim-ultrasound"' in message and f"size = {size}" in message and "32 and 512" in message
    assert web.asked == [] and not cache.exists()
    mirror_of({BUSI: fakes.busi()})
    assert load("busi", size=size).size == size  # real pictures have no such limits


# Mirrors


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


def test_sizes_and_archives_have_prepared_files_of_their_own(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    load("busi", size=32)
    load("busi", size=48)
    assert len(left(cache)) == 2
    mirror_of({BUSI: fakes.small_busi()})
    assert len(load("busi", size=32)) == 6
    assert len(left(cache)) == 3


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
    assert asked == [web.address + "/registry.txt"]  # once: each try may cost the time until it is given up
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


@pytest.mark.parametrize("answer", [(404, b"", 0), (200, HTML, len(HTML))])
def test_mirror_address_without_a_list(cache, addresses, web, monkeypatch, capsys, answer):
    web.pages["/registry.txt"] = answer
    original = fakes.busi()
    web.pages["/busi"] = original
    addresses(("/busi", known(original), 1))
    monkeypatch.setenv("USFT_MIRROR", web.address)
    assert "127.0.0.1" in load("busi", size=32).provenance
    out = capsys.readouterr().out
    assert "404" in out or "HTML page" in out


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


# Downloads


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


def test_a_lost_note_of_the_hash_is_written_anew(addresses, web, cache):
    good = fakes.busi()
    web.pages["/busi"] = good
    addresses(("/busi", None, 1))
    first = load("busi", size=32)
    (note,) = cache.rglob("*.sha256")
    note.unlink()
    assert torch.equal(load("busi", size=32).images, first.images)
    assert note.read_text() == known(good) and len(web.asked) == 1
    note.unlink()
    assert len(load("busi", size=48)) == 4


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
    assert "it is not the BUSI set" in fails(DataUnavailable)
    assert left(cache) == []


def test_no_network_is_one_line_and_each_address_is_tried_once(cache, monkeypatch, asked):
    with serve() as web:
        nobody = web.address  # a port that nobody listens on any more
    archive = Archive(BUSI, (Address(nobody + "/a", "md5:" + "0" * 32, 1), Address(nobody + "/b", None, 206)))
    monkeypatch.setitem(loading.SOURCES, "busi", replace(loading.SOURCES["busi"], archives=(archive,)))
    message = fails(DataUnavailable)
    assert asked == [nobody + "/a"]
    assert "no connection" in message and "206 MB" in message and "large=True" in message
    assert left(cache) == []


def test_a_silent_server_is_given_up(cache, monkeypatch, capsys):
    monkeypatch.setattr(mirror, "WAIT", 0.1)
    monkeypatch.setattr(fetch, "SILENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        archive = Archive(BUSI, (Address(address + "/busi", None, 1),))
        monkeypatch.setitem(loading.SOURCES, "busi", replace(loading.SOURCES["busi"], archives=(archive,)))
        monkeypatch.setenv("USFT_MIRROR", address)
        assert "127.0.0.1: no answer in 0.2 s" in fails(DataUnavailable)
        assert "no answer in 0.1 s" in capsys.readouterr().out
    assert left(cache) == []


def test_large_download_starts_only_when_asked_for(addresses, web, cache):
    good = fakes.busi()
    web.pages["/busi"] = good
    addresses(("/busi", known(good), 206))
    message = fails(DataUnavailable)
    assert "206 MB" in message and 'usft.load("busi", size=32, large=True)' in message
    assert web.asked == [] and left(cache) == []
    assert len(load("busi", size=32, large=True)) == 4
    assert len(load("busi", size=48)) == 4  # it is here now: no download, no limit


def test_the_server_knows_the_size_better(addresses, web, cache):
    good = fakes.busi()
    web.pages["/busi"] = (200, good, 61_000_000)
    addresses(("/busi", known(good), 1))
    assert "61 MB" in fails(DataUnavailable)
    assert left(cache) == []


def test_published_large_sets_say_the_line(cache):
    for name, size in (("hc18", 100), ("montgomery", 614)):
        message = fails(DataUnavailable, name)
        assert f"{size} MB" in message and f'usft.load("{name}", size=32, large=True)' in message
    assert "8gf9vpkhgy.2" in fails(DataUnavailable, "shenzhen")


# Stand-ins


def test_otherwise_is_said_and_named(cache, capsys):
    data = load("hc18", size=32, otherwise="sim-ultrasound")
    assert data.name == "sim-ultrasound (hc18 not at hand)"
    assert data.size == 32 and len(data) == 400
    assert data.images.equal(load("sim-ultrasound", size=32).images)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "sim-ultrasound stands in for hc18" in out and "large=True" in out
    xray = load("montgomery", size=32, otherwise="sim-radiographs")
    assert xray.name == "sim-radiographs (montgomery not at hand)"


def test_otherwise_is_not_used_when_the_data_is_there(mirror_of):
    mirror_of({BUSI: fakes.busi()})
    assert load("busi", size=32, otherwise="sim-ultrasound").name == "busi"


# The disk


def refuse(error: OSError):
    def call(*_, **__):
        raise error

    return call


full_disk = refuse(OSError(errno.ENOSPC, "No space left on device"))


def test_no_space_for_the_download(addresses, web, cache, monkeypatch):
    good = fakes.busi()
    web.pages["/busi"] = good
    addresses(("/busi", known(good), 1))

    def half(self, url, output_file, *_):
        Path(output_file).write_bytes(good[:100])
        full_disk()

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", half)
    message = fails(BadInput, otherwise="sim-ultrasound")
    assert "No space left" in message and "USFT_DATA" in message
    assert left(cache) == []


def test_no_space_for_the_prepared_file(mirror_of, cache, monkeypatch):
    mirror_of({BUSI: fakes.busi()})

    def half(file, **_):
        file.write(b"half")
        full_disk()

    monkeypatch.setattr(np, "savez", half)
    assert "No space left" in fails(BadInput)
    assert left(cache) == []


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOENT, errno.EIO])
def test_folder_that_cannot_be_written_to(mirror_of, cache, monkeypatch, code):
    mirror_of({BUSI: fakes.busi()})
    monkeypatch.setattr(Path, "mkdir", refuse(OSError(code, os.strerror(code))))
    message = fails(BadInput, otherwise="sim-ultrasound")
    assert "cannot be written to" in message and "USFT_DATA" in message
    assert not cache.exists()


def test_folder_that_refuses_the_lock_or_the_prepared_file(mirror_of, cache, monkeypatch):
    mirror_of({BUSI: fakes.busi()})
    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "acquire", refuse(PermissionError(errno.EACCES, "Permission denied")))
        assert "cannot be written to" in fails(BadInput)
    monkeypatch.setattr(os, "replace", refuse(OSError(errno.EROFS, "Read-only file system")))
    assert "cannot be written to" in fails(BadInput)
    assert left(cache) == []


def test_folder_below_a_file(mirror_of, tmp_path, monkeypatch):
    mirror_of({BUSI: fakes.busi()})
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("USFT_DATA", str(tmp_path / "file" / "cache"))
    assert "cannot be written to" in fails(BadInput)


@pytest.mark.parametrize("folder", ["/proc/x", "/tmp/" + 300 * "x"])
def test_folder_that_cannot_be_there(mirror_of, monkeypatch, folder):
    if not Path("/proc/self").is_dir():
        pytest.skip("Linux only")
    mirror_of({BUSI: fakes.busi()})
    monkeypatch.setenv("USFT_DATA", folder)
    message = fails(BadInput)
    assert folder in message and "cannot be written to" in message and "USFT_DATA" in message


def test_prepared_data_loads_from_a_folder_that_cannot_be_written_to(mirror_of, cache, monkeypatch):
    mirror_of({BUSI: fakes.busi()})
    load("busi", size=32)
    monkeypatch.setattr(FileLock, "acquire", full_disk)
    monkeypatch.setattr(Path, "mkdir", full_disk)
    assert len(load("busi", size=32)) == 4


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_damaged_prepared_file_is_made_anew(mirror_of, cache, capsys, keep):
    mirror_of({BUSI: fakes.busi()})
    good = load("busi", size=32)
    (path,) = (cache / f for f in left(cache))
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    again = load("busi", size=32)
    assert torch.equal(again.images, good.images) and torch.equal(again.masks, good.masks)
    assert "damaged; it is made anew" in capsys.readouterr().out
    assert path.stat().st_size == len(data)


def test_prepared_file_with_an_altered_pixel_is_made_anew(mirror_of, cache, capsys):
    mirror_of({BUSI: fakes.busi()})
    good = load("busi", size=32)
    (path,) = (cache / f for f in left(cache))
    data = bytearray(path.read_bytes())
    data[1000] ^= 1  # among the images, which come first
    path.write_bytes(bytes(data))
    assert torch.equal(load("busi", size=32).images, good.images)
    assert "made anew" in capsys.readouterr().out


def test_prepared_file_with_a_pickle_is_never_opened(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    load("busi", size=32)
    (path,) = (cache / f for f in left(cache))
    with np.load(path) as file:
        arrays = dict(file)
    with open(path, "wb") as file:
        np.savez(file, **arrays | {"subjects": np.array([print] * 4, dtype=object)})
    assert load("busi", size=32).subjects == ["benign (1)", "benign (2)", "malignant (1)", "normal (1)"]


def test_what_a_killed_kernel_left_is_cleared(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    (cache / "busi").mkdir(parents=True)
    (cache / "busi" / "tmpabc").write_bytes(b"half a download")
    load("busi", size=32)
    assert len(left(cache)) == 1


def test_prepared_file_keeps_pixels_and_masks(mirror_of, cache):
    """Bytes for images, bits for masks: the file holds about one and an eighth bytes a pixel."""
    mirror_of({BUSI: fakes.busi()})
    data = load("busi", size=256)
    (path,) = (cache / f for f in left(cache))
    assert path.stat().st_size == pytest.approx(data.images.numel() * 9 / 8, rel=0.02)
    assert np.allclose(data.images.numpy() * 255, np.rint(data.images.numpy() * 255), atol=1e-4)


def test_two_kernels_at_once_do_the_work_once(mirror_of, cache, tmp_path):
    folder = mirror_of({BUSI: fakes.busi()})
    script = tmp_path / "kernel.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, time
            from pathlib import Path
            from usft_lib.sources import load, prepare
            log, me = Path(sys.argv[1]), sys.argv[2]
            real = prepare.collect
            def collect(*parts):
                with open(log, "a") as file:
                    file.write("prepared by " + me + "\\n")
                time.sleep(2)
                return real(*parts)
            prepare.collect = collect
            Path(f"{log}.{me}").touch()
            while not all(Path(f"{log}.{who}").exists() for who in "ab"):
                time.sleep(0.01)
            data = load("busi", size=32)
            print(len(data), round(data.images.sum().item(), 3))
            """
        )
    )
    root = Path(__file__).resolve().parents[2]
    env = os.environ | {"USFT_DATA": str(cache), "USFT_MIRROR": str(folder), "PYTHONPATH": str(root)}
    log = tmp_path / "log"
    kernels = [
        subprocess.Popen([sys.executable, script, log, who], env=env, stdout=subprocess.PIPE, text=True) for who in "ab"
    ]
    outputs = [kernel.communicate(timeout=60)[0].strip().splitlines() for kernel in kernels]
    assert [kernel.returncode for kernel in kernels] == [0, 0]
    assert log.read_text().count("prepared by") == 1
    assert outputs[0][-1] == outputs[1][-1] and outputs[0][-1].startswith("4 ")
    assert sum("another notebook" in line for lines in outputs for line in lines) == 1
    assert len(left(cache)) == 1


def test_importing_the_library_stays_quick():
    """Nothing heavy is imported before it is needed."""
    code = (
        "import sys, torch, matplotlib.pyplot; before = set(sys.modules); import usft_lib.sources.loading;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before};"
        "print(sorted(new & {'pooch', 'requests'}))"
    )
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True)
    assert run.stdout.decode().strip() == "[]", run.stderr.decode()
