"""What each group of a network looks at, and a number for each group (lessons 02, 07)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from ..probes import effective_receptive_field_width
from .style import COLOURS, STYLE, literal

FAINTEST = 1e-4  # of the largest gradient; the scale is logarithmic, so that faint parts show
MARKS = ("s", "o", "^", "D")


def fields_figure(fields: Mapping[str, Mapping[str, Tensor]], allowed: Mapping[str, int], chosen: list[str]) -> Figure:
    """Where groups look, as pictures around the pixel that was asked; dashed: what the layers allow (lesson 02).

    Args:
        fields: by network and by group, `probes.effective_receptive_field` ``[S, S]``.
        allowed: by group, the side of its receptive field in pixels.
        chosen: the groups that are drawn, a column each.
    """
    reach = max(allowed[name] for name in chosen) / 2 + 20
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, panels = plt.subplots(
            len(fields), len(chosen), figsize=(2.4 * len(chosen) + 1.2, 2.6 * len(fields) + 0.7), layout="constrained",
            sharex=True, sharey=True, squeeze=False)  # fmt: skip
        for row, (network, by_group) in zip(panels, fields.items(), strict=True):
            for axes, name in zip(row, chosen, strict=True):
                field = by_group[name].cpu().numpy()
                start = -(len(field) + _pixel(name, allowed)) / 2  # the pixel in the middle lies right and below of it
                end = start + len(field)
                shades = axes.imshow(
                    (field / field.max()).clip(FAINTEST), norm=LogNorm(FAINTEST, 1), cmap="magma",
                    extent=(start, end, end, start))  # fmt: skip
                side = allowed[name]
                square = plt.Rectangle((-side / 2, -side / 2), side, side, fill=False, edgecolor="w", linestyle="--")
                axes.add_patch(square)
                axes.set(title=literal(f"{name}, {network}"), xlim=(-reach, reach), ylim=(reach, -reach))
        figure.colorbar(shades, ax=panels, label="gradient / largest gradient")
        figure.supxlabel("image pixels from the pixel that was asked", fontsize=11)
    return figure


def _pixel(name: str, groups: Mapping[str, int]) -> int:
    """Side of one of a group's pixels, in image pixels."""
    depth = sum(group.startswith("enc") for group in groups)
    return 2 ** (depth if name == "bottleneck" else 0 if name == "head" else int(name[3:]) - 1)


def reach_figure(fields: Mapping[str, Mapping[str, Tensor]], allowed: Mapping[str, int], size: int) -> Figure:
    """How wide every group looks, in each network, and what its layers allow (lesson 02).

    Args:
        size: the side of a usual image, in pixels, drawn as a line.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(10, 4.4), layout="constrained")
        names = list(allowed)
        axes.plot(names, list(allowed.values()), "_", color="black", markersize=24, label="allowed by the layers")
        for k, (network, by_group) in enumerate(fields.items()):
            widths = [effective_receptive_field_width(by_group[name]) for name in names]
            label = literal(f"{network}: 95 % of the gradient")
            axes.plot(names, widths, MARKS[k % 4], color=COLOURS[k % 7], markersize=9, label=label)
        axes.axhline(size, color="0.4", linestyle=":", label=f"side of a {size} px image")
        axes.set(ylabel="width (image pixels)", title="How wide does each group look?")
        axes.legend(frameon=False, loc="upper left")
    return figure


def by_group_figure(
    lines: Mapping[str, Mapping[str, float]], label: str, title: str = "", log: bool = False
) -> Figure:
    """A number for each group along the path, one line per series (lessons 07, 14).

    Args:
        lines: by series and by group, a value from 0 to 1; with ``log`` any above 0.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
        for k, (name, values) in enumerate(lines.items()):
            style = {"color": COLOURS[k % 7], "marker": MARKS[k % 4], "label": literal(name)}
            axes.plot(list(values), list(values.values()), ("-", "--", ":", "-.")[k % 4], **style)
        axes.set(ylabel=literal(label), title=literal(title), **{"yscale": "log"} if log else {"ylim": (0, 1)})
        axes.legend(frameon=False)
    return figure
