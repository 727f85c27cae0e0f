"""Echoes of scatterers at given places, each with its exact phase (lesson 05).

`ultrasound.simulate_ultrasound` draws random scatterers straight on its grid, which costs the same for any number of
them. Here they lie where the caller says, so the same scatterers can be given to another simulator.
"""

import math

import torch

from ..errors import BadInput
from .beam import pulses, tissue_loss
from .convolution import across_lines, along_lines
from .scene import SPEED_MM_PER_US, Scene


def image_points(x_mm, z_mm, reflectivity, x_axis_mm, z_axis_mm, scene: Scene) -> torch.Tensor:
    """The complex echo field of point scatterers, ``[len(z_axis_mm), len(x_axis_mm)]``; its abs is the envelope.

    A scatterer's phase is its own, 4π·f₀·z / c, in double precision: at 10 MHz an error of a tenth of a millimetre is
    more than a whole turn. Its blurred envelope is placed between the four grid points around it, so the grid should
    have four samples or more in a resolution cell. Attenuation is that of ``scene``; TGC and noise are left out.

    Args:
        x_mm, z_mm, reflectivity: place and strength of each scatterer, ``[N]``.
        x_axis_mm, z_axis_mm: evenly spaced places of lines and samples of a linear probe.

    Raises:
        BadInput: lengths that differ, an axis that is not even, or a scatterer outside the axes.
    """
    x, z, a = (torch.as_tensor(v, dtype=torch.float64).flatten() for v in (x_mm, z_mm, reflectivity))
    if not len(x) == len(z) == len(a):
        raise BadInput(f"{len(x)} x, {len(z)} z and {len(a)} reflectivities: give each scatterer all three.")
    x0, dx, columns = _axis("x_axis_mm", x_axis_mm)
    z0, dz, rows = _axis("z_axis_mm", z_axis_mm)
    column, row = (x - x0) / dx, (z - z0) / dz
    if len(x) and not (0 <= column.min() and column.max() <= columns - 1 and 0 <= row.min() and row.max() <= rows - 1):
        raise BadInput("Some scatterers lie outside the axes: leave them out, or make the axes longer.")

    beside = columns // 4  # the lateral convolution is circular: what runs around the edge is cut off
    depths = (z0 + dz * torch.arange(rows)).float()[None, :, None]
    loss = tissue_loss([scene], depths)
    pulse = pulses([scene], torch.full((1, 1, 1), dz), loss)
    k = (pulse.shape[-1] - 1) // 2
    phasor = torch.polar(a, -4 * math.pi * scene.centre_frequency_mhz * z / SPEED_MM_PER_US)
    grid = torch.zeros((rows + 2 * k) * (columns + 2 * beside), dtype=torch.complex128)
    left, upper = column.floor().long(), row.floor().long()
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - (column - left - right).abs()) * (1 - (row - upper - down).abs())
            at = (upper + down + k).clamp(max=rows + k - 1) * (columns + 2 * beside) + left + right + beside
            grid.index_add_(0, at, phasor * share)
    grid = grid.view(1, rows + 2 * k, -1).to(torch.complex64)
    deep = torch.nn.functional.pad(depths[:, :, 0], [k, k], mode="replicate")[:, :, None]
    field = across_lines(grid, [scene], deep, torch.full_like(deep, dx))
    return along_lines(field, pulse)[0, :, beside:-beside]


def _axis(name: str, values) -> tuple[float, float, int]:
    """First place, spacing and length of an even axis."""
    values = torch.as_tensor(values, dtype=torch.float64).flatten()
    steps = values.diff()
    if len(values) < 8 or not torch.allclose(steps, steps.mean().expand_as(steps), rtol=1e-3) or steps[0] <= 0:
        raise BadInput(f"{name} must be at least 8 evenly spaced, rising places in mm.")
    return float(values[0]), float(steps.mean()), len(values)
