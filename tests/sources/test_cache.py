"""Images kept in a Google Drive: with a stand-in for Colab's own module, as only Colab has that."""

import os
import sys
import types

import pytest

import usft_lib as usft
from usft_lib.sources import cache, drive


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """A Colab whose Drive opens as a folder; ``colab.mount`` may be changed."""
    module = types.ModuleType("google.colab")
    module.drive = types.SimpleNamespace(mount=lambda where: os.makedirs(os.path.join(where, "MyDrive"), exist_ok=True))
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.setattr(drive, "MOUNT", tmp_path / "drive")
    monkeypatch.setenv("USFT_DATA", str(tmp_path / "here"))
    return module.drive


def test_what_is_made_lies_in_the_drive_and_the_next_session_finds_it(colab, tmp_path, capsys):
    folder = usft.use_drive()
    assert folder == tmp_path / "drive" / "MyDrive" / "usft_data" == cache.cache_folder()
    with cache.alone("hc18") as made:
        cache.write_whole(made / "some.npz", lambda file: file.write(b"pixels"))
    assert not (tmp_path / "here").exists() and "usft_data" in capsys.readouterr().out
    os.environ["USFT_DATA"] = ""  # the next session
    assert (usft.use_drive() / "hc18" / "some.npz").read_bytes() == b"pixels"


def test_elsewhere_it_says_that_it_is_for_colab(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", None)
    monkeypatch.setenv("USFT_DATA", "as it was")
    with pytest.raises(usft.BadInput, match="is for Google Colab"):
        usft.use_drive()
    assert os.environ["USFT_DATA"] == "as it was"


def refuse(where):
    raise ValueError("mount failed")


@pytest.mark.parametrize(
    "mount, folder, said",
    [
        (refuse, "usft_data", r"was not opened \(mount failed\)"),
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
