"""Records of finished experiments: kept in files, found by target, strategy and seed, compared (lesson 08)."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..errors import BadInput, check_name
from ..intervals import seed_difference, seed_mean, subject_means
from . import grids, targets
from .experiment import Experiment
from .files import finished

if TYPE_CHECKING:
    import pandas as pd


def results(name: str, *more: str) -> "Results":
    """The committed results of a grid of the study, or of several together, such as ``"schemes"`` (lesson 08).

    They are made by ``python data_scripts/run_study.py --grid NAME``, as results/PROTOCOL.md says. What a grid does not
    ask for (any more) is left out; what it asks for and is not there yet is counted in ``missing``.

    Raises:
        BadInput: there is no grid of that name, or the file of its results is broken.
    """
    records, missing = [], 0
    for each in (name, *more):
        wanted, path = {experiment.key for experiment in grids.grid(each)}, grids.RESULTS / f"{each}.jsonl.gz"
        found = finished(path, wanted)
        records += found
        missing += len(wanted) - len(found)
    return Results(records, missing)


def verdicts(*claims: int) -> "pd.DataFrame":
    """What the study's report says of these claims, or of all: a row per comparison (lessons 08 to 15).

    Columns: ``claim``, ``words`` (what is claimed), ``target``, ``mean``, ``low``, ``high``, ``seeds``, ``said`` (the
    verdict), ``secondary`` (told beside the claim; does not decide it) and others. results/VERDICTS.md explains them.

    Raises:
        BadInput: a claim that the report has no line of.
    """
    import pandas as pd

    lines = json.loads((grids.RESULTS / "verdicts.json").read_text(encoding="utf-8"))["lines"]
    found = pd.DataFrame(lines).rename(columns={"number": "claim"})
    for claim in claims:
        if claim not in found["claim"].unique():
            raise BadInput(f"The report has no line of claim {claim!r}; it has those of {sorted(set(found['claim']))}.")
    return found[found["claim"].isin(claims)].reset_index(drop=True) if claims else found


class Results:
    """The records of a grid, found by target, strategy and seed (lesson 08).

    Strategies of one seed began with the same weights and saw the same batches, so they are compared within seeds. A
    subject counts once, however many images it has. Where a grid varies more than target, strategy and seed, narrow it
    first: ``results("sizes").where(n=10)``.
    """

    def __init__(self, records: Iterable[dict], missing: int = 0):
        self.records, self.missing = list(records), missing
        self._found: dict[tuple[str, str], dict[int, list[dict]]] = {}
        self._began: dict[tuple[str, int], dict[str, set[str]]] = {}  # target and seed: fingerprints by source
        for record in self.records:
            e = record["experiment"]
            self._found.setdefault((e["target"], e["strategy"]), {}).setdefault(e["seed"], []).append(record)
            if weights := record.get("made", {}).get("origin"):
                self._began.setdefault((e["target"], e["seed"]), {}).setdefault(e["source"], set()).add(weights)
        self._leaks: dict[tuple[int, int], set[str]] = {}  # of busi, by seed and n: see `leaks`

    def __repr__(self) -> str:
        return f"{len(self.records)} experiments on {', '.join(self.targets)}"

    def where(self, **fields) -> "Results":
        """Only the experiments with these settings, such as ``source="xray"``, ``n=10``, ``statistics="kept"``.

        Raises:
            BadInput: experiments have no such setting.
        """
        usual = {field.name: field.default for field in dataclasses.fields(Experiment)}
        for name in fields:
            check_name("setting", name, usual)
        return Results(r for r in self.records if all(r["experiment"].get(k, usual[k]) == v for k, v in fields.items()))

    @property
    def table(self) -> "pd.DataFrame":
        """One row per experiment: its settings, its Dice on test and validation images, seconds."""
        import pandas as pd

        more = ("key", "dice", "val_dice", "seconds")
        return pd.DataFrame([{**r["experiment"], **{name: r[name] for name in more}} for r in self.records])

    @property
    def targets(self) -> list[str]:
        return sorted({target for target, _ in self._found})

    def seeds(self, target: str, strategies: Iterable[str]) -> list[int]:
        """The seeds that all of these strategies were run with."""
        return self.common([target], strategies)

    def strategies(self, target: str) -> list[str]:
        """What was run with this target, in the order in which it was found."""
        return [strategy for goal, strategy in self._found if goal == target]

    def common(self, targets: Iterable[str], strategies: Iterable[str]) -> list[int]:
        """The seeds that all of these strategies were run with on all of these targets."""
        each = [set(self._found.get(pair, {})) for pair in product(targets, strategies)]
        return sorted(set.intersection(*each)) if each else []

    def record(self, target: str, strategy: str, seed: int) -> dict:
        """One experiment's record.

        Raises:
            BadInput: there is none, or there are several.
        """
        found = self._found.get((target, strategy), {}).get(seed, [])
        if not found:
            raise BadInput(f"No result of {strategy!r} on {target!r} with seed {seed} among {self!r}.")
        if len(found) > 1:
            one, other = (each["experiment"] for each in found[:2])
            differ = sorted(k for k in one.keys() | other.keys() if one.get(k) != other.get(k))
            raise BadInput(
                f"{len(found)} results of {strategy!r} on {target!r} with seed {seed}, which differ in "
                f"{', '.join(differ)}: narrow them with .where({differ[0]}=…)."
            )
        return found[0]

    def one(self, target: str, strategy: str, seed: int) -> float:
        """Mean Dice over test subjects of a single experiment."""
        return float(self.by_subject(target, {strategy: 1.0}, seed).mean())

    def leaks(self, seed: int, n: int) -> set[str]:
        """Lesions of busi that a seed tests though it trained on an image that is all but the same (lesson 10).

        They are computed from the records; where those do not hold every lesion, there is no telling.
        """
        if (seed, n) not in self._leaks:
            known = all(lesion <= self._clusters.keys() for lesion in targets.ALIKE)
            self._leaks[seed, n] = targets.busi_leaks(seed, n, self._clusters) if known else set()
        return self._leaks[seed, n]

    @cached_property
    def _clusters(self) -> dict[str, str]:
        """For each lesion of busi that was tested its cluster."""
        found = [r["scores"] for r in self.records if r["experiment"]["target"] == "busi"]
        return {image: cluster for s in found for image, cluster in zip(s["image"], s["subject"], strict=True)}

    def curves(self, target: str, strategy: str) -> dict[int, list]:
        """By seed the validation curves of experiments that were watched, see `convergence.fit_with_ema`."""
        each = {seed: self.record(target, strategy, seed) for seed in self.seeds(target, [strategy])}
        return {seed: record["curve"] for seed, record in each.items() if "curve" in record}

    def tables(self, target: str, weights: dict[str, float], seeds: Sequence[int]) -> "list[pd.DataFrame]":
        """A table of scores for each seed: the weighted sum of the strategies' Dice, image by image.

        Raises:
            BadInput: experiments of one seed began with different weights, or were tested on other data.
        """
        found = []
        for seed in seeds:
            parts = {name: scores(self.record(target, name, seed)).set_index("image") for name in weights}
            for source, began in self._began.get((target, seed), {}).items():
                if len(began) > 1:
                    raise BadInput(
                        f"Experiments on {target} with seed {seed} began with different weights from {source} "
                        f"({', '.join(sorted(began))}), so they cannot be paired: run them on one machine."
                    )
            dice = sum(weight * parts[name]["dice"] for name, weight in weights.items())
            table = next(iter(parts.values())).assign(dice=dice).reset_index()
            if target == "busi":
                n = self.record(target, next(iter(weights)), seed)["experiment"]["n"]
                table["leaks"] = table["image"].isin(self.leaks(seed, n))
            found.append(table)
        return found

    def dice(self, target: str, strategy: str) -> tuple[float, float, float, int]:
        """``(mean, low, high, seeds)``: mean Dice over test subjects, with its 95 % interval over both.

        Raises:
            BadInput: nothing was run with this target and strategy.
        """
        seeds = self.seeds(target, [strategy])
        if not seeds:
            raise BadInput(f"No result of {strategy!r} on {target!r}: there are those of {self!r}.")
        whole = _whole_deals(self.tables(target, {strategy: 1.0}, seeds))
        return *seed_mean(whole), len(whole)

    def mean(self, target: str, strategy: str, seeds: Iterable[int] | None = None) -> float:
        """Mean Dice over subjects and the seeds that there are, or over these."""
        chosen = self.seeds(target, [strategy]) if seeds is None else seeds
        values = [self.one(target, strategy, seed) for seed in chosen]
        if not values:
            raise BadInput(f"No result of {strategy!r} on {target!r}: there are those of {self!r}.")
        return float(np.mean(values))

    def difference(self, target: str, a: "str | dict[str, float]", b: "str | dict[str, float]", seeds=None):
        """``(mean, low, high, seeds)`` of ``a`` less ``b``, paired image by image; None without a common seed.

        Args:
            a, b: a strategy, or weighted ones, such as those of `area`.
            seeds: only these; None: all that both were run with.
        """
        one, other = self._paired(target, a, b, seeds)
        return (*seed_difference(one, other), len(one)) if one else None

    def _paired(self, target: str, a: "str | dict[str, float]", b: "str | dict[str, float]", seeds=None):
        """The tables of ``a`` and of ``b``, seed by seed, of the seeds that both were run with; perhaps none."""
        a, b = ({each: 1.0} if isinstance(each, str) else each for each in (a, b))
        seeds = self.seeds(target, [*a, *b]) if seeds is None else seeds
        return [_whole_deals(self.tables(target, each, seeds)) for each in (a, b)]

    def wilcoxon(self, target: str, a: "str | dict[str, float]", b: "str | dict[str, float]") -> float:
        """p of Wilcoxon's signed-rank test on subjects' mean differences over seeds: supporting evidence only.

        It asks about other subjects, not about other trainings.
        """
        import pandas as pd
        from scipy import stats

        one, other = self._paired(target, a, b)
        differences = [subject_means(x, "dice") - subject_means(y, "dice") for x, y in zip(one, other, strict=True)]
        return float(stats.wilcoxon(pd.concat(differences).groupby(level=0).mean()).pvalue)

    def by_subject(self, target: str, strategy: "str | dict[str, float]", seed: int) -> "pd.Series":
        """Dice by subject of one seed, of a strategy or the weighted sum of several."""
        weights = {strategy: 1.0} if isinstance(strategy, str) else strategy
        return subject_means(_as_scored(self.tables(target, weights, [seed])[0]), "dice")


def _whole_deals(tables: "list[pd.DataFrame]") -> "list[pd.DataFrame]":
    """As many of the first tables as test every subject equally often, each as it is scored.

    Half a deal into folds cannot be averaged.
    """
    for count in range(len(tables), 1, -1):
        tested = Counter(subject for table in tables[:count] for subject in set(table["subject"]))
        if len(set(tested.values())) == 1:
            return [_as_scored(table) for table in tables[:count]]
    return [_as_scored(table) for table in tables[:1]]


def _as_scored(table: "pd.DataFrame") -> "pd.DataFrame":
    """On busi without what leaks, and with clusters that show one lesion as one subject; others as they are."""
    if "leaks" not in table:
        return table
    table = table[~table["leaks"]].copy()
    for lesion in targets.ALIKE:
        rows = table["image"].isin(lesion)
        if rows.any():
            table.loc[rows, "subject"] = min(table["subject"][rows])
    return table


def area(kind: str, ks: Sequence[int]) -> dict[str, float]:
    """Weights of the trapezoid rule over k, which add up to 1: the mean height of the curve of ``kind``.

    Raises:
        BadInput: fewer than two k.
    """
    ks = np.asarray(ks, dtype=float)
    if len(ks) < 2:
        raise BadInput("A curve has at least two k.")
    steps = np.diff(ks)
    weights = (np.append(steps, 0) + np.insert(steps, 0, 0)) / 2 / (ks[-1] - ks[0])
    return {f"{kind} {int(k)}": float(weight) for k, weight in zip(ks, weights, strict=True)}


def scores(record: dict):
    """The per-image scores of one record, as `metrics.evaluate` gives them: for paired statistics."""
    import pandas as pd

    return pd.DataFrame(record["scores"])
