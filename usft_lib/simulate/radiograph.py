"""Simulated chest radiographs with the exact visible lung field (lesson 01).

A chain of six steps: thickness maps of a procedural thorax (`thorax`), the Beer–Lambert law, scatter, quantum (Poisson)
noise, and a film-like display. Postero-anterior: the patient's right is on the picture's left. Anatomy and settings
vary more than in patients on purpose, so that a network trained here has some chance on real images; thicknesses and
coefficients are plausible, not measured.
"""

import math

import torch
import torch.nn.functional as F

from ..data import SegmentationData
from ..seeds import generator
from .shapes import check_request, coverage, drawer, grid, rotate
from .thorax import thorax

SOFT, BONE, METAL = 0.020, 0.045, 0.30  # linear attenuation per mm, about that of a 60-70 keV photon (titanium)
STAGES = ("soft_mm", "bone_mm", "metal_mm", "primary", "with_scatter", "with_noise", "display")
LETTERS = {"L": "100 100 100 100 111", "R": "110 101 110 101 101"}  # rows of a 3 × 5 letter


def simulate_radiographs(n: int, size: int = 128, seed: int = 0, stages: bool = False):
    """Simulate ``n`` chest radiographs, one per subject, with masks of the visible lung field (lesson 01).

    The mask covers both lungs without what is behind the heart, the mediastinum or the domes of the diaphragm. Image
    i depends only on the seed and on i, never on ``n``.

    Args:
        n, size: number of images; their side in pixels, a multiple of 16 from 32 to 512.
        stages: also return each step of the chain, a dict of tensors ``[n, 1, size, size]`` in order: thicknesses
            ``soft_mm``, ``bone_mm``, ``metal_mm``; shares of the bare beam ``primary``, ``with_scatter``,
            ``with_noise``; grey values ``display``, the images.

    Returns:
        `SegmentationData` "sim-radiographs": images float32 and masks bool ``[n, 1, size, size]``, ``spacing_mm``; with
        ``stages=True`` the pair ``(data, stages)``.

    Raises:
        BadInput: an argument out of its range.
    """
    n, size = check_request(n, size)
    kept = {name: torch.empty(n, 1, size, size) for name in (STAGES if stages else STAGES[-1:])}
    masks, spacing = torch.empty(n, 1, size, size, dtype=torch.bool), torch.empty(n)
    for i in range(n):
        steps, masks[i, 0], spacing[i] = radiograph(size, generator("radiograph", seed, i))
        for name, values in kept.items():
            values[i, 0] = steps[name]
    people = [f"xr{seed}-{i + 1:04d}" for i in range(n)]  # with the seed: person 1 of another seed is somebody else
    made = f"simulated, seed {seed}"
    images = kept["display"].clone() if stages else kept["display"]
    data = SegmentationData(images, masks, people, "sim-radiographs", spacing, ids=people.copy(), provenance=made)
    return (data, kept) if stages else data


def radiograph(size: int, random: torch.Generator) -> tuple[dict, torch.Tensor, float]:
    """One radiograph: all its stages ``[size, size]``, its mask, the size of a pixel in mm."""
    draw = drawer(random)
    field = draw(310, 410)  # side of the detector, mm
    x, y = grid(size, size, field / size)
    x, y = rotate(x - draw(-15, 15), y - field / 2, draw(-4, 4))
    x, y = x * draw(0.9, 1.1), y + field / 2 - draw(-15, 30)
    body = thorax(x, y, draw, random)
    primary = beam(body["soft"], body["bone"], body["metal"])
    scattered = scatter(primary, draw(0, 0.15))
    noisy = detect(scattered, 10 ** draw(3.7, 5.5), random)
    shown = develop(noisy, body["lungs"], draw)
    maps = (body["soft"], body["bone"], body["metal"], primary, scattered, noisy, shown)
    return dict(zip(STAGES, maps, strict=True)), body["lungs"] < 0, field / size


def beam(soft, bone, metal) -> torch.Tensor:
    """Beer–Lambert: the share of the photons that cross so many mm without being stopped or deflected."""
    return torch.exp(-SOFT * soft - BONE * bone - METAL * metal)


def scatter(primary, share: float) -> torch.Tensor:
    """Deflected photons on top: a wide, smooth fog that lifts the dark parts of the beam most, relatively."""
    wide = F.interpolate(F.adaptive_avg_pool2d(primary[None, None], 8), primary.shape, mode="bilinear")[0, 0]
    # Only the body scatters: without the limit the bare beam beside it would outshine everything.
    return primary + share * wide.clamp(max=0.1)


def detect(expected, quanta: float, random: torch.Generator) -> torch.Tensor:
    """Counted photons: Poisson noise of ``quanta`` photons a pixel in the bare beam, and a little blur."""
    seen = torch.poisson(expected * quanta, generator=random) / quanta
    blurred = F.avg_pool2d(F.pad(seen[None, None], [1, 1, 1, 1], mode="replicate"), 3, 1)[0, 0]
    return ((seen + blurred) / 2).clamp_min(0.5 / quanta)


def develop(intensity, lungs, draw) -> torch.Tensor:
    """Grey values 0…1: evened contrast, film curve, collimation, lettering; ``lungs`` is the distance to the field."""
    size = len(intensity)
    density = -torch.log(intensity)
    # Exposure is controlled under the lungs: they come out about equally dark in slim and in stout people.
    level = density[lungs < 0].mean()
    bare = density < 0.02
    # Digital systems take some of the coarse differences out, so that details show in lungs and belly alike.
    coarse = F.adaptive_avg_pool2d(density[None, None], 8)
    coarse = F.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)[0, 0]
    density = density - draw(0, 0.45) * (draw(0, 1) < 0.6) * (coarse - level)
    slope, dark = draw(1.2, 2.6), draw(0.18, 0.42)
    shift = math.log(dark / (1 - dark))
    grey, floor = torch.sigmoid(slope * (density - level) + shift), torch.sigmoid(-slope * level + shift)
    grey = ((grey - floor) / (1 - floor)).clamp(0, 1) ** draw(0.8, 1.25)
    grey = torch.where(bare, 0.0, grey)  # the bare beam is black
    x, y = grid(size, size, 1 / size)
    tilt = math.tan(math.radians(draw(-1.5, 1.5)))
    rows, columns = torch.where(lungs < 0)
    lowest, widest = y[rows, 0].max() + 0.04, x[0, columns].abs().max() + 0.02  # the shutters spare the lungs
    bottom = max(lowest, draw(0.72, 1.0)) if draw(0, 1) < 0.6 else 2
    side = max(widest, draw(0.4, 0.5)) if draw(0, 1) < 0.25 else 2
    grey = grey * coverage(y + tilt * x - bottom, 1 / size) * coverage(x.abs() - side, 1 / size)
    return letter(grey, x, y, draw)


def letter(grey, x, y, draw) -> torch.Tensor:
    """Lettering: in most pictures the marker R or L on its own side, and up to two name plates."""
    name = "R" if draw(0, 1) < 0.6 else "L"
    cx, cy, tall = draw(0.3, 0.45) * (-1 if name == "R" else 1), draw(0.03, 0.18), draw(0.03, 0.06)
    rows = torch.tensor([[float(dot) for dot in row] for row in LETTERS[name].split()])
    down, right = ((y - cy) / tall * 5).floor().long(), ((x - cx) / tall * 5).floor().long()
    inside = (down >= 0) & (down < 5) & (right >= 0) & (right < 3)
    ink = rows[down.clamp(0, 4), right.clamp(0, 2)] * inside * (draw(0, 1) < 0.75)
    grey = torch.where(ink > 0, draw(0.7, 1.0), grey)
    for _ in range(int(draw(0, 2.99))):
        cx, cy = draw(0.2, 0.48) * (1 if draw(0, 1) < 0.6 else -1), draw(0.02, 0.2)
        wide, high, paper = draw(0.01, 0.07), draw(0.01, 0.03), draw(0.6, 1.0)
        box = ((x - cx).abs() < wide) & ((y - cy).abs() < high)
        words = ((y - cy).abs() < 0.5 * high) & (torch.sin(x * draw(300, 500)) > 0.2) & (x - cx).abs().lt(0.8 * wide)
        grey = torch.where(box, paper * (1 - 0.8 * (words * (draw(0, 1) < 0.6))), grey)
    return grey
