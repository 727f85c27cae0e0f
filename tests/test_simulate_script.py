"""The command that simulates files: a sheet to look at, a folder that the library reads back."""

import csv
import os
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from scripts import script

import usft_lib as usft

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-24)", allow_module_level=True)

simulate = script("data_scripts/simulate.py")


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["simulate.py", *map(str, words)])
    simulate.main()


@pytest.mark.parametrize("kind", ["ultrasound", "radiographs"])
def test_sheet_shows_every_image_in_its_place(kind, monkeypatch, tmp_path):
    path = tmp_path / "sheet.png"
    run(monkeypatch, kind, "--n", 5, "--size", 32, "--columns", 3, "--seed", 4, "--sheet", path)
    sheet = torch.from_numpy(np.array(Image.open(path)))
    assert sheet.shape == (2 * 36, 3 * 36, 3)
    make = usft.simulate_ultrasound if kind == "ultrasound" else usft.simulate_radiographs
    for i, image in enumerate(make(5, size=32, seed=4).images):
        row, column = divmod(i, 3)
        tile = sheet[36 * row + 2 : 36 * row + 34, 36 * column + 2 : 36 * column + 34, 0]
        assert (tile.float() / 255 - image[0]).abs().max() < 0.004
    assert (sheet[38:70, 74:106] == 255).all()  # the sixth place stays white


def test_outlines_are_drawn_outside_the_mask(monkeypatch, tmp_path):
    path = tmp_path / "sheet.png"
    run(monkeypatch, "ultrasound", "--n", 1, "--size", 64, "--columns", 1, "--preset", "breast", "--outlines",
        "--sheet", path)  # fmt: skip
    tile = torch.from_numpy(np.array(Image.open(path)))[2:66, 2:66].int()
    drawn = (tile[..., 0] - tile[..., 2]) > 50
    mask = usft.simulate_ultrasound(1, size=64, preset="breast").masks[0, 0]
    assert drawn.any() and not (drawn & mask).any()
    assert (torch.nn.functional.max_pool2d(mask[None].float(), 3, 1, 1)[0] > 0)[drawn].all()


def test_folder_is_read_back(monkeypatch, tmp_path):
    run(monkeypatch, "ultrasound", "--n", 4, "--size", 32, "--seed", 1, "--folder", tmp_path)
    read = usft.load_folder(tmp_path / "images", tmp_path / "masks", size=32)
    made = usft.simulate_ultrasound(4, size=32, seed=1)
    assert torch.equal(read.masks, made.masks) and (read.images - made.images).abs().max() < 0.004
    with open(tmp_path / "scenes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == made.ids and all(float(row["depth_cm"]) >= 3 for row in rows)
    scenes = usft.ultrasound_scenes(4, seed=1)
    told = [float(row["true_contrast_db"] or "nan") for row in rows]
    assert told == pytest.approx([usft.true_contrast_db(scene) for scene in scenes], nan_ok=True)


@pytest.mark.parametrize("words", [["ultrasound"], ["ultrasound", "--sheet", "x.png", "--columns", "0"]])
def test_incomplete_commands_get_a_line(words, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, *words)
    assert "error: " in capsys.readouterr().err


def test_nonsense_size_gets_a_line_and_no_file(monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, "radiographs", "--size", 100, "--sheet", tmp_path / "sheet.png")
    assert "size = 100" in capsys.readouterr().err and not list(tmp_path.iterdir())
