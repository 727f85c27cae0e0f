"""A training's curves, scores in order, trainings side by side, drift, differences (lessons 00, 03, 04, 07, 08)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..errors import BadInput
from ..intervals import MARGIN
from ..training import History
from .style import COLOURS, MARKERS, STYLE, literal

SMOOTH = 25  # steps


def training_figure(history: History, levels: Mapping[str, float], title: str = "") -> Figure:
    """The loss of the training images, and the Dice of validation images, step by step (lesson 03).

    Args:
        levels: Dice values to compare with, as horizontal lines, by name.

    Raises:
        BadInput: the history has no validations.
    """
    if not history.val_dice:
        raise BadInput("This history has no validations: train with usft.fit(model, train, val, …).")
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
        left.plot(range(1, len(history.loss) + 1), history.loss, color=COLOURS[5], linewidth=0.8, label="each step")
        width = min(SMOOTH, len(history.loss))
        smooth = np.convolve(history.loss, np.ones(width) / width, "valid")
        places = np.arange(len(smooth)) + (width + 1) / 2
        left.plot(places, smooth, color=COLOURS[0], linewidth=2.5, label=f"mean of {width} steps")
        left.set(xlabel="training step", ylabel="loss", ylim=(0, None), title="Training images")
        right.plot(history.val_step, history.val_dice, color=COLOURS[1], marker="s", label="the network")
        for (name, level), line in zip(levels.items(), ("dashed", "dotted", "dashdot"), strict=False):
            right.axhline(level, color="0.3", linestyle=line, label=literal(name))
        right.set(xlabel="training step", ylabel="Dice", ylim=(0, 1), title="Subjects it does not learn from")
        for axes in (left, right):
            axes.legend(frameon=False)
        figure.suptitle(literal(title))
    return figure


def ordered_figure(scores: Mapping[str, np.ndarray], label: str = "Dice", title: str = "") -> Figure:
    """Each group's scores from the worst to the best, a dot per image, with their mean as a line (lesson 03)."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.5, 4), layout="constrained")
        for k, (name, values) in enumerate(scores.items()):
            ordered, colour = np.sort(np.asarray(values, dtype=float)), COLOURS[k % 7]
            axes.plot(range(1, len(ordered) + 1), ordered, MARKERS[k % 7], color=colour, markersize=5)
            mean = float(ordered.mean())
            axes.axhline(mean, color=colour, linestyle=":", label=literal(f"{name}: mean {mean:.2f}"))
        axes.set(xlabel="images, from the worst to the best", ylabel=literal(label), ylim=(-0.02, 1.02))
        axes.set_title(literal(title))
        axes.legend(frameon=False, loc="lower right")
    return figure


def seeds_figure(scores: Mapping[str, list], levels: Mapping[str, float], title: str = "") -> Figure:
    """Strategies side by side, a line per seed: is the order the same from training to training (lessons 00, 08)?

    Args:
        scores: by strategy, its Dice by seed; the same seeds for all.
        levels: Dice values to compare with, as horizontal lines, by name.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(1.6 * len(scores) + 2, 4), layout="constrained")
        names = [literal(name) for name in scores]
        for k, dice in enumerate(zip(*scores.values(), strict=True)):
            axes.plot(names, dice, color="0.35", marker=MARKERS[k % 7], linewidth=1, label=f"training {k + 1}")
        for (name, level), line in zip(levels.items(), ("dashed", "dotted"), strict=False):
            axes.axhline(level, color=COLOURS[1], linestyle=line)
            axes.annotate(literal(name), (len(names) - 0.55, level), va="bottom", ha="right", color=COLOURS[1])
        axes.set(ylabel="Dice on test images", ylim=(0, 1), xlim=(-0.5, len(names) - 0.5), title=literal(title))
        figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def drift_figure(drift: Mapping[str, Mapping[str, list]], dice: Mapping[str, list], looks: list) -> Figure:
    """How far statistics drift, and what that does to the masks, batch by batch (lesson 04).

    Args:
        drift: by way of freezing and by group, the drift after each look.
        dice: by way of freezing, the Dice after each look.
        looks: how many batches had been seen by then.
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
        for (way, by_group), line in zip(drift.items(), ("-", "--"), strict=False):
            for k, (group, values) in enumerate(by_group.items()):
                label = literal(f"{group}, {way}")
                left.plot(looks, values, line, color=COLOURS[k % 7], marker=MARKERS[k % 7], markersize=5, label=label)
            right.plot(looks, dice[way], line, color="black", marker="o", label=literal(way))
        left.set(xlabel="batches seen", ylabel="drift (standard deviations)", title="Running means")
        left.margins(y=0.35)
        right.set(xlabel="batches seen", ylabel="Dice on X-rays", ylim=(0.8, 1), title="Masks of lungs")
        left.legend(frameon=False, ncols=2, fontsize=9, loc="upper left")
        right.legend(frameon=False, loc="lower left")
    return figure


def differences_figure(panels: Mapping[str, Mapping[str, tuple]], margin: float = MARGIN, unit: str = "Dice") -> Figure:
    """Differences with their 95 % intervals against 0 and the margin, a row each, panels on one scale (lesson 07).

    Args:
        panels: by title, for each row its name and ``(mean, low, high)``.
        margin: the difference that would matter, drawn as a dotted line.
    """
    rows = max(len(differences) for differences in panels.values())
    across, down = min(2, len(panels)), (len(panels) + 1) // 2  # no more than two beside each other can be read
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            down, across, figsize=(3.4 * across + 1.6, (0.62 * rows + 1.7) * down), layout="constrained", sharex=True,
            squeeze=False)  # fmt: skip
        for place in axes.flat[len(panels) :]:
            place.remove()
        for place, (title, differences) in zip(axes.flat, panels.items(), strict=False):
            for row, (mean, low, high) in enumerate(differences.values()):
                place.plot([low, high], [-row, -row], color="black", linewidth=2)
                place.plot(mean, -row, "o", color="black", markersize=7)
                clear = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.5}  # of the vertical lines
                look = {"textcoords": "offset points", "ha": "center", "fontsize": 10, "bbox": clear}
                place.annotate(f"{mean:+.3f}", (mean, -row), (0, 7), **look)
            place.axvline(0, color="0.3")
            place.axvline(margin, color="0.3", linestyle=":")
            place.set_yticks(range(0, -len(differences), -1), map(literal, differences))
            place.set(ylim=(0.4 - rows, 0.8), title=literal(title))
            if place in axes[-1]:
                place.set_xlabel(literal(f"difference in {unit}"))
            place.locator_params(axis="x", nbins=5)
            place.grid(False, axis="y")
        look = {"textcoords": "offset points", "fontsize": 9, "color": "0.3"}
        axes[0, 0].annotate(f"{margin:g}", (margin, 0.5), (3, 0), **look)
    return figure


def levels_figure(scores: Mapping[str, Mapping[str, tuple]], marks: Mapping[str, float], title: str = "") -> Figure:
    """Dice with its 95 % interval: a row per set, a sign per network, a bar where the mean shape is (lesson 07).

    Args:
        scores: by network, for each row ``(mean, low, high)``.
        marks: by row the Dice of the mean shape.
    """
    names = list(next(iter(scores.values())))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(9, 0.75 * len(names) + 1.6), layout="constrained")
        for k, (network, by_row) in enumerate(scores.items()):
            for row, (mean, low, high) in enumerate(by_row.values()):
                place, label = -row - 0.26 * (k - (len(scores) - 1) / 2), literal(network) if not row else None
                axes.plot([low, high], [place, place], color=COLOURS[k], linewidth=2)
                axes.plot(mean, place, MARKERS[k], color=COLOURS[k], markersize=8, label=label)
        for row, name in enumerate(names):
            label = "mean shape" if not row else None
            axes.vlines(marks[name], -row - 0.38, -row + 0.38, color="0.3", linestyle=":", label=label)
        axes.set_yticks(range(0, -len(names), -1), map(literal, names))
        axes.set(xlabel="Dice, 95 % interval over subjects", xlim=(-0.02, 1.02), title=literal(title))
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1.08), ncols=3)
        axes.grid(False, axis="y")
    return figure


def within_figure(off: Mapping[str, np.ndarray], floor: float, title: str = "") -> Figure:
    """The share of cases that are measured to within x millimetres, a curve per strategy (lesson 10).

    Args:
        off: by strategy, how far off each case is, in mm.
        floor: how far off the true masks are on average, drawn as a line.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 4.4), layout="constrained")
        for k, (name, values) in enumerate(off.items()):
            ordered = np.sort(np.asarray(values, dtype=float)).clip(0.1)
            share = np.arange(1, len(ordered) + 1) / len(ordered)
            style = {"color": COLOURS[k % 7], "linestyle": ("-", "--", ":", "-.")[k % 4], "linewidth": 2.2}
            axes.step(ordered, share, where="post", label=literal(name), **style)
        axes.axvline(max(floor, 0.1), color="0.4", linewidth=1)
        axes.annotate("true masks", (max(floor, 0.1), 1), (3, -2), textcoords="offset points", rotation=90, va="top",
                      fontsize=10, color="0.3")  # fmt: skip
        axes.set(xscale="log", xlabel="off by at most (mm)", ylabel="share of test images", ylim=(0, 1.02))
        axes.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        axes.set_title(literal(title))
        axes.legend(frameon=False, loc="lower right")
    return figure


def histories_figure(histories: Mapping[str, list[History]], title: str = "") -> Figure:
    """The loss and the validation Dice of several strategies, a line per training (lesson 16).

    Raises:
        BadInput: a training has no validations.
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
        for k, (name, trainings) in enumerate(histories.items()):
            look = {"color": COLOURS[k % 7], "linestyle": ("-", "--", "-.", ":")[k % 4]}
            for number, history in enumerate(trainings):
                if not history.val_dice:
                    raise BadInput(f"{name!r} has no validations: train with usft.fit(model, train, val, …).")
                width = min(SMOOTH, len(history.loss))
                smooth = np.convolve(history.loss, np.ones(width) / width, "valid")
                left.plot(np.arange(len(smooth)) + (width + 1) / 2, smooth, linewidth=1.2, **look)
                label = None if number else literal(name)
                right.plot(history.val_step, history.val_dice, marker=MARKERS[k % 7], label=label, **look)
        left.set(xlabel="training step", ylabel=f"loss (mean of {SMOOTH} steps)", title="Training images")
        right.set(xlabel="training step", ylabel="Dice", ylim=(0, 1), title="Validation images")
        figure.legend(loc="outside lower center", ncols=5, frameon=False)
        figure.suptitle(literal(title))
    return figure
