"""The rule of the verdicts, at its borders; and intervals that cover trainings as well as subjects."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from usft_lib import BadInput, paired_difference, reading, seed_difference, verdict


@pytest.mark.parametrize(
    "mean, low, high, said",
    [
        (0.04, 0.03, 0.05, "reproduced"),
        (0.02, 0.001, 0.04, "reproduced"),
        (0.0199, 0.001, 0.04, "undecided"),  # never rounded up
        (0.04, 0.0, 0.08, "undecided"),  # 0 is not excluded
        (0.04, -0.01, 0.09, "undecided"),
        (0.01, 0.005, 0.015, "not reproduced"),  # surely above 0, and surely too small to matter
        (0.015, 0.01, 0.02, "undecided"),
        (-0.05, -0.08, -0.02, "not reproduced"),
        (-0.05, -0.2, 0.1, "undecided"),
    ],
)
def test_the_rule(mean, low, high, said):
    assert reading(mean, low, high) == said
    assert verdict(mean, low, high, seeds=5, data="hc18") == said
    assert "one seed" in verdict(mean, low, high, seeds=1, data="hc18")
    assert "simulated" in verdict(mean, low, high, seeds=5, data="sim-ultrasound (hc18 not at hand)")


def test_an_interval_without_its_mean_is_refused():
    with pytest.raises(BadInput, match="holds its mean"):
        reading(0.5, 0.1, 0.2)


def tables(values):
    """One table a seed, a subject an image."""
    return [pd.DataFrame({"image": range(len(v)), "subject": range(len(v)), "dice": v}) for v in values]


def test_one_seed_is_the_paired_difference():
    draw = np.random.default_rng(0)
    a, b = tables(draw.random((1, 30))), tables(draw.random((1, 30)))
    assert seed_difference(a, b) == pytest.approx(paired_difference(a[0], b[0]))


def test_the_wider_of_subjects_and_seeds_counts():
    draw = np.random.default_rng(1)
    subjects, seeds = draw.normal(0.1, 0.1, 40), np.array([-0.2, 0.0, 0.1, 0.3])
    zero = tables(np.zeros((4, 40)))
    # Seeds that agree: the subjects' bootstrap.
    agree = tables(np.tile(subjects, (4, 1)))
    assert seed_difference(agree, zero) == pytest.approx(paired_difference(agree[0], zero[0]))
    # Seeds that do not: Student's t, as SciPy has it.
    differ = tables(subjects + seeds[:, None])
    each = subjects.mean() + seeds
    theirs = stats.t.interval(0.95, 3, loc=each.mean(), scale=stats.sem(each))
    mean, low, high = seed_difference(differ, zero)
    assert mean == pytest.approx(each.mean()) and (low, high) == pytest.approx(theirs)


def test_as_many_tables_on_both_sides():
    some = tables(np.zeros((2, 3)))
    for pair in ((some, some[:1]), ([], [])):
        with pytest.raises(BadInput, match="one table a seed"):
            seed_difference(*pair)
