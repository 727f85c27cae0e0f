"""A slope over sets of layers, with an interval over seeds and sets (lesson 11, claim 8)."""

import numpy as np


def slope_over_seeds_and_sets(values, design, level: float = 0.95) -> tuple[float, float, float]:
    """The slope on the first column of ``design``, with an interval over seeds and sets: ``(slope, low, high)``.

    The model of `over_seeds_and_subjects` for a regression. The variance of the slope is that of
    the seeds' slopes, plus that from the regression of the sets' means over seeds, less what is in both: a part of its
    own that each training has.

    Args:
        values: ``[seeds, sets]``, at least two seeds and more sets than columns.
        design: ``[sets, columns]``; its first column is the one whose slope is asked for.
    """
    from scipy import stats

    values, design = np.asarray(values, dtype=float), np.asarray(design, dtype=float)
    (seeds, sets), columns = values.shape, design.shape[1]
    weights = np.linalg.pinv(design)  # [columns, sets]
    slopes = values @ weights[0]
    spread, free = (weights[0] ** 2).sum(), sets - columns

    def leftover(y):  # what the regression leaves of each row, squared and added up
        return ((y - (y @ weights.T) @ design.T) ** 2).sum()

    by_seed = slopes.var(ddof=1) / seeds
    by_set = leftover(values.mean(0)) / free * spread
    twice = leftover(values - values.mean(0)) / ((seeds - 1) * free) * spread / seeds
    variance = max(by_seed + by_set - twice, by_seed, by_set)
    freedom = variance**2 / (by_seed**2 / (seeds - 1) + by_set**2 / free) if variance else 1
    half = stats.t.ppf((1 + level) / 2, max(freedom, 1)) * variance**0.5
    return float(slopes.mean()), float(slopes.mean() - half), float(slopes.mean() + half)
