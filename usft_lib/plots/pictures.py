"""Rows of pictures: images with outlines, and maps of numbers with their scales (all lessons)."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from .masks import dots, show_masks
from .style import STYLE, literal

SIDE, LINE = 2.7, 0.24  # inches: of a picture, of a line of its title


def pictures_figure(panels: Sequence[tuple], columns: int = 4, title: str = "") -> Figure:
    """Images one beside the other, with the outlines of masks (lessons 00, 01).

    Args:
        panels: ``(title, image, true)`` or ``(title, image, true, predicted)``; images ``[1, S, S]``, masks bool of the
            same shape. The true outline is white and dashed, the predicted one orange.
        columns: pictures a row.
    """
    rows = math.ceil(len(panels) / columns)
    lines = max(str(panel[0]).count("\n") + 1 for panel in panels)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(SIDE * columns, (SIDE + LINE * lines) * rows + 0.5), layout="constrained",
            squeeze=False)  # fmt: skip
        for place, (name, *shown) in zip(axes.flat, panels, strict=False):
            show_masks(place, *shown)
            place.set_title(literal(str(name)), fontsize=11)
        for place in axes.flat[len(panels):]:
            place.set_axis_off()
        figure.suptitle(literal(title), fontsize=13)
    return figure


def maps_figure(maps: Mapping[str, tuple[Tensor, str]], columns: int = 4, title: str = "") -> Figure:
    """Numbers of each pixel as grey pictures, each with its scale; maps of one unit share one scale (lesson 01).

    Args:
        maps: by title the values ``[H, W]`` and their unit.
    """
    ends: dict[str, tuple[float, float]] = {}
    for values, unit in maps.values():
        low, high = ends.get(unit, (math.inf, -math.inf))
        ends[unit] = min(low, float(values.min())), max(high, float(values.max()))
    rows = math.ceil(len(maps) / columns)
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = plt.subplots(
            rows, columns, figsize=((SIDE + 0.6) * columns, (SIDE + LINE) * rows + 0.5), layout="constrained",
            squeeze=False)  # fmt: skip
        for place, (name, (values, unit)) in zip(axes.flat, maps.items(), strict=False):
            drawn = place.imshow(values.cpu().numpy(), cmap="gray", vmin=ends[unit][0], vmax=ends[unit][1])
            place.set(title=literal(name), xticks=[], yticks=[])
            figure.colorbar(drawn, ax=place, label=literal(unit), shrink=0.8)
        figure.suptitle(literal(title), fontsize=13)
    return figure


def dots_figure(scores: Mapping[str, Tensor], label: str, title: str = "") -> Figure:
    """Every value as a dot, a column per group, with the group's mean (lesson 01); arguments as `masks.dots`."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(2.8 * len(scores) + 0.6, 4.4), layout="constrained")
        dots(axes, scores, label)
        axes.set_title(literal(title))
    return figure
