"""Blurring by a point spread that changes with depth, across the lines and along them (lesson 05)."""

import torch
import torch.nn.functional as F

from .beam import lateral_transfer, tissue_loss
from .scene import Scene

ZONE = 4  # samples that share one lateral point spread: it changes slowly with depth
BLOCK = 32  # rows that one matrix makes


def across_lines(field: torch.Tensor, scenes: list[Scene], range_mm: torch.Tensor, pitch_mm: torch.Tensor):
    """Each scatterer smeared by the beam at its depth, ``[B, rows, columns]``; around the edges it wraps.

    ``range_mm`` and ``pitch_mm [B, rows, 1]`` as in `beam.lateral_transfer`.
    """
    rows, missing = field.shape[1], -field.shape[1] % ZONE

    def zones(values):
        return F.pad(values[:, :, 0], [0, missing], mode="replicate").unflatten(1, (-1, ZONE)).mean(2)[:, :, None]

    depths = zones(range_mm)
    transfer = lateral_transfer(scenes, depths, zones(pitch_mm), field.shape[2], tissue_loss(scenes, depths))
    spectrum = torch.fft.fft(F.pad(field, [0, 0, 0, missing]) if missing else field)
    return torch.fft.ifft((spectrum.unflatten(1, (-1, ZONE)) * transfer[:, :, None]).flatten(1, 2))[:, :rows]


def along_lines(field: torch.Tensor, pulse: torch.Tensor) -> torch.Tensor:
    """Each scatterer smeared by the pulse of its depth: ``[B, rows + 2K, columns]`` → ``[B, rows, columns]``.

    A band matrix per block of rows, not an FFT: the pulse changes with depth, and nothing wraps around.
    ``pulse [B, rows, 2K + 1]`` holds the pulse of each row that comes out.
    """
    rows, k = pulse.shape[1], (pulse.shape[2] - 1) // 2
    missing = -rows % BLOCK
    if missing:
        field, pulse = (F.pad(values, [0, 0, 0, missing]) for values in (field, pulse))
    parts = field.unfold(1, BLOCK + 2 * k, BLOCK)  # [B, rows / 32, columns, 32 + 2K]
    i, j = torch.arange(BLOCK, device=field.device)[:, None], torch.arange(BLOCK + 2 * k, device=field.device)[None]
    offset = i + k - j  # row that comes out minus row that goes in
    band = pulse.unflatten(1, (-1, BLOCK))[:, :, i, (offset + k).clamp(0, 2 * k)] * (offset.abs() <= k)
    return (band @ parts.transpose(2, 3)).flatten(1, 2)[:, :rows]
