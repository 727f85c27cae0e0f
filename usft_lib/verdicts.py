"""What an interval allows to be said: the rule, fixed before any result was seen (lessons 07, 09).

Reproduced: the 95 % interval excludes 0 and the mean is at least the margin. Not reproduced: its upper end lies below
the margin. Undecided: everything else. Never rounded up.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import BadInput
from .statistics import paired_difference

if TYPE_CHECKING:
    import pandas as pd

MARGIN = 0.02  # a smaller difference in Dice would not matter to anybody


def reading(mean: float, low: float, high: float, margin: float = MARGIN) -> str:
    """``"reproduced"``, ``"not reproduced"`` or ``"undecided"`` for a difference with its 95 % interval (lesson 09)."""
    if not low <= mean <= high:
        raise BadInput(f"An interval holds its mean: low ≤ mean ≤ high, not {low:g}, {mean:g}, {high:g}.")
    if low > 0 and mean >= margin:
        return "reproduced"
    return "not reproduced" if high < margin else "undecided"


def verdict(mean: float, low: float, high: float, *, seeds: int, data: str, margin: float = MARGIN) -> str:
    """As `reading`, but no verdict where images stand in for real ones, nor from one seed (lessons 07, 09).

    Args:
        seeds: how many trainings the interval covers.
        data: the name of the test images; "not at hand" in it tells that others stand in.
    """
    if "not at hand" in data:
        return "no verdict: simulated images stand in"
    if seeds < 2:
        return "no verdict: one seed says nothing about other trainings"
    return reading(mean, low, high, margin)


def seed_difference(
    a: "Sequence[pd.DataFrame]", b: "Sequence[pd.DataFrame]", column: str = "dice"
) -> tuple[float, float, float]:
    """Mean of ``a − b`` with its 95 % interval over subjects **and** trainings: ``(mean, low, high)`` (lesson 09).

    One table of scores a seed, of the same images. The wider of two intervals: the bootstrap over subjects of the means
    over seeds, and Student's t over the seeds' differences. One seed has the former alone.
    """
    import pandas as pd
    from scipy import stats

    if not a or len(a) != len(b):
        raise BadInput(f"Give one table a seed for both, at least one; these are {len(a)} and {len(b)}.")

    def over_seeds(tables):
        keys = [key for key in ("image", "subject", "empty") if key in tables[0]]
        return pd.concat([table[[*keys, column]] for table in tables]).groupby(keys, as_index=False).mean()

    mean, low, high = paired_difference(over_seeds(a), over_seeds(b), column)
    if len(a) > 1:
        each = np.array([paired_difference(x, y, column, draws=2)[0] for x, y in zip(a, b, strict=True)])
        half = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / len(each) ** 0.5
        if 2 * half > high - low:
            low, high = mean - half, mean + half
    return mean, float(low), float(high)
