"""The claims on the scheme grid, each read off the records by the protocol's rule (lessons 07, 08).

A claim is judged on each target by itself, since one may hold on simulated breasts and fail on fetal heads. Every line
tells the difference with its interval, how many seeds it covers, and what may be said. results/VERDICTS.md is made by
``python data_scripts/run_study.py --grid schemes --report``. Claims on the other grids: `further_claims`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .grids import TARGETS
from .outcomes import Outcomes, area
from .verdicts import MARGIN, verdict

ALONG, BY_LEVEL = (1, 2, 4, 5, 7), (1, 2, 3, 4)
SHARED = (1, 2, 4)  # numbers of groups that all four kinds were tried with


@dataclass(frozen=True)
class Line:
    """One claim on one target: the difference in Dice with its interval, and what may be said."""

    claim: str
    target: str
    mean: float
    low: float
    high: float
    seeds: int
    said: str
    unit: str = "Dice"
    p: float | None = None  # of Wilcoxon's test over subjects, before Holm's correction


COMPARED = {
    "1 · the contracting path beats the expanding path (first 4 − last 4)": ("first 4", "last 4"),
    "1, beside it · with the bottleneck (first 5 − last 4)": ("first 5", "last 4"),
    "3 · first k beats last k (mean over k of 1 to 7)": (area("first", ALONG), area("last", ALONG)),
    "4 · outer k beats inner k (mean over k of 1 to 4)": (area("outer", BY_LEVEL), area("inner", BY_LEVEL)),
}
EQUAL = {
    "6 · first 4 is equivalent to everything (everything − first 4)": ("everything", "first 4"),
    "6 · outer 2 is equivalent to everything (everything − outer 2)": ("everything", "outer 2"),
}


def equivalence(mean: float, low: float, high: float, seeds: int, margin: float = MARGIN) -> str:
    """Equivalent within the margin if the interval lies inside of it; not if it lies outside; else undecided."""
    if seeds < 2:
        return "no verdict: one seed says nothing about other trainings"
    if -margin < low and high < margin:
        return "reproduced"
    return "not reproduced" if low >= margin or high <= -margin else "undecided"


def lines(records: Iterable[dict]) -> list[Line]:
    """Claims 1, 3, 4 and 6, a line for each target."""
    outcomes, found = Outcomes(records), []
    for claims in (COMPARED, EQUAL):
        for claim, (a, b) in claims.items():
            for target in outcomes.targets:
                told = outcomes.difference(target, a, b)
                if told is None:
                    continue
                mean, low, high, seeds = told
                if claims is EQUAL:
                    said = equivalence(mean, low, high, seeds)
                else:
                    said = verdict(mean, low, high, seeds=seeds)
                p = outcomes.wilcoxon(target, a, b)
                found.append(Line(claim, target, mean, low, high, seeds, said, p=p))
    return found


@dataclass(frozen=True)
class Cell:
    """Claim 5 at one target and k: which of the four kinds is the worst, by how much, over how many seeds."""

    target: str
    k: int
    worst: str
    below_the_next: float
    seeds: int


def cells(records: Iterable[dict]) -> list[Cell]:
    """Claim 5: for each target and k which of first, last, outer and inner has the lowest mean Dice."""
    outcomes, found = Outcomes(records), []
    for target in outcomes.targets:
        for k in SHARED:
            kinds = [f"{kind} {k}" for kind in ("first", "last", "outer", "inner")]
            seeds = outcomes.seeds(target, kinds)  # those that all four were run with
            if seeds:
                means = sorted((outcomes.mean(target, name, seeds), name) for name in kinds)
                worst = means[0][1].split()[0]
                found.append(Cell(target, k, worst, means[1][0] - means[0][0], len(seeds)))
    return found


def often_worst(found: list[Cell]) -> str:
    """The verdict on claim 5: *last* is the worst in more than half of the nine cells, two seeds in each at least."""
    if len(found) < len(TARGETS) * len(SHARED):
        return f"no verdict: {len(found)} of {len(TARGETS) * len(SHARED)} cells are there"
    if min(cell.seeds for cell in found) < 2:
        return "no verdict: one seed says nothing about other trainings"
    return "reproduced" if sum(cell.worst == "last" for cell in found) > len(found) / 2 else "not reproduced"


def report(grids: dict[str, list[dict]], begun: dict[str, str], command: str) -> str:
    """VERDICTS.md: every claim with its evidence; the same records give the same text.

    Args:
        grids: records of the grids that are complete, by name.
        begun: how far the others are; no verdict is read from them, as it could be stopped where it suits.
    """
    from .further_claims import further_lines

    schemes = [*grids.get("schemes", []), *grids.get("headline", [])]
    found, places = lines(schemes) + further_lines(grids), cells(grids.get("schemes", []))
    each = "; ".join(f"{c.target} k = {c.k}: {c.worst} by {c.below_the_next:.3f} ({c.seeds} seeds)" for c in places)
    last, ordered = sum(c.worst == "last" for c in places), sorted(found, key=_order)
    counted = ", ".join(f"{name} {len(records)}" for name, records in grids.items())
    waiting = ", ".join(f"{name} ({far})" for name, far in begun.items())
    return "\n".join([
        "# Verdicts",
        "",
        f"Made by `{command}` from these experiments: {counted}. The rule is that of PROTOCOL.md. Differences are in "
        "mean Dice unless another unit is said, with 95 % intervals.",
        *(["", f"Begun, and not counted before they are complete: {waiting}."] if waiting else []),
        "",
        "| claim | target | difference | 95 % interval | seeds | p | |",
        "|---|---|---|---|---|---|---|",
        *(_row(one, p) for one, p in zip(ordered, holm(ordered), strict=True)),
        "",
        "p: Wilcoxon's test on subjects' means over seeds, corrected by Holm within a claim; it knows nothing of other "
        "trainings and decides nothing.",
        "",
        f"**5 · The last blocks alone are often the worst choice.** Of {len(places)} cells (target, k) they are the "
        f"worst of the four kinds in {last}: {often_worst(places)}. It counts means and has no interval.",
        *(["", f"The worst in each cell, and how far below the next: {each}."] if places else []),
        "",
        "Claims 1 to 3, 5 and 7 follow what the paper or its predecessor states; the others are ours, and there "
        "\"reproduced\" says that what we expected came out. Intervals on busi are over clusters of near-duplicate "
        "images, as it has no patient numbers; its five folds share training images, and its learning rates were "
        "chosen on 10 of its 78 clusters, which are tested as well.",
        "",
    ])  # fmt: skip


def holm(lines: list[Line]) -> list[float | None]:
    """p of each line after Holm's correction within its claim (Scandinavian Journal of Statistics 6:65, 1979)."""
    found: list[float | None] = [None] * len(lines)
    for claim in {_order(one)[0] for one in lines}:
        family = sorted((one.p, k) for k, one in enumerate(lines) if one.p is not None and _order(one)[0] == claim)
        highest = 0.0
        for rank, (p, k) in enumerate(family):
            highest = max(highest, min(1.0, p * (len(family) - rank)))
            found[k] = highest
    return found


def _order(one: Line) -> tuple[int, bool]:
    number = one.claim.split(" ")[0]
    return int(number.rstrip(",")), number.endswith(",")  # what stands beside a claim comes after it


def _row(one: Line, p: float | None) -> str:
    unit, told = "" if one.unit == "Dice" else f" {one.unit}", "" if p is None else f"{p:.2g}"
    digits = 0 if one.unit == "steps" else 3
    mean, low, high = (f"{value:+.{digits}f}" for value in (one.mean, one.low, one.high))
    if one.mean != one.mean:  # not tested
        return f"| {one.claim} | {one.target} | – | – | {one.seeds} | | {one.said} |"
    return f"| {one.claim} | {one.target} | {mean}{unit} | {low} to {high} | {one.seeds} | {told} | {one.said} |"
