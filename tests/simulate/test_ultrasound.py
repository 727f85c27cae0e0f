"""The simulated scans: exact masks, geometry, reproducibility, presets, controls, and refusals in one line."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput, Scene
from usft_lib.simulate import ultrasound
from usft_lib.simulate.anatomy import WAVES, Anatomy, draw_anatomy
from usft_lib.simulate.convolution import along_lines
from usft_lib.simulate.geometry import Grid, in_view, picture_points, scan_convert
from usft_lib.simulate.points import image_points
from usft_lib.simulate.presets import PRESETS, draw_scene, settings
from usft_lib.simulate.scene import LIMITS
from usft_lib.simulate.shapes import blob, ellipse, grid

FAN = Scene(probe="convex", depth_cm=12, centre_frequency_mhz=3.5, contrast_db=None)
WIDE = Scene(depth_cm=4, width_cm=3, contrast_db=None)


@pytest.fixture(scope="module")
def varied():
    return usft.simulate_ultrasound(24, size=64, seed=3)


# --- shapes and geometry -------------------------------------------------------------------------------------------


def blob_area(radius: float, aspect: float, waves: list[tuple[int, float, float]]) -> float:
    """Exact area of `blob`, ``aspect · ½∫r²dθ`` (different whole k are orthogonal, so their squares add up)."""
    return math.pi * radius**2 * aspect * (1 + sum(a * a for _, a, _ in waves) / 2)


def test_shapes_have_their_exact_area():
    x, y = grid(400, 400, 0.1)
    y = y - 20
    assert (ellipse(x, y, 9.0, 9.0) < 0).sum().item() * 0.01 == pytest.approx(math.pi * 81, rel=0.005)
    border = (8.0, 0.7, [(2, 0.3, 0.4), (5, 0.15, 2.0)])
    assert (blob(x, y, *border) < 0).sum().item() * 0.01 == pytest.approx(blob_area(*border), rel=0.005)
    assert torch.allclose(ellipse(x, y, 9.0, 9.0), torch.sqrt(x * x + y * y) - 9, atol=1e-3)


def area_ratio(data, seed: int, scenes: list[Scene]) -> np.ndarray:
    """Area of each mask over the analytic area of its lesion."""
    ratios = []
    for k, scene in enumerate(scenes):
        body = draw_anatomy(scene, seed, k)
        waves = list(zip(WAVES, body["wave"], body["wave_phase"], strict=True))
        true = blob_area(scene.minor_radius_mm / scene.aspect, scene.aspect, waves)
        ratios.append(float(data.masks[k].sum() * data.spacing_mm[k] ** 2) / true)
    return np.array(ratios)


def test_mask_area_of_small_lesions_over_a_hundred_positions():
    data = usft.simulate_ultrasound(100, size=64, seed=6, without_target=0)
    ratio = area_ratio(data, 6, usft.ultrasound_scenes(100, seed=6, without_target=0))
    print(f"mask over analytic area, mean of 100 small lesions: {ratio.mean():.4f}")
    assert ratio.mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("scene", [FAN, WIDE, replace(WIDE, width_cm=4)], ids=["convex", "narrow", "square"])
def test_scan_conversion_landmarks(scene):
    size, off = 128, []
    for sample, line in ((60.0, 60.0), (128.0, 200.5), (220.0, 128.0), (200.0, 30.0)):
        rows, lines = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
        spot = torch.exp(-((rows - sample) ** 2 + (lines - line) ** 2) / 18)[None]
        picture = scan_convert(spot, [scene])[0].double()
        seen = [(picture.sum(1 - d) * torch.arange(size)).sum() / picture.sum() for d in (1, 0)]  # column, row
        across, depth = (line + 0.5) / 256 - 0.5, (sample + 0.5) / 256 * 10 * scene.depth_cm
        angle = across * math.radians(scene.sector_degrees)
        x, z = across * 10 * scene.width_cm, depth
        if scene.probe == "convex":
            x, z = (50 + depth) * math.sin(angle), (50 + depth) * math.cos(angle) - 50
        pixel = scene.side_mm / size
        wanted = x / pixel + size / 2 - 0.5, (z + scene.rise_mm) / pixel - 0.5
        off.append(math.dist(seen, wanted))
    print("landmarks off by", " ".join(f"{o:.2f}" for o in off), "pixels")
    assert max(off) < 0.5


@pytest.mark.parametrize("scene", [FAN, WIDE], ids=["convex", "narrow"])
def test_where_no_line_looks_the_picture_is_black(scene):
    """On a grid that is 1 everywhere."""
    picture, seen = scan_convert(torch.ones(1, 128, 128), [scene])[0], in_view([scene], 64)[0].float()
    inside = torch.nn.functional.avg_pool2d(seen[None], 5, 1, 2)[0] > 0.999
    outside = torch.nn.functional.max_pool2d(seen[None], 5, 1, 2)[0] == 0
    assert outside.any() and (picture[outside] == 0).all() and torch.allclose(picture[inside], torch.tensor(1.0))


def test_grid_and_picture_agree_where_points_are():
    """The acoustic grid's own map of depths, scan-converted, is the map of depths on the picture."""
    for scene in (FAN, WIDE):
        x, z = Grid([scene], 64).points()
        for field, wanted in zip((x, z), picture_points([scene], 64), strict=True):
            got = scan_convert(Grid([scene], 64).inside(field), [scene])
            inner = torch.nn.functional.avg_pool2d(in_view([scene], 64).float()[None], 5, 1, 2)[0] > 0.999
            assert (got - wanted)[inner].abs().max() < 0.02 * scene.side_mm


# --- the chain -----------------------------------------------------------------------------------------------------


def test_along_lines_is_a_convolution_whose_kernel_may_change():
    random = torch.Generator().manual_seed(0)
    field = torch.randn(1, 48 + 10, 3, dtype=torch.complex64, generator=random)
    pulse = torch.randn(1, 48, 11, dtype=torch.complex64, generator=random)
    wanted = torch.stack([sum(field[0, row + 5 - o] * pulse[0, row, o + 5] for o in range(-5, 6)) for row in range(48)])
    assert torch.allclose(along_lines(field, pulse)[0], wanted, atol=1e-4)


def test_points_echo_where_they_are_and_with_their_phase():
    scene = replace(WIDE, attenuation_db_cm_mhz=0)
    x, z = np.linspace(-10, 10, 201), np.linspace(10, 30, 401)
    wave = scene.wavelength_mm
    one = image_points([2.0], [20.0], [1.0], x, z, scene)
    row, column = divmod(int(one.abs().argmax()), 201)
    assert (z[row], x[column]) == pytest.approx((20, 2), abs=0.051)
    # A quarter of a wave deeper is half a wave later: the same place nearly, and the opposite sign.
    both = image_points([2.0, 2.0], [20.0, 20 + wave / 4], [1.0, 1.0], x, z, scene)
    again = image_points([2.0, 2.0], [20.0, 20 + wave / 2], [1.0, 1.0], x, z, scene)
    assert both.abs().max() < 0.45 * one.abs().max() and again.abs().max() > 1.5 * one.abs().max()
    assert image_points([], [], [], x, z, scene).abs().max() == 0


def test_radio_frequency_oscillates_at_the_centre_frequency():
    data, stages = usft.simulate_ultrasound(1, size=64, preset="cyst_phantom", stages=True)
    scene = usft.ultrasound_scenes(1, preset="cyst_phantom")[0]
    rf, spacing = usft.radio_frequency(stages["echoes"][0], scene)
    # Half the power of the complex echoes, but for what leaks over the two ends.
    assert torch.allclose(rf.square().mean(), stages["echoes"].abs().square().mean() / 2, rtol=0.04)
    spectrum = torch.fft.rfft(rf, dim=0).abs().square().mean(1)
    frequency = torch.fft.rfftfreq(len(rf), 2 * spacing / 1.54)  # there and back
    mean = float((spectrum * frequency).sum() / spectrum.sum())
    assert mean == pytest.approx(scene.centre_frequency_mhz, rel=0.03)
    outside = (frequency - 7).abs() > 7 * 0.6 * 1.25  # the pulse is cut off in time, so not quite in frequency
    assert spectrum[outside].sum() < 0.02 * spectrum.sum()


def test_stages_are_the_chain_of_the_picture():
    data, stages = usft.simulate_ultrasound(3, size=32, seed=1, stages=True)
    order = ["level_db", "loss_db", "scatterers", "echoes", "received", "envelope", "grey", "image", "mask"]
    assert list(stages) == order
    assert torch.equal(stages["image"], data.images[:, 0]) and torch.equal(stages["mask"], data.masks[:, 0])
    assert torch.equal(stages["received"].abs(), stages["envelope"])
    for k, scene in enumerate(usft.ultrasound_scenes(3, seed=1)):
        level = 20 * torch.log10(stages["envelope"][k].clamp_min(1e-6)) + scene.gain_db
        grey = (0.46 + level / scene.dynamic_range_db).clamp(0, 1)
        assert torch.allclose(grey, stages["grey"][k], atol=1e-5)
        assert torch.allclose(scan_convert(grey[None], [scene])[0], data.images[k, 0], atol=1e-5)
    plain = usft.simulate_ultrasound(3, size=32, seed=1)
    assert torch.equal(plain.images, data.images)


def test_noise_comes_before_compensation():
    quiet = replace(WIDE, width_cm=4, attenuation_db_cm_mhz=1.5, centre_frequency_mhz=6, noise_db=-40)
    deep = {}
    for tgc in (0, 1):
        scene = replace(quiet, tgc=tgc)
        body = [draw_anatomy(scene, 0, 0)]
        envelope = ultrasound.render([scene], body, 64, [("t", 0)])["envelope"][0]
        deep[tgc] = 20 * math.log10(float(envelope[-8:].square().mean().sqrt()))
    lost = float(ultrasound.attenuated_db(torch.full((1, 1, 1), 0.3 * 38.75), [quiet]))
    assert deep[0] == pytest.approx(-40, abs=2)  # only noise is left at the bottom …
    assert deep[1] == pytest.approx(-40 + lost, abs=3)  # … and compensation makes it bright


@pytest.mark.parametrize("bone", [False, True], ids=["lesion", "fetal head"])
def test_a_lesion_takes_its_chord_twice_from_all_that_lies_below(bone):
    """Extra loss against the closed form: a disc on the line at x is 2 √(r² − x²) long, there and back."""
    more = {"skull_db": 20} if bone else {"shadow_db_cm_mhz": 1.5}
    scene = Scene(attenuation_db_cm_mhz=0.5, minor_radius_mm=6, lesion_depth_cm=2, border_mm=0.05, **more)
    drawn = draw_anatomy(scene, 0, 0)
    _, loss = ultrasound.level_maps([scene], Anatomy([scene], [drawn], [(0.0, 0.0)]), 128)
    area = Grid([scene], 128, coarse=2)
    x, z = area.line[0, 0], area.range_mm[0, :, 0]
    extra = loss[0] - 0.2 * 0.5 * z.clamp_min(0)[:, None]  # beyond that of plain tissue: 0.5 dB/cm/MHz, there and back

    def chord(radius):
        return 2 * (radius**2 - x**2).clamp_min(0).sqrt()

    wanted = 0.2 * (8 * (chord(6) - chord(6 - drawn["skull"][0])) if bone else 1.5 * chord(6))
    inner = x.abs() < 2  # at the sides the aperture looks past, and the shadow is soft
    below, above = extra[z > 27][:, inner], extra[z < 13][:, inner]
    print(f"loss behind the middle {below[0].max():.3f} dB per MHz, chord {wanted[inner].max():.3f}")
    assert torch.allclose(below, wanted[inner].expand_as(below), rtol=0.03)
    assert above.abs().max() < 1e-3


# --- what simulate_ultrasound promises -----------------------------------------------------------------------------


def test_an_image_does_not_depend_on_how_many_are_drawn(monkeypatch):
    few, many = usft.simulate_ultrasound(2, size=32, seed=7), usft.simulate_ultrasound(9, size=32, seed=7)
    monkeypatch.setattr(ultrasound, "PIXELS", 1)  # one at a time
    single = usft.simulate_ultrasound(9, size=32, seed=7)
    for other in (many[:2], single[:2]):
        assert torch.equal(few.masks, other.masks) and few.subjects == other.subjects
        assert (few.images - other.images).abs().max() < 1e-4
    assert (many.images - single.images).abs().max() < 1e-4
    assert torch.equal(few.spacing_mm, many.spacing_mm[:2]) and few.provenance == "simulated, seed 7"
    assert not torch.equal(usft.simulate_ultrasound(2, size=32, seed=8).masks, few.masks)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_an_image_does_not_depend_on_the_device():
    here, there = (usft.simulate_ultrasound(8, size=64, seed=7, device=device) for device in ("cpu", "cuda"))
    assert (here.images - there.images).abs().max() < 1e-3
    assert (here.masks != there.masks).float().mean() < 1e-4


def test_frames_share_the_anatomy_but_not_the_speckle():
    data = usft.simulate_ultrasound(5, size=64, frames_per_subject=2, seed=1, preset="breast")
    assert data.subjects == ["us1-0001", "us1-0001", "us1-0002", "us1-0002", "us1-0003"]
    area = data.masks.flatten(1).sum(1).float()
    assert area[0].item() == pytest.approx(area[1].item(), rel=0.05) and data.spacing_mm[0] == data.spacing_mm[1]
    assert (data.images[0] - data.images[1]).abs().mean() > 0.02
    same, other = (data.masks[0] & data.masks[1]).sum(), (data.masks[0] & data.masks[2]).sum()
    assert same > 0.5 * area[0] and same > other


def test_the_lesion_changes_nothing_else():
    """Two contrasts, and no lesion at all: beyond the lesion's columns not a pixel differs."""
    plain = {"irregularity": 0.1, "shadow_db_cm_mhz": 0, "preset": "breast", "border_mm": 0.2}
    dark, bright, none = (
        usft.simulate_ultrasound(8, size=64, seed=2, **plain, **more)
        for more in ({"contrast_db": -14}, {"contrast_db": 8}, {"without_target": 1})
    )
    assert torch.equal(dark.masks, bright.masks) and none.empty.all()
    assert set(dark.labels) == {"hypoechoic"} and set(bright.labels) == {"hyperechoic"}
    assert set(none.labels) == {"no lesion"}
    far = 0
    for i in range(8):
        near = torch.nn.functional.max_pool1d(dark.masks[i].any(1).float(), 13, 1, 6)[0] > 0
        far += int((~near).sum())
        for other in (bright, none) if (~near).any() else ():
            assert (dark.images[i][..., ~near] - other.images[i][..., ~near]).abs().max() < 0.02
    assert far > 100
    assert bright.images[dark.masks].mean() - dark.images[dark.masks].mean() > 0.2


@pytest.mark.parametrize("preset", PRESETS)
def test_masks_lie_where_the_lesions_are_seen(preset):
    more = {} if preset == "fetal_head" else {"contrast_db": -40}
    data = usft.simulate_ultrasound(16, size=64, seed=5, preset=preset, **more)
    shifts = [(dy, dx) for dy in range(-3, 4) for dx in range(-3, 4)]
    outlines = data.masks ^ (torch.nn.functional.avg_pool2d(data.masks.float(), 3, 1, 1) > 0.99)
    where = outlines if preset == "fetal_head" else data.masks  # a skull is bright, a cyst is dark
    grey = {shift: data.images[where.roll(shift, (2, 3))].mean().item() for shift in shifts}
    best = max(grey, key=grey.get) if preset == "fetal_head" else min(grey, key=grey.get)
    assert best == (0, 0) if preset != "fetal_head" else math.dist(best, (0, 0)) <= 1.5


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_draw_pictures_in_range(preset):
    data = usft.simulate_ultrasound(8, size=64, seed=3, preset=preset)
    assert data.images.dtype == torch.float32 and data.images.shape == (8, 1, 64, 64)
    assert 0 <= data.images.min() and data.images.max() <= 1
    assert (data.images == 1).float().mean() < 0.05 and (data.images.flatten(1).std(1) > 0.05).all()


def test_scenes_are_jointly_plausible():
    scenes = [draw_scene(settings("varied", {}), 0, k) for k in range(300)]
    for s in scenes:
        assert 2 * s.attenuation_db_cm_mhz * s.centre_frequency_mhz * s.depth_cm <= 10 - s.noise_db + 1e-6
        assert 3 <= s.depth_cm <= 16 and 3 <= s.centre_frequency_mhz <= 12
        if s.contrast_db is not None:
            assert s.sees_lesion() and abs(usft.true_contrast_db(s)) >= 3
            assert s.minor_radius_mm >= max(3, 5 * s.side_mm / 128) * 0.93 and s.minor_radius_mm <= 15
    table = usft.scene_table(scenes)
    assert 0.05 < table["contrast_db"].isna().mean() < 0.15 and set(table["probe"]) == {"linear", "convex"}
    assert (table["scatterers_per_cell"] == math.inf).any() and (table["scatterers_per_cell"] < 3).any()


@pytest.mark.parametrize("name", [name for name in LIMITS if not name.startswith("lesion")])
def test_every_setting_arrives_in_the_scene(name):
    """Nothing that a caller says is silently left aside."""
    low, high = LIMITS[name]
    plausible = {"depth_cm": 6, "minor_radius_mm": 5, "scatterers_per_cell": 7, "skull_db": 10, "contrast_db": -9}
    value = plausible.get(name, low + 0.3 * (min(high, 100) - low))
    value = round(value) if name == "distractors" else value
    scene = usft.ultrasound_scenes(1, probe="convex", without_target=0, **{name: value})[0]
    assert getattr(scene, name) == pytest.approx(value)


def test_probe_lesion_place_and_plane_waves_arrive_in_the_scene():
    waves = usft.ultrasound_scenes(1, probe="linear", plane_wave_degrees=(-5, 5), without_target=0, depth_cm=6,
                                   lesion_depth_cm=3, lesion_offset_cm=-0.5, minor_radius_mm=4)[0]  # fmt: skip
    assert waves.probe == "linear" and waves.plane_wave_degrees == (-5, 5)
    assert (waves.lesion_depth_cm, waves.lesion_offset_cm) == (3, -0.5)
    image = usft.simulate_ultrasound(1, size=64, preset="cyst_phantom", plane_wave_degrees=(0,)).images
    assert not torch.equal(image, usft.simulate_ultrasound(1, size=64, preset="cyst_phantom").images)


def test_no_border_gives_the_simulation_away():
    """The outermost rows and lines of a plain phantom are as bright as the rest: nothing wraps, nothing fades."""
    even = Scene(contrast_db=None, attenuation_db_cm_mhz=0.3, noise_db=-70)
    body = draw_anatomy(even, 0, 0)
    made = ultrasound.render([even] * 8, [body] * 8, 128, [("border", k) for k in range(8)])
    image = made["image"].mean(0)
    middle = image[16:-16, 16:-16].mean()
    for edge in (image[:2], image[-2:], image[:, :2], image[:, -2:]):
        assert edge.mean().item() == pytest.approx(middle.item(), abs=0.02)


# --- the speckle bench without its sliders -------------------------------------------------------------------------


def test_bench_measures_what_theory_says():
    found = [usft.bmode(scatterers_per_cell=math.inf, size=128, seed=k) for k in range(8)]
    for name in ("snr", "axial_mm", "lateral_mm", "contrast_db"):
        mean = np.mean([getattr(b, name) for b in found])
        print(f"{name}: {mean:.3f}, theory {found[0].theory[name]:.3f}")
        assert mean == pytest.approx(found[0].theory[name], rel=0.05)
    assert found[0].gcnr == pytest.approx(found[1].gcnr, abs=0.1) and "SNR" in repr(found[0])


def test_bench_gcnr_of_two_rayleigh_laws():
    """Of two exponentials whose means differ by the factor r it is |r^(1/(1−r)) − r^(r/(1−r))|."""
    r = 10 ** (-12 / 10)
    wanted = abs(r ** (1 / (1 - r)) - r ** (r / (1 - r)))
    found = np.mean([usft.bmode(scatterers_per_cell=math.inf, seed=k).gcnr for k in range(4)])
    print(f"gCNR {found:.3f}, closed form {wanted:.3f}")
    assert found == pytest.approx(wanted, abs=0.03)


def test_bench_answers_its_knobs():
    base = usft.bmode()
    assert usft.bmode(centre_frequency_mhz=9).axial_mm < 0.75 * base.axial_mm
    assert usft.bmode(f_number=4).lateral_mm > 1.5 * base.lateral_mm
    assert usft.bmode(scatterers_per_cell=0.5).snr < 0.8 * base.snr
    assert usft.bmode(tgc=0).image[-20:].mean() < base.image[-20:].mean() - 0.1
    cyst = usft.bmode(contrast_db=-80)
    assert cyst.gcnr > 0.95 and cyst.contrast_db == pytest.approx(cyst.theory["contrast_db"], abs=3)
    again = usft.bmode()
    assert torch.equal(again.image, base.image)
    assert base.mask.float().mean().item() == pytest.approx(math.pi * 0.15**2, rel=0.02)


# --- controls ------------------------------------------------------------------------------------------------------


def test_other_speckle_keeps_the_shapes():
    home, away = usft.shifted_speckle(6, 128, seed=4, shift=0), usft.shifted_speckle(6, 128, seed=4, shift=1)
    assert torch.equal(home.masks, away.masks) and home.subjects == away.subjects

    def grain(data):
        """Correlation of pixels two apart, the median of small blocks, so that fasciae do not count."""
        blocks = data.images.unfold(2, 16, 16).unfold(3, 16, 16).flatten(0, 3)
        blocks = blocks - blocks.mean((1, 2), keepdim=True)
        products = (blocks[..., 2:] * blocks[..., :-2]).mean((1, 2)) / blocks.square().mean((1, 2))
        return float(products.median())

    assert grain(away) > grain(home) + 0.15
    # The lesion is as dark, and the deep half as bright, as at home: appearance changes in its grain alone.
    for data in (home, away):
        data.level = data.images[data.masks].mean() - data.images[~data.masks].mean()
    assert abs(home.level - away.level) < 0.06
    assert abs(home.images[..., 80:, :].mean() - away.images[..., 80:, :].mean()) < 0.08


def test_other_shapes_keep_the_speckle():
    home, away = usft.shifted_shapes(6, 64, seed=4, shift=0), usft.shifted_shapes(6, 64, seed=4, shift=1)
    assert torch.equal(home.images, usft.shifted_speckle(6, 64, seed=4, shift=0).images)
    assert home.provenance.endswith("home") and away.provenance.endswith("shapes shifted by 1")
    overlap = usft.dice(home.masks, away.masks)
    assert overlap.max() < 0.9 and overlap.min() > 0.1
    assert away.masks.sum().item() == pytest.approx(home.masks.sum().item(), rel=0.1), "of the same area"
    for k in range(6):
        either = (home.masks[k] | away.masks[k]).float()[None]
        near = torch.nn.functional.max_pool2d(either, 13, 1, 6)[0] > 0
        assert (home.images[k] - away.images[k])[~near].abs().max() < 0.02


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad, named",
    [
        ({"depth_cm": -3}, "depth_cm = -3: take 1 to 30"),
        ({"centre_frequency_mhz": 0}, "centre_frequency_mhz = 0: take 1 to 20"),
        ({"lesion_depth_cm": 9, "depth_cm": 4}, "field of view"),
        ({"lesion_offset_cm": 3, "depth_cm": 4}, "field of view"),
        ({"minor_radius_mm": 70, "preset": "breast"}, "field of view"),
        ({"depth_cm": (5, 3)}, "the first must not exceed"),
        ({"depth_cm": (1, 2, 3)}, "a pair"),
        ({"depth_cm": "deep"}, "must be a number"),
        ({"depth_cm": math.nan}, "depth_cm = nan"),
        ({"depht_cm": 4}, "depth_cm"),
        ({"preset": "breasts"}, "breast"),
        ({"probe": "phased"}, "probe"),
        ({"without_target": 2}, "without_target"),
        ({"frames_per_subject": 0}, "n = 0"),
        ({"depth_cm": 1, "centre_frequency_mhz": 1, "probe": "linear"}, "too long"),
    ],
)
def test_nonsense_scenes_get_one_line(bad, named):
    with pytest.raises(BadInput) as error:
        usft.simulate_ultrasound(2, size=32, **bad)
    assert "\n" not in str(error.value) and named in str(error.value)


def test_points_outside_their_axes_are_refused():
    x, z = np.linspace(-5, 5, 101), np.linspace(5, 15, 101)
    for bad in (([9.0], [10.0], [1.0], x, z), ([0.0], [10.0], [1.0, 2.0], x, z), ([0.0], [10.0], [1.0], x**3, z)):
        with pytest.raises(BadInput) as error:
            image_points(*bad, WIDE)
        assert "\n" not in str(error.value)
    for shift in (-0.1, 1.5, "all"):
        with pytest.raises(BadInput, match="shift"):
            usft.shifted_shapes(1, 32, shift=shift)


def test_echoes_and_clutter_add_in_power():
    level = torch.full((1, 4, 4), -20.0)
    scene = Scene(clutter_db=-15)
    both = ultrasound.with_clutter(level, torch.tensor(-5.0), [scene])  # clutter at -20 dB, as loud as the echoes
    assert torch.allclose(both, torch.full_like(level, -20 + 10 * math.log10(2)), atol=1e-4)
