"""Random scatterers on the acoustic grid: too many to count, or so few that it shows (lesson 05)."""

import math

import torch
import torch.nn.functional as F

from .beam import NEPER_PER_DB, cells_mm2
from .geometry import Grid, stacked
from .kept import Kept
from .scene import Scene

MANY = 16  # scatterers in a sample; a Poisson number with that mean is as good as normal


def scatterers(scenes: list[Scene], grid: Grid, amplitude_db: torch.Tensor, randoms) -> torch.Tensor:
    """Random scatterers on the acoustic grid, complex ``[B, rows, columns]``, of mean power ``amplitude_db``.

    Every sample stands for the scatterers around it: a Poisson number of them, each with a random phase and a Rayleigh
    amplitude. Given their number, the sum of such phasors is complex Gaussian, so one draw does for any number; with
    infinitely many it is the Gaussian alone, fully developed speckle. Phases are random because the sub-wavelength
    places are.
    """
    rows, columns = grid.range_mm.shape[1], grid.line.shape[2]
    white = white_noise(rows, columns, randoms).to(grid.device)
    fine = F.interpolate(amplitude_db[:, None], scale_factor=2, mode="bilinear")[:, 0]
    if all(math.isinf(s.scatterers_per_cell) for s in scenes):
        return white * amplitude(fine)
    # So many in the resolution cell at the focus.
    number, focus = stacked(scenes, "scatterers_per_cell", "focus_cm")
    per_sample = (grid.sample_mm * grid.pitch_mm).cpu() * (number / cells_mm2(scenes, 10 * focus))  # [B, rows, 1]
    counts = torch.empty(len(scenes), rows, columns)
    for part, rate, random in zip(counts, per_sample, randoms, strict=True):
        part.copy_(_counts(rate, columns, random))
    return white * (amplitude(fine) * counts.to(grid.device))


def amplitude(decibels: torch.Tensor) -> torch.Tensor:
    """10^(dB / 20)."""
    return torch.exp(decibels * NEPER_PER_DB)


def white_noise(rows: int, columns: int, randoms) -> torch.Tensor:
    """Complex white noise of unit power, ``[B, rows, columns]``, each image's from its own stream."""
    if len(randoms) == 1:  # without a copy
        return torch.view_as_complex(_draw(_half_normal, (rows, columns, 2), randoms[0])[None])
    white = torch.empty(len(randoms), rows, columns, 2)
    for part, random in zip(white, randoms, strict=True):
        part.copy_(_draw(_half_normal, (rows, columns, 2), random))
    return torch.view_as_complex(white)


def _half_normal(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Normal numbers of variance ½, so that the two parts of a complex one have 1 together."""
    return torch.empty(shape).normal_(0, math.sqrt(0.5), generator=generator)


def _draw(draw, shape: tuple[int, ...], random: torch.Generator | Kept) -> torch.Tensor:
    return random.draw(draw, shape) if isinstance(random, Kept) else draw(shape, generator=random)


def _counts(rate: torch.Tensor, columns: int, random: torch.Generator) -> torch.Tensor:
    """Root of a Poisson number over its mean, for each sample, ``[rows, columns]``; 1 where the mean is infinite."""
    if rate.isinf().any():
        return torch.ones(len(rate), columns)
    if rate.max() > MANY:
        normal = _draw(torch.randn, (len(rate), columns), random)
        return (1 + normal / rate.sqrt()).clamp_min(0).sqrt()
    # The number is where a uniform one falls among the sums of probabilities, e^−ρ ρ^k / k!.
    uniform = _draw(torch.rand, (len(rate), columns), random)
    k = torch.arange(math.ceil(rate.max() + 7 * rate.max() ** 0.5) + 8)  # beyond that lies less than 1 in 10⁷
    sums = torch.exp(k * rate.log() - rate - torch.lgamma(k + 1.0)).cumsum(1)
    return torch.searchsorted(sums, uniform, out_int32=True).div(rate).sqrt_()
