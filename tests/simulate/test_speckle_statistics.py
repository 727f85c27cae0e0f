"""The ultrasound simulator against physics: each test is named after its statistic and prints its figure.

On the envelope (or the complex echoes) before log compression and scan conversion, clutter and noise off.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from usft_lib import Scene, simulate_ultrasound, ultrasound_scenes
from usft_lib.seeds import generator
from usft_lib.simulate.beam import cells_mm2, lateral_transfer, point_spread, pulses, tissue_loss, width_at_half
from usft_lib.simulate.geometry import Grid, in_view
from usft_lib.simulate.points import image_points
from usft_lib.simulate.scene import SPEED_MM_PER_US
from usft_lib.simulate.ultrasound import insonify

PLAIN = Scene(contrast_db=None, noise_db=-120, clutter_db=-120, attenuation_db_cm_mhz=0)
IMAGES, SIZE = 64, 128


def speckle(scene: Scene, images: int = IMAGES, size: int = SIZE, extra=None) -> dict:
    """Stages of ``images`` pictures of even tissue; ``extra [rows, columns]``: loss beyond it, dB per MHz."""
    parts = []
    for start in range(0, images, 8):
        scenes = [scene] * min(8, images - start)
        grid = Grid(scenes, size, coarse=2)
        loss = tissue_loss(scenes, grid.range_mm).repeat(1, 1, grid.line.shape[2])
        level = torch.zeros_like(loss)
        randoms = [generator("statistics", start + k) for k in range(len(scenes))]
        parts.append(insonify(scenes, level, loss if extra is None else loss + extra(grid), randoms))
    return {name: torch.cat([part[name] for part in parts]) for name in ("envelope", "received")}


@pytest.fixture(scope="module")
def developed():
    """Sixty-four images of fully developed speckle."""
    return speckle(PLAIN)["envelope"]


def kernel(scene: Scene, depth_mm: float, size: int = SIZE) -> tuple[torch.Tensor, torch.Tensor, float]:
    """The point spread at a depth along and across the beam, complex, on the grid of `speckle`; and the spacing."""
    step = 10 * scene.depth_cm / (2 * size)
    spacing, z = torch.full((1, 1, 1), step), torch.full((1, 1, 1), depth_mm)
    loss = tissue_loss([scene], z)
    across = torch.fft.fftshift(torch.fft.ifft(lateral_transfer([scene], z, spacing, 512, loss))[0, 0])
    return pulses([scene], spacing, loss)[0, 0], across, step


def autocorrelation(h: torch.Tensor) -> np.ndarray:
    """|h ⋆ h|², 1 at the middle, by NumPy: the autocovariance of the intensity, by theory."""
    h = h.numpy()
    c = np.abs(np.correlate(h, h, "full")) ** 2
    return c / c.max()


def cells(scene: Scene, envelope: torch.Tensor) -> float:
    """Independent cells in an image: its area over the area of the intensity's autocovariance."""
    areas = []
    for depth in np.linspace(0.1, 0.9, 9) * 10 * scene.depth_cm:
        along, across, _ = kernel(scene, depth)
        areas.append(autocorrelation(along).sum() * autocorrelation(across).sum())
    return envelope[0].numel() / np.mean(areas)


def test_envelope_snr(developed):
    m = cells(PLAIN, developed)
    each = developed.mean((1, 2)) / developed.std((1, 2))
    pooled = developed.mean() / developed.std()
    print(f"envelope SNR {pooled:.4f} over {IMAGES} images of {m:.0f} cells (1.9131); worst image {each.min():.3f}")
    theory = math.sqrt(math.pi / (4 - math.pi))
    assert pooled.item() == pytest.approx(theory, abs=0.01)
    assert each[0].item() == pytest.approx(theory, abs=3 * 1.36 / math.sqrt(m))
    assert ((each - theory).abs() < 3 * 1.36 / math.sqrt(m)).float().mean() > 0.95


def test_intensity_std_over_mean(developed):
    power, m = developed.square(), cells(PLAIN, developed)
    each, pooled = power.std((1, 2)) / power.mean((1, 2)), power.std() / power.mean()
    print(f"intensity std / mean {pooled:.4f} (1)")
    assert pooled.item() == pytest.approx(1, abs=0.02)
    assert each[0].item() == pytest.approx(1, abs=3 / math.sqrt(m))


def test_log_envelope_std(developed):
    level, m = 20 * torch.log10(developed), cells(PLAIN, developed)
    each, pooled = level.std((1, 2)), level.std()
    print(f"std of the log envelope {pooled:.3f} dB (5.57)")
    assert pooled.item() == pytest.approx(5.57, abs=0.1)
    assert each[0].item() == pytest.approx(5.57, abs=3 * 5.9 / math.sqrt(m))


def test_kolmogorov_smirnov_against_rayleigh(developed):
    along, across, _ = kernel(PLAIN, 20.0)
    # Samples two correlation widths apart are as good as independent.
    rows, columns = (math.ceil(2 * autocorrelation(h).sum()) for h in (along, across))
    samples = developed[:8, ::rows, ::columns].flatten().numpy()
    scale = math.sqrt((samples.astype(float) ** 2).mean() / 2)
    p = stats.kstest(samples, "rayleigh", args=(0, scale)).pvalue
    print(f"Kolmogorov-Smirnov p {p:.2f} of {len(samples)} samples")
    assert p > 0.01
    # The test can fail: so many samples of another law are told apart.
    assert stats.kstest(np.abs(np.random.default_rng(0).normal(size=len(samples))), "rayleigh").pvalue < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("depth_mm", [8.0, 20.0, 34.0])
def test_width_of_the_intensity_autocovariance(depth_mm):
    scene = replace(PLAIN, centre_frequency_mhz=5, receive_f_number=2, transmit_f_number=4, aperture_cm=1.2)
    power = speckle(scene)["envelope"].square().double()
    step = 10 * scene.depth_cm / (2 * SIZE)
    band = power[:, round((depth_mm - 3) / step) : round((depth_mm + 3) / step)] - 1  # theory's mean is 1
    along, across, _ = kernel(scene, depth_mm)
    for name, h, dim in (("axial", along, 1), ("lateral", across, 2)):
        lags = range(min(40, band.shape[dim] - 1))
        size = band.shape[dim]
        measured = [float((band.narrow(dim, 0, size - k) * band.narrow(dim, k, size - k)).mean()) for k in lags]
        theory = autocorrelation(h)
        theory = theory[len(theory) // 2 :][: len(lags)]
        widths = [area_width(np.array(c)) for c in (measured, theory)]
        print(f"{name} width at {depth_mm:g} mm: {widths[0] * step:.3f} mm, theory {widths[1] * step:.3f} mm")
        assert widths[0] == pytest.approx(widths[1], rel=0.03)


def area_width(covariance: np.ndarray) -> float:
    """Width at half maximum of a symmetric, smooth curve given from lag 0 on, interpolated by a cubic spline."""
    from scipy.interpolate import CubicSpline

    curve = CubicSpline(np.arange(len(covariance)), covariance / covariance[0] - 0.5)
    return 2 * min(root for root in curve.roots(extrapolate=False) if root > 0)


def test_lateral_width_under_a_fixed_aperture():
    # Received by a hard-edged aperture, sent as a plane wave: the width at −6 dB of sin(x)/x is 1.207 λz/D.
    ratios = []
    for megahertz, aperture_cm, depth in ((5, 1, 20), (5, 1, 40), (5, 1, 60), (8, 1, 40), (5, 2, 60)):
        scene = replace(PLAIN, centre_frequency_mhz=megahertz, aperture_cm=aperture_cm, receive_f_number=0.5,
                        plane_wave_degrees=(0,), taper=0, depth_cm=8, width_cm=8)  # fmt: skip
        x, z = np.linspace(-15, 15, 601), np.linspace(depth - 2, depth + 2, 81)
        line = image_points([0.0], [depth], [1.0], x, z, scene).abs()[40]
        expected = 1.207 * scene.wavelength_mm * depth / (10 * aperture_cm)
        ratios.append(width_at_half(line, 0.05) / expected)
        *_, across, pitch = point_spread([scene], torch.tensor([[[float(depth)]]]))
        assert width_at_half(across[0, 0], float(pitch)) == pytest.approx(expected, rel=0.05)
    print("lateral width over 1.207 λz/D:", " ".join(f"{r:.3f}" for r in ratios))
    assert ratios == pytest.approx([1] * 5, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("per_cell", [1, 5])
def test_density_law(per_cell):
    # Even in depth: a receive aperture that grows, a plane wave sent. Rayleigh amplitudes: κ = E[a⁴] / E[a²]² = 2.
    scene = replace(PLAIN, plane_wave_degrees=(0,), receive_f_number=1.0, aperture_cm=10, scatterers_per_cell=per_cell)
    power = speckle(scene, images=96)["envelope"].square().double()
    excess = float(power.square().mean() / power.mean() ** 2 - 2)
    along, across, step = kernel(scene, 20.0)
    density = per_cell / float(cells_mm2([scene], torch.tensor([[[20.0]]])))
    lengths = [float(h.abs().square().sum() ** 2 / h.abs().pow(4).sum()) * step for h in (along, across)]
    expected = 2 / (density * lengths[0] * lengths[1])
    print(f"excess {excess:.4f} at {per_cell} scatterers a cell, κ/N_eff {expected:.4f}")
    assert excess == pytest.approx(expected, rel=0.10)


@pytest.mark.slow
def test_density_law_of_phase_exact_points():
    # Scatterers of equal strength, their places drawn outside of the simulator: κ = 1.
    scene = replace(PLAIN, plane_wave_degrees=(0,), receive_f_number=1.0, aperture_cm=10)
    density = 3 / float(cells_mm2([scene], torch.tensor([[[15.0]]])))
    x, z = np.linspace(-8, 8, 321), np.linspace(10, 20, 321)
    random = np.random.default_rng(0)
    first = second = 0.0
    for _ in range(64):
        number = random.poisson(density * 16 * 10)
        field = image_points(
            random.uniform(-8, 8, number), random.uniform(10, 20, number), np.ones(number), x, z, scene
        )
        power = field[40:-40, 40:-40].abs().double().square()
        first, second = first + power.mean() / 64, second + power.square().mean() / 64
    excess = float(second / first**2 - 2)
    print(f"excess {excess:.4f} of points, κ/N_eff {1 / 3:.4f}")
    assert excess == pytest.approx(1 / 3, rel=0.10)


def energy_db(scene: Scene, loss_db_per_mhz: np.ndarray) -> np.ndarray:
    """∫|G|² 10^(−loss·f/10) df in dB, by quadrature on the raised cosine written out again."""
    f = np.linspace(0, 3 * scene.centre_frequency_mhz, 20001)
    u = (f - scene.centre_frequency_mhz) / (scene.bandwidth * scene.centre_frequency_mhz)
    g2 = np.where(np.abs(u) < 1, np.cos(np.pi / 2 * u) ** 4, 0)
    left = (g2 * 10 ** (-np.asarray(loss_db_per_mhz)[..., None] * f / 10)).sum(-1)
    return 10 * np.log10(left / g2.sum())


LOSSY = replace(PLAIN, attenuation_db_cm_mhz=0.7, centre_frequency_mhz=6, bandwidth=0.7, tgc=0, depth_cm=5, width_cm=5)


@pytest.mark.slow
def test_attenuation_slope():
    power = speckle(LOSSY)["envelope"].square().mean((0, 2))
    z = (np.arange(2 * SIZE) + 0.5) * 50 / (2 * SIZE)
    measured = np.polyfit(z, 10 * np.log10(power.numpy()), 1)[0]
    expected = np.polyfit(z, energy_db(LOSSY, 0.2 * 0.7 * z), 1)[0]
    narrow = -0.2 * 0.7 * 6
    print(f"attenuation {measured:.4f} dB/mm, spectrum-weighted {expected:.4f}, at the centre frequency {narrow:.3f}")
    assert measured == pytest.approx(expected, rel=0.03)
    assert abs(expected / narrow - 1) > 0.05  # the weighting matters here, so the test can tell


@pytest.mark.slow
def test_shadow_depth():
    def slab(grid):
        """1.2 dB/cm/MHz more between 15 and 25 mm on the left half: two-way, so 0.24 dB/MHz a mm."""
        return 0.24 * (grid.range_mm - 15).clamp(0, 10) * (grid.line < 0)

    power = speckle(LOSSY, extra=slab)["envelope"].square()
    below = power[:, round(30 / 50 * 256) :, :]
    measured = 10 * torch.log10(below[..., :80].mean((0, 2)) / below[..., -80:].mean((0, 2))).mean().item()
    z = np.linspace(30, 50, 200)
    expected = (energy_db(LOSSY, 0.14 * z + 2.4) - energy_db(LOSSY, 0.14 * z)).mean()
    above = 10 * torch.log10(power[:, :60, :80].mean() / power[:, :60, -80:].mean()).item()
    print(f"shadow {measured:.2f} dB, spectrum-weighted {expected:.2f}; above the slab {above:+.2f} dB")
    assert measured == pytest.approx(expected, rel=0.03)
    assert abs(above) < 0.3


@pytest.mark.slow
def test_mean_frequency_shift():
    field = speckle(LOSSY, size=256, images=32)["received"]
    field = field / field.abs().square().mean((0, 2), keepdim=True).sqrt()  # the strong upper rows must not outweigh
    step = 50 / 512
    # The mean turn from sample to sample is the mean frequency: beyond the carrier, 2·step/c later.
    lag = 2 * step / SPEED_MM_PER_US
    turn = (field[:, 1:] * field[:, :-1].conj()).sum((0, 2)).unflatten(0, (-1, 73)).sum(1)
    measured = turn.angle().numpy() / (2 * math.pi * lag)
    z = (np.arange(511) + 1).reshape(-1, 73).mean(1) * step
    f = np.linspace(0, 18, 20001)
    u = (f - 6) / (0.7 * 6)
    power = np.where(np.abs(u) < 1, np.cos(np.pi / 2 * u) ** 4, 0) * 10 ** (-0.14 * z[:, None] * f / 10)
    expected = np.angle((power * np.exp(2j * np.pi * (f - 6) * lag)).sum(1)) / (2 * math.pi * lag)
    print("mean frequency shift, MHz:", " ".join(f"{m:.3f} ({e:.3f})" for m, e in zip(measured, expected, strict=True)))
    assert np.abs(measured[1:] / expected[1:] - 1).max() < 0.03
    assert measured[0] == pytest.approx(expected[0], abs=0.02)


@pytest.mark.slow
def test_flatness_with_matched_tgc():
    power = speckle(replace(LOSSY, tgc=1))["envelope"].square().mean((0, 2)).unflatten(0, (16, -1)).mean(1)
    level = 10 * torch.log10(power)
    print(f"level along depth with matched TGC: {level.min():+.2f} to {level.max():+.2f} dB")
    assert level.abs().max() < 0.5


@pytest.mark.slow
def test_background_tells_nothing_of_the_lesion():
    count = 2000
    chosen = {"without_target": 0.5}
    data, scenes = simulate_ultrasound(count, size=64, seed=0, **chosen), ultrasound_scenes(count, seed=0, **chosen)
    images, outside = data.images[:, 0], ~data.masks[:, 0]
    seen = torch.cat([in_view([scene], 64) for scene in scenes])
    present = np.array([scene.contrast_db is not None for scene in scenes])
    assert (present == ~data.empty.numpy()).all()
    contrast = np.array([scene.contrast_db or 0.0 for scene in scenes])[present]
    area = data.masks.flatten(1).sum(1).numpy()[present]
    for name, where in (("all pixels", outside), ("where lines look", outside & seen)):
        mean = ((images * where).sum((1, 2)) / where.sum((1, 2))).numpy()
        lesion = mean[present]
        presence = auc(lesion, mean[~present])
        sign = auc(lesion[contrast > 0], lesion[contrast < 0])
        size = stats.spearmanr(lesion, area)[0]
        print(
            f"background mean, {name}: AUC of presence {presence:.3f}, of the sign {sign:.3f}; ρ with area {size:+.3f}"
        )
        assert 0.45 < presence < 0.55 and 0.45 < sign < 0.55 and abs(size) < 0.1


def auc(a: np.ndarray, b: np.ndarray) -> float:
    return stats.mannwhitneyu(a, b).statistic / len(a) / len(b)


def beam_by_integral(scene: Scene, z: float, x: torch.Tensor) -> torch.Tensor:
    """|transmit · receive| across the beam at depth ``z`` mm, by Fresnel's integral over both apertures."""
    wavelength, focus = 1.54 / scene.centre_frequency_mhz, 10 * scene.focus_cm

    def field(width: float, curvature: float) -> torch.Tensor:
        a = torch.linspace(-width / 2, width / 2, 2001, dtype=torch.float64)
        phase = math.pi / wavelength * (a.square() * curvature + 2 * a * x[:, None] / z)
        return torch.polar(torch.ones_like(phase), phase).mean(1)

    return (field(focus / scene.transmit_f_number, 1 / z - 1 / focus) * field(z / scene.receive_f_number, 0.0)).abs()


@pytest.mark.parametrize("transmit_f", [2.0, 4.0])
@pytest.mark.parametrize("z", [20.0, 40.0, 60.0])
def test_the_beam_is_fresnels_integral_in_and_out_of_focus(z, transmit_f):
    scene = Scene(depth_cm=8, centre_frequency_mhz=5, receive_f_number=6, transmit_f_number=transmit_f, focus_cm=4,
                  aperture_cm=10, taper=0, attenuation_db_cm_mhz=0, contrast_db=None)  # fmt: skip
    _, _, across, pitch = point_spread([scene], torch.full((1, 1, 1), z))
    x = torch.arange(-400, 401, dtype=torch.float64) * 0.02
    ours, theirs = width_at_half(across[0, 0], float(pitch)), width_at_half(beam_by_integral(scene, z, x), 0.02)
    assert ours == pytest.approx(theirs, rel=0.05)
