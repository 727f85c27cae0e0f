"""Images with the outlines of their masks; scores as dots (lessons 00, 01)."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .style import COLOURS, MARKERS, literal


def show_masks(axes: Axes, image: Tensor, true: Tensor, predicted: Tensor | None = None) -> None:
    """One image ``[1, S, S]`` with the outline of its true mask (white, dashed) and of a predicted one (orange)."""
    axes.imshow(image[0].cpu().numpy(), cmap="gray", vmin=0, vmax=1)
    for mask, colour, line in ((predicted, COLOURS[4], "solid"), (true, "white", "dashed")):
        if mask is not None and mask.any():
            axes.contour(mask[0].float().cpu().numpy(), levels=[0.5], colors=[colour], linestyles=line, linewidths=1.5)
    axes.set_axis_off()


def distance_inside(mask: Tensor) -> Tensor:
    """How far each pixel inside ``mask`` bool ``[H, W]`` is from the outside, in pixels; 0 outside (lesson 01)."""
    from scipy.ndimage import distance_transform_edt

    return torch.from_numpy(distance_transform_edt(mask.cpu().numpy())).float()


def dots(axes: Axes, scores: Mapping[str, Tensor], label: str) -> None:
    """Every value as a dot, a column per group, with the group's mean as a bar beside its number (lesson 01).

    Args:
        scores: values ``[N]`` by the group's name.
        label: of the vertical axis, unit included.
    """
    for column, values in enumerate(scores.values()):
        values = values.cpu() if isinstance(values, Tensor) else values
        aside = (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.4  # spread evenly, the same each time
        axes.plot(column + aside, values, MARKERS[column % 7], color=COLOURS[column % 7], alpha=0.55, markersize=5)
        mean = float(values.mean())
        axes.hlines(mean, column - 0.3, column + 0.3, color="black", linewidth=2.5)
        axes.annotate(f"{mean:.2f}", (column + 0.33, mean), va="center", fontweight="bold")
    axes.set_xticks(range(len(scores)), map(literal, scores))
    axes.set(ylabel=literal(label), ylim=(-0.03, 1.03), xlim=(-0.5, len(scores) - 0.3))
    axes.grid(False, axis="x")
