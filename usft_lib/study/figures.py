"""Figures read off the study's tables: Dice against k with bands, differences with intervals (lessons 08 to 12)."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from ..errors import BadInput
from ..intervals import MARGIN
from ..plots import COLOURS, MARKERS
from .records import Results

LOOKS = {"first": 0, "last": 1, "outer": 2, "inner": 3}  # a kind of strategy looks the same in every lesson
LINES = {"first": "-", "last": "--", "outer": "-", "inner": "--"}


def against_k(axes: Axes, found: Results, target: str, kinds: Mapping[str, Sequence[int]]) -> None:
    """Mean Dice against the number of trained groups, a curve a kind with its 95 % band (lessons 08, 09).

    Args:
        kinds: for each kind (``"first"``, ``"last"``, ``"outer"``, ``"inner"``) the k that were run.

    Grey levels for comparison: everything trained, and the mean shape of the training masks where it is in the picture.

    Raises:
        BadInput: there is no kind, or one of these strategies was not run.
    """
    if not kinds or not all(kinds.values()):
        raise BadInput("Name at least one kind, each with the k that were run, such as {'first': (1, 2, 4)}.")
    for kind, ks in kinds.items():
        means, lows, highs, _ = zip(*(found.dice(target, f"{kind} {k}") for k in ks), strict=True)
        colour = COLOURS[LOOKS[kind]]
        axes.fill_between(ks, lows, highs, color=colour, alpha=0.18, linewidth=0)
        axes.plot(ks, means, LINES[kind], color=colour, marker=MARKERS[LOOKS[kind]], lw=2, label=f"{kind} k")
    right = max(k for ks in kinds.values() for k in ks)
    lowest = axes.get_ylim()[0]
    for name, line in (("everything", "solid"), ("mean shape", "dotted")):
        if found.seeds(target, [name]) and (level := found.mean(target, name)) >= lowest:
            axes.axhline(level, color="0.45", linestyle=line, lw=1)
            look = {"textcoords": "offset points", "ha": "right", "color": "0.35", "fontsize": 9}
            axes.annotate(name, (right, level), (0, 2), **look)
    axes.set(xlabel="k", title=target, xticks=sorted({k for ks in kinds.values() for k in ks}))


def intervals(axes: Axes, differences: Mapping[str, tuple[float, float, float]], margin: float = MARGIN) -> None:
    """Differences in Dice with their intervals, one below the other, against 0 and the margin (lessons 08 to 12)."""
    for row, (mean, low, high) in enumerate(differences.values()):
        axes.plot([low, high], [-row, -row], color="black", lw=2)
        axes.plot(mean, -row, "o", color="black", ms=7)
        clear = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.5}  # of the two vertical lines
        look = {"textcoords": "offset points", "ha": "center", "fontsize": 10, "bbox": clear}
        axes.annotate(f"{mean:+.3f}", (mean, -row), (0, 8), **look)
    axes.axvline(0, color="0.3")
    axes.axvline(margin, color="0.3", linestyle=":")
    axes.annotate(f"{margin:g}", (margin, 0.55), (3, 0), textcoords="offset points", fontsize=9, color="0.3")
    axes.set_yticks(range(0, -len(differences), -1), list(differences))
    axes.locator_params(axis="x", nbins=6)
    axes.set(ylim=(-len(differences) + 0.4, 0.9), xlabel="difference in Dice, 95 % interval")
