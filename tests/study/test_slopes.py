"""The slope of claim 8: least squares, and an interval that covers other seeds and other sets."""

import numpy as np
import pytest
from scipy import stats

from usft_lib.intervals import over_folds
from usft_lib.study.slopes import slope_over_seeds_and_sets

DESIGN = np.column_stack([np.linspace(0, 9, 18), np.repeat(np.eye(3), 6, 0)[np.random.default_rng(0).permutation(18)]])


def test_a_slope_is_that_of_least_squares_and_its_interval_covers_seeds_and_sets():
    draw = np.random.default_rng(7)
    values = draw.normal(size=(4, 18))
    slope, low, high = slope_over_seeds_and_sets(values, DESIGN)
    assert slope == pytest.approx(np.linalg.lstsq(DESIGN, values.mean(0), rcond=None)[0][0])
    # All of the spread lies between seeds: Student's t over their slopes.
    slopes = np.array([0.1, 0.3, 0.2, 0.15])
    exact = slopes[:, None] * DESIGN[:, 0]
    assert slope_over_seeds_and_sets(exact, DESIGN) == pytest.approx(over_folds([[s] for s in slopes]))
    # All of it lies between sets: the textbook's interval of a regression.
    sets = draw.normal(size=18)
    _, low, high = slope_over_seeds_and_sets(np.tile(sets, (4, 1)), DESIGN)
    rest = sets - DESIGN @ np.linalg.lstsq(DESIGN, sets, rcond=None)[0]
    spread = (rest @ rest / 14 * np.linalg.inv(DESIGN.T @ DESIGN)[0, 0]) ** 0.5
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 14) * spread)


@pytest.mark.slow
@pytest.mark.parametrize("by_seed, by_set, rest", [(0.01, 0.03, 0.02), (0.0, 0.05, 0.01), (0.02, 0.0, 0.05)])
def test_the_interval_of_a_slope_covers_the_truth(by_seed, by_set, rest):
    draw, trials, hits = np.random.default_rng(8), 1000, 0
    for _ in range(trials):
        values = (
            draw.normal(0, by_seed, (6, 1)) * DESIGN[:, 0] + draw.normal(0, by_set, 18) + draw.normal(0, rest, (6, 18))
        )
        _, low, high = slope_over_seeds_and_sets(values, DESIGN)
        hits += low <= 0 <= high
    assert 0.92 <= hits / trials <= 0.99
