"""Simulated images against theory: speckle statistics, attenuation, exact areas, Beer–Lambert; and reproducibility."""

import math

import pytest
import torch

from usft_lib.errors import BadInput
from usft_lib.seeds import generator
from usft_lib.simulate import simulate_radiographs
from usft_lib.simulate.radiograph import BONE, SOFT, detect

BOTH = pytest.mark.parametrize("simulate", [simulate_radiographs])


@pytest.fixture(scope="module")
def radiographs():
    return simulate_radiographs(24, size=64, seed=3)


@BOTH
def test_an_image_does_not_depend_on_how_many_are_drawn(simulate):
    few, many = simulate(2, size=32, seed=7), simulate(5, size=32, seed=7)
    assert torch.equal(few.images, many.images[:2]) and torch.equal(few.masks, many.masks[:2])
    assert torch.equal(few.spacing_mm, many.spacing_mm[:2]) and few.subjects == many.subjects[:2]
    assert not torch.equal(simulate(2, size=32, seed=8).masks, few.masks)
    assert few.provenance == "simulated, seed 7"


@pytest.mark.parametrize("name", ["radiographs"])
def test_pictures_are_in_range_and_not_saturated(name, request):
    data = request.getfixturevalue(name)
    assert data.images.dtype == torch.float32 and data.images.shape == (24, 1, 64, 64)
    assert 0 <= data.images.min() and data.images.max() <= 1
    assert (data.images == 1).float().mean() < 0.01
    if name == "ultrasound":
        assert (data.images[~data.masks] == 0).float().mean() < 0.1
    else:  # the bare beam is black, but no lung is
        assert (data.images[data.masks] == 0).float().mean() < 0.02 and (data.images == 0).float().mean() < 0.4
    assert (data.images.flatten(1).std(1) > 0.05).all() and not data.empty.any()


def test_beer_lambert_and_quantum_noise():
    soft, bone, quanta = torch.full((256, 256), 60.0), torch.full((256, 256), 10.0), 2000.0
    seen = detect(soft, bone, 0.0, quanta, generator("t"))
    expected = math.exp(-SOFT * 60 - BONE * 10)
    assert seen.mean().item() == pytest.approx(expected, rel=0.005)
    # Photons: variance = mean; half of a 3 × 3 mean and half of the pixel itself keep a third of it.
    assert seen.var().item() == pytest.approx(expected / quanta / 3, rel=0.05)


def test_chests_have_two_dark_lungs(radiographs):
    masks, images = radiographs.masks, radiographs.images
    area = masks.float().mean((1, 2, 3))
    assert area.min() > 0.06 and area.max() < 0.55
    for half in (masks[..., :32], masks[..., 32:]):
        assert (half.flatten(1).float().mean(1) > 0.03).all()
    for image, mask in zip(images, masks, strict=True):
        x = mask[0].nonzero()[:, 1]
        between = image[0][mask[0].any(1)][:, x.float().mean().round().int() + torch.arange(-1, 2)].mean()
        assert image[mask].mean() < between - 0.1  # the mediastinum is brighter than the lungs


@BOTH
@pytest.mark.parametrize(
    "n, size, wrong", [(0, 64, "n"), (2.5, 64, "n"), (1, 100, "size"), (1, 16, "size"), (1, 1024, "size")]
)
def test_bad_requests_get_one_line(simulate, n, size, wrong):
    with pytest.raises(BadInput) as error:
        simulate(n, size)
    assert "\n" not in str(error.value) and str(error.value).startswith(wrong + " ")
