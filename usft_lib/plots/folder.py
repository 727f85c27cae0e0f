"""The sheet of a student's folder that `check_folder` looked through (lesson 16)."""

import math
from textwrap import fill
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from .masks import show_masks
from .style import COLOURS, STYLE, literal

if TYPE_CHECKING:
    import pandas as pd

FLAGS = {"stop": COLOURS[1], "look": COLOURS[4], "": "grey"}
SIDE = 2.2  # inches of a picture


def folder_figure(table: "pd.DataFrame", most: int = 30, columns: int = 6) -> Figure:
    """Pictures with the outlines of their masks, red flags first, each person's images together (lesson 16).

    Args:
        table: of `check_folder`, or some of its rows.
        most: pictures at most.
    """
    rows = table[table["image"] != ""]
    worst = rows["flag"].map([*FLAGS].index)
    who = rows["subject"].where(rows["subject"] != "", rows["image"])
    own, theirs = (worst.groupby(key).transform("min") for key in (rows["image"], who))
    rows = rows.assign(who=who, own=own, theirs=theirs)
    images = list(rows.sort_values(["theirs", "who", "own", "image"], kind="stable").groupby("image", sort=False))
    lines = math.ceil(max(1, min(most, len(images))) / columns)
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axes = plt.subplots(
            lines, columns, figsize=(SIDE * columns, (SIDE + 0.8) * lines + 0.5), layout="constrained",
            squeeze=False)  # fmt: skip
        for place, (image, faults) in zip(axes.flat, images[:most], strict=False):
            shown, flag = table.attrs["show"](image), [*FLAGS][faults["own"].iloc[0]]
            if shown is None:
                place.text(0.5, 0.5, "no picture", ha="center")
            else:
                show_masks(place, *(torch.from_numpy(values)[None] for values in shown))
                place.imshow(shown[1][..., None] * np.array([0.9, 0.6, 0, 0.3]))  # which side of the outline is inside
                place.set_axis_on()
            place.set(xticks=[], yticks=[])
            for spine in place.spines.values():
                spine.set(visible=True, color=FLAGS[flag], linewidth=1 if flag == "" else 4)
            said = ", ".join(faults["fault"]) if flag else "nothing found"
            text = f"{faults['who'].iloc[0]}: {image}\n{flag + ': ' if flag else ''}{said}"
            place.set_title(literal("\n".join(fill(part, 26) for part in text.split("\n"))), fontsize=8)
        for place in axes.flat[min(most, len(images)) :]:
            place.set_axis_off()
        figure.suptitle(f"{min(most, len(images))} of {len(images)} images", fontsize=12)
    return figure
