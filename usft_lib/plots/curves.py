"""A training's curves, scores in order, trainings side by side, drift (lessons 00, 03, 04, 08)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..errors import BadInput
from ..training import History
from .style import COLOURS, MARKERS, STYLE, literal

SMOOTH = 25  # steps


def training_figure(history: History, levels: Mapping[str, float], title: str = "") -> Figure:
    """The loss of the training images, and the Dice of validation images, step by step (lesson 03).

    Args:
        levels: Dice values to compare with, as horizontal lines, by name.

    Raises:
        BadInput: the history holds no validations.
    """
    if not history.val_dice:
        raise BadInput("This history holds no validations: train with usft.fit(model, train, val, …).")
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
    """Each group's scores from the worst to the best, a dot an image, with their mean as a line (lesson 03)."""
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
    """Strategies side by side, a line a seed: does the order stay the same from training to training (lessons 00, 08)?

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
        axes.legend(frameon=False, fontsize=9, loc="lower right")
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
