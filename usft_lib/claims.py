"""The claims on the scheme grid, each read off the records by the protocol's rule (lessons 07, 08).

A claim is judged on each target by itself, since one may hold on simulated breasts and fail on fetal heads. Every line
tells the difference with its interval, how many seeds it covers, and what may be said. results/VERDICTS.md is made by
``python data_scripts/run_study.py --grid schemes --report``. Claims on the other grids: `further_claims`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

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


COMPARED = {
    "1 · the contracting path beats the expanding path (first 4 − last 4)": ({"first 4": 1.0}, {"last 4": 1.0}),
    "1, beside it · with the bottleneck (first 5 − last 4)": ({"first 5": 1.0}, {"last 4": 1.0}),
    "3 · first k beats last k (mean over k of 1 to 7)": (area("first", ALONG), area("last", ALONG)),
    "4 · outer k beats inner k (mean over k of 1 to 4)": (area("outer", BY_LEVEL), area("inner", BY_LEVEL)),
}
EQUAL = {
    "6 · the contracting path is as good as everything (everything − first 4)": ({"everything": 1.0}, {"first 4": 1.0}),
    "6 · two outer levels are as good as everything (everything − outer 2)": ({"everything": 1.0}, {"outer 2": 1.0}),
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
                    said = verdict(mean, low, high, seeds=seeds, data=target)
                found.append(Line(claim, target, mean, low, high, seeds, said))
    return found


def worst(records: Iterable[dict]) -> dict[tuple[str, int], str]:
    """Claim 5: for each target and k which of first, last, outer and inner has the lowest mean Dice."""
    outcomes, found = Outcomes(records), {}
    for target in outcomes.targets:
        for k in SHARED:
            names = [f"{kind} {k}" for kind in ("first", "last", "outer", "inner")]
            seeds = outcomes.seeds(target, names)  # those that all four were run with
            if seeds:
                found[target, k] = min(names, key=lambda name: outcomes.mean(target, name, seeds)).split()[0]
    return found


def report(grids: dict[str, list[dict]], command: str) -> str:
    """VERDICTS.md: every claim with its evidence; the same records give the same text.

    Args:
        grids: records by the name of their grid, as far as there are any.
    """
    from .further_claims import further_lines

    schemes = [*grids.get("schemes", []), *grids.get("headline", [])]
    found, cells = lines(schemes) + further_lines(grids), worst(grids.get("schemes", []))
    last = sum(kind == "last" for kind in cells.values())
    said = "reproduced" if last > len(cells) / 2 else "not reproduced"
    each = ", ".join(f"{target} k = {k}: {kind}" for (target, k), kind in cells.items())
    counted = ", ".join(f"{name} {len(records)}" for name, records in grids.items())
    return "\n".join([
        "# Verdicts",
        "",
        f"Made by `{command}` from these experiments: {counted}. The rule is that of PROTOCOL.md. Differences are in "
        "mean Dice unless another unit is said, with 95 % intervals.",
        "",
        "| claim | target | difference | 95 % interval | seeds | |",
        "|---|---|---|---|---|---|",
        *(_row(one) for one in sorted(found, key=lambda one: int(one.claim.split(" ")[0].rstrip(",")))),
        "",
        f"**5 · The last blocks alone are often the worst choice.** Of {len(cells)} cells (target, k) they are the "
        f"worst of the four kinds in {last}: {said if cells else 'no verdict: no cell is complete'}. It counts "
        "means and has no interval.",
        *(["", f"Worst in each cell: {each}."] if cells else []),
        "",
    ])  # fmt: skip


def _row(one: Line) -> str:
    unit = "" if one.unit == "Dice" else f" {one.unit}"
    digits = 0 if one.unit == "steps" else 3
    mean, low, high = (f"{value:+.{digits}f}" for value in (one.mean, one.low, one.high))
    if one.mean != one.mean:  # not tested
        return f"| {one.claim} | {one.target} | – | – | {one.seeds} | {one.said} |"
    return f"| {one.claim} | {one.target} | {mean}{unit} | {low} to {high} | {one.seeds} | {one.said} |"
