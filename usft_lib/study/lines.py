"""A claim's line: a difference with its interval, and what may be said of it (lessons 07 to 15).

`compare` builds most of them from two strategies' records, `from_seeds` those about a number that a seed gives as a
whole. The words follow the rules of results/PROTOCOL.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..intervals import MARGIN, ONE_SEED, over_folds, verdict
from .records import Results

OF_THE_PAPER = (1, 2, 3, 5, 7)  # claims that the paper or its predecessor makes; the others are ours


def word(number: int) -> str:
    """What is said of a claim that came out: others' claims are reproduced, our own are confirmed."""
    return "reproduced" if number in OF_THE_PAPER else "confirmed"


@dataclass(frozen=True)
class Line:
    """One claim on one target: a difference with its interval, and what may be said of it."""

    number: int
    words: str
    target: str
    mean: float
    low: float
    high: float
    seeds: int
    said: str
    unit: str = "Dice"
    secondary: bool = False  # stands beside the claim: it is told, and the claim does not go by it
    bound: str = ""  # "≤" where the mean is only known to be that or less
    pair: tuple[dict[str, float], dict[str, float]] | None = None  # the strategies compared, with their weights
    p: float | None = None  # of Wilcoxon's test over subjects, before Holm's correction

    @property
    def claim(self) -> str:
        return f"{self.number}{', beside it' if self.secondary else ''} · {self.words}"


def compare(found: Results, number: int, words: str, a, b, rule=verdict, targets=None, **more) -> list[Line]:
    """A claim's line for each target on which both were run: ``a`` less ``b``, paired, judged by ``rule``.

    ``a`` and ``b``: a strategy, or weighted ones, as in `Results.difference`. ``more``: further fields of the lines.
    """
    made = []
    for target in found.targets if targets is None else targets:
        told = found.difference(target, a, b)
        if told is not None:
            said = rule(*told[:3], seeds=told[3], yes=word(number))
            p = found.wilcoxon(target, a, b)
            pair = tuple({each: 1.0} if isinstance(each, str) else each for each in (a, b))
            made.append(Line(number, words, target, *told, said, p=p, pair=pair, **more))
    return made


def judged(number: int, words: str, target: str, told: Sequence[float], seeds: int, margin=MARGIN, **more) -> Line:
    """A line with the verdict on ``told``, which is ``(mean, low, high)``."""
    said = verdict(*told, seeds=seeds, margin=margin, yes=word(number))
    return Line(number, words, target, *told, seeds, said, **more)


def from_seeds(number: int, words: str, target: str, values: Sequence[float], **more) -> list[Line]:
    """A line from one value per seed, judged against 0; none without two."""
    if len(values) < 2:
        return []
    return [judged(number, words, target, over_folds([[v] for v in values]), len(values), margin=0.0, **more)]


def equivalence(mean: float, low: float, high: float, seeds: int, margin: float = MARGIN, yes="confirmed") -> str:
    """Equivalent within the margin if the interval lies inside of it; not if it lies outside; else undecided."""
    if seeds < 2:
        return ONE_SEED
    if -margin < low and high < margin:
        return yes
    return f"not {yes}" if low >= margin or high <= -margin else "undecided"


def no_worse(mean: float, low: float, high: float, seeds: int, yes: str = "confirmed", margin: float = MARGIN) -> str:
    """Of first − second: the second loses at most the margin, as the interval ends below it."""
    if seeds < 2:
        return ONE_SEED
    return yes if high < margin else f"not {yes}" if low >= margin else "undecided"


def concordance(one: np.ndarray, other: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    """Kendall's τ over these pairs: those that two rows of numbers order alike, less those they order otherwise."""
    signs = [np.sign(one[i] - one[j]) * np.sign(other[i] - other[j]) for i, j in pairs]
    return float(np.mean(signs))


def renamed(record: dict, before: str) -> dict:
    """The record with a longer name of its strategy, so that two grids can stand side by side."""
    changed = {**record["experiment"], "strategy": before + record["experiment"]["strategy"]}
    return {**record, "experiment": changed}
