"""The figures of lessons 00 and 01: what they draw, not how it looks."""

import matplotlib
import pytest
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from usft_lib.plots import distance_inside, dots  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_distance_inside_counts_from_the_nearest_outside_pixel():
    mask = torch.zeros(7, 7, dtype=torch.bool)
    mask[1:6, 1:6] = True
    expected = torch.zeros(7, 7)
    expected[1:6, 1:6], expected[2:5, 2:5], expected[3, 3] = 1, 2, 3
    assert torch.equal(distance_inside(mask), expected)


def test_dots_draw_every_value_and_write_each_mean():
    axes = plt.figure().subplots()
    dots(axes, {"a": torch.tensor([0.0, 1.0]), "b": torch.tensor([0.2, 0.2, 0.5])}, "Dice")
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.0, 1.0], pytest.approx([0.2, 0.2, 0.5])]
    assert [text.get_text() for text in axes.texts] == ["0.50", "0.30"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b"]
