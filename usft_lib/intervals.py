"""Means with intervals, what an interval allows to be said, when a curve is at its plateau (lessons 01, 08, 13).

Images of one subject are not independent, so a subject counts once: its images are averaged first, and subjects are
what the bootstrap draws (Efron, Annals of Statistics 7:1, 1979, doi 10.1214/aos/1176344552).
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import BadInput, check_name, shown

if TYPE_CHECKING:
    import pandas as pd


def bootstrap_mean(values, level: float = 0.95, draws: int = 5000, seed: int = 0) -> tuple[float, float, float]:
    """Mean of independent ``values`` with its percentile bootstrap interval: ``(mean, low, high)``.

    It says how far the mean would move with other subjects; other training seeds are another matter (lesson 08). A
    single value has no interval: NaN.
    """
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise BadInput("A bootstrap needs one list of at least one number, without NaN, infinity or text.")
    if not 0 < level < 1:
        raise BadInput(f"level must be between 0 and 1, such as 0.95, not {level!r}.")
    if len(values) == 1:
        return float(values[0]), float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)


def subject_means(scores: "pd.DataFrame", columns):
    """Means of the columns a subject, over its images with an object; empty masks are reported apart (lesson 01)."""
    for column in [columns] if isinstance(columns, str) else columns:
        check_name("column", column, scores.columns)
    filled = scores[~scores["empty"]] if "empty" in scores else scores
    return filled.groupby("subject")[columns].mean()


def subject_interval(scores: "pd.DataFrame", column: str = "dice", **how) -> tuple[float, float, float]:
    """Mean of a column over subjects with its bootstrap interval: ``(mean, low, high)``; images with an object only."""
    return bootstrap_mean(subject_means(scores, column), **how)


def paired_difference(a: "pd.DataFrame", b: "pd.DataFrame", column: str = "dice", **how) -> tuple[float, float, float]:
    """Mean of ``a − b`` over subjects with its bootstrap interval, where both scored the same images with an object.

    Paired: a hard image is hard for both, so the difference is much surer than the two means (lesson 08).

    Raises:
        BadInput: the two tables are not about the same images.
    """
    return subject_interval(_differences(a, b, column), "difference", **how)


def check_scores(table) -> None:
    """Raise `BadInput` unless this is a table of `evaluate`: means alone can be neither paired nor summed up."""
    if "image" not in getattr(table, "columns", ()):
        raise BadInput(f"Give a table of usft.evaluate, a row per image, not {shown(table)}.")


def _differences(a: "pd.DataFrame", b: "pd.DataFrame", column: str) -> "pd.DataFrame":
    check_scores(a), check_scores(b)
    if sorted(a["image"]) != sorted(b["image"]):
        raise BadInput(
            "These two tables score different images, so they cannot be paired: evaluate both on one test set."
        )
    check_name("column", column, a.columns)
    shared = [key for key in ("image", "subject", "empty") if key in a and key in b]
    both = a.merge(b, on=shared, suffixes=("_a", "_b"), validate="one_to_one")
    if len(both) < len(a):
        raise BadInput("These two tables score the same images, but of other subjects or masks: use one test set.")
    return both.assign(difference=both[f"{column}_a"] - both[f"{column}_b"])


# ---- over subjects and trainings -------------------------------------------------------------------------------


def over_seeds_and_subjects(values, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of ``values`` ``[seeds, subjects]`` with an interval over both: ``(mean, low, high)`` (lesson 08).

    Every seed was scored on the same subjects, so a value holds a seed's part, a subject's part and a rest of its own.
    The variance of the mean is that of the seeds' means plus that of the subjects' means, less the rest, which is in
    both; Satterthwaite's degrees of freedom (Biometrics Bulletin 2:110, 1946, doi 10.2307/3002019).
    """
    from scipy import stats

    values = np.asarray(values, dtype=float)
    seeds, subjects = values.shape
    mean, of_seeds, of_subjects = values.mean(), values.mean(1), values.mean(0)
    by_seed, by_subject = of_seeds.var(ddof=1) / seeds, of_subjects.var(ddof=1) / subjects
    rest = values - of_seeds[:, None] - of_subjects + mean
    twice = (rest**2).sum() / ((seeds - 1) * (subjects - 1)) / (seeds * subjects)
    variance = max(by_seed + by_subject - twice, by_seed, by_subject)
    if variance == 0:
        return float(mean), float(mean), float(mean)
    freedom = variance**2 / (by_seed**2 / (seeds - 1) + by_subject**2 / (subjects - 1))
    half = stats.t.ppf((1 + level) / 2, max(freedom, 1)) * variance**0.5
    return float(mean), float(mean - half), float(mean + half)


def over_folds(values: Sequence, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of the folds' means with Student's t over folds: ``(mean, low, high)``; ``values``: a list of arrays.

    Each seed was scored on subjects of its own, so its mean holds the spread over seeds and over subjects (lesson 10).
    """
    from scipy import stats

    means = np.array([np.mean(part) for part in values])
    half = stats.t.ppf((1 + level) / 2, len(means) - 1) * means.std(ddof=1) / len(means) ** 0.5
    return float(means.mean()), float(means.mean() - half), float(means.mean() + half)


NEARLY_ALL = 0.8  # of the subjects of a set: as many at least are dealt each time


def over_repeated_folds(values: "Sequence[pd.Series]", level: float = 0.95) -> tuple[float, float, float]:
    """As `over_folds`, where subjects were dealt into folds more than once: ``(mean, low, high)`` (lesson 10).

    Another deal is another training for every subject, but no new subject. The spread of the folds' means counts what
    belongs to the subjects as if every repeat had new ones; the covariance of a subject's values says how much that
    is, and what was left out is added. Satterthwaite's degrees of freedom, as in `over_seeds_and_subjects`.

    Args:
        values: a series of subjects' values a fold, indexed by subject. A subject may be missing from some deals.
    """
    import pandas as pd
    from scipy import stats

    means = np.array([part.mean() for part in values])
    each = pd.concat(values).groupby(level=0)
    mean, people, times = each.mean().mean(), len(each), each.size()
    by_fold = means.var(ddof=1) / len(means)
    # Of a subject's values: their mean varies by what is the subject's own, and by a part of what is not.
    own = each.mean().var(ddof=1) - (each.var(ddof=1).mean() / times).mean()
    left_out = max(own, 0.0) * (times * (times - 1)).sum() / times.sum() ** 2
    variance = by_fold + left_out
    freedom = variance**2 / (by_fold**2 / (len(means) - 1) + left_out**2 / (people - 1)) if variance else 1
    half = stats.t.ppf((1 + level) / 2, freedom) * variance**0.5
    return float(mean), float(mean - half), float(mean + half)


def seed_difference(
    a: "Sequence[pd.DataFrame]", b: "Sequence[pd.DataFrame]", column: str = "dice"
) -> tuple[float, float, float]:
    """Mean of ``a − b`` with its 95 % interval over subjects **and** trainings: ``(mean, low, high)`` (lesson 10).

    ``a`` and ``b`` are lists of score tables, one table per seed, paired by image. Where all seeds were scored on the
    same subjects, see `over_seeds_and_subjects`; where each has subjects of its own, as folds have, see `over_folds`.
    With one seed the interval is over subjects only.

    Raises:
        BadInput: other numbers of tables, images that differ, or subjects that only some of the seeds share.
    """
    _check_tables(a), _check_tables(b)
    if len(a) != len(b):
        raise BadInput(f"Give both the same number of tables, one table per seed, not {len(a)} and {len(b)}.")
    if len(a) == 1:
        return paired_difference(a[0], b[0], column)
    return over_trainings([subject_means(_differences(x, y, column), "difference") for x, y in zip(a, b, strict=True)])


def seed_mean(tables: "Sequence[pd.DataFrame]", column: str = "dice") -> tuple[float, float, float]:
    """Mean of a column with its 95 % interval over subjects **and** trainings, as `seed_difference` (lesson 08).

    Raises:
        BadInput: there is no table, or subjects are shared by some of the seeds only.
    """
    _check_tables(tables)
    if len(tables) == 1:
        return subject_interval(tables[0], column)
    return over_trainings([subject_means(each, column) for each in tables])


def _check_tables(tables) -> None:
    if not isinstance(tables, list | tuple) or not tables or not all(hasattr(table, "columns") for table in tables):
        raise BadInput("Give a list with one table per seed, and at least one table.")


def over_trainings(each: "list[pd.Series]") -> tuple[float, float, float]:
    """Mean with its 95 % interval: one series of subjects' values per seed, by what the seeds share (lesson 08).

    The same subjects for all: `over_seeds_and_subjects`. Subjects of its own for each: `over_folds`. Subjects dealt
    into folds several times, nearly all of them each time: `over_repeated_folds`.

    Raises:
        BadInput: subjects are shared by some of the seeds only.
    """
    people = [frozenset(part.index) for part in each]
    if len(set(people)) == 1 and len(people[0]) > 1:
        return over_seeds_and_subjects([part.sort_index() for part in each])
    counts = Counter(name for part in people for name in part)
    repeats = max(counts.values())
    if repeats == 1:
        return over_folds(each)
    deals, rest = divmod(len(people), repeats)
    parts = [people[k * deals : (k + 1) * deals] for k in range(repeats)]
    dealt = not rest and deals > 1 and all(sum(map(len, part)) == len(frozenset().union(*part)) for part in parts)
    if dealt and sum(counts.values()) > NEARLY_ALL * repeats * len(counts):
        return over_repeated_folds(each)
    raise BadInput("The seeds' test sets overlap only in part: score all on one test set, or each on its own fold.")


# ---- verdicts -------------------------------------------------------------------------------------------------

# The rule was fixed before any result was seen. Reproduced: the 95 % interval excludes 0 and the mean is at least the
# margin. Reversed (added later): the same on the other side. Not reproduced: otherwise, where the upper end lies below
# the margin. Undecided: everything else. Never rounded up. Claims that are not the paper's are confirmed instead.

MARGIN = 0.02  # a smaller difference in Dice would not matter to anybody
ONE_SEED = "no verdict: one seed says nothing about other trainings"


def reading(mean: float, low: float, high: float, margin: float = MARGIN, yes: str = "reproduced") -> str:
    """What a difference with its 95 % interval says (lesson 10).

    Returns:
        ``"reproduced"``, ``"reversed"``, ``"not reproduced"`` or ``"undecided"``. ``yes`` is the first word; for a
        claim that nobody has made before it is ``"confirmed"``.
    """
    if not low <= mean <= high:
        raise BadInput(f"An interval holds its mean: low ≤ mean ≤ high, not {low:g}, {mean:g}, {high:g}.")
    if low > 0 and mean >= margin:
        return yes
    if high < 0 and mean <= -margin:
        return "reversed"
    return f"not {yes}" if high < margin else "undecided"


def verdict(
    mean: float, low: float, high: float, *, seeds: int, stand_in=False, margin=MARGIN, yes: str = "reproduced"
) -> str:
    """As `reading`, but no verdict where images stand in for real ones, nor from one seed (lessons 08, 10).

    Args:
        seeds: how many trainings the interval covers.
        stand_in: that of the test images (`SegmentationData.stand_in`).
    """
    if stand_in:
        return "no verdict: simulated images stand in"
    if seeds < 2:
        return ONE_SEED
    return reading(mean, low, high, margin, yes)


# ---- plateaus -------------------------------------------------------------------------------------------------


# Two definitions. The study (claim 7) measures every strategy against one plateau, that of full tuning: `plateau_level`
# and `steps_to_plateau`. The freezing lab asks for less, as its curves have few points: `step_at_share`.

NEAR, IN_A_ROW = 0.01, 3  # of Dice, and validations


def plateau_level(curve: Sequence[tuple[int, float]]) -> float:
    """The plateau of a curve: the mean of its last fifth (of full tuning's curve, in claim 7)."""
    late = [value for step, value in curve if step > 0.8 * curve[-1][0]]
    return sum(late) / len(late)


def steps_to_plateau(curve: Sequence[tuple[int, float]], plateau: float) -> int | None:
    """First step from which three looks in a row are within .01 of ``plateau``, or above; None: never (lesson 13)."""
    near = [value >= plateau - NEAR for _, value in curve]
    for k in range(len(near) - IN_A_ROW + 1):
        if all(near[k : k + IN_A_ROW]):
            return curve[k][0]
    return None


def step_at_share(curve: Sequence[tuple[int, float]], plateau: float, share: float = 0.95) -> int | None:
    """First step at which a curve has ``share`` of ``plateau``; None: never (lesson 04)."""
    return next((step for step, value in curve if value >= share * plateau), None)
