"""How often do the study's intervals contain the truth? `python data_scripts/coverage.py` (some minutes).

Differences are drawn from a known truth, with the spreads over seeds and subjects that the records of claims 1 and 8
have, and given to the same functions as the study's. In a second run 2 of 100 trainings of one strategy collapse: their
Dice is lost, and the truth is the mean over all trainings. Most tables then hold no collapsed training, and cannot know
of them. Written to usft_lib/results/coverage.json, which the report reads.
"""

import argparse
import json
from functools import partial

import numpy as np
import pandas as pd

from usft_lib.intervals import over_folds, over_trainings
from usft_lib.study.claims import matched_sets
from usft_lib.study.grids import RESULTS
from usft_lib.study.records import Results, results
from usft_lib.study.slopes import slope_over_seeds_and_sets

COLLAPSES = 0.02  # of trainings
LEVEL = 0.8  # Dice that a collapsed training loses


def spreads(found: Results, target: str) -> tuple[float, float, float]:
    """Standard deviations of first 4 − last 4: over seeds, over subjects, and of what is left."""
    pair = {"first 4": 1.0, "last 4": -1.0}
    each = [found.by_subject(target, pair, seed) for seed in found.seeds(target, pair)]
    if len(set(map(len, each))) > 1 or set(each[0].index) != set(each[1].index):  # folds: subjects of their own
        within = np.mean([part.var(ddof=1) for part in each])
        means = np.var([part.mean() for part in each], ddof=1)
        by_seed = max(means - within / np.mean([len(part) for part in each]), 0.0)
        return by_seed**0.5, (within / 2) ** 0.5, (within / 2) ** 0.5  # a subject's own half is not to be told apart
    values = np.array([part.sort_index() for part in each])
    rest = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    left = (rest**2).sum() / ((values.shape[0] - 1) * (values.shape[1] - 1))
    seeds = max(values.mean(1).var(ddof=1) - left / values.shape[1], 0.0)
    subjects = max(values.mean(0).var(ddof=1) - left / values.shape[0], 0.0)
    return seeds**0.5, subjects**0.5, left**0.5


def lost(draw, seeds: int, collapses: float) -> np.ndarray:
    """What collapses take from each seed's difference, less what they take on average: the truth stays 0."""
    return LEVEL * (collapses - (draw.random(seeds) < collapses))


def one_test_set(draw, seeds: int, sd, collapses: float) -> bool:
    by_seed, by_subject, rest = sd
    values = draw.normal(0, by_seed, (seeds, 1)) + draw.normal(0, by_subject, 160)
    values = values + draw.normal(0, rest, (seeds, 160)) + lost(draw, seeds, collapses)[:, None]
    _, low, high = over_trainings([pd.Series(row) for row in values])
    return low <= 0 <= high


def folds(draw, seeds: int, sd, collapses: float, shared: float) -> bool:
    """Five folds over 78 clusters of 1 to 4 images, once or twice; a share of the trainings' variance is a deal's own.

    Folds share two thirds of their training images, and nothing else that is random: so a share of 2/3 is the most.
    """
    by_seed, by_subject, rest = sd
    own, gone = draw.normal(0, by_subject, 78), lost(draw, seeds, collapses)
    images, parts = draw.integers(1, 5, 78), []
    for deal in range(seeds // 5):
        of_deal, order = draw.normal(0, by_seed * shared**0.5), draw.permutation(78)
        for fold in range(5):
            people = order[fold::5]
            noise = draw.normal(0, rest, len(people)) / images[people] ** 0.5
            level = of_deal + draw.normal(0, by_seed * (1 - shared) ** 0.5) + gone[5 * deal + fold]
            parts.append(pd.Series(own[people] + noise + level, index=people))
    _, low, high = over_trainings(parts)
    return low <= 0 <= high


def slope(draw, seeds: int, sd, collapses: float, design: np.ndarray) -> bool:
    """18 sets with the places and budgets of the study's; each seed has a slope of its own."""
    by_seed, by_set, rest = sd
    values = draw.normal(0, by_seed, (seeds, 1)) * design[:, 0] + draw.normal(0, by_set, len(design))
    values = values + draw.normal(0, rest, (seeds, len(design)))
    values = np.where(draw.random(values.shape) < collapses, values - LEVEL, values)  # all places alike: no slope
    _, low, high = slope_over_seeds_and_sets(values, design)
    return low <= 0 <= high


def a_number_a_seed(draw, seeds: int, sd, collapses: float) -> bool:
    _, low, high = over_folds([[value] for value in draw.normal(0, sd[0], seeds) + lost(draw, seeds, collapses)])
    return low <= 0 <= high


def slope_spreads(found: Results, target: str) -> tuple[tuple[float, float, float], np.ndarray]:
    """Standard deviations of a seed's slope, of a set's Dice, and of what is left; the design. No collapsed sets."""
    _, dice, design, _ = matched_sets(found, target)
    kept = (dice > 0.05).all(0)
    dice, part = dice[:, kept], design[kept]
    weights = np.linalg.pinv(part)
    seeds, free = len(dice), part.shape[0] - part.shape[1]
    apart = dice - dice.mean(0)
    left = ((apart - apart @ weights.T @ part.T) ** 2).sum() / ((seeds - 1) * free)
    means = dice.mean(0)
    sets = max(((means - part @ (weights @ means)) ** 2).sum() / free - left / seeds, 0.0)
    slopes = max((dice @ weights[0]).var(ddof=1) - left * (weights[0] ** 2).sum(), 0.0)
    return (slopes**0.5, sets**0.5, left**0.5), design


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000, help="default: %(default)s")
    trials = parser.parse_args().trials
    found, sets = results("schemes", "headline"), results("matched")
    kinds = [
        ("one test set", one_test_set, n, spreads(found, t), t) for t in ("hc18", "sim-ultrasound") for n in (5, 10)
    ]
    for shared, words in ((0, "folds that share nothing"), (1 / 3, "folds that share a third"), (2 / 3, "two thirds")):
        draw_one = partial(folds, shared=shared)
        kinds += [(words, draw_one, n, spreads(found, "busi"), "busi") for n in (5, 10)]
    for target in ("hc18", "sim-ultrasound"):
        sd, design = slope_spreads(sets, target)
        kinds += [("slope over sets", partial(slope, design=design), n, sd, target) for n in (3, 6, 11)]
    kinds += [("a number per seed", a_number_a_seed, n, (0.05, 0, 0), "any") for n in (5, 10)]
    rows = []
    for k, (kind, draw_one, seeds, sd, target) in enumerate(kinds):
        row = {"kind": kind, "target": target, "seeds": seeds, "trials": trials}
        for name, collapses in (("covered", 0.0), ("covered with collapses", COLLAPSES)):
            draw = np.random.default_rng([k, int(1000 * collapses)])
            row[name] = float(np.mean([draw_one(draw, seeds, sd, collapses) for _ in range(trials)]))
        rows.append(row)
        print(
            f"{kind:16s} {target:15s} {seeds:2d} seeds  {row['covered']:.3f}  {row['covered with collapses']:.3f}",
            flush=True,
        )
    (RESULTS / "coverage.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
