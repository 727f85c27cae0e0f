"""Outlines of masks as lines to draw: few points, whole numbers, small enough to send often (lesson 04)."""

import numpy as np
from contourpy import contour_generator
from torch import Tensor

FINE = 4  # coordinates are in quarters of a pixel


def outlines(mask: Tensor, tolerance: float = 0.35) -> list[list[int]]:
    """The outlines of a bool mask ``[H, W]``: a list ``[x, y, x, y, …]`` each, in quarters of a pixel, closed.

    Pixel (0, 0) lies at the origin. Points that lie within ``tolerance`` pixels of the line without them are left out
    (Douglas and Peucker, 1973).
    """
    padded = np.pad(mask.cpu().numpy().astype(float), 1)  # an outline that meets the picture's edge closes along it
    lines = contour_generator(z=padded).lines(0.5)
    return [(_simplified(line - 1, tolerance) * FINE).round().astype(int).ravel().tolist() for line in lines]


def _simplified(line: np.ndarray, tolerance: float) -> np.ndarray:
    """The points of a closed line, ``[N, 2]``, that matter. The two furthest apart stay in any case."""
    far = int(np.hypot(*(line - line[0]).T).argmax())
    keep = np.zeros(len(line), bool)
    keep[[0, far, -1]] = True
    parts = [(0, far), (far, len(line) - 1)]
    while parts:
        a, b = parts.pop()
        if b - a < 2:
            continue
        chord = line[b] - line[a]
        away = line[a + 1 : b] - line[a]
        length = np.hypot(*chord)
        distance = np.abs(chord[0] * away[:, 1] - chord[1] * away[:, 0]) / length if length else np.hypot(*away.T)
        k = int(distance.argmax())
        if distance[k] > tolerance:
            keep[a + 1 + k] = True
            parts += [(a, a + 1 + k), (a + 1 + k, b)]
    return line[keep]
