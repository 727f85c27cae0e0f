"""The cache folder: full or closed disks, kernels that ask at once, and one's own Google Drive, in a fake Colab."""

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import numpy as np
import pooch
import pytest
from filelock import FileLock
from sources import fakes
from sources.fakes import BUSI, fails, known, left

import usft_lib as usft
from usft_lib.errors import BadInput
from usft_lib.sources import cache as room
from usft_lib.sources import load


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


def test_prepared_data_loads_from_a_folder_that_cannot_be_written_to(mirror_of, cache, monkeypatch):
    mirror_of({BUSI: fakes.busi()})
    load("busi", size=32)
    monkeypatch.setattr(FileLock, "acquire", full_disk)
    monkeypatch.setattr(Path, "mkdir", full_disk)
    assert len(load("busi", size=32)) == 4


def test_so_it_does_where_there_is_no_mirror(addresses, web, cache, monkeypatch):
    web.pages["/busi"] = fakes.busi()
    addresses(("/busi", known(fakes.busi()), 1))
    load("busi", size=32)
    monkeypatch.setattr(FileLock, "acquire", full_disk)
    monkeypatch.setattr(Path, "mkdir", full_disk)
    assert len(load("busi", size=32)) == 4 and web.asked == ["/busi"]


def test_what_a_killed_kernel_left_is_cleared(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    (cache / "busi").mkdir(parents=True)
    (cache / "busi" / "tmpabc").write_bytes(b"half a download")
    load("busi", size=32)
    assert len(left(cache)) == 1


@pytest.mark.slow
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


# Google Drive


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """A Colab whose Drive opens as a folder; ``colab.mount`` may be changed."""
    module = types.ModuleType("google.colab")
    module.drive = types.SimpleNamespace(mount=lambda where: os.makedirs(os.path.join(where, "MyDrive"), exist_ok=True))
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setattr(room, "DRIVE", tmp_path / "drive")
    monkeypatch.setattr(room, "_unkept", {})
    monkeypatch.setenv("USFT_DATA", str(tmp_path / "here"))
    monkeypatch.setenv("USFT_PROGRESS", str(tmp_path / "here" / "progress.json"))
    return module.drive


@pytest.mark.parametrize("readable", [True, False])
def test_what_was_noted_before_goes_to_the_drive_and_what_lies_there_comes_back(colab, tmp_path, readable):
    if not readable:
        (tmp_path / "here").write_text("a file: nothing can be kept below it")
    usft.guess("00.a", 0.8)
    usft.guess("00.b", 0.5)
    drive = usft.use_drive() / "progress.json"
    assert json.loads(drive.read_text()) == usft.guesses() == {"00.a": 0.8, "00.b": 0.5}
    usft.guess("00.c", 0.1)
    os.environ |= {"USFT_DATA": "", "USFT_PROGRESS": str(tmp_path / "new.json")}  # the next session
    assert usft.guesses() == {}
    usft.guess("00.a", 0.9)
    usft.use_drive()
    assert json.loads(drive.read_text()) == usft.guesses() == {"00.a": 0.9, "00.b": 0.5, "00.c": 0.1}


def test_a_runtime_whose_disk_is_thrown_away_gets_all_back_from_the_drive_or_from_the_line_alone(
    colab, tmp_path, capsys
):
    usft.guess("00.a", 0.8)
    usft.check(4, {"four": ((), 4, "count.")}, exercise="00.1")
    with room.locked("hc18") as made:
        room.write_whole(made / "before.npz", lambda file: file.write(b"lost"))
    usft.use_drive()
    with room.locked("hc18") as made:
        room.write_whole(made / "some.npz", lambda file: file.write(b"pixels"))
    usft.progress()
    line = capsys.readouterr().out.split("To keep: ")[-1]

    def thrown_away(*folders):  # and a new session begins
        for folder in folders:
            shutil.rmtree(folder)
        os.environ |= {"USFT_DATA": str(tmp_path / "new"), "USFT_PROGRESS": str(tmp_path / "new" / "progress.json")}
        assert usft.guesses() == {}

    thrown_away(tmp_path / "here")
    assert (usft.use_drive() / "hc18" / "some.npz").read_bytes() == b"pixels"
    assert usft.guesses() == {"00.a": 0.8, "00.1": "done"}
    thrown_away(tmp_path / "drive")
    usft.progress(line)
    assert usft.guesses() == {"00.a": 0.8, "00.1": "done"}


def test_elsewhere_it_says_that_it_is_for_colab(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", None)
    monkeypatch.setenv("USFT_DATA", "as it was")
    with pytest.raises(usft.BadInput, match="is for Google Colab"):
        usft.use_drive()
    assert os.environ["USFT_DATA"] == "as it was"


def no_mount(where):
    raise ValueError("mount failed")


@pytest.mark.parametrize(
    "mount, folder, said",
    [
        (no_mount, "usft_data", r"was not opened \(mount failed\)"),
        (lambda where: None, "usft_data", "MyDrive is not there"),
        (None, "/etc", "a name in your Drive"),
        (None, "../there", "a name in your Drive"),
        (None, "", "a name in your Drive"),
    ],
)
def test_a_drive_that_does_not_open_changes_nothing(colab, tmp_path, mount, folder, said):
    if mount:
        colab.mount = mount
    with pytest.raises(usft.BadInput, match=said):
        usft.use_drive(folder)
    assert os.environ["USFT_DATA"] == str(tmp_path / "here")


def test_a_user_id_without_a_name_and_a_home_gets_a_folder_for_the_session(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("USFT_DATA", "")
    monkeypatch.setattr(room.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(
        pooch, "os_cache", refuse(RuntimeError("could not determine the home directory for '~/.cache'"))
    )
    folder = room.cache_folder()
    assert (
        folder.parent == tmp_path and folder.is_dir() and folder == room.cache_folder() == Path(os.environ["USFT_DATA"])
    )
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and str(folder) in told and "USFT_DATA" in told
