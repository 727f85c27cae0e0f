"""What the study found, read off planted records; and its figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from test_claims import everything, planted

import usft_lib as usft
from usft_lib import BadInput, charts
from usft_lib.outcomes import Outcomes


def test_committed_results_can_be_read_and_a_wrong_name_is_one_line():
    found = usft.results("lr")
    assert len(found.table) == len(found.records) == 144 and found.targets == ["busi", "hc18", "sim-ultrasound"]
    with pytest.raises(BadInput, match="there are those of .*lr"):
        usft.results("rl")


def test_means_and_differences_hold_the_planted_truth():
    found = Outcomes(planted(everything()))
    mean, low, high, seeds = found.dice("hc18", "first 2")
    assert low < 0.8 < high and seeds == 5 and mean == pytest.approx(found.mean("hc18", "first 2"))
    paired = found.difference("hc18", "first 2", "last 2")
    assert paired[1] < 0.1 < paired[2] and paired == found.difference("hc18", {"first 2": 1.0}, {"last 2": 1.0})
    assert paired[2] - paired[1] < high - low, "a hard image is hard for both, so the difference is surer"
    with pytest.raises(BadInput, match="first 9"):
        found.dice("hc18", "first 9")
    assert found.difference("busi", "first 2", "last 2") is None


def test_curves_pass_through_the_means_inside_their_bands():
    found, ks = Outcomes(planted(everything())), (1, 2, 4)
    axes = plt.figure().subplots()
    charts.against_k(axes, found, "hc18", {"first": ks, "last": ks})
    curves = {line.get_label(): line for line in axes.get_lines()}
    for kind in ("first", "last"):
        expected = [found.mean("hc18", f"{kind} {k}") for k in ks]
        np.testing.assert_allclose(curves[f"{kind} k"].get_ydata(), expected)
    low, high = found.dice("hc18", "first 1")[1:3]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() <= low and band[:, 1].max() >= high
    assert "everything" in {text.get_text() for text in axes.texts}
    plt.close()
    for kinds in ({}, {"first": ()}, {"first": (1, 9)}):
        with pytest.raises(BadInput):
            charts.against_k(plt.figure().subplots(), found, "hc18", kinds)
        plt.close()


def test_intervals_are_drawn_where_they_lie():
    axes = plt.figure().subplots()
    charts.intervals(axes, {"one": (0.03, 0.01, 0.05), "other": (-0.01, -0.04, 0.02)})
    spans = [tuple(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 2]
    assert (0.01, 0.05) in spans and (-0.04, 0.02) in spans
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "other"]
    plt.close()
