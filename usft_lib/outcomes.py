"""What the study found, to be read and drawn: means, differences and their intervals by strategy (lessons 07 to 11)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import BadInput
from .grids import RESULTS
from .statistics import seed_difference, seed_mean
from .study import gathered, scores, table

if TYPE_CHECKING:
    import pandas as pd


def results(grid: str) -> "Outcomes":
    """The committed results of a grid of the study, such as ``"schemes"`` (lesson 07).

    They are made by ``python data_scripts/run_study.py --grid NAME``, as results/PROTOCOL.md says.

    Raises:
        BadInput: there are no results of that name, or the file is broken.
    """
    path = RESULTS / f"{grid}.jsonl.gz"
    if not path.exists():
        there = sorted(file.name.partition(".")[0] for file in RESULTS.glob("*.jsonl.gz"))
        raise BadInput(f"There are no results of a grid {grid!r}; there are those of {', '.join(there)}.")
    return Outcomes(gathered(path))


class Outcomes:
    """The records of a grid, found by target and strategy (lesson 07).

    Strategies of one seed began with the same weights and saw the same batches, so they are compared within seeds.
    """

    def __init__(self, records: Iterable[dict]):
        self.records = list(records)
        self._found: dict[tuple[str, str], dict[int, dict]] = {}
        for record in self.records:
            e = record["experiment"]
            self._found.setdefault((e["target"], e["strategy"]), {})[e["seed"]] = record

    def __repr__(self) -> str:
        return f"{len(self.records)} experiments on {', '.join(self.targets)}"

    @property
    def table(self) -> "pd.DataFrame":
        """A row an experiment: its settings, its Dice on test and validation images."""
        return table(self.records)

    @property
    def targets(self) -> list[str]:
        return sorted({target for target, _ in self._found})

    def seeds(self, target: str, strategies: Iterable[str]) -> list[int]:
        """The seeds that all of these strategies were run with."""
        each = [set(self._found.get((target, name), {})) for name in strategies]
        return sorted(set.intersection(*each)) if each else []

    def strategies(self, target: str) -> list[str]:
        """What was run with this target, in the order in which it was found."""
        return [strategy for goal, strategy in self._found if goal == target]

    def common(self, targets: Iterable[str], strategies: Iterable[str]) -> list[int]:
        """The seeds that all of these strategies were run with on all of these targets."""
        strategies = list(strategies)
        return sorted(set.intersection(*(set(self.seeds(target, strategies)) for target in targets)))

    def one(self, target: str, strategy: str, seed: int) -> float:
        """Mean Dice on test images of a single experiment."""
        return float(self._found[target, strategy][seed]["dice"])

    def curves(self, target: str, strategy: str) -> dict[int, list]:
        """By seed the validation curves of experiments that were watched, see `plateau.watch`."""
        return {seed: r["curve"] for seed, r in self._found.get((target, strategy), {}).items() if "curve" in r}

    def tables(self, target: str, weights: dict[str, float], seeds: Sequence[int]) -> "list[pd.DataFrame]":
        """A table of scores for each seed: the weighted sum of the strategies' Dice, image by image."""
        found = []
        for seed in seeds:
            parts = {name: scores(self._found[target, name][seed]).set_index("image") for name in weights}
            table = next(iter(parts.values())).copy()
            table["dice"] = sum(weight * parts[name]["dice"] for name, weight in weights.items())
            found.append(table.reset_index())
        return found

    def dice(self, target: str, strategy: str) -> tuple[float, float, float, int]:
        """``(mean, low, high, seeds)``: mean Dice on test images, with its 95 % interval over subjects and trainings.

        Raises:
            BadInput: nothing was run with this target and strategy.
        """
        seeds = self.seeds(target, [strategy])
        if not seeds:
            raise BadInput(f"No result of {strategy!r} on {target!r}: there are those of {self!r}.")
        return *seed_mean(self.tables(target, {strategy: 1.0}, seeds)), len(seeds)

    def mean(self, target: str, strategy: str, seeds: Iterable[int] | None = None) -> float:
        """Mean Dice over the seeds that there are, or over these."""
        found = self._found[target, strategy]
        return float(np.mean([found[seed]["dice"] for seed in (found if seeds is None else seeds)]))

    def difference(self, target: str, a: "str | dict[str, float]", b: "str | dict[str, float]"):
        """``(mean, low, high, seeds)`` of ``a`` less ``b``, paired image by image; None without a common seed.

        ``a`` and ``b``: a strategy, or weighted ones, such as those of `area`.
        """
        a, b = ({each: 1.0} if isinstance(each, str) else each for each in (a, b))
        seeds = self.seeds(target, [*a, *b])
        if not seeds:
            return None
        found = seed_difference(self.tables(target, a, seeds), self.tables(target, b, seeds))
        return *found, len(seeds)


def area(kind: str, ks: Sequence[int]) -> dict[str, float]:
    """Weights of the trapezoid rule over k, which add up to 1: the mean height of the curve of ``kind``."""
    ks = np.asarray(ks, dtype=float)
    steps = np.diff(ks)
    weights = (np.append(steps, 0) + np.insert(steps, 0, 0)) / 2 / (ks[-1] - ks[0])
    return {f"{kind} {int(k)}": float(weight) for k, weight in zip(ks, weights, strict=True)}
