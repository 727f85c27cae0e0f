"""Means with their intervals, over subjects (lessons 01, 07).

Images of one subject are not independent, so a subject counts once: its images are averaged first, and subjects are
what the bootstrap draws (Efron, Annals of Statistics 7:1, 1979, doi 10.1214/aos/1176344552).
"""

from typing import TYPE_CHECKING

import numpy as np

from .errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


def bootstrap_mean(values, level: float = 0.95, draws: int = 5000, seed: int = 0) -> tuple[float, float, float]:
    """Mean of independent ``values`` with its percentile bootstrap interval: ``(mean, low, high)``.

    It says how far the mean would move with other subjects; other training seeds are another matter (lesson 07). One
    value alone has no interval: NaN.
    """
    values = np.asarray(values, dtype=float)
    if not len(values) or np.isnan(values).any():
        raise BadInput("A bootstrap needs at least one value and none that is NaN.")
    if len(values) == 1:
        return float(values[0]), float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)


def subject_means(scores: "pd.DataFrame", columns):
    """Means of the columns a subject, over its images with an object; empty masks are reported apart (lesson 01)."""
    filled = scores[~scores["empty"]] if "empty" in scores else scores
    return filled.groupby("subject")[columns].mean()


def subject_interval(scores: "pd.DataFrame", column: str = "dice", **how) -> tuple[float, float, float]:
    """Mean of a column over subjects with its bootstrap interval: ``(mean, low, high)``; images with an object only."""
    return bootstrap_mean(subject_means(scores, column), **how)


def paired_difference(a: "pd.DataFrame", b: "pd.DataFrame", column: str = "dice", **how) -> tuple[float, float, float]:
    """Mean of ``a − b`` over subjects with its bootstrap interval, where both scored the same images with an object.

    Paired: a hard image is hard for both, so the difference is much surer than the two means (lesson 07).

    Raises:
        BadInput: the two tables are not about the same images.
    """
    if sorted(a["image"]) != sorted(b["image"]):
        raise BadInput(
            "These two tables score different images, so they cannot be paired: evaluate both on one test set."
        )
    shared = [key for key in ("image", "subject", "empty") if key in a and key in b]
    both = a.merge(b, on=shared, suffixes=("_a", "_b"), validate="one_to_one")
    return subject_interval(both.assign(difference=both[f"{column}_a"] - both[f"{column}_b"]), "difference", **how)
