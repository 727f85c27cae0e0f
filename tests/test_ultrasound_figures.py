"""The figures of lessons 05 to 08: that they draw the numbers which they are given."""

import matplotlib
import numpy as np
import pytest
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

import usft_lib as usft  # noqa: E402
from usft_lib import plots  # noqa: E402
from usft_lib.simulate.points import image_points  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def scan():
    """A scan of a convex probe with its stages, its scene and the picture."""
    body = {"probe": "convex", "depth_cm": 8, "without_target": 0}
    data, stages = usft.simulate_ultrasound(1, size=64, seed=3, stages=True, **body)
    return data, {name: values[0] for name, values in stages.items()}, usft.ultrasound_scenes(1, seed=3, **body)[0]


def test_a_walk_ends_at_the_sum_of_its_arrows_and_histograms_are_densities():
    arrows = torch.polar(torch.ones(2, 5), torch.arange(10.0).view(2, 5))
    left, right = plots.walks_figure(arrows, {"five": arrows.repeat(50, 1).sum(1)}).axes
    for line, walk in zip(left.lines, arrows, strict=True):
        assert line.get_xdata()[0] == 0 and len(line.get_xdata()) == 6
        assert complex(line.get_xdata()[-1], line.get_ydata()[-1]) == pytest.approx(complex(walk.sum()), abs=1e-5)
    rayleigh = right.lines[-1]
    assert np.trapezoid(rayleigh.get_ydata(), rayleigh.get_xdata()) == pytest.approx(1, abs=1e-3)


def test_rows_of_echoes_share_a_scale_unless_one_is_far_stronger():
    probe = usft.Scene(depth_cm=2, width_cm=2, centre_frequency_mhz=5, attenuation_db_cm_mhz=0, contrast_db=None)
    across, down = (torch.arange(65) - 32) * 20 / 64, (torch.arange(256) + 0.5) * 20 / 256
    one = image_points([0.0], [10.0], [1.0], across, down, probe)
    rows = plots.echo_lines_figure({"one": one, "twice": 2 * one, "crowd": 50 * one}, probe, (8, 12)).axes
    heights = [axes.get_ylim()[1] for axes in rows]
    assert heights[0] == heights[1] == pytest.approx(1.5 * float(one.abs().max())) and heights[2] > 10 * heights[0]
    heard, envelope = rows[0].lines
    assert max(envelope.get_ydata()) == pytest.approx(float(one[:, 32].abs().max()))
    assert max(abs(heard.get_ydata())) <= 1.05 * max(envelope.get_ydata())  # an envelope holds its oscillation


def test_a_patch_has_one_size_on_the_grid_and_is_wider_further_down(scan):
    data, stages, scene = scan
    left, right = plots.grids_figure(
        stages["grey"], data.images[0], scene, {"near": ((-5, 5), (8, 16)), "far": ((-5, 5), (66, 74))}
    ).axes
    on_grid, in_picture = ([np.ptp(line.get_xdata()) for line in axes.lines] for axes in (left, right))
    assert on_grid == [pytest.approx(10)] * 2
    radius = 10 * scene.radius_cm
    assert in_picture == [pytest.approx(2 * (radius + far) * np.sin(np.deg2rad(5)), rel=1e-4) for far in (16, 74)]


def test_grains_lie_at_their_numbers_beside_the_line_of_theory():
    figure = plots.grains_figure({"3 MHz": [(0.4, 0.5)]}, {"3 MHz": [(1, 1.1), (2, 2.1)]})
    along, across = figure.axes
    assert along.lines[0].get_xydata().tolist() == [[0.4, 0.5]] and len(across.lines[0].get_xdata()) == 2
    assert along.lines[1].get_slope() == 1


def test_windows_have_a_curve_a_scanner_and_a_line_a_group():
    axes = plots.windows_figure({"fine": {1: 0.6, 3: 0.9}, "coarse": {1: 0.5, 3: 0.6}}, {"enc1": 5}, 0.3125).axes[0]
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[0.6, 0.9], [0.5, 0.6]]
    assert axes.lines[2].get_xdata()[0] == 5 and "0.31 mm" in axes.get_xlabel()


def test_the_overlap_is_one_minus_gcnr():
    draw = torch.Generator().manual_seed(0)
    inside, beside = torch.randn(4000, generator=draw), torch.randn(3000, generator=draw) + 1
    axes = plots.overlap_figure({"both": (inside, beside)}).axes[0]
    p, q = (line.get_ydata() for line in axes.lines)
    # Of two bells one spread apart: 2·Φ(−½) of each is overlap.
    assert np.minimum(p, q).sum() == pytest.approx(0.617, abs=0.03)


def test_differences_have_a_row_each_and_panels_share_their_scale():
    rows = {"a": (0.05, 0.01, 0.09), "b": (-0.2, -0.3, -0.1)}
    left, right = plots.differences_figure({"one": rows, "other": {"a": (0.0, -0.01, 0.01)}}).axes
    assert [line.get_xdata()[0] for line in left.lines[1:4:2]] == [0.05, -0.2]
    assert left.get_xlim() == right.get_xlim() and left.get_ylim() == right.get_ylim()
    assert [text.get_text() for text in left.texts] == ["+0.050", "-0.200", "0.02"]


def test_levels_have_a_sign_a_network_and_a_bar_for_the_mean_shape():
    home = {"home": (0.9, 0.8, 1.0)}
    scores = {"as it came": home | {"away": (0.5, 0.4, 0.6)}, "again": home | {"away": (0.7, 0.6, 0.8)}}
    axes = plots.levels_figure(scores, {"home": 0.7, "away": 0.65}).axes[0]
    signs = [line for line in axes.lines if line.get_marker() != "None"]
    assert [line.get_xdata()[0] for line in signs] == [0.9, 0.5, 0.9, 0.7]
    bars = [bar.get_segments()[0][0][0] for bar in axes.collections]
    assert bars == [0.7, 0.65]


def test_seeds_are_lines_from_strategy_to_strategy():
    axes = plots.seeds_figure({"a": [0.1, 0.2], "b": [0.3, 0.1]}, {"mean shape": 0.25}).axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.1, 0.3], [0.2, 0.1], [0.25, 0.25]]
    with pytest.raises(ValueError, match="shorter|longer"):  # seeds that only one of them has
        plots.seeds_figure({"a": [0.1, 0.2], "b": [0.3]}, {})


def test_a_training_is_drawn_with_its_mean_over_steps():
    history = usft.History({}, loss=[1.0, 0.0] * 20, val_step=[20, 40], val_dice=[0.4, 0.6])
    left, right = plots.training_figure(history, {"mean shape": 0.3}).axes
    assert left.lines[0].get_ydata().tolist() == [1.0, 0.0] * 20
    assert left.lines[1].get_ydata() == pytest.approx([0.5] * 16, abs=0.03)
    assert right.lines[1].get_ydata()[0] == 0.3
    with pytest.raises(usft.BadInput, match="validations"):
        plots.training_figure(usft.History({}, loss=[1.0]), {})


def test_drift_has_a_line_a_group_and_a_way():
    left, right = plots.drift_figure({"plain": {"enc1": [0, 1]}, "frozen": {"enc1": [0, 0]}},
                                     {"plain": [0.9, 0.8], "frozen": [0.9, 0.9]}, [0, 8]).axes  # fmt: skip
    assert [list(line.get_ydata()) for line in left.lines] == [[0, 1], [0, 0]]
    assert [list(line.get_ydata()) for line in right.lines] == [[0.9, 0.8], [0.9, 0.9]]


def test_a_number_for_each_group_is_drawn_along_the_path():
    axes = plots.by_group_figure({"one": {"enc1": 0.2, "head": 0.4}}, "CKA").axes[0]
    assert axes.lines[0].get_ydata().tolist() == [0.2, 0.4]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["enc1", "head"]
