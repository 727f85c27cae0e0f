"""Strategies compared: learning curves, scores with intervals, the masks that they draw (lessons 00, 04)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from ..data import SegmentationData
from ..errors import BadInput
from ..training import History
from .masks import show_masks
from .style import COLOURS, MARKERS, STYLE, literal


def strategies_figure(
    histories: Mapping[str, History],
    summaries: Mapping[str, Mapping[str, float]],
    predictions: Mapping[str, Tensor],
    test: SegmentationData,
    title: str = "",
) -> Figure:
    """Strategies compared (lesson 04): learning curves, test Dice with intervals, and the masks that they draw.

    Args:
        histories: a `History` for each strategy.
        summaries: `metrics.summarise` of each strategy; further rows (zero-shot, mean shape) come without a history.
        predictions: bool masks ``[K, 1, S, S]`` of the first K test images for each strategy.
        test: the test images.

    Raises:
        BadInput: there is no strategy, or one of them has no validations.
    """
    _check_curves(histories)
    if not predictions or not len(test):
        raise BadInput("There is nothing to show: give masks of at least one test image for at least one strategy.")
    with plt.rc_context(STYLE):
        shown = min(2, len(test), *map(len, predictions.values()))
        figure = plt.figure(figsize=(13, 4.6 + 3.2 * shown), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=[4.6, 3.2 * shown])
        curves, bars = upper.subplots(1, 2, width_ratios=[1.1, 1])
        look = {name: (COLOURS[i % 7], MARKERS[i % 7]) for i, name in enumerate(histories)}
        for name, history in histories.items():
            colour, marker = look[name]
            curves.plot(history.val_step, history.val_dice, color=colour, marker=marker, label=literal(name))
        curves.set(xlabel="training step", ylabel="Dice (validation)", title="Learning curves")
        curves.legend(frameon=False)

        names = list(summaries)[::-1]
        for row, name in enumerate(names):
            s = summaries[name]
            colour, marker = look.get(name, ("0.4", "|"))
            bars.plot([s["low"], s["high"]], [row, row], color=colour, linewidth=2)
            bars.plot(s["dice"], row, marker, color=colour, markersize=9)
            bars.annotate(f"{s['dice']:.3f}", (s["dice"], row), (0, 8), textcoords="offset points", ha="center")
        bars.set_yticks(range(len(names)), map(literal, names))
        bars.set(xlabel="Dice (test), 95 % interval over subjects", title="What was trained")
        bars.set(xlim=(-0.06, 1.03), ylim=(-0.6, len(names) - 0.2))

        panels = lower.subplots(shown, len(predictions), squeeze=False)
        for column, (name, masks) in enumerate(predictions.items()):
            for row in range(shown):
                show_masks(panels[row, column], test.images[row], test.masks[row], masks[row])
            panels[0, column].set_title(literal(name))
        lower.suptitle("white dashes: drawn by an expert or known exactly · orange: the network", fontsize=11)
        lower.supxlabel(literal(test.provenance), x=0.995, ha="right", fontsize=8, color="0.35")
        upper.suptitle(literal(title))
    return figure


def _check_curves(histories: Mapping[str, History]) -> None:
    without = [name for name, history in histories.items() if not history.val_dice]
    if without or not histories:
        what = f"{without[0]!r} has no validations" if without else "There is no strategy"
        raise BadInput(f"{what}, so no curve can be drawn: train with usft.fit(model, train, val, …).")
