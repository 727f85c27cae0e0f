"""The speckle bench without its sliders: one phantom, its picture, and what can be measured in it (lesson 06)."""

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from .beam import lateral_transfer, pulses, tissue_loss, width_at_half
from .geometry import Grid, picture_points
from .kept import Kept
from .scene import Scene
from .shapes import check_request, coverage
from .ultrasound import receive_and_show, send, true_contrast_db, with_clutter

RAYLEIGH_SNR = math.sqrt(math.pi / (4 - math.pi))  # mean over standard deviation of a Rayleigh envelope, 1.913


@dataclass(repr=False)
class Bmode:
    """A B-mode picture of a round lesion with what was measured in it, beside what theory says (lesson 06).

    Attributes:
        image, mask: ``[size, size]``, float32 0…1 and bool. ``spacing_mm``: side of a pixel.
        snr: mean over standard deviation of the envelope in the tissue beside the lesion.
        axial_mm, lateral_mm: size of the speckle there, full width at half maximum of the intensity's autocovariance.
        contrast_db: mean intensity in the lesion over that beside it.
        gcnr: generalised contrast-to-noise ratio: the share of pixels, 0…1, that grey alone can tell apart.
        theory: the first four as closed forms or integrals say, the SNR for fully developed speckle.
        stages: what the chain made on the way, as `simulate_ultrasound` returns it.
        scene: what was insonified.
    """

    image: torch.Tensor
    mask: torch.Tensor
    spacing_mm: float
    snr: float
    axial_mm: float
    lateral_mm: float
    contrast_db: float
    gcnr: float
    theory: dict[str, float]
    scene: Scene
    stages: dict[str, torch.Tensor]

    def __repr__(self) -> str:
        return (
            f"B-mode {len(self.image)} × {len(self.image)}: SNR {self.snr:.2f}, speckle {self.axial_mm:.2f} mm along, "
            f"{self.lateral_mm:.2f} mm across, contrast {self.contrast_db:+.1f} dB, gCNR {self.gcnr:.2f}"
        )


def bmode(
    centre_frequency_mhz: float = 5.0,
    bandwidth: float = 0.6,
    f_number: float = 2.0,
    depth_cm: float = 4.0,
    scatterers_per_cell: float = 20.0,
    attenuation_db_cm_mhz: float = 0.5,
    tgc: float = 1.0,
    dynamic_range_db: float = 60.0,
    contrast_db: float = -12.0,
    *,
    size: int = 256,
    seed: int = 0,
    phantom: "Phantom | None" = None,
) -> Bmode:
    """Image a phantom with one round lesion in its middle, and measure the picture (lesson 06).

    The same seed scatters the same random numbers, whatever the settings.

    Args:
        f_number: depth over aperture, on receive; on transmit it is 1.5 times that, focused on the lesion.
        scatterers_per_cell: mean number in a resolution cell; ``math.inf`` for fully developed speckle.
        tgc: share of the loss that time-gain compensation gives back, 0…1.
        contrast_db: −60 or less for an anechoic lesion. For the others see `Scene`.
        phantom: one that was imaged before, in place of ``size`` and ``seed``: many pictures of it take less time.

    Raises:
        BadInput: a setting out of its range.
    """
    scene = Scene(
        depth_cm=depth_cm, width_cm=depth_cm, centre_frequency_mhz=centre_frequency_mhz, bandwidth=bandwidth,
        receive_f_number=f_number, transmit_f_number=1.5 * f_number, focus_cm=depth_cm / 2, aperture_cm=10.0,
        scatterers_per_cell=scatterers_per_cell, attenuation_db_cm_mhz=attenuation_db_cm_mhz,
        noise_db=-70.0, clutter_db=-45.0, tgc=tgc, dynamic_range_db=dynamic_range_db,
        contrast_db=contrast_db, minor_radius_mm=1.5 * depth_cm, lesion_depth_cm=depth_cm / 2,
    )  # fmt: skip
    return (phantom or Phantom(size, seed)).image(scene)


class Phantom:
    """The phantom of `bmode`, to be imaged again and again: what a new scene leaves as it was is kept (lesson 06).

    Args:
        size, seed: as in `bmode`.
    """

    def __init__(self, size: int = 256, seed: int = 0):
        _, self.size = check_request(1, size)
        self._random = Kept("bench", seed)
        self._sent = self._heard = None  # the scenes whose echoes, and whose measurements, are kept

    def image(self, scene: Scene) -> Bmode:
        """The picture of a scene, and what is measured in it."""
        sent = replace(scene, tgc=1.0, dynamic_range_db=60.0)  # these two play no part in what comes back
        if sent != self._sent:
            self._random.begin()
            grid = Grid([scene], self.size, coarse=2)
            level = scene.contrast_db * coverage(_distance(scene, *grid.points()), 0.2)
            loss = tissue_loss([scene], grid.range_mm).expand_as(level)
            self._echoes = send([scene], with_clutter(level, 0.0, [scene]), loss, [self._random])
            self._after = self._random.place
            self._theory = _theory(scene, self.size)
            self._mask = _distance(scene, *picture_points([scene], self.size))[0] < 0
            self._sent, self._heard = sent, None
        self._random.place = self._after
        stages = self._echoes | receive_and_show([scene], self._echoes["echoes"], [self._random])
        made = {name: value[0] for name, value in stages.items()}
        heard = replace(scene, dynamic_range_db=60.0)
        if heard != self._heard:
            self._measured, self._heard = _measure(scene, made["envelope"]), heard
        found, spacing = {**self._measured, "theory": dict(self._theory)}, scene.side_mm / self.size
        return Bmode(made["image"], self._mask, spacing, **found, scene=scene, stages=made)


def _distance(scene: Scene, x, z):
    return torch.hypot(x, z - 10 * scene.lesion_depth_cm) - scene.minor_radius_mm


def _measure(scene: Scene, envelope: torch.Tensor) -> dict[str, float]:
    """SNR, speckle size, contrast and gCNR from an envelope ``[rows, lines]``."""
    rows = len(envelope)
    step = 10 * scene.depth_cm / rows
    # Well inside the lesion, and beside it at the same depths: bool, as the envelope.
    z = ((torch.arange(rows) + 0.5) * step - 10 * scene.lesion_depth_cm)[:, None]
    x = ((torch.arange(rows) + 0.5) * step - 5 * scene.width_cm)[None]
    radius = scene.minor_radius_mm
    inside, beside = torch.hypot(x, z) < 0.8 * radius, (x.abs() > 1.25 * radius) & (z.abs() < 0.8 * radius)
    power, parts = envelope.square(), [envelope[part] for part in (inside, beside)]
    levels = [20 * torch.log10(part.clamp_min(1e-9)) for part in parts]
    histograms = [torch.histc(level, 96, -90.0, 50.0) / len(level) for level in levels]
    band = torch.where(beside.any(1))[0]
    left = power[band[0] : band[-1] + 1, : int(torch.where(~beside[band[len(band) // 2]])[0][0])]
    along, across = (width_at_half(a, step / 8) for a in _autocovariance(left))
    return {
        "snr": float(parts[1].mean() / parts[1].std()),
        "axial_mm": along,
        "lateral_mm": across,
        "contrast_db": float(10 * torch.log10(parts[0].square().mean() / parts[1].square().mean())),
        "gcnr": float(1 - torch.minimum(*histograms).sum()),
    }


def _autocovariance(power: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The intensity's autocovariance along and across the beam, with eight points a sample, its peak in the middle."""
    widths = []
    for dim in (0, 1):
        length = power.shape[dim]
        spectrum = torch.fft.rfft(power - power.mean(), 2 * length, dim=dim).abs().square().sum(1 - dim)
        # Fewer pairs are far apart than close: without this the covariance would fall too fast.
        apart = torch.fft.fftfreq(2 * length, 1 / (2 * length)).abs()
        widths.append(_finely(torch.fft.irfft(spectrum, 2 * length) / (length - apart).clamp_min(0.5)))
    return tuple(widths)


def _finely(line: torch.Tensor, reach: int = 24) -> torch.Tensor:
    """The middle of a periodic line, ``reach`` samples either side of 0, with eight points a sample."""
    reach = min(reach, len(line) // 2 - 1)
    middle = line.roll(reach)[None, None, None, : 2 * reach + 1]
    return F.interpolate(middle, (1, 16 * reach + 1), mode="bicubic", align_corners=True).flatten()


def _theory(scene: Scene, size: int) -> dict[str, float]:
    """What the measurements would be without randomness, on the same grid."""
    step = 10 * scene.depth_cm / (2 * size)
    z = torch.full((1, 1, 1), 10 * scene.lesion_depth_cm)
    loss = tissue_loss([scene], z)
    spacing = torch.full((1, 1, 1), step)
    along = pulses([scene], spacing, loss)[0, 0]
    across = torch.fft.fftshift(torch.fft.ifft(lateral_transfer([scene], z, spacing, 2 * size, loss))[0, 0])
    widths = []
    for h in (along, across):  # fully developed speckle: the intensity's autocovariance is that of h, squared
        spectrum = torch.fft.fft(h, 4 * size).abs().square()
        widths.append(width_at_half(_finely(torch.fft.ifft(spectrum).abs().square()), step / 8))
    along, across = widths
    return {"snr": RAYLEIGH_SNR, "axial_mm": along, "lateral_mm": across, "contrast_db": true_contrast_db(scene)}
