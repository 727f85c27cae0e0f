"""The figures of lessons 00 and 01: what they draw, not how it looks."""

import matplotlib
import numpy as np
import pytest
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

import usft_lib as usft  # noqa: E402
from usft_lib.plots import distance_inside, dots, growing_masks_figure  # noqa: E402


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


def test_growing_masks_have_a_row_a_strategy_a_column_a_step_and_a_curve_each():
    image, true = torch.rand(1, 16, 16), torch.zeros(1, 16, 16, dtype=torch.bool)
    true[:, 4:8, 4:8] = True
    ends = {"a": 0.4, "b": 0.3}
    histories = {name: usft.History({}, val_step=[5, 10], val_dice=[0.2, end]) for name, end in ends.items()}
    snapshots = {name: {0: ~true, 5: true, 10: true & False} for name in histories}
    figure = growing_masks_figure(histories, snapshots, image, true, {"mean shape": 0.25})
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 6
    assert [axes.get_title() for axes in panels[:3]] == ["step 0", "step 5", "step 10"]
    (curves,) = [axes for axes in figure.axes if not axes.images]
    assert [np.asarray(line.get_ydata()).tolist() for line in curves.lines] == [[0.2, 0.4], [0.2, 0.3], [0.25, 0.25]]
    assert [text.get_text() for text in curves.get_legend().get_texts()] == ["a", "b", "mean shape"]
