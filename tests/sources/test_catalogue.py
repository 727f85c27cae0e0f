"""The table of the data sets, and a new set in one file: found by all commands, with no line elsewhere."""

import sys

import pytest
from scripts import repository, script
from sources import fakes
from sources.fakes import BUSI, disc, picture, png, zipped

import usft_lib as usft
from usft_lib.sources import catalogue, sets
from usft_lib.sources.catalogue import SOURCES, datasets, megabytes


def test_datasets_says_what_is_here(mirror_of):
    mirror_of({BUSI: fakes.busi()})
    table = datasets().set_index("name")
    published = ["montgomery", "shenzhen", "busbra", "busi", "hc18", "horses", "pets"]  # X-rays, ultrasound, the rest
    assert list(table.index) == [*published, "sim-ultrasound", "sim-radiographs"]
    assert table.loc["busi", "on disk?"] == "in the mirror" and table.loc["hc18", "on disk?"] == "no"
    usft.load("busi", size=64)
    usft.load("busi", size=32)
    table = datasets().set_index("name")
    assert table.loc["busi", "on disk?"] == "at 32, 64"
    assert "busi: 4 images, mirror" in table.loc["busi", "provenance"]
    assert table["MB"].isna().tolist() == [name == "horses" for name in table.index]  # it has no address
    assert table.loc["hc18", "MB"] >= 60 and "CC BY" in table.loc["hc18", "licence"]


TOY = '''"""Toy: discs, a data set in one file."""

import re

from ..archive import SafeZip
from ..pairs import check_pairs, read_pair
from ..source import Archive, Sample, Source

PICTURE, MASK = (re.compile(rf"^{what}/(toy[0-9]+)[.]png$") for what in ("images", "masks"))


def read(files, remarks):
    with SafeZip(files["toy.zip"], "toy.zip") as archive:
        pictures, masks = archive.find(PICTURE, "images/toy….png"), archive.find(MASK, "masks/toy….png")
        check_pairs(archive, pictures, masks)
        for stem, name in sorted(pictures.items()):
            yield Sample(stem, stem, *read_pair(archive, name, masks[stem]), extra={"weight": float(stem[3:])})


TOY = Source(
    name="toy",
    title="Toy, discs",
    modality="ultrasound",
    images=2,
    subjects=2,
    licence="CC0",
    terms="do what you like",
    citation="nobody",
    archives=(Archive("toy.zip", by_hand="draw it", members=((PICTURE, "picture"), (MASK, "mask"))),),
    read=read,
    may_share=True,
)
'''


def toy_archive() -> dict[str, bytes]:
    members = {"notes.txt": b"that nobody reads"}
    for i in (1, 2):
        members[f"images/toy{i}.png"] = png(picture(i, 160, 192))
        members[f"masks/toy{i}.png"] = png(disc(160, 192, 20 * i))
    return {"toy.zip": zipped(members)}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A developer's new file in ``sets/``, found as when the library starts."""
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "toy.py").write_text(TOY, encoding="utf-8")
    monkeypatch.setattr(sets, "__path__", [*sets.__path__, str(tmp_path / "new")])
    found = catalogue.discover()
    assert list(found) == ["montgomery", "shenzhen", "busbra", "busi", "hc18", "toy", "horses", "pets"]
    before = dict(SOURCES)
    SOURCES.clear()
    SOURCES.update(found)
    yield found["toy"]
    SOURCES.clear()
    SOURCES.update(before)
    del sys.modules[f"{sets.__name__}.toy"]


@repository
def test_a_new_set_is_one_file(toy, mirror_of, tmp_path, capsys, monkeypatch):
    mirror_of(toy_archive())
    data = usft.load("toy", size=96)
    assert data.ids == ["toy1", "toy2"] and data.extra["weight"].tolist() == [1, 2]
    assert data[[1]].extra["weight"].tolist() == [2]
    table = datasets().set_index("name")
    assert table.loc["toy", "on disk?"] == "at 96" and table.loc["toy", "licence"] == "CC0" and megabytes("toy") is None
    capsys.readouterr()
    assert script("data_scripts/fetch.py").main(["--list"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("toy "))
    assert "CC0" in line and line.endswith("at 96")
    made = tmp_path / "made"
    assert script("data_scripts/make_mirror.py").main([str(made), "toy", "--size", "96"]) == 0
    assert "CC0" in (made / "TERMS.txt").read_text()
    with usft.sources.archive.SafeZip(made / "toy.zip") as archive:
        assert archive.names == ["images/toy1.png", "images/toy2.png", "masks/toy1.png", "masks/toy2.png"]
    monkeypatch.setenv("USFT_MIRROR", str(made))
    again = usft.load("toy", size=96)
    assert again.provenance != data.provenance and (again.images - data.images).abs().mean() < 0.01
    assert (again.masks ^ data.masks).float().mean() < 0.01
