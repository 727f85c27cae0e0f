"""The prepared file: what it holds, and what happens where it is damaged."""

import numpy as np
import pytest
import torch
from sources import fakes
from sources.fakes import BUSI, left

from usft_lib.sources import load
from usft_lib.sources.prepare import collect
from usft_lib.sources.source import Sample


def test_prepared_file_keeps_pixels_and_masks(mirror_of, cache):
    """Bytes for images, bits for masks: the file holds about one and an eighth bytes a pixel."""
    mirror_of({BUSI: fakes.busi()})
    data = load("busi", size=256)
    (path,) = (cache / f for f in left(cache))
    assert path.stat().st_size == pytest.approx(data.images.numel() * 9 / 8, rel=0.02)
    assert np.allclose(data.images.numpy() * 255, np.rint(data.images.numpy() * 255), atol=1e-4)


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_damaged_prepared_file_is_made_anew(mirror_of, cache, capsys, keep):
    mirror_of({BUSI: fakes.busi()})
    good = load("busi", size=32)
    (path,) = (cache / f for f in left(cache))
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    again = load("busi", size=32)
    assert torch.equal(again.images, good.images) and torch.equal(again.masks, good.masks)
    assert "damaged; it is made again" in capsys.readouterr().out
    assert path.stat().st_size == len(data)


def test_prepared_file_with_an_altered_pixel_is_made_anew(mirror_of, cache, capsys):
    mirror_of({BUSI: fakes.busi()})
    good = load("busi", size=32)
    (path,) = (cache / f for f in left(cache))
    data = bytearray(path.read_bytes())
    data[1000] ^= 1  # among the images, which come first
    path.write_bytes(bytes(data))
    assert torch.equal(load("busi", size=32).images, good.images)
    assert "made again" in capsys.readouterr().out


def test_prepared_file_with_a_pickle_is_never_opened(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    load("busi", size=32)
    (path,) = (cache / f for f in left(cache))
    with np.load(path) as file:
        arrays = dict(file)
    with open(path, "wb") as file:
        np.savez(file, **arrays | {"subjects": np.array([print] * 4, dtype=object)})
    assert load("busi", size=32).subjects == ["benign (1)", "benign (2)", "malignant (1)", "normal (1)"]


def test_white_is_that_of_the_brightest_picture_of_the_set_wherever_it_stands():
    pictures = [np.full((16, 16), value, np.uint16) for value in (4000, 100)]
    found = collect((Sample(str(k), str(k), p, p > 0) for k, p in enumerate(pictures)), 16, "pad")
    assert found.white == [4095, 4095]
