"""The U-Net drawn with its groups, to scale (lesson 02)."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ..cost import summary
from ..probes import receptive_fields
from ..unet import UNet
from .style import COLOURS, STYLE, literal


def unet_figure(model: UNet, size: int = 96, title: str = "") -> Figure:
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
        axes.text(0.15, 0.95, literal(title), fontsize=14, va="top")
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
