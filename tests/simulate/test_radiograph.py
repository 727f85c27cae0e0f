"""Simulated chest radiographs: Beer–Lambert, scatter, photons, anatomy, and the exact visible lung field."""

import math

import pytest
import torch

from usft_lib.errors import BadInput
from usft_lib.seeds import generator
from usft_lib.simulate import simulate_radiographs
from usft_lib.simulate import thorax as body
from usft_lib.simulate.radiograph import BONE, METAL, SOFT, STAGES, beam, detect, scatter
from usft_lib.simulate.shapes import drawer, grid


@pytest.fixture(scope="module")
def made():
    return simulate_radiographs(24, size=64, seed=3, stages=True)


@pytest.fixture(scope="module")
def shapes():
    """Signed distances of twelve thoraces on a fine grid in mm, and their random streams' anatomy."""
    x, y = grid(192, 192, 2.0)
    return x, y, [body.lung_field(x, y, drawer(generator("test thorax", k))) for k in range(12)]


def test_an_image_does_not_depend_on_how_many_are_drawn():
    few, many = simulate_radiographs(2, size=32, seed=7), simulate_radiographs(5, size=32, seed=7)
    assert torch.equal(few.images, many.images[:2]) and torch.equal(few.masks, many.masks[:2])
    assert torch.equal(few.spacing_mm, many.spacing_mm[:2]) and few.subjects == many.subjects[:2]
    assert not torch.equal(simulate_radiographs(2, size=32, seed=8).masks, few.masks)
    assert few.provenance == "simulated, seed 7"


def test_pictures_are_in_range_and_not_saturated(made):
    data, _ = made
    assert data.images.dtype == torch.float32 and data.images.shape == (24, 1, 64, 64)
    assert 0 <= data.images.min() and data.images.max() <= 1 and not data.empty.any()
    assert (data.images == 1).float().mean() < 0.02
    # The bare beam is black, but no lung is.
    assert (data.images[data.masks] == 0).float().mean() < 0.02 and (data.images == 0).float().mean() < 0.5
    assert (data.images.flatten(1).std(1) > 0.05).all()


def test_stages_are_the_chain_of_the_picture(made):
    data, stages = made
    assert tuple(stages) == STAGES and all(value.shape == data.images.shape for value in stages.values())
    assert torch.equal(stages["display"], data.images) and torch.equal(
        simulate_radiographs(24, 64, 3).images, data.images
    )
    assert torch.allclose(stages["primary"], beam(stages["soft_mm"], stages["bone_mm"], stages["metal_mm"]))
    fog = stages["with_scatter"] - stages["primary"]
    assert fog.min() >= 0 and (fog.amax((1, 2, 3)) <= 0.015 + 1e-6).all()  # 15 % of a tenth of the beam at most
    for name in ("soft_mm", "bone_mm", "metal_mm"):
        assert stages[name].min() >= 0 and 0 < stages[name].max() < 400  # bone and metal are drawn somewhere
    noise = stages["with_noise"] - stages["with_scatter"]
    assert noise.abs().mean() > 0 and abs(float(noise.mean())) < 0.002


def test_beer_lambert():
    soft, bone, metal = torch.tensor([60.0]), torch.tensor([10.0]), torch.tensor([1.0])
    assert beam(soft, bone, metal).item() == pytest.approx(math.exp(-SOFT * 60 - BONE * 10 - METAL))
    assert torch.allclose(beam(2 * soft, 2 * bone, 2 * metal), beam(soft, bone, metal) ** 2)


def test_scatter_is_a_fog_that_lifts_the_dark_most():
    primary = torch.full((64, 64), 0.05)
    assert torch.allclose(scatter(primary, 0.1), torch.full((64, 64), 0.055))
    primary[:, 32:] = 0.5
    lifted = scatter(primary, 0.1) / primary - 1
    assert lifted[:, :20].mean() > 2 * lifted[:, -20:].mean() and scatter(primary, 0.0).equal(primary)


def test_quantum_noise():
    # Photons: variance = mean; half of a 3 × 3 mean and half of the pixel itself keep a third of it.
    for expected, quanta in ((0.2, 2000.0), (0.02, 20000.0)):
        seen = detect(torch.full((256, 256), expected), quanta, generator("t"))
        print(f"variance over that of photons: {seen.var().item() / (expected / quanta):.3f} (⅓)")
        assert seen.mean().item() == pytest.approx(expected, rel=0.005)
        assert seen.var().item() == pytest.approx(expected / quanta / 3, rel=0.05)


def test_the_mask_leaves_out_heart_mediastinum_and_domes(shapes):
    _, _, fields = shapes
    for shape in fields:
        visible = shape["visible"] < 0
        assert visible.any()
        assert not (visible & (shape["behind"] < 0)).any() and not (visible & (shape["dome"] > 0)).any()
        assert not (visible & (shape["hemithorax"] > 0)).any()
        # … and nothing else is left out: inside the chest, above the dome, not behind anything.
        assert torch.equal(visible, (shape["hemithorax"] < 0) & (shape["dome"] < 0) & (shape["behind"] > 0))


def test_the_heart_lies_on_the_pictures_right(shapes):
    x, _, fields = shapes
    for shape in fields:
        inside = (shape["heart"] < 0).float()
        assert (inside * x).sum() / inside.sum() > 10


def test_chests_have_two_dark_lungs(made):
    data, _ = made
    area = data.masks.float().mean((1, 2, 3))
    assert area.min() > 0.06 and area.max() < 0.55
    for half in (data.masks[..., :32], data.masks[..., 32:]):
        assert (half.flatten(1).float().mean(1) > 0.03).all()
    darker = 0
    for image, mask in zip(data.images, data.masks, strict=True):
        x = mask[0].nonzero()[:, 1]
        between = image[0][mask[0].any(1)][:, x.float().mean().round().int() + torch.arange(-1, 2)].mean()
        darker += bool(image[mask].mean() < between - 0.1)  # the mediastinum is brighter than the lungs
    assert darker == 24


def test_ribs_are_no_regular_grid(shapes):
    """Bone along a vertical line through the lung: no shift makes it repeat itself as a grid would."""
    x, y, fields = shapes
    repeats = []
    for k, shape in enumerate(fields):
        bone = body.ribs(x, y, shape, drawer(generator("test ribs", k)))
        column = int(96 + 0.5 * shape["half"] / 2)
        line = bone[:, column][(shape["hemithorax"] < -5)[:, column]]
        line = line - line.mean()
        lags = [float((line[lag:] * line[:-lag]).mean() / line.square().mean()) for lag in range(6, len(line) // 2)]
        repeats.append(max(lags))
    grating = torch.sin(torch.arange(100) / 2)
    lags = [float((grating[lag:] * grating[:-lag]).mean() / grating.square().mean()) for lag in range(6, 50)]
    print(f"highest repeat of the ribs: {sum(repeats) / 12:.2f} on average; of a grating {max(lags):.2f}")
    assert sum(repeats) / 12 < 0.8 < max(lags)


@pytest.mark.parametrize(
    "n, size, wrong", [(0, 64, "n"), (2.5, 64, "n"), (1, 100, "size"), (1, 16, "size"), (1, 1024, "size")]
)
def test_bad_requests_get_one_line(n, size, wrong):
    with pytest.raises(BadInput) as error:
        simulate_radiographs(n, size)
    assert "\n" not in str(error.value) and str(error.value).startswith(wrong + " ")
