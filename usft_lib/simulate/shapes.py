"""Shapes as signed distances in millimetres, shared by both simulators (lesson 05).

A signed distance is negative inside a shape, 0 on its border and positive outside. So one function gives the exact mask
(``distance < 0``), a soft-edged picture of the same shape (`coverage`) and bands along its border. Coordinates are
tensors ``x`` (to the right) and ``y`` (downward, the depth of a scan), of one shape or of shapes that broadcast.
"""

import math
from operator import index

import torch
import torch.nn.functional as F

from ..errors import BadInput


def check_request(n, size) -> tuple[int, int]:
    """``(n, size)`` as integers, if that many images of that size can be simulated, else `BadInput`."""
    for name, value in (("n", n), ("size", size)):
        try:
            index(value)
        except TypeError:
            raise BadInput(f"{name} must be a whole number, not {value!r}.") from None
    if n < 1:
        raise BadInput(f"n = {n}: simulate at least 1 image.")
    if size % 16 or not 32 <= size <= 512:
        raise BadInput(f"size = {size}: take a multiple of 16 between 32 and 512 pixels.")
    return index(n), index(size)


def drawer(generator: torch.Generator):
    """A function ``draw(low, high)`` that gives one uniform number from ``generator`` with every call."""

    def draw(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator).item()

    return draw


def grid(rows: int, columns: int, step: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample centres ``x [1, columns]`` (0 in the middle) and ``y [rows, 1]`` (0 at the top edge), ``step`` apart."""
    x = (torch.arange(columns) - (columns - 1) / 2) * step
    y = (torch.arange(rows) + 0.5) * step
    return x[None], y[:, None]


def rotate(x, y, degrees: float):
    """Coordinates in a frame that is turned by ``degrees`` about the origin."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return c * x + s * y, c * y - s * x


def ellipse(x, y, rx, ry):
    """Distance to an ellipse about the origin: exact for a circle, first-order near the border otherwise."""
    scaled = torch.sqrt((x / rx) ** 2 + (y / ry) ** 2).clamp_min(1e-6)
    slope = torch.sqrt((x / rx**2) ** 2 + (y / ry**2) ** 2).clamp_min(1e-6)
    return scaled * (scaled - 1) / slope


def blob(x, y, radius: float, aspect: float, waves: list[tuple[int, float, float]]):
    """Distance (about) to a closed border ``r(θ) = radius · (1 + Σ a cos(kθ + φ))``, flattened by ``aspect`` in y.

    ``waves`` lists ``(k, a, φ)``, Σ|a| < 1.
    """
    y = y / aspect
    angle = torch.atan2(y, x)
    border = radius * (1 + sum(a * torch.cos(k * angle + phase) for k, a, phase in waves))
    # Along a ray the distance is too long where the shape is flattened: the smaller scale keeps soft borders thin.
    return (torch.sqrt(x * x + y * y) - border) * torch.as_tensor(aspect).clamp(max=1.0)


def wave(x, parts: list[tuple[float, float, float]]):
    """A wavy line's height above ``x``: the sum of sines of ``(height, wavelength, phase)``."""
    return sum(height * torch.sin(2 * math.pi * x / length + phase) for height, length, phase in parts)


def coverage(distance, softness: float):
    """1 inside, 0 outside, a straight ramp of width ``softness`` (mm) across the border."""
    return (0.5 - distance / softness).clamp(0, 1)


def smooth_noise(generator: torch.Generator, rows: int, columns: int, cell_rows: float, cell_columns: float):
    """Smooth Gaussian noise ``[rows, columns]``, mean 0, sd about 1, whose bumps are about so many samples large."""
    coarse = [max(2, math.ceil(rows / cell_rows) + 1), max(2, math.ceil(columns / cell_columns) + 1)]
    noise = torch.randn([1, 1, *coarse], generator=generator)
    # Bicubic interpolation averages neighbours, which takes about a quarter of the standard deviation away.
    return 1.3 * F.interpolate(noise, (rows, columns), mode="bicubic", align_corners=True)[0, 0]
