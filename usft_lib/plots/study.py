"""Figures of the study that are neither curves against k nor differences in rows (lesson 11)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .style import COLOURS, MARKERS, STYLE, literal


def places_figure(points: Mapping[str, Mapping[str, tuple]], slopes: Mapping[str, float]) -> Figure:
    """Sets of layers at their places, each less the mean of its budget, a panel a target (lesson 11).

    Args:
        points: by target and by budget, ``(place, dice)``, each a list: 0 is the budget's mean.
        slopes: by target, Dice for the whole way from the input to the output.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(points), figsize=(5.4 * len(points), 4.3), layout="constrained", sharex=True, sharey=True,
            squeeze=False)  # fmt: skip
        for axes, (target, budgets) in zip(panels[0], points.items(), strict=True):
            for k, (budget, (place, dice)) in enumerate(budgets.items()):
                look = {"color": COLOURS[k % 7], "markersize": 8, "label": literal(f"as many as {budget}")}
                axes.plot(np.asarray(place), np.asarray(dice), MARKERS[k % 7], **look)
            axes.axline((0, 0), slope=slopes[target], color="black", linewidth=2)
            axes.axhline(0, color="0.5", linewidth=0.8)
            axes.set(title=literal(target), xlabel="place, less the budget's mean\n← input        output →")
        panels[0, 0].set_ylabel("Dice, less the budget's mean")
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def roads_figure(roads: Mapping[str, Mapping[str, Mapping[float, tuple]]]) -> Figure:
    """Differences along two kinds of shift, with their intervals (lesson 11).

    Args:
        roads: by panel and by kind of shift, for each shift ``(mean, low, high)``.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(roads), figsize=(5.6 * len(roads), 4.2), layout="constrained", squeeze=False
        )
        for axes, (title, kinds) in zip(panels[0], roads.items(), strict=True):
            for k, (kind, by_shift) in enumerate(kinds.items()):
                shift = np.array(list(by_shift)) + 0.012 * (2 * k - 1)
                mean, low, high = np.array(list(by_shift.values())).T
                look = {"color": COLOURS[k], "marker": MARKERS[k], "linestyle": ("-", "--")[k % 2], "capsize": 4}
                axes.errorbar(shift, mean, [mean - low, high - mean], label=literal(f"other {kind}"), **look)
            axes.axhline(0, color="0.3", linewidth=1)
            axes.set(title=literal(title), ylabel="difference in Dice", xlabel="shift (0: home)", xlim=(0, 1.06))
        panels[0, 0].legend(frameon=False, loc="upper left")
    return figure
