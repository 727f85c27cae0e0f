"""Intervals: against SciPy, and against outcomes whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from usft_lib import BadInput, bootstrap_mean, paired_difference, subject_interval


def table(dice, subjects):
    return pd.DataFrame({"image": [f"i{k}" for k in range(len(dice))], "subject": subjects, "dice": dice})


def test_the_interval_agrees_with_scipy():
    values = np.random.default_rng(0).beta(8, 2, 60)
    mean, low, high = bootstrap_mean(values, draws=20000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20000, method="percentile").confidence_interval
    assert mean == pytest.approx(values.mean()) and (low, high) == pytest.approx(tuple(theirs), abs=0.003)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    draw = np.random.default_rng(1)
    truth, hits = 0.8, 0
    for trial in range(400):
        _, low, high = bootstrap_mean(draw.beta(8, 2, 50), draws=400, seed=trial)
        hits += low <= truth <= high
    assert 0.91 <= hits / 400 <= 0.98


def test_subjects_are_what_is_drawn_not_images():
    draw = np.random.default_rng(2)
    person = draw.normal(0.8, 0.1, 20)
    many = table(np.repeat(person, 10), np.repeat(np.arange(20), 10))  # ten copies of each person's score add nothing
    assert subject_interval(many) == pytest.approx(subject_interval(table(person, np.arange(20))))
    uneven = table([1.0] * 9 + [0.0], ["a"] * 9 + ["b"])
    assert subject_interval(uneven)[0] == pytest.approx(0.5), "a subject counts once, however many its images"


def test_pairing_removes_what_both_share():
    draw = np.random.default_rng(3)
    hard = draw.normal(0.7, 0.15, 50)
    a, b = table(hard + 0.03 + draw.normal(0, 0.01, 50), range(50)), table(hard, range(50))
    mean, low, high = paired_difference(a, b.sample(frac=1, random_state=0))  # the order of rows must not matter
    assert mean == pytest.approx((a["dice"] - b["dice"]).mean()) and 0.02 < low < high < 0.04
    assert paired_difference(b, a)[0] == pytest.approx(-mean)


def test_images_without_an_object_do_not_count():
    a = table([0.4, 0.6, 1.0, 1.0], ["x", "y", "z", "z"]).assign(empty=[False, False, True, True])
    b = a.assign(dice=[0.5, 0.7, 0.0, 0.0])
    assert paired_difference(a, b)[0] == pytest.approx(-0.1) and subject_interval(a)[0] == pytest.approx(0.5)


def test_what_cannot_be_paired_or_averaged_is_refused():
    a = table([0.5, 0.6], ["x", "y"])
    with pytest.raises(BadInput, match="score different images"):
        paired_difference(a, a.assign(image=["i0", "i9"]))
    for bad in ([], [0.5, float("nan")]):
        with pytest.raises(BadInput, match="at least one value and none that is NaN"):
            bootstrap_mean(bad)
    mean, low, high = bootstrap_mean([0.7])
    assert mean == 0.7 and np.isnan([low, high]).all()
