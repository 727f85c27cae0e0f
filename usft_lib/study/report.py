"""The study's report, results/VERDICTS.md: every claim with its evidence; the same records give the same text.

``python data_scripts/run_study.py --grid schemes --report`` writes it.
"""

from .claims import Line, cells, lines, often_worst
from .records import Results


def report(grids: dict[str, list[dict]], begun: dict[str, str], command: str) -> str:
    """VERDICTS.md: every claim with its evidence; the same records give the same text.

    Args:
        grids: records of the grids that are complete, by name.
        begun: how far the others are; no verdict is read from them, as it could be stopped where it suits.
    """
    there = {name: Results(records) for name, records in grids.items()}
    found, places = lines(there), cells(there.get("schemes", Results([])))
    each = "; ".join(f"{c.target} k = {c.k}: {c.worst} by {c.below_the_next:.3f} ({c.seeds} seeds)" for c in places)
    last = sum(c.worst == "last" for c in places)
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
        *(_row(one, p) for one, p in zip(found, holm(found), strict=True)),
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
    for number in {one.number for one in lines}:
        family = sorted((one.p, k) for k, one in enumerate(lines) if one.p is not None and one.number == number)
        highest = 0.0
        for rank, (p, k) in enumerate(family):
            highest = max(highest, min(1.0, p * (len(family) - rank)))
            found[k] = highest
    return found


def _row(one: Line, p: float | None) -> str:
    unit, told = "" if one.unit == "Dice" else f" {one.unit}", "" if p is None else f"{p:.2g}"
    digits = 0 if one.unit == "steps" else 3
    mean, low, high = (f"{value:+.{digits}f}" for value in (one.mean, one.low, one.high))
    if one.mean != one.mean:  # not tested
        return f"| {one.claim} | {one.target} | – | – | {one.seeds} | | {one.said} |"
    return f"| {one.claim} | {one.target} | {mean}{unit} | {low} to {high} | {one.seeds} | {told} | {one.said} |"
