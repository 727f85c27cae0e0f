"""Outlines drawn as lines are filled, closed or cut by the picture's border, thick or thin."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import binary_fill_holes

from usft_lib.sources import outlines


def ellipse_outline(cy: float, cx: float, a: float, b: float, tilt: float, shape=(270, 400), width=2) -> np.ndarray:
    """An ellipse drawn as a line, cut by the border of the picture."""
    turn = np.linspace(0, 2 * np.pi, 2000)
    x = cx + a * np.cos(turn) * np.cos(tilt) - b * np.sin(turn) * np.sin(tilt)
    y = cy + a * np.cos(turn) * np.sin(tilt) + b * np.sin(turn) * np.cos(tilt)
    canvas = Image.new("L", shape[::-1])
    ImageDraw.Draw(canvas).line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=255, width=width)
    return np.asarray(canvas) > 0


def inside_ellipse(cy, cx, a, b, tilt, shape=(270, 400)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    along = (x - cx) * np.cos(tilt) + (y - cy) * np.sin(tilt)
    across = -(x - cx) * np.sin(tilt) + (y - cy) * np.cos(tilt)
    return (along / a) ** 2 + (across / b) ** 2 <= 1


CLOSED = [(135, 200, 90, 70, 0.3), (120, 180, 60, 40, 1.2), (140, 210, 20, 18, 0.0)]
OPEN = [(30, 200, 100, 80, 0.2), (250, 180, 90, 70, 0.0), (135, 200, 170, 150, 0.0), (60, 200, 110, 75, 1.4)]


@pytest.mark.parametrize("ellipse", CLOSED)
def test_closed_outlines_are_filled_and_the_hull_agrees(ellipse):
    outline = ellipse_outline(*ellipse)
    whole, hull = outlines.fill_whole(outline), outlines.fill_hull(outline)
    assert np.array_equal(whole, binary_fill_holes(outline))
    assert 2 * (hull & whole).sum() / (hull.sum() + whole.sum()) > 0.99


@pytest.mark.parametrize("width", [1, 3, 6])
@pytest.mark.parametrize("ellipse", CLOSED)
def test_heads_end_at_the_middle_of_the_line_however_thick(ellipse, width):
    got, exact = outlines.fill_outline(ellipse_outline(*ellipse, width=width)), np.pi * ellipse[2] * ellipse[3]
    around = np.pi * (ellipse[2] + ellipse[3])
    assert abs(got.sum() - exact) / around < 0.75  # mean distance from the true ellipse in pixels


@pytest.mark.parametrize("ellipse", OPEN)
def test_outlines_cut_by_the_border_are_closed(ellipse):
    outline = ellipse_outline(*ellipse)
    assert binary_fill_holes(outline).sum() < 1.2 * outline.sum()  # so filling alone fails
    got, expected = outlines.fill_outline(outline), inside_ellipse(*ellipse)
    assert 2 * (got & expected).sum() / (got.sum() + expected.sum()) > 0.98


def test_outline_of_nothing_stays_nothing():
    assert not outlines.fill_outline(np.zeros((20, 20), bool)).any()
    line = np.zeros((20, 20), bool)
    line[4, 3:12] = True
    assert np.array_equal(outlines.fill_outline(line), line)
