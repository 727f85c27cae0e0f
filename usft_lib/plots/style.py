"""The one look of all figures: colours, markers, sizes.

Colours are those of Okabe and Ito, which people with any colour vision can tell apart; a line's meaning never rests on
its colour alone. Fonts stay legible at half size.
"""

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
