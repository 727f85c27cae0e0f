"""Every figure of the course, with one look (lessons 01-13).

Colours are those of Okabe and Ito, which people with any colour vision can tell apart; a line's meaning never rests on
its colour alone. Fonts stay legible at half size.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from .data import SegmentationData
from .freezing import summary
from .receptive import receptive_fields

if TYPE_CHECKING:
    from .history import History
    from .unet import UNet

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


def unet_figure(model: "UNet", size: int = 96, title: str = "") -> Figure:
    """The U-Net drawn with its groups: parameters, FLOPs and receptive field on each (lesson 02).

    A box is as wide as its group has channels and as high as it has pixels, to scale; frozen groups are pale, hatched.

    Args:
        size: side of the image whose pixels and FLOPs are told.
    """
    table, sides, deepest = summary(model, size).set_index("group"), receptive_fields(model), model.depth + 1
    levels = {name: deepest if name == "bottleneck" else int(name[3:]) for name in list(sides)[:-1]}
    wide = {level: 2.4 * 2.0 ** (level - deepest) for level in range(1, deepest + 1)}  # inches, as all lengths here
    high = {level: 2.0 * 2.0 ** (1 - level) for level in wide}
    row = {level: max(high[level], 0.8) + 0.35 for level in wide}
    bottom = {level: -sum(row[k] for k in wide if k < level) - (row[level] + high[level]) / 2 for level in wide}
    left, x = {}, 2.05
    for name, level in levels.items():
        left[name], x = x, x + wide[level] + 0.14
    across = x + 2.05 - 0.14

    def words(name: str) -> str:
        line = table.loc[name]
        return f"$\\bf{{{name}}}$\n{line.parameters:,} parameters\n{line.forward:,.1f} MFLOPs\nsees {sides[name]} px"

    def box(name: str, x: float, level: int, width: float) -> None:
        colour = COLOURS[0 if name.startswith("enc") else 2 if name == "bottleneck" else 1]
        frozen = {"facecolor": "0.93", "hatch": "////"} if name in model.frozen else {"facecolor": colour}
        axes.add_patch(plt.Rectangle((x, bottom[level]), width, high[level], edgecolor=colour, linewidth=1, **frozen))

    def arrow(start: tuple, end: tuple, **look) -> None:
        look |= {"arrowstyle": "->", "color": "0.25", "shrinkA": 0, "shrinkB": 1}
        axes.annotate("", end, start, arrowprops=look)

    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(across, sum(row.values()) + 2.05))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, across), ylim=(-sum(row.values()) - 0.9, 1.15))
        axes.set_axis_off()
        axes.text(0.15, 0.95, title, fontsize=14, va="top")
        for (name, level), after in zip(levels.items(), [*list(levels)[1:], "head"], strict=True):
            right, middle, low = left[name] + wide[level], bottom[level] + high[level] / 2, bottom[level]
            box(name, left[name], level, wide[level])
            if name == "bottleneck":
                axes.text((left[name] + right) / 2, low - 0.07, words(name), ha="center", va="top")
            elif name.startswith("enc"):
                axes.text(left[name] - 0.1, middle, words(name), ha="right", va="center")
                arrow((right, middle), (left[f"dec{level}"], middle), linestyle="dashed")
            else:
                axes.text(right + 0.1, middle, words(name), ha="left", va="center")
            if name.startswith("enc"):  # out at the side, down onto the next
                onto = left[after] + min(wide[level + 1] / 2, 0.2)
                corner = {"connectionstyle": "angle,angleA=0,angleB=90,rad=0"}
                arrow((right, low + high[level] / 5), (onto, bottom[level + 1] + high[level + 1]), **corner)
            elif after != "head":  # up from the top, in at the side
                corner = {"connectionstyle": "angle,angleA=90,angleB=0,rad=0"}
                at, above = right - min(wide[level] / 2, 0.2), level - 1
                arrow((at, low + high[level]), (left[after], bottom[above] + high[above] / 5), **corner)
        top, line = bottom[1] + high[1], bottom[1] + 0.88 * high[1]  # image and mask have one channel: a line
        axes.add_patch(plt.Rectangle((0.235, bottom[1]), 0.03, high[1], color="0.5"))
        box("head", across - 0.265, 1, 0.03)
        arrow((0.29, line), (left["enc1"], line))
        arrow((left["dec1"] + wide[1], line), (across - 0.29, line))
        axes.text(0.22, top + 0.1, f"image, {size} × {size} px", va="bottom")
        axes.text(across - 0.22, top + 0.1, words("head").replace("\n", " · ", 1), ha="right", va="bottom")
        legend = "width: channels, height: pixels, both to scale · dashed: skip connections"
        axes.text(0.15, -sum(row.values()) - 0.8, legend + " · hatched: frozen" * bool(model.frozen), color="0.25")
    return figure


def growing_masks_figure(
    histories: Mapping[str, "History"],
    snapshots: Mapping[str, Mapping[int, Tensor]],
    image: Tensor,
    true: Tensor,
    levels: Mapping[str, float],
) -> Figure:
    """Strategies in rows, one image's mask as training goes on in columns; below, their validation curves (lesson 00).

    Args:
        histories: a `History` for each strategy.
        snapshots: for each strategy a bool mask ``[1, S, S]`` at some steps, the same for all.
        image, true: the image ``[1, S, S]`` and its mask.
        levels: Dice values to compare with, as horizontal lines, by name.
    """
    steps = list(next(iter(snapshots.values())))
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(11.5, 2.3 * len(snapshots) + 4.4), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=[2.3 * len(snapshots) + 0.5, 3.9])
        panels = np.atleast_2d(upper.subplots(len(snapshots), len(steps)))
        curves = lower.subplots()
        for row, (name, masks) in enumerate(snapshots.items()):
            colour, history = COLOURS[row % 7], histories[name]
            for axes, step in zip(panels[row], steps, strict=True):
                show_masks(axes, image, true, masks[step])
                if row == 0:
                    axes.set_title(f"step {step}")
            middle = image.shape[-2] / 2
            panels[row, 0].text(-4, middle, name, rotation=90, ha="right", va="center", color=colour, fontsize=13)
            curves.plot(history.val_step, history.val_dice, color=colour, marker=MARKERS[row % 7], label=name)
        ends = [history.val_step[-1] for history in histories.values()]
        for (name, level), line in zip(levels.items(), ("dotted", "dashed", "dashdot"), strict=False):
            curves.axhline(level, color="0.35", linestyle=line, label=name)
        curves.set(xlabel="training step", ylabel="Dice (validation)", xlim=(0, max(ends) * 1.02), ylim=(0, 0.85))
        curves.legend(frameon=False, ncols=2, loc="upper left")
        question = f"Which mask gets there, {' or '.join(snapshots)}?"
        upper.suptitle(f"{question}   (white dashes: the true lesion · orange: the network)", fontsize=13)
    return figure


def distance_inside(mask: Tensor) -> Tensor:
    """How far each pixel inside ``mask`` bool ``[H, W]`` is from the outside, in pixels; 0 outside (lesson 01)."""
    from scipy.ndimage import distance_transform_edt

    return torch.from_numpy(distance_transform_edt(mask.numpy())).float()


def dots(axes: Axes, scores: Mapping[str, Tensor], label: str) -> None:
    """Every value as a dot, a column a group, with the group's mean as a bar beside its number (lesson 01).

    Args:
        scores: values ``[N]`` by the group's name.
        label: of the vertical axis, unit included.
    """
    for column, values in enumerate(scores.values()):
        aside = (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.4  # spread evenly, the same each time
        axes.plot(column + aside, values, MARKERS[column % 7], color=COLOURS[column % 7], alpha=0.55, markersize=5)
        mean = float(values.mean())
        axes.hlines(mean, column - 0.3, column + 0.3, color="black", linewidth=2.5)
        axes.annotate(f"{mean:.2f}", (column + 0.33, mean), va="center", fontweight="bold")
    axes.set_xticks(range(len(scores)), list(scores))
    axes.set(ylabel=label, ylim=(-0.03, 1.03), xlim=(-0.5, len(scores) - 0.3))
    axes.grid(False, axis="x")
