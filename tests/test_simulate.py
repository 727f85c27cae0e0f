"""Simulated images against theory: speckle statistics, attenuation, exact areas, Beer–Lambert; and reproducibility."""

import math

import pytest
import torch

from usft_lib.errors import BadInput
from usft_lib.seeds import generator
from usft_lib.simulate import simulate_radiographs, simulate_ultrasound
from usft_lib.simulate.radiograph import BONE, SOFT, detect
from usft_lib.simulate.shapes import blob, blob_area, ellipse, grid
from usft_lib.simulate.ultrasound import anatomy, point_spread, receive, speckle

RANGES = {"contrast": None, "depth": (28, 50), "frequency": (5, 11), "range": (42, 65)}
BOTH = pytest.mark.parametrize("simulate", [simulate_ultrasound, simulate_radiographs])


@pytest.fixture(scope="module")
def ultrasound():
    return simulate_ultrasound(24, size=64, seed=3)


@pytest.fixture(scope="module")
def radiographs():
    return simulate_radiographs(24, size=64, seed=3)


def test_speckle_is_fully_developed():
    lateral, axial, side, times = 3.0, 1.5, 192, 6
    fields = torch.stack([speckle(torch.zeros(side, side), lateral, axial, generator("t", k)) for k in range(times)])
    cells = times * side**2 / (2 * math.pi * lateral * axial)  # the intensity's correlation cell has area 2πσσ
    envelope = fields.abs()
    snr = envelope.mean() / envelope.std()
    assert snr.item() == pytest.approx(math.sqrt(math.pi / (4 - math.pi)), abs=3 * 1.36 / math.sqrt(cells))
    assert envelope.square().mean().item() == pytest.approx(1, abs=3 / math.sqrt(cells))


def test_echo_level_scales_the_envelope():
    weak, strong = (speckle(torch.full((64, 64), db), 2.0, 1.0, generator("t", 1)).abs() for db in (-20.0, 0.0))
    assert torch.allclose(10 * weak, strong, rtol=1e-3, atol=1e-4)


def test_point_spread_has_the_asked_width_at_every_depth():
    widths = torch.tensor([1.5, 2.5, 4.0]).repeat_interleave(200)[:, None]
    field = speckle(torch.zeros(600, 512), widths, 1.0, generator("t", 2))
    for part, sigma in zip(field.split(200), (1.5, 2.5, 4.0), strict=True):
        lag = round(2 * sigma)  # of a Gaussian point spread, the field's correlation is exp(-lag² / 4σ²)
        correlation = (part * part.roll(lag, 1).conj()).mean().real / part.abs().square().mean()
        assert correlation.item() == pytest.approx(math.exp(-(lag**2) / (4 * sigma**2)), abs=0.04)


def test_margins_are_wider_than_the_point_spread():
    for subject in range(40):
        scene = anatomy(0, subject, RANGES)
        lateral, axial = point_spread(scene, torch.linspace(0, scene["depth"], 9))
        assert lateral.max() * 3.5 < scene["depth"] / 8
        assert axial * 3.5 < scene["depth"] / 32


def test_attenuation_shadow_and_compensation():
    scene = anatomy(0, 0, RANGES)
    scene |= {"tgc": [0.0] * 4, "contact": [0.0] * 7, "tissue": 0.2, "lesion_attenuation": 0.5, "border": 0.2}
    x, z = grid(200, 201, 0.15)
    slab = torch.maximum((z - 10).abs() - 2.5, x)  # 5 mm thick, left half only
    level = 20 * torch.log10(receive(scene, torch.full((200, 201), 100 + 0j), z, slab, 0.15, generator("t")).abs())
    assert (level[:, -20:].mean(1) - 40).abs().max() < 0.1  # beside it: compensation undoes the loss at every depth
    shadow = 40 - level[-20:, :20].mean().item()
    assert shadow == pytest.approx(2 * scene["frequency"] * 0.3 * 0.5, rel=0.03)
    assert level[:30, :20].mean().item() == pytest.approx(40, abs=0.1)  # above it: nothing is lost


def test_shapes_have_their_exact_area():
    x, y = grid(400, 400, 0.1)
    y = y - 20
    circle = (ellipse(x, y, 9.0, 9.0) < 0).sum().item() * 0.01
    assert circle == pytest.approx(math.pi * 81, rel=0.005)
    border = (8.0, 0.7, [(2, 0.3, 0.4), (5, 0.15, 2.0)])
    assert (blob(x, y, *border) < 0).sum().item() * 0.01 == pytest.approx(blob_area(*border), rel=0.005)
    assert torch.allclose(ellipse(x, y, 9.0, 9.0), torch.sqrt(x * x + y * y) - 9, atol=1e-3)


def test_lesion_masks_have_the_area_of_their_anatomy(ultrasound):
    true = [blob_area(**anatomy(3, i, RANGES)["lesion"]) for i in range(24)]
    seen = ultrasound.masks.flatten(1).sum(1) * ultrasound.spacing_mm**2
    ratio = seen / torch.tensor(true)
    assert ratio.mean().item() == pytest.approx(1, abs=0.01)
    assert (ratio - 1).abs().max() < 0.06


@BOTH
def test_an_image_does_not_depend_on_how_many_are_drawn(simulate):
    few, many = simulate(2, size=32, seed=7), simulate(5, size=32, seed=7)
    assert torch.equal(few.images, many.images[:2]) and torch.equal(few.masks, many.masks[:2])
    assert torch.equal(few.spacing_mm, many.spacing_mm[:2]) and few.subjects == many.subjects[:2]
    assert not torch.equal(simulate(2, size=32, seed=8).masks, few.masks)
    assert few.provenance == "simulated, seed 7"


def test_frames_share_the_anatomy_but_not_the_speckle():
    data = simulate_ultrasound(5, size=64, frames_per_subject=2, seed=1)
    assert data.subjects == ["us1-0001", "us1-0001", "us1-0002", "us1-0002", "us1-0003"]
    area = data.masks.flatten(1).sum(1).float()
    assert area[0].item() == pytest.approx(area[1].item(), rel=0.05) and data.spacing_mm[0] == data.spacing_mm[1]
    assert (data.images[0] - data.images[1]).abs().mean() > 0.02
    same, other = (data.masks[0] & data.masks[1]).sum(), (data.masks[0] & data.masks[2]).sum()
    assert same > 0.5 * area[0] and same > other


@pytest.mark.parametrize("name", ["ultrasound", "radiographs"])
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


def test_background_does_not_tell_the_contrast():
    dark = simulate_ultrasound(12, size=64, seed=2, contrast_db=(-18, -10))
    bright = simulate_ultrasound(12, size=64, seed=2, contrast_db=(8, 14))
    assert torch.equal(dark.masks, bright.masks)
    assert set(dark.labels) == {"hypoechoic"} and set(bright.labels) == {"hyperechoic"}
    compared = 0
    for i in range(12):
        reach = int(5 / dark.spacing_mm[i])  # beyond the point spread and a shadow's soft edge
        near = torch.nn.functional.max_pool1d(dark.masks[i].any(1).float(), 2 * reach + 1, 1, reach)[0] > 0
        compared += (~near).sum()
        assert torch.allclose(dark.images[i][..., ~near], bright.images[i][..., ~near], atol=2e-3)
    assert compared > 12 * 10
    inside = [data.images[data.masks].mean() for data in (dark, bright)]
    assert inside[1] - inside[0] > 0.2


def test_masks_lie_where_the_lesions_are_seen():
    data = simulate_ultrasound(16, size=64, seed=5, contrast_db=(-35, -30))
    shifts = [(dy, dx) for dy in range(-3, 4) for dx in range(-3, 4)]
    grey = {shift: data.images[data.masks.roll(shift, (2, 3))].mean().item() for shift in shifts}
    assert min(grey, key=grey.get) == (0, 0)


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


@pytest.mark.parametrize(
    "bad", [{"contrast_db": -10}, {"contrast_db": (5, -5)}, {"depth_mm": (1, 5)}, {"frames_per_subject": 0}]
)
def test_bad_scenes_get_one_line(bad):
    with pytest.raises(BadInput) as error:
        simulate_ultrasound(1, size=32, **bad)
    assert "\n" not in str(error.value)
