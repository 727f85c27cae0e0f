"""The freezing lab's scoreboard: a line per strategy, over all its trainings (lesson 04).

One plateau and one rival for all lines: those of everything where it was trained, else those of the best strategy.
"""

import csv
import io

from ..intervals import plateau_level, seed_mean, step_at_share
from .compare import difference, shared

PAIRED = ("against", "paired", "difference", "difference_low", "difference_high", "word")


def trainings(first, runs: list) -> list:
    """The finished trainings of a strategy, by seed; of one that was stopped, itself."""
    repeats = {run.seed: run for run in runs if run.repeats is first and run.status == "done"}
    return [first, *(repeats[seed] for seed in sorted(repeats))]


def rival(rows: dict, whole: list[str]):
    """The strategy that the others are measured against: everything, if it was trained, else the best."""
    done = [first for first in rows if first.status == "done"]
    full = [first for first in done if first.groups == whole and not first.scratch]
    return next(iter(full), None) or max(done, key=lambda first: _mean(rows[first], "dice"), default=None)


def plateau(rows: dict, whole: list[str]) -> tuple[str, float] | None:
    """Whose plateau counts, and the plateau: the mean of the last fifth of its curves."""
    best = rival(rows, whole)
    if best is None:
        return None
    return best.label, sum(plateau_level(run.val) for run in rows[best]) / len(rows[best])


class Scoreboard:
    """Lines of strategies and references; differences that were computed once are kept.

    Args:
        references: ``{name: {"dice", "low", "high"}}``, what a strategy should beat.
        groups: all groups of the network.
        stand_in: that of the images that runs are scored on.
    """

    def __init__(self, references: dict[str, dict], groups: list[str], stand_in: bool):
        self.references, self.groups, self.stand_in = references, groups, stand_in
        self._kept: dict[tuple, dict] = {}

    def rows(self, runs: list) -> dict:
        """For each strategy that is shown, its first run, its trainings."""
        return {run: trainings(run, runs) for run in runs if not (run.repeats or run.dice is None or run.hidden)}

    def pair(self, a: list, b: list) -> dict:
        """`compare.difference` of two strategies' trainings."""
        pairs = shared(a, b)
        key = tuple((x.number, y.number) for x, y in pairs)
        if key not in self._kept:
            self._kept[key] = difference(pairs, self.stand_in)
        return self._kept[key]

    def lines(self, runs: list) -> list[dict]:
        """A line per strategy that is shown, and one per reference, best Dice first."""
        rows = self.rows(runs)
        best, level = rival(rows, self.groups), plateau(rows, self.groups)
        found = [self._line(first, each, best and (best, rows[best]), level) for first, each in rows.items()]
        blank = dict.fromkeys(("groups", "seeds", *PAIRED, "steps_to_95", "seconds_to_95", "guess", "guess_error"))
        for name, reference in self.references.items():
            more = {"run": None, "strategy": name, "trainable": 0, "steps": 0, "seconds": 0.0, "status": "reference"}
            found.append(blank | more | reference)
        return sorted(found, key=lambda line: -line["dice"])

    def _line(self, first, each: list, best, level) -> dict:
        mean, low, high = self._interval(each)
        compared = dict.fromkeys(PAIRED)
        if best and first is not best[0] and first.status == "done":
            found = self.pair(each, best[1])
            compared |= {"against": best[0].label, "paired": found["seeds"]} | found
        reached = [step_at_share(run.val, level[1]) if level and run.status == "done" else None for run in each]
        arrived = None not in reached
        times = [run.seconds[step - 1] for run, step in zip(each, reached, strict=True) if step]
        return {
            "run": first.number, "strategy": first.label, "groups": " ".join(first.groups),
            "trainable": first.trainable, "dice": mean, "low": low, "high": high, "seeds": len(each),
            **{key: compared[key] for key in PAIRED}, "steps": len(first.seconds),
            "steps_to_95": sum(reached) / len(reached) if arrived else None,
            "seconds_to_95": sum(times) / len(times) if arrived else None,
            "seconds": _mean(each, "spent"), "guess": first.guess,
            "guess_error": None if first.guess is None else first.guess - mean, "status": first.status,
        }  # fmt: skip

    def _interval(self, each: list) -> tuple[float, float, float]:
        if len(each) == 1:
            return each[0].dice, each[0].low, each[0].high
        key = tuple(run.number for run in each)
        if key not in self._kept:
            self._kept[key] = seed_mean([run.table for run in each])
        return self._kept[key]


def _mean(runs: list, what: str) -> float:
    return sum(getattr(run, what) for run in runs) / len(runs)


def as_csv(lines: list[dict]) -> str:
    """The scoreboard as CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    file = io.StringIO()
    names = ["run", "strategy", *(name for name in lines[0] if name not in ("run", "strategy"))]
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    writer.writerows([{key: _plain(value) for key, value in line.items()} for line in lines])
    return file.getvalue()


def _plain(value):
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
