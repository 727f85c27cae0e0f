"""Two strategies compared properly: the same seeds, the same subjects, the same images (lessons 04, 08)."""

import numpy as np

from ..errors import BadInput
from ..intervals import MARGIN, seed_difference, subject_means, verdict

ONE = "one training"
MEANING = {  # of each word, about the first strategy of a pair
    ONE: "The interval is over subjects alone. Other batches may give another sign: repeat both on more seeds.",
    "confirmed": f"The whole interval is above 0, and the mean is at least {MARGIN}: the first is better.",
    "reversed": f"The whole interval is below 0, and the mean is at most −{MARGIN}: the second is better.",
    "not confirmed": f"The interval ends below {MARGIN}: the first is not better by as much as would matter.",
    "undecided": f"The interval includes {MARGIN}, the least that matters, and less: take more seeds or subjects.",
}


def shared(a: list, b: list) -> list[tuple]:
    """The trainings of two strategies in pairs that have one seed.

    Raises:
        BadInput: no seed is in both.
    """
    others = {run.seed: run for run in b}
    pairs = [(run, others[run.seed]) for run in a if run.seed in others]
    if not pairs:
        raise BadInput(f"{a[0].label} and {b[0].label} have no finished training with the same seed.")
    return pairs


def difference(pairs: list[tuple], stand_in: bool) -> dict:
    """Mean of the first's Dice less the second's with its 95 % interval, over subjects and seeds, and the word for it.

    The word is that of `intervals.verdict` for "the first is better"; from one seed alone there is none.
    """
    mean, low, high = seed_difference([a.table for a, _ in pairs], [b.table for _, b in pairs])
    seeds = len(pairs)
    word = ONE if seeds == 1 else verdict(mean, low, high, seeds=seeds, stand_in=stand_in, yes="confirmed")
    return {"seeds": seeds, "difference": mean, "difference_low": low, "difference_high": high, "word": word}


def in_detail(pairs: list[tuple], count: int) -> dict:
    """The differences by subject, smallest first, and the ``count`` images on which the two disagree most."""
    by_subject = sum(subject_means(a.table, "dice") - subject_means(b.table, "dice") for a, b in pairs) / len(pairs)
    one, other = (sum(each["dice"].to_numpy() for each in tables) / len(pairs) for tables in (
        [a.table for a, _ in pairs], [b.table for _, b in pairs]))  # fmt: skip
    furthest = np.argsort(-abs(one - other), kind="stable")[:count].tolist()
    return {
        "subjects": [[name, float(value)] for name, value in by_subject.sort_values().items()],
        "images": [{"image": k, "a": float(one[k]), "b": float(other[k])} for k in furthest],
    }
