"""The study's named grids: which experiments are run, as fixed in results/PROTOCOL.md (lessons 07 to 11)."""

import json
from collections.abc import Iterable
from pathlib import Path

from .errors import BadInput, check_name
from .study import UNTRAINED, Experiment

RESULTS = Path(__file__).parent / "results"
RATES = RESULTS / "learning_rates.json"

TARGETS = {"hc18": 40, "busi": 50, "sim-ultrasound": 40}  # target: training images
SEEDS = range(5)
CHOOSING = 5  # the seed that is kept for choosing learning rates
LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2)
ALONG_PATH = ["first 1", "first 2", "first 4", "first 5", "first 7", "last 1", "last 2", "last 4", "last 5", "last 7"]
BY_LEVEL = [f"{side} {k}" for side in ("outer", "inner") for k in range(1, 5)]
STRATEGIES = ["everything", *ALONG_PATH, *BY_LEVEL]
TRIED = ["everything", "first 1", "first 2", "first 4", "first 7", "last 1", "last 2", "last 4", "last 7", "outer 1",
         "outer 2", "inner 2"]  # whose learning rate is chosen; the others take the nearest k's  # fmt: skip


def nearest(strategy: str) -> str:
    """The strategy of the same kind whose learning rate was chosen at the nearest k (of two, the smaller)."""
    kind, _, k = strategy.partition(" ")
    same = [name for name in TRIED if name.partition(" ")[0] == kind]
    if not k:
        return strategy
    return min(same, key=lambda name: (abs(int(name.split()[1]) - int(k)), int(name.split()[1])))


def choose_rates(records: Iterable[dict]) -> dict[str, dict[str, float]]:
    """For each target and strategy the rate with the best validation Dice at the last step; of equals the smaller."""
    best: dict[tuple[str, str], tuple[float, float]] = {}
    for record in records:
        e = record["experiment"]
        if e["strategy"] in UNTRAINED:
            continue
        place, found = (e["target"], e["strategy"]), (record["val_dice"], -e["lr"])
        best[place] = max(best.get(place, found), found)
    chosen: dict[str, dict[str, float]] = {}
    for (target, strategy), (_, rate) in sorted(best.items()):
        chosen.setdefault(target, {})[strategy] = -rate
    return chosen


def read_rates(path: Path = RATES) -> dict[str, dict[str, float]]:
    """The learning rates that were chosen.

    Raises:
        BadInput: they have not been chosen yet.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput("Learning rates are not chosen yet: python data_scripts/run_study.py --grid lr") from None


def lr_grid() -> list[Experiment]:
    return [
        Experiment("xray", target, n, strategy, lr, seed=CHOOSING)
        for target, n in TARGETS.items()
        for strategy in TRIED
        for lr in LEARNING_RATES
    ]


def schemes_grid() -> list[Experiment]:
    rates = read_rates()
    return [
        Experiment("xray", target, n, strategy, lr=_rate(rates, target, strategy), seed=seed)
        for seed in SEEDS  # seed by seed: whatever ends early has whole seeds
        for target, n in TARGETS.items()
        for strategy in [*STRATEGIES, *UNTRAINED]
    ]


def quick_grid() -> list[Experiment]:
    """A slice of ``schemes`` for a coffee break: two seeds, fewer steps, smaller images, one rate for all."""
    strategies = ["everything", "first 2", "first 4", "last 2", "last 4", *UNTRAINED]
    return [
        Experiment(
            "xray@200", "hc18", 40, strategy, lr=0.0 if strategy in UNTRAINED else 3e-3, seed=seed, steps=150, size=96
        )
        for seed in (0, 1)
        for strategy in strategies
    ]


def _rate(rates: dict, target: str, strategy: str) -> float:
    if strategy in UNTRAINED:
        return 0.0
    try:
        return rates[target][nearest(strategy)]
    except KeyError:
        raise BadInput(
            f"No learning rate is chosen for {nearest(strategy)} on {target}: "
            "finish python data_scripts/run_study.py --grid lr first."
        ) from None


GRIDS = {"lr": lr_grid, "schemes": schemes_grid}


def grid(name: str, quick: bool = False) -> list[Experiment]:
    """The experiments of a named grid, or of its quick slice.

    Raises:
        BadInput: there is no such grid, it has no quick slice, or learning rates are not chosen yet.
    """
    check_name("grid", name, GRIDS)
    if quick and name != "schemes":
        raise BadInput("Only the grid schemes has a quick slice.")
    return quick_grid() if quick else GRIDS[name]()
