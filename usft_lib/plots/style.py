"""The one look of all figures: colours, markers, sizes.

Colours are those of Okabe and Ito, which people with any colour vision can tell apart; a line's meaning never rests on
its colour alone. Fonts stay legible at half size. Names are the students' own: they may hold any letter and any sign.
"""

import warnings

from matplotlib.font_manager import fontManager

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
# Fonts with Chinese, Japanese and Korean letters on Linux, Windows and macOS; letters that the usual font lacks are
# drawn with those that are installed. Where there is none, boxes stand for them, and no warning a letter is printed.
FURTHER_FONTS = [
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"),
    *("Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Malgun Gothic"),
    *("PingFang SC", "PingFang HK", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
]
warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)


def installed(fonts: list[str]) -> list[str]:
    """Those of ``fonts`` that this machine has: Matplotlib warns about any other."""
    known = {font.name for font in fontManager.ttflist}
    return [name for name in fonts if name in known]


STYLE = {
    "font.family": ["sans-serif", *installed(FURTHER_FONTS)],
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "figure.dpi": 100,
}


def literal(text: str) -> str:
    """``text`` as it is written, for Matplotlib, which takes what stands between two dollar signs for a formula."""
    return text.replace("$", r"\$")


def alt(finding: str) -> None:
    """Say in words what the figure above shows: for those who cannot see it, and where its picture must not be kept."""
    print(f"In words: {finding}")
