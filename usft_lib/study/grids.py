"""The study's named grids: which experiments are run, as fixed in results/PROTOCOL.md (lessons 07 to 11)."""

import json
from collections.abc import Iterable
from pathlib import Path

from ..errors import BadInput, check_name
from .experiment import UNTRAINED, Experiment
from .matched import DRAWS
from .targets import SHIFTS

RESULTS = Path(__file__).parents[1] / "results"
RATES = RESULTS / "learning_rates.json"

TARGETS = {"hc18": 40, "busi": 50, "sim-ultrasound": 40}  # target: training images
SEEDS = range(5)
CHOOSING = 5  # the seed that is kept for choosing learning rates
MORE_SEEDS = range(6, 11)
ALL_HEADS = 586  # fetuses of HC18 that are neither tested nor for choosing
# Whose chosen rates a target takes that had no search of its own.
ANSWERS_FOR = {"shenzhen": "hc18", "speckle": "sim-ultrasound", "shapes": "sim-ultrasound"}
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
    except ValueError as error:
        raise BadInput(f"{path.name} is broken ({error}): delete it and run --grid lr again.") from None


def lr_grid() -> list[Experiment]:
    return [
        Experiment("xray", target, n, strategy, lr, seed=CHOOSING)
        for target, n in TARGETS.items()
        for strategy in TRIED
        for lr in LEARNING_RATES
    ]


def schemes_grid() -> list[Experiment]:
    return [
        _from_xray(target, strategy, seed=seed)
        for seed in SEEDS  # seed by seed: whatever ends early has whole seeds
        for target in TARGETS
        for strategy in [*STRATEGIES, *UNTRAINED]
    ]


def headline_grid() -> list[Experiment]:
    """The strategies of claims 1 and 6 with five more seeds, so five other subsets and sources; BUSI in other folds."""
    strategies = ["everything", "first 4", "first 5", "last 4"]
    return [_from_xray(t, s, seed=seed) for seed in MORE_SEEDS for t in TARGETS for s in strategies]


def sizes_grid() -> list[Experiment]:
    """Dice against the number of images, and with all of them how soon the plateau comes (claims 7 and 9)."""
    strategies = ["everything", "first 2", "first 4", "last 2", "last 4"]
    few = [(s, n, seed) for seed in SEEDS for n in (10, 160) for s in [*strategies, "scratch"]]
    many = [(s, ALL_HEADS, seed) for seed in SEEDS for s in [*strategies, "scratch"]]
    found = []
    for strategy, n, seed in few + many:
        source, name = ("scratch", "everything") if strategy == "scratch" else ("xray", strategy)
        more = {"steps": 900, "course": "plateau"} if n == ALL_HEADS else {}
        found.append(_with_rate(source, "hc18", name, n=n, seed=seed, **more))
    return found


def xray_grid() -> list[Experiment]:
    """The control: from photographs to X-rays and to ultrasound; and from one hospital's X-rays to another's."""
    strategies = ["everything", "first 2", "first 4", "last 2", "last 4"]
    photographs = ("natural", ["shenzhen", "hc18", "busi"], [*strategies, *UNTRAINED])
    hospitals = ("xray", ["shenzhen"], ["everything", "first 4", "last 4", *UNTRAINED])
    return [
        _with_rate(source, target, strategy, n=TARGETS.get(target, 40), seed=seed)
        for seed in SEEDS
        for source, goals, names in (photographs, hospitals)
        for target in goals
        for strategy in names
    ]


def origins_grid() -> list[Experiment]:
    """Is pretraining worth it (claim 10): all from scratch; a random encoder, frozen; a random decoder, frozen."""
    ways = [("everything", "kept"), ("last 5", "reestimated"), ("first 5", "reestimated")]
    return [
        _with_rate("scratch", target, strategy, n=n, seed=seed, statistics=how)
        for seed in SEEDS
        for target, n in TARGETS.items()
        for strategy, how in ways
    ]


def matched_grid() -> list[Experiment]:
    """Position against number of parameters (claim 8): random sets as large as first 2, first 4 and last 2."""
    return [
        _from_xray(target, f"matched {like} #{draw}", seed=seed)
        for seed in range(3)
        for target in ("hc18", "sim-ultrasound")
        for like in ("first 2", "first 4", "last 2")
        for draw in range(DRAWS)
    ]


def norm_grid() -> list[Experiment]:
    """Does the treatment of normalisation, or a head that always learns, turn the order? One after the other."""
    strategies = ["first 2", "first 4", "last 2", "last 4"]
    ways = [("", "adapting"), (" + head", "kept"), ("", "reestimated")]
    return [
        _from_xray(target, strategy + head, seed=seed, statistics=how)
        for head, how in ways
        for seed in SEEDS
        for target in ("hc18", "busi")
        for strategy in strategies
        if not (head and strategy.startswith("last"))  # the last groups hold the head anyway
    ]


def mechanism_grid() -> list[Experiment]:
    """A shift of speckle alone, or of shapes alone (claim 11)."""
    return [
        _with_rate("home", f"{what} {shift}", strategy, n=40, seed=seed)
        for what in ("speckle", "shapes")
        for shift in SHIFTS
        for seed in range(3)
        for strategy in ("everything", "first 2", "last 2", "untouched")
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


def _from_xray(target: str, strategy: str, **more) -> Experiment:
    return _with_rate("xray", target, strategy, n=TARGETS[target], **more)


def _with_rate(source: str, target: str, strategy: str, **more) -> Experiment:
    """An experiment with the rate that was chosen for its target, or for the one that answers for it, and strategy."""
    lr = 0.0 if strategy in UNTRAINED else _rate(target, strategy.removeprefix("matched ").split(" #")[0])
    return Experiment(source, target, strategy=strategy, lr=lr, **more)


def _rate(target: str, strategy: str) -> float:
    asked = ANSWERS_FOR.get(target.split()[0], target)
    name = nearest(strategy.removesuffix(" + head"))
    try:
        return read_rates()[asked][name]
    except KeyError:
        raise BadInput(
            f"No learning rate is chosen for {name} on {asked}: "
            "finish python data_scripts/run_study.py --grid lr first."
        ) from None


GRIDS = {
    "lr": lr_grid,
    "schemes": schemes_grid,
    "headline": headline_grid,
    "sizes": sizes_grid,
    "xray": xray_grid,
    "origins": origins_grid,
    "matched": matched_grid,
    "norm": norm_grid,
    "mechanism": mechanism_grid,
}  # in the order in which they are run


def grid(name: str, quick: bool = False) -> list[Experiment]:
    """The experiments of a named grid, or of its quick slice.

    Raises:
        BadInput: there is no such grid, it has no quick slice, or learning rates are not chosen yet.
    """
    check_name("grid", name, GRIDS)
    if quick and name != "schemes":
        raise BadInput("Only the grid schemes has a quick slice.")
    return quick_grid() if quick else GRIDS[name]()
