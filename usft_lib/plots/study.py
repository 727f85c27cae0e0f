"""Figures of the study that are neither curves against k nor differences in rows (lessons 11, 13)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .style import COLOURS, MARKERS, STYLE, literal


def places_figure(points: Mapping[str, Mapping[str, tuple]], slopes: Mapping[str, float]) -> Figure:
    """Sets of layers at their places, each less the mean of its budget, a panel per target (lesson 11).

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


def passes_figure(costs: Mapping[str, Mapping[str, float]], label: str, title: str = "") -> Figure:
    """What a step does, in stacked bars, a bar per strategy (lesson 13).

    Args:
        costs: by strategy and by kind of work.
    """
    kinds = list(next(iter(costs.values())))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(9, 0.55 * len(costs) + 1.6), layout="constrained")
        left = np.zeros(len(costs))
        for kind, colour, hatch in zip(kinds, ("0.75", COLOURS[5], COLOURS[4]), ("", "///", ".."), strict=False):
            values = np.array([by_kind[kind] for by_kind in costs.values()])
            axes.barh(list(costs), values, left=left, color=colour, hatch=hatch, edgecolor="white", label=literal(kind))
            left += values
        for row, share in enumerate(left):
            axes.annotate(f"{share:.2f}", (share, row), (4, 0), textcoords="offset points", va="center")
        axes.set(xlabel=literal(label), xlim=(0, 1.1 * left.max()), title=literal(title))
        axes.invert_yaxis()
        axes.grid(False, axis="y")
        figure.legend(loc="outside lower center", ncols=len(kinds), frameon=False)
    return figure


def arrivals_figure(steps: Mapping[str, list], end: int, title: str = "") -> Figure:
    """When each training arrived, a row per strategy; hollow marks at the end: not within these steps (lesson 13).

    Args:
        steps: by strategy, for each training a step or None.
        end: the last step.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(9, 0.6 * len(steps) + 1.5), layout="constrained")
        for row, by_training in enumerate(steps.values()):
            for place, step in enumerate(by_training):
                height = -row + 0.13 * (place - (len(by_training) - 1) / 2)  # so that none hides another
                fill = {"markerfacecolor": "white"} if step is None else {}
                look = {"color": COLOURS[row % 7], "markersize": 7, **fill}
                axes.plot(end if step is None else step, height, MARKERS[row % 7], **look)
        axes.axvline(end, color="0.6", linewidth=1)
        axes.set_yticks(range(0, -len(steps), -1), map(literal, steps))
        axes.set(xlabel=f"step of arrival (hollow: more than {end})", xlim=(0, 1.06 * end), title=literal(title))
        axes.grid(False, axis="y")
    return figure


# Names above, left and below: groups of two sides that lie close keep readable names.
NAMED = (
    {"xytext": (0, 8), "ha": "center", "va": "bottom"},
    {"xytext": (-9, 0), "ha": "right", "va": "center"},
    {"xytext": (0, -8), "ha": "center", "va": "top"},
)


def gains_figure(points: Mapping[str, Mapping[str, tuple]]) -> Figure:
    """What a group asked for before training, and what it gained when trained alone, a panel per target (lesson 14).

    Encoder, bottleneck and decoder have a colour and a mark each; the large mark is the mean of a group.

    Args:
        points: by target and by group ``(ratios, gains)``, a number per seed each.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(points), figsize=(5.6 * len(points), 4.6), layout="constrained", squeeze=False
        )
        for axes, (target, groups) in zip(panels[0], points.items(), strict=True):
            for group, (ratios, gains) in groups.items():
                side = ("enc", "bot", "dec").index(group[:3])
                look = {"color": COLOURS[side], "marker": MARKERS[side], "linestyle": "none"}
                axes.plot(ratios, gains, markersize=4, alpha=0.6, **look)
                middle = np.exp(np.mean(np.log(ratios))), np.mean(gains)
                axes.plot(*middle, markersize=9, markeredgecolor="black", **look)
                text = {"textcoords": "offset points", "fontsize": 9, **NAMED[side]}
                axes.annotate(literal(group), middle, **text)
            axes.axhline(0, color="0.3", linewidth=1)
            axes.set(title=literal(target), xscale="log")
            axes.set_xlabel("gradient ÷ weight (small marks: each training)")
            axes.margins(x=0.15)
        panels[0, 0].set_ylabel("gain in Dice, trained alone")
    return figure


def pareto_figure(panels: Mapping[tuple[str, str], Mapping[str, tuple]]) -> Figure:
    """Dice against a cost, two panels a row; a grey line joins the ways that no cheaper one beats (lesson 15).

    Args:
        panels: by ``(title, label of the cost)`` and by way ``(cost, mean, low, high)``.
    """
    rows = -(-len(panels) // 2)
    with plt.rc_context(STYLE):
        figure, grid = plt.subplots(rows, 2, figsize=(11.5, 4.4 * rows), layout="constrained", squeeze=False)
        for axes, ((title, label), ways) in zip(grid.flat, panels.items(), strict=False):
            for k, (way, (cost, mean, low, high)) in enumerate(ways.items()):
                look = {"color": COLOURS[k % 7], "marker": MARKERS[k % 7], "capsize": 3, "label": literal(way)}
                look |= {} if k < 7 else {"markerfacecolor": "white"}
                axes.errorbar([cost], [mean], [[mean - low], [high - mean]], linestyle="none", **look)
            front = []
            for cost, mean, *_ in sorted(ways.values(), key=lambda point: (point[0], -point[1])):
                if not front or mean > front[-1][1]:
                    front.append((cost, mean))
            axes.step(*zip(*front, strict=True), where="post", color="0.7", linewidth=4, alpha=0.6, zorder=0)
            wide = front[-1][0] > 100 * front[0][0]
            axes.set(title=literal(title), xlabel=literal(label), ylabel="Dice", xscale="log" if wide else "linear")
        figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    return figure
