"""The commands that fetch data sets and make a mirror of them, run on tiny archives."""

import csv
import hashlib
import io
import json
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scripts import script
from sources import fakes
from sources.fakes import disc, picture, png, tarred, write_mirror, zipped

from usft_lib.sources import load
from usft_lib.sources.catalogue import SIMULATED, SOURCES
from usft_lib.sources.mirror import parse
from usft_lib.sources.outlines import fill_outline
from usft_lib.sources.pictures import fit_mask, open_picture
from usft_lib.sources.source import Address

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-23)", allow_module_level=True)



fetch, make_mirror = script("data_scripts/fetch.py"), script("data_scripts/make_mirror.py")
collect_progress, pretrain = script("data_scripts/collect_progress.py"), script("data_scripts/pretrain.py")


def enlarged(data: bytes, by: int = 4) -> bytes:
    """A picture with each side so many times longer: masks stay exact, pictures smooth."""
    image = Image.open(io.BytesIO(data))
    soft = image.format == "JPEG" or len(np.unique(np.asarray(image))) > 3
    size = (image.width * by, image.height * by)
    file = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC if soft else Image.Resampling.NEAREST).save(file, image.format)
    return file.getvalue()


def large(members: dict[str, bytes]) -> dict[str, bytes]:
    pictures = (".png", ".jpg")
    broken = (b"junk", b"GIF8")
    return {
        name: enlarged(data) if name.endswith(pictures) and not data.startswith(broken) else data
        for name, data in members.items()
    }


def large_hc18() -> dict[str, bytes]:
    """Ellipse-like heads of 320 × 240 pixels; the second one leaves the picture."""
    members, table = {}, "filename,pixel size(mm),head circumference (mm)\n"
    for i, (stem, y) in enumerate((("000_HC", 120), ("000_2HC", 60), ("001_HC", 120))):
        line = disc(240, 320, 82, y=y) & ~disc(240, 320, 78, y=y)
        members[f"training_set/{stem}.png"] = png(picture(i, 240, 320))
        members[f"training_set/{stem}_Annotation.png"] = png(line)
        table += f"{stem}.png,0.069136198,{175.3 + i}\n"
    table += "099_HC.png,0.1,200.0\n"  # a line without a picture
    return {"training_set.zip": zipped(members), "training_set_pixel_size_and_HC.csv": table.encode()}


def large_shenzhen() -> dict[str, bytes]:
    archives = fakes.shenzhen()
    for name, data in archives.items():
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            archives[name] = zipped(large({member: opened.read(member) for member in opened.namelist()}))
    return archives


def large_pets() -> dict[str, bytes]:
    pictures, annotations = fakes.pets_members()
    return {"images.tar.gz": tarred(large(pictures)), "annotations.tar.gz": tarred(large(annotations))}


LARGE = {
    "montgomery": lambda: {"NLM-MontgomeryCXRSet.zip": zipped(large(fakes.montgomery_members()))},
    "shenzhen": large_shenzhen,
    "hc18": large_hc18,
    "busi": lambda: {"Dataset_BUSI.zip": zipped(large(fakes.busi_members()))},
    "busbra": lambda: {"BUSBRA.zip": zipped(large(fakes.busbra_members()))},
    "pets": large_pets,
    "horses": lambda: {"weizmann_horse_db.zip": zipped(large(fakes.horses_members()))},
}
SHARED = {"hc18", "busbra"}  # by licence


@pytest.fixture
def original(cache, tmp_path, monkeypatch):
    """Put archives of these sets into a mirror folder, which stands for the originals on this disk."""

    def put(*names: str) -> Path:
        archives = {file: data for name in names for file, data in LARGE[name]().items()}
        folder = write_mirror(tmp_path / "original", archives)
        monkeypatch.setenv("USFT_MIRROR", str(folder))
        return folder

    return put


def dice(a: torch.Tensor, b: torch.Tensor) -> float:
    return (2 * (a & b).sum() / (a.sum() + b.sum())).item()


# make_mirror


@pytest.mark.parametrize("name", LARGE)
def test_a_mirror_gives_what_the_originals_give(original, tmp_path, monkeypatch, name):
    assert set(LARGE) == set(SOURCES)
    original(name)
    wanted = load(name, size=48)
    made = tmp_path / "made"
    assert make_mirror.main([str(made), name, "--size", "96", "--i-may-share"]) == 0
    monkeypatch.setenv("USFT_MIRROR", str(made))
    got = load(name, size=48)
    assert got.provenance != wanted.provenance and "mirror" in got.provenance  # never taken for the originals
    assert got.ids == wanted.ids and got.subjects == wanted.subjects and got.labels == wanted.labels
    for ours, theirs in zip(got.masks, wanted.masks, strict=True):
        assert dice(ours, theirs) > 0.97 if theirs.any() else not ours.any()
    assert (got.images - wanted.images).abs().mean() < 0.01
    assert (got.spacing_mm is None) == (wanted.spacing_mm is None)
    if got.spacing_mm is not None:
        assert got.spacing_mm.tolist() == pytest.approx(wanted.spacing_mm.tolist(), rel=1e-6)
    assert {key: numbers.tolist() for key, numbers in got.extra.items()} == {
        key: numbers.tolist() for key, numbers in wanted.extra.items()
    }
    assert list(got.extra) == {"hc18": ["circumference_mm"], "busbra": ["fold"]}.get(name, [])


@pytest.mark.parametrize("name", LARGE)
def test_names_layout_sizes_and_registry(original, tmp_path, name):
    before, made = original(name), tmp_path / "made"
    make_mirror.main([str(made), name, "--size", "96", "--i-may-share"])
    archives = sorted(LARGE[name]())
    assert sorted(path.name for path in made.iterdir()) == sorted([*archives, "TERMS.txt", "registry.txt"])
    listed = parse((made / "registry.txt").read_bytes(), "made")
    assert listed == {a: f"sha256:{hashlib.sha256((made / a).read_bytes()).hexdigest()}" for a in archives}
    source = SOURCES[name]
    assert source.licence in (made / "TERMS.txt").read_text()
    for archive in archives:
        if archive.endswith(".csv"):
            continue
        old, new = (dict(_members(folder / archive)) for folder in (before, made))
        assert new.keys() <= old.keys() and {n for n in old if n.endswith(".png")} - new.keys() == set()
        for member, data in new.items():
            if member.endswith((".png", ".jpg")) and not data.startswith(b"GIF8"):
                small, full = open_picture(data, member), open_picture(old[member], member)
                assert max(small.size) == 96 and small.mode in (full.mode, "L"), member
                if "ask" in member or "trimap" in member or "figure" in member or "Annotation" in member:
                    assert set(np.unique(small)) <= set(np.unique(np.asarray(full.convert("L"))))


def _members(path: Path):
    return list(make_mirror.members(path, path.name))


@pytest.mark.parametrize("name", ["hc18", "pets"])
def test_the_same_bytes_each_time(original, tmp_path, name):
    original(name)
    made = [tmp_path / "one", tmp_path / "two"]
    for folder in made:
        make_mirror.main([str(folder), name, "--size", "96", "--i-may-share"])
    for archive in LARGE[name]():
        assert (made[0] / archive).read_bytes() == (made[1] / archive).read_bytes()


def test_nothing_is_enlarged(original, tmp_path):
    """Archives at a size that they have already keep each picture as it is."""
    before, made = original("hc18", "busi"), tmp_path / "made"
    assert make_mirror.main([str(made), "hc18", "busi", "--size", "512", "--i-may-share"]) == 0
    for archive in ("training_set.zip", "Dataset_BUSI.zip"):
        assert dict(_members(made / archive)) == dict(_members(before / archive))
    table = (made / "training_set_pixel_size_and_HC.csv").read_text()
    assert "000_HC.png,0.069136198,175.3\n" in table and "099_HC" not in table


def test_sets_whose_redistribution_is_not_settled_are_refused(original, tmp_path, capsys):
    original(*LARGE)
    made = tmp_path / "made"
    assert make_mirror.main([str(made), "--size", "96"]) == 1
    told = capsys.readouterr()
    refused = {line.partition(":")[0] for line in told.err.splitlines() if "--i-may-share" in line}
    assert refused == set(LARGE) - SHARED
    for source in SOURCES.values():
        assert source.licence in told.out and source.terms in told.out
    assert {path.name for path in made.glob("*.zip")} == {"training_set.zip", "BUSBRA.zip"}
    assert not list(made.glob("*.tar.gz"))
    assert make_mirror.main([str(made), "horses", "--size", "96", "--i-may-share"]) == 0  # beside what is there
    assert set(parse((made / "registry.txt").read_bytes(), "made")) == {
        "BUSBRA.zip",
        "training_set.zip",
        "training_set_pixel_size_and_HC.csv",
        "weizmann_horse_db.zip",
    }


def test_downloads_go_before_the_mirror(original, cache, tmp_path, monkeypatch):
    """The originals, where they were downloaded, are reduced, rather than what another mirror reduced already."""
    original("horses")
    data = zipped(large(large(fakes.horses_members())))
    address = Address("https://example.org/horses.zip", f"sha256:{fakes.sha256(data)}", 1)
    archive = replace(SOURCES["horses"].archives[0], addresses=(address,))
    monkeypatch.setitem(SOURCES, "horses", replace(SOURCES["horses"], archives=(archive,)))
    kept = cache / "horses" / f"{fakes.sha256(data)[:8]}-weizmann_horse_db.zip"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(data)
    made = tmp_path / "made"
    assert make_mirror.main([str(made), "horses", "--size", "400", "--i-may-share"]) == 0
    members = dict(_members(made / "weizmann_horse_db.zip"))
    assert max(open_picture(members["weizmann_horse_db/rgb/horse001.jpg"], "x").size) == 400
    kept.write_bytes(data[:-5])  # no longer what was published: the mirror's is taken, and nobody is asked
    assert make_mirror.main([str(made), "horses", "--size", "400", "--i-may-share"]) == 0
    members = dict(_members(made / "weizmann_horse_db.zip"))
    assert max(open_picture(members["weizmann_horse_db/rgb/horse001.jpg"], "x").size) == 4 * 48


def test_what_goes_wrong_is_one_line_and_leaves_the_mirror_as_it_was(original, tmp_path, capsys):
    before, made = original("horses", "hc18"), tmp_path / "made"
    assert make_mirror.main([str(made), "horses", "--size", "96", "--i-may-share"]) == 0
    kept = {path.name: path.read_bytes() for path in made.iterdir()}
    members = large(fakes.horses_members())
    members["weizmann_horse_db/figure_ground/horse002.png"] = png(picture(3, 160, 192))
    write_mirror(before, {"weizmann_horse_db.zip": zipped(members)} | large_hc18())
    capsys.readouterr()
    assert make_mirror.main([str(made), "horses", "horsse", "busi", "--size", "96", "--i-may-share"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3 and "horse002.png has" in lines[0]
    assert "did you mean 'horses'" in lines[1] and "busi: not on this disk" in lines[2]
    assert {path.name: path.read_bytes() for path in made.iterdir()} == kept
    assert make_mirror.main([str(before), "hc18"]) == 1
    assert "name another folder" in capsys.readouterr().err
    inside = Path(make_mirror.__file__).parents[1] / "pack"
    assert make_mirror.main([str(inside), "hc18"]) == 1 and not inside.exists()
    assert "lies in the repository" in capsys.readouterr().err


def test_smaller_pictures_with_their_old_pixel_sizes_are_refused(original, tmp_path, monkeypatch, capsys):
    """Millimetres would be wrong by the factor of the reduction, and nothing would show it."""
    original("hc18")
    kept = tuple(
        replace(archive, reduced=lambda files, size, name=archive.name: files[name].read_bytes())
        if archive.reduced
        else archive
        for archive in SOURCES["hc18"].archives
    )
    monkeypatch.setitem(SOURCES, "hc18", replace(SOURCES["hc18"], archives=kept))
    made = tmp_path / "made"
    assert make_mirror.main([str(made), "hc18", "--size", "96"]) == 1
    assert "its pixel size was not adapted" in capsys.readouterr().err and not (made / "registry.txt").exists()


def test_the_small_copy_of_busi_is_reduced_too(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("USFT_MIRROR", str(write_mirror(tmp_path / "o", {"Dataset_BUSI.zip": fakes.small_busi()})))
    wanted = load("busi", size=64)
    made = tmp_path / "made"
    assert make_mirror.main([str(made), "busi", "--size", "128", "--i-may-share"]) == 0
    monkeypatch.setenv("USFT_MIRROR", str(made))
    got = load("busi", size=64)
    assert got.ids == wanted.ids and dice(got.masks, wanted.masks) > 0.97
    assert (got.images - wanted.images).abs().mean() < 0.01


def test_sixteen_bits_stay(tmp_path):
    deep = (picture(1, 80, 100).astype(np.uint16) * 16) + 3
    small = np.asarray(open_picture(make_mirror.picture(png(Image.fromarray(deep)), "x.png", 50), "x"))
    assert small.shape == (40, 50) and abs(float(small.mean()) - deep.mean()) < 20


@pytest.mark.parametrize("y", [60, 20, 0, 119])
def test_outlines_fill_to_the_reduced_area(y):
    """Wherever the head leaves the picture, its outline encloses the area that it had."""
    line = disc(120, 160, 52, y=y) & ~disc(120, 160, 49, y=y)
    small = np.asarray(open_picture(make_mirror.outline(png(line), "x.png", 80), "x")) > 0
    area = make_mirror.resized(fill_outline(line), 60, 80)
    filled = fill_outline(small)
    assert 2 * (filled & area).sum() / (filled.sum() + area.sum()) > 0.995


def test_masks_neither_grow_nor_shrink_on_their_way_through_a_mirror():
    """Halved here and halved again by a lesson, they have on average the size that reducing at once gives.

    By the lessons' own rule at both steps they would be larger by 3 %.
    """
    grown, twice = [], []
    for seed in range(40):
        y, x = np.random.default_rng(seed).uniform(50, 78, 2)
        full = disc(128, 128, 20 + seed / 2, y, x)
        through = fit_mask(make_mirror.resized(full, 64, 64), 32, "pad")
        direct = fit_mask(full, 32, "pad").sum()
        grown.append(through.sum() / direct)
        twice.append(fit_mask(fit_mask(full, 64, "pad"), 32, "pad").sum() / direct)
    assert abs(np.mean(grown) - 1) < 0.01 < np.mean(twice) - 1


# fetch


@pytest.mark.filterwarnings("error")
def test_list(original, capsys):
    original("busi", "horses")
    assert fetch.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(SOURCES) + len(SIMULATED)
    rows = {line.split()[0]: line for line in lines}
    assert "134" in rows["busbra"] and "CC BY 4.0" in rows["busbra"] and rows["busbra"].endswith("no")
    assert rows["busi"].endswith("in the mirror") and "<NA>" not in "".join(lines)


def test_fetch_goes_on_after_an_error(original, capsys, cache):
    original("busi", "horses")
    assert fetch.main(["horses", "horsse", "busi", "--size", "32"]) == 1
    told = capsys.readouterr()
    assert told.out.index("Licence: not stated") < told.out.index("horses: 3 images at 32")
    assert "busi: 4 images at 32 × 32 pixels" in told.out and "about 35 MB" in told.out
    (line,) = told.err.splitlines()
    assert "did you mean 'horses'" in line
    assert fetch.main(["horses", "busi", "--size", "32"]) == 0
    assert list((cache / "busi").glob("32-*.npz"))


def test_fetch_all_asks_for_each_set_and_starts_large_downloads(cache, monkeypatch, capsys):
    asked = []

    def fail(name, **options):
        asked.append((name, options))
        raise fetch.usft.DataUnavailable(f"{name} is not available")

    monkeypatch.setattr(fetch.usft, "load", fail)
    assert fetch.main(["--all", "--size", "64"]) == 1
    assert asked == [(name, {"size": 64, "large": True}) for name in SOURCES]
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == len(SOURCES)
    assert all(source.terms in told.out for source in SOURCES.values())


def test_fetch_with_nothing_to_do(capsys):
    with pytest.raises(SystemExit) as stopped:
        fetch.main([])
    assert stopped.value.code == 2 and "--all" in capsys.readouterr().err
    assert fetch.main(["busi", "--size", "50"]) == 1
    assert "multiple of 16" in capsys.readouterr().err


def test_a_class_of_progress_files_becomes_a_table(tmp_path, monkeypatch, capsys):
    for name, text in {
        "anna.json": '{"usft": 1, "01.1": "done", "00.a": -0.2}',
        "ben.json": '\ufeff{"usft": 1, "02.1": "done"}',
        "carla.json.txt": '{"usft": 1, "02.1": "done"}',
        "notes.json": '{"a": 1}',
        "broken.json": "{",
        "list.json": "[1]",
        "text.json": '"usft"',
        "deep.json": "[" * 100_000,
        "utf16.json": '{"usft": 1}'.encode("utf-16"),
    }.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setattr(sys, "argv", ["collect_progress.py", str(tmp_path)])
    collect_progress.main()
    told = capsys.readouterr()
    rows = ["student,00.a,01.1,02.1", "anna,-0.2,done,", "ben,,,done", "carla.json.txt,,,done"]
    assert told.out.splitlines() == rows
    left_out = [line.split()[0] for line in told.err.splitlines() if "is left out" in line]
    assert left_out == [f"{name}.json" for name in ("broken", "deep", "list", "notes", "text", "utf16")]
    monkeypatch.setattr(sys, "argv", ["collect_progress.py", str(tmp_path / "none")])
    with pytest.raises(SystemExit):
        collect_progress.main()
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_what_students_wrote_is_no_formula_in_the_classs_table(tmp_path, monkeypatch):
    """On Windows' own terms, too: two letters end a line, and no row is empty."""
    link = '=HYPERLINK("http://x","y")'
    for name, known in {"=a": {"00.a": link}, "b": {"00.a": "\t+1", "00.b": "@x", "-1": "two\nlines"}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"usft": 1, **known}))
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="cp1252", newline="\r\n"))
    monkeypatch.setattr(sys, "argv", ["collect_progress.py", str(tmp_path)])
    (tmp_path / "岡田.json").write_text('{"usft": 1, "00.b": "≈ ½"}')
    collect_progress.main()
    sys.stdout.flush()
    text = printed.getvalue().decode()
    assert list(csv.reader(io.StringIO(text.replace("\r\n", "\n")))) == [
        ["student", "'-1", "00.a", "00.b"],
        ["'=a", "", f"'{link}", ""],
        ["b", "two lines", "'+1", "'@x"],
        ["岡田", "", "", "≈ ½"],
    ]
    assert text.count("\n") == text.count("\r\n") == text.count("\r") == 4


@pytest.mark.parametrize("path", sorted(pretrain.WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_the_page_beside_shipped_weights_is_their_card(path):
    page = path.with_suffix(".md").read_text(encoding="utf-8")
    assert page == pretrain.card_text(pretrain.usft.load_model(path).card)


def hand_in(folder, **students):
    folder.mkdir()
    for name, known in students.items():
        (folder / f"{name}.json").write_text(json.dumps({"usft": 1, **known}), encoding="utf-8")
    return folder


def collected(monkeypatch, capsys, *arguments) -> str:
    monkeypatch.setattr(sys, "argv", ["collect_progress.py", *map(str, arguments)])
    collect_progress.main()
    return capsys.readouterr().out


def test_the_table_says_whose_solution_was_looked_at(tmp_path, monkeypatch, capsys):
    folder = hand_in(tmp_path / "class", anna={"01.1": "done", "01.1 seen": True, "times": {"01.1": 5}},
                     bo={"01.1 seen": True})  # fmt: skip
    told = collected(monkeypatch, capsys, folder)
    assert told == 'student,01.1\nanna,"done, solution seen"\nbo,"open, solution seen"\n'


def test_the_classs_minutes_leave_pauses_out(tmp_path, monkeypatch, capsys):
    day = 86400
    folder = hand_in(
        tmp_path / "class",
        anna={"times": {"00.a": 0, "00.1": 600, "00.2": day, "00.b": day + 600, "01.a": day}},
        bo={"times": {"00.a": 0, "00.1": 1800}},
        cem={"00.a": 1},
        dee={"times": [1, 2]},
    )
    told = collected(monkeypatch, capsys, folder, "--minutes")
    assert told == "lesson,students,median minutes\n00,2,25\n", "20 and 30 minutes"


def test_the_classs_guesses_are_drawn(tmp_path, monkeypatch, capsys):
    folder = hand_in(tmp_path / "class", anna={"00.a": 0.2, "00.b": "a lot"}, bo={"00.a": -0.1, "01.1": "done"})
    collected(monkeypatch, capsys, folder, "--guesses", tmp_path / "guesses.png")
    assert (tmp_path / "guesses.png").stat().st_size > 1000
    assert collect_progress.guessed(collect_progress.collect(folder)[1]) == {"00.a": [0.2, -0.1]}
    with pytest.raises(SystemExit) as stopped:
        collected(monkeypatch, capsys, hand_in(tmp_path / "none", cem={}), "--guesses", tmp_path / "no.png")
    assert stopped.value.code == 1 and not (tmp_path / "no.png").exists()
