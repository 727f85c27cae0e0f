"""Every figure of the course, with one look (lessons 01-13).

Colours are those of Okabe and Ito, which people with any colour vision can tell apart; a line's meaning never rests on
its colour alone. Fonts stay legible at half size.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from .data import SegmentationData

if TYPE_CHECKING:
    from .history import History

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
STYLE = {
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.dpi": 100,
}


def alt(finding: str) -> None:
    """Say in words what the figure above shows: for those who cannot see it, and where its picture must not be kept."""
    print(f"In words: {finding}")


def show_masks(axes: Axes, image: Tensor, true: Tensor, predicted: Tensor | None = None) -> None:
    """One image ``[1, S, S]`` with the outline of its true mask (white, dashed) and of a predicted one (orange)."""
    axes.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
    for mask, colour, line in ((predicted, COLOURS[4], "solid"), (true, "white", "dashed")):
        if mask is not None and mask.any():
            axes.contour(mask[0].float().numpy(), levels=[0.5], colors=[colour], linestyles=line, linewidths=1.5)
    axes.set_axis_off()


def strategies_figure(
    histories: Mapping[str, "History"],
    summaries: Mapping[str, Mapping[str, float]],
    predictions: Mapping[str, Tensor],
    test: SegmentationData,
    title: str = "",
) -> Figure:
    """Strategies compared (lesson 06): learning curves, test Dice with intervals, and the masks that they draw.

    Args:
        histories: a `History` for each strategy.
        summaries: `metrics.summarise` of each strategy; further rows (zero-shot, mean shape) come without a history.
        predictions: bool masks ``[K, 1, S, S]`` of the first K test images for each strategy.
        test: the test images.
    """
    with plt.rc_context(STYLE):
        shown = min(2, len(test))
        figure = plt.figure(figsize=(13, 4.6 + 3.2 * shown), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=[4.6, 3.2 * shown])
        curves, bars = upper.subplots(1, 2, width_ratios=[1.1, 1])
        look = {name: (COLOURS[i % 7], MARKERS[i % 7]) for i, name in enumerate(histories)}
        for name, history in histories.items():
            colour, marker = look[name]
            curves.plot(history.val_step, history.val_dice, color=colour, marker=marker, label=name)
        curves.set(xlabel="training step", ylabel="Dice (validation)", title="Learning curves")
        curves.legend(frameon=False)

        names = list(summaries)[::-1]
        for row, name in enumerate(names):
            s = summaries[name]
            colour, marker = look.get(name, ("0.4", "|"))
            bars.plot([s["low"], s["high"]], [row, row], color=colour, linewidth=2)
            bars.plot(s["dice"], row, marker, color=colour, markersize=9)
            bars.annotate(f"{s['dice']:.3f}", (s["dice"], row), (0, 8), textcoords="offset points", ha="center")
        bars.set_yticks(range(len(names)), names)
        bars.set(
            xlabel="Dice (test), 95 % interval over subjects",
            title="What was trained",
            xlim=(-0.06, 1.03),
            ylim=(-0.6, len(names) - 0.2),
        )

        panels = np.atleast_2d(lower.subplots(shown, len(predictions)))
        for column, (name, masks) in enumerate(predictions.items()):
            for row in range(shown):
                show_masks(panels[row, column], test.images[row], test.masks[row], masks[row])
            panels[0, column].set_title(name)
        lower.suptitle("white dashes: drawn by an expert or known exactly · orange: the network", fontsize=11)
        upper.suptitle(title)
        figure.text(0.995, 0.003, test.provenance, ha="right", fontsize=8, color="0.35")
    return figure
