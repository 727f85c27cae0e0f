"""Montgomery's X-rays in their ordered ways: the archive, the single files of NLM's folder, a copy got by hand."""

import io
import os
import re
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sources import fakes
from sources.fakes import HTML, chest, fails, files_in, known, left, png, refused, zipped

import usft_lib as usft
from usft_lib.errors import BadInput, DataUnavailable
from usft_lib.sources import load
from usft_lib.sources.archive import SafeZip
from usft_lib.sources.catalogue import SOURCES
from usft_lib.sources.sets import montgomery
from usft_lib.sources.source import Address

FOLDER = "/public/MontgomerySet/"
ARCHIVE = montgomery.ARCHIVE
FEW = tuple(file for file in montgomery.FILES if re.search("_000[1-4]_", file))  # of four people


def members(files=FEW) -> dict[str, bytes]:
    """Each file of NLM's folder, of 24 × 20 pixels."""
    lungs = {"left": fakes.disc(20, 24, 4, x=17), "right": fakes.disc(20, 24, 4, x=6)}
    made = {}
    for i, file in enumerate(files):
        side = next((side for side in lungs if side in file), None)
        made[file] = png(lungs[side] if side else chest(i, lungs["left"] | lungs["right"]))
    return made


@pytest.fixture
def nlm(cache, web, monkeypatch):
    """The server is NLM: its archive is gone (404), and its folder holds these files."""

    def hold(files=FEW, **options) -> dict[str, bytes]:
        pages = members(files)
        web.pages = {FOLDER + file: data for file, data in pages.items()}
        archive = SOURCES["montgomery"].archives[0]
        places = (
            Address(f"{web.address}/archive.zip", known(zipped(pages)), 1),
            Address(web.address + FOLDER, None, 1, tuple(files)),
        )
        moved = replace(SOURCES["montgomery"], archives=(replace(archive, addresses=places),))
        monkeypatch.setitem(SOURCES, "montgomery", moved)
        return pages

    return hold


def asked_files(web) -> list[str]:
    return sorted(path.removeprefix(FOLDER) for path in web.asked if path.startswith(FOLDER))


def same(a, b) -> bool:
    return a.ids == b.ids and a.labels == b.labels and a.images.equal(b.images) and a.masks.equal(b.masks)


def test_the_files_of_the_published_set():
    """138 pictures, 80 of normal lungs, and two masks each, as NLM says."""
    assert len(montgomery.FILES) == len(set(montgomery.FILES)) == 414
    pictures = [file for file in montgomery.FILES if file.startswith("CXR_png/")]
    assert sum(file.endswith("_0.png") for file in pictures) == 80 and len(pictures) == 138


def test_the_mirror_holds_the_same_files(mirror):
    with SafeZip(mirror / ARCHIVE) as archive:
        assert sorted(archive.names) == sorted(f"MontgomerySet/{file}" for file in montgomery.FILES)


def test_the_archive_goes_first(nlm, web):
    web_pages = nlm()
    web.pages["/archive.zip"] = zipped(web_pages)
    assert len(load("montgomery", size=32)) == 4 and web.asked == ["/archive.zip"]


def test_montgomery_file_by_file(nlm, web, cache, capsys, mirror_of):
    """Never more than four at a time, one bar; the same data as from the archive."""
    busy, most, lock = [], [], threading.Lock()

    def slow(to, body):
        with lock:
            busy.append(to)
            most.append(len(busy))
        time.sleep(0.5 / len(FEW))
        with lock:
            busy.remove(to)
        to.page(200, body)

    pages = nlm(FEW)
    web.faults = dict.fromkeys(web.pages, slow)
    data = load("montgomery", size=32)
    assert asked_files(web) == sorted(FEW) and web.asked[0] == "/archive.zip"
    assert len(data) == len(FEW) / 3 and 1 < max(most) <= 4
    assert data.labels.count("tuberculosis") == sum(file.endswith("_1.png") for file in FEW) / 3
    told = capsys.readouterr()
    assert "NLM asks that the two papers are cited" in told.out
    bar = f"{len(FEW)}/{len(FEW)} ["
    assert bar in told.err
    assert all(f"/{len(FEW)} [" in line for line in re.split(r"[\r\n]+", told.err) if line.strip())
    assert len(left(cache)) == 3  # the archive, the note of its hash, what was prepared
    load("montgomery", size=32)
    load("montgomery", size=48)
    assert len(web.asked) == len(FEW) + 1  # nobody is asked again
    mirror_of({ARCHIVE: zipped({f"MontgomerySet/{file}": data for file, data in pages.items()})})
    assert same(load("montgomery", size=32), data)


def test_a_file_that_does_not_come_ends_the_call_and_the_next_goes_on(nlm, web, cache, capsys):
    nlm()
    gone = FEW[-1]
    page = web.pages.pop(FOLDER + gone)
    message = fails(DataUnavailable, "montgomery")
    assert f"127.0.0.1: answer 404; 127.0.0.1: {gone}: answer 404; by hand: Mendeley Data, https://doi.org/" in message
    assert f"put it into {cache / 'montgomery'} under the name {ARCHIVE}" in message
    assert len(left(cache)) == len(FEW) - 1
    web.pages[FOLDER + gone] = page
    web.asked.clear()
    capsys.readouterr()
    assert len(load("montgomery", size=32)) == 4
    assert asked_files(web) == [gone]
    assert f"{len(FEW) - 1} of {len(FEW)} files are here already" in capsys.readouterr().out
    assert not [file for file in left(cache) if "parts" in file]


@pytest.mark.parametrize(
    ("came", "words"),
    [
        (HTML, "an HTML page"),
        (b"", "is damaged or no picture"),
        (members()[FEW[0]][:-30], "is damaged"),
        (b"\x89PNG\r\n\x1a\n", "is damaged"),
    ],
    ids=["page", "empty", "short", "start"],
)
def test_what_is_no_picture_is_not_kept(nlm, web, cache, came, words):
    nlm()
    good = web.pages[FOLDER + FEW[0]]
    web.pages[FOLDER + FEW[0]] = came
    message = fails(DataUnavailable, "montgomery")
    assert words in message and f"127.0.0.1: {FEW[0]}" in message
    assert not [file for file in left(cache) if FEW[0].replace("/", "-") in file]
    web.pages[FOLDER + FEW[0]] = good
    assert len(load("montgomery", size=32)) == 4


def test_connections_that_break_and_a_busy_server(nlm, web, monkeypatch, capsys):
    monkeypatch.setattr("usft_lib.sources.web.time.sleep", lambda seconds: None)
    nlm()
    for k, path in enumerate(web.pages):
        answers = []

        def once(to, body, k=k, answers=answers):
            answers.append(to)
            if len(answers) > 1:
                to.page(200, body)
            elif k % 3 == 0:
                to.page(429, b"", Retry_After="5")
            elif k % 3 == 1:
                to.head(200, len(body))
                to.wfile.write(body[:50])

        web.faults[path] = once
    assert len(load("montgomery", size=32)) == 4
    assert len(asked_files(web)) == 2 * len(FEW)
    told = capsys.readouterr().out
    assert told.count("asked again in 5 s") == told.count("the connection failed") == 1  # for all of them


# By hand


def test_a_copy_got_by_hand_is_used_before_anything_is_asked(nlm, web, cache, monkeypatch):
    pages = nlm()
    place = cache / "montgomery" / ARCHIVE
    place.parent.mkdir(parents=True)
    place.write_bytes(zipped(pages))
    data = load("montgomery", size=32)
    assert data.provenance == f"montgomery: 4 images, by hand {known(zipped(pages))[7:15]}" and web.asked == []
    monkeypatch.setattr("usft_lib.sources.prepare.collect", None)
    assert same(load("montgomery", size=32), data)  # prepared once
    monkeypatch.undo()


def test_a_copy_got_by_hand_may_be_replaced(cache):
    place = cache / "montgomery" / ARCHIVE
    place.parent.mkdir(parents=True)
    place.write_bytes(HTML)
    assert "is an HTML page" in fails(BadInput, "montgomery", otherwise="sim-radiographs")
    assert files_in(cache) == [f"montgomery/{ARCHIVE}"]  # a person's file stays
    place.write_bytes(zipped(members()))
    os.utime(place, ns=(0, 0))
    assert len(load("montgomery", size=32)) == 4


def test_one_file_got_by_hand_serves_for_both_archives_of_shenzhen(cache):
    place = cache / "shenzhen" / "ChinaSet_AllFiles.zip"
    place.parent.mkdir(parents=True)
    lungs = fakes.disc()
    for mask in ("masks/{}_mask.png", "Shenzhen/mask/{}.png"):
        copy = {"Lung Segmentation/masks/MCUCXR_0001_0.png": b"of the other set"}
        for i in (1, 2):
            copy[f"x/CXR_png/CHNCXR_000{i}_0.png"] = png(chest(i, lungs))
            copy["x/" + mask.format(f"CHNCXR_000{i}_0")] = png(lungs)
        place.write_bytes(zipped(copy))
        os.utime(place, ns=(0, len(mask)))
        assert load("shenzhen", size=32).ids == ["CHNCXR_0001_0", "CHNCXR_0002_0"]
    place.write_bytes(fakes.shenzhen()["ChinaSet_AllFiles.zip"])
    message = fails(BadInput, "shenzhen")
    assert "ChinaSet_AllFiles.zip, in the place of shenzhen_masks.zip, has no CHNCXR_…_mask.png" in message
    (place.parent / "shenzhen_masks.zip").write_bytes(fakes.shenzhen()["shenzhen_masks.zip"])
    assert len(load("shenzhen", size=32)) == 3
    message = refused(usft.load, "horses", kind=DataUnavailable)
    assert f"by hand: from a colleague or the authors; put it into {cache / 'horses'}" in message


# Layouts, and greys the wrong way round


def _copy(picture: str, mask: str, change=lambda values: values) -> dict[str, bytes]:
    """The same X-rays as `fakes.montgomery_members` in another layout, with one mask for both lungs."""
    copy = {}
    for name, data in fakes.montgomery_members().items():
        if "CXR_png" in name:
            stem = name.rpartition("/")[2].removesuffix(".png")
            copy[picture.format(stem)] = png(change(np.asarray(Image.open(io.BytesIO(data)))))
            copy[mask.format(stem)] = png(fakes.LEFT | fakes.RIGHT)
    return copy


MENDELEY = ("Chest X-ray dataset/Montgomery/img/{}.png", "Chest X-ray dataset/Montgomery/mask/{}.png")
KAGGLE = ("Lung Segmentation/CXR_png/{}.png", "Lung Segmentation/masks/{}.png")
LAYOUTS = {
    "Mendeley Data": MENDELEY,
    "Lung Segmentation": KAGGLE,
    "with _mask": ("data/Lung Segmentation/CXR_png/{}.png", "data/Lung Segmentation/masks/{}_mask.png"),
    "other cases": ("a/montgomery/images/{}.PNG", "a/montgomery/masks/{}.PNG"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_one_mask_for_both_lungs_is_as_good_as_two(mirror_of, layout):
    mirror_of({ARCHIVE: zipped(fakes.montgomery_members())})
    wanted = load("montgomery", size=32)
    other_set = {"Lung Segmentation/CXR_png/CHNCXR_0001_0.png": b"", "Shenzhen/mask/CHNCXR_0001_0.png": b""}
    mirror_of({ARCHIVE: zipped(_copy(*layout) | other_set)})
    assert same(load("montgomery", size=32), wanted)


def test_a_copy_that_lacks_a_mask_is_named(mirror_of):
    copy = _copy(*KAGGLE)
    del copy[KAGGLE[1].format("MCUCXR_0002_1")]
    mirror_of({ARCHIVE: zipped(copy)})
    assert "MCUCXR_0002_1 has an image but no lung mask" in fails(BadInput, "montgomery")


def test_two_files_of_one_name_must_be_the_same(mirror_of):
    copy = _copy(*KAGGLE)
    mirror_of({ARCHIVE: zipped(copy | {f"data/{name}": data for name, data in copy.items()})})
    assert len(load("montgomery", size=32)) == 2
    mirror_of({ARCHIVE: zipped(copy | _copy(*MENDELEY, change=lambda values: values[::-1]))})
    message = fails(BadInput, "montgomery")
    assert "Montgomery/img/MCUCXR_0001_0.png and Lung" in message and "have the same name but differ" in message


@pytest.mark.parametrize(
    ("change", "tolerance"),
    [
        (lambda values: np.stack([values] * 3, -1), 0),  # RGB
        (lambda values: 255 - values, 0),
        (lambda values: np.stack([255 - values] * 3, -1), 0),
        (lambda values: values.astype(np.uint16) * 16 + 15, 2),  # 12 bit
        (lambda values: 4095 - (values.astype(np.uint16) * 16 + 15), 2),
    ],
    ids=["RGB", "inverted", "inverted RGB", "12 bit", "inverted 12 bit"],
)
def test_greys_the_wrong_way_round_and_rgb_are_found(mirror_of, change, tolerance):
    mirror_of({ARCHIVE: zipped(fakes.montgomery_members())})
    wanted = load("montgomery", size=32)
    assert "turned" not in wanted.provenance
    mirror_of({ARCHIVE: zipped(_copy(*MENDELEY, change=change))})
    data = load("montgomery", size=32)
    assert (data.images - wanted.images).abs().max() <= tolerance / 255 + 1e-6
    probe = change(np.zeros((1, 1), np.uint8)).max() > 200
    assert ("inverted greys of 2 turned" in data.provenance) == probe


def test_shenzhen_s_inverted_greys_are_found(mirror_of):
    archives = fakes.shenzhen()
    mirror_of(archives)
    wanted = load("shenzhen", size=32)
    with SafeZip(os.path.join(os.environ["USFT_MIRROR"], "ChinaSet_AllFiles.zip")) as archive:
        pictures = {name: archive.read(name) for name in archive.names}
    one = next(name for name in pictures if "0113" in name)
    pictures[one] = png(255 - np.asarray(Image.open(io.BytesIO(pictures[one]))))
    mirror_of(archives | {"ChinaSet_AllFiles.zip": zipped(pictures)})
    data = load("shenzhen", size=32)
    assert "inverted greys of 1 turned" in data.provenance and torch.equal(data.images, wanted.images)
