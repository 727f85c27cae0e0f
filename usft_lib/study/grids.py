"""The study's named grids: which experiments are run, as fixed in results/PROTOCOL.md (lessons 07 to 11)."""

import json
from collections.abc import Iterable
from pathlib import Path

from ..errors import BadInput, check_name
from .experiment import UNTRAINED, Experiment
from .files import finished
from .matched import DRAWS
from .targets import SHIFTS

RESULTS = Path(__file__).parents[1] / "results"
RATES = RESULTS / "learning_rates.json"

TARGETS = {"hc18": 40, "busi": 50, "sim-ultrasound": 40}  # target: training images
SEEDS = range(5)
CHOOSING = 5  # the seed that is kept for choosing learning rates
MORE_SEEDS = range(6, 11)
ALL_HEADS = 586  # examinations of HC18 that are neither tested nor for choosing
# Whose chosen rates a target takes that had no search of its own.
ANSWERS_FOR = {"shenzhen": "hc18", "speckle": "sim-ultrasound", "shapes": "sim-ultrasound"}
LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2)
CHOOSING_AGAIN, LARGER = 11, 3e-2  # a second choosing seed, and a rate beyond those that were tried
NEW_RATES = (1e-3, 3e-3, 1e-2, 3e-2)  # of claims 13 to 15
ALONG_PATH = ["first 1", "first 2", "first 4", "first 5", "first 7", "last 1", "last 2", "last 4", "last 5", "last 7"]
FOUR = ("first 2", "first 4", "last 2", "last 4")
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
    return _crossed("xray", TARGETS, [*STRATEGIES, *UNTRAINED], SEEDS)


def headline_grid() -> list[Experiment]:
    """The strategies of claims 1 and 6 with five more seeds, so five other subsets and sources; BUSI in other folds."""
    return _crossed("xray", TARGETS, ["everything", "first 4", "first 5", "last 4"], MORE_SEEDS)


def sizes_grid() -> list[Experiment]:
    """Dice against the number of images, and with all of them how soon the plateau comes (claims 7 and 9)."""

    def of(seed: int, **more) -> list[Experiment]:
        tuned = _crossed("xray", ["hc18"], ["everything", *FOUR], [seed], **more)
        return tuned + _crossed("scratch", ["hc18"], ["everything"], [seed], **more)

    few = [e for seed in SEEDS for n in (10, 160) for e in of(seed, n=n)]
    return few + [e for seed in SEEDS for e in of(seed, n=ALL_HEADS, steps=900, course="plateau")]


def xray_grid() -> list[Experiment]:
    """The control: from photographs to X-rays and to ultrasound; and from one hospital's X-rays to another's."""
    photographs = ("natural", ["shenzhen", "hc18", "busi"], ["everything", *FOUR, *UNTRAINED])
    hospitals = ("xray", ["shenzhen"], ["everything", "first 4", "last 4", *UNTRAINED])
    return [e for seed in SEEDS for part in (photographs, hospitals) for e in _crossed(*part, [seed])]


def origins_grid() -> list[Experiment]:
    """Is pretraining worth it (claim 10): all from scratch; a random encoder, frozen; a random decoder, frozen."""
    ways = [("everything", "kept"), ("last 5", "reestimated"), ("first 5", "reestimated")]
    return [e for seed in SEEDS for s, how in ways for e in _crossed("scratch", TARGETS, [s], [seed], statistics=how)]


def matched_grid() -> list[Experiment]:
    """Position against number of parameters (claim 8): random sets as large as first 2, first 4 and last 2."""
    return _crossed("xray", ["hc18", "sim-ultrasound"], _matched_sets(), range(3))


def _matched_sets() -> list[str]:
    return [f"matched {like} #{draw}" for like in ("first 2", "first 4", "last 2") for draw in range(DRAWS)]


def norm_grid() -> list[Experiment]:
    """Does the treatment of normalisation, or a head that always learns, turn the order? One after the other."""
    heads = ["first 2 + head", "first 4 + head"]  # the last groups hold the head anyway
    ways = [(FOUR, "adapting"), (heads, "kept"), (FOUR, "reestimated")]
    return [e for names, how in ways for e in _crossed("xray", ["hc18", "busi"], names, SEEDS, statistics=how)]


def mechanism_grid() -> list[Experiment]:
    """A shift of speckle alone, or of shapes alone (claim 11)."""
    shifted = [f"{what} {shift}" for what in ("speckle", "shapes") for shift in SHIFTS]
    strategies = ["everything", "first 2", "last 2", "untouched"]
    return [e for target in shifted for e in _crossed("home", [target], strategies, range(3))]


# ---- grids of the second round (added to the protocol on 2026-11-29) --------------------------------------------


def position_grid() -> list[Experiment]:
    """More seeds for the sets of `matched` (claim 8)."""
    seeds = {"hc18": (3, 4, 6, 7, 8, 9, 10, 12), "sim-ultrasound": (3, 4, 6)}
    return [e for target, more in seeds.items() for e in _crossed("xray", [target], _matched_sets(), more)]


def likegain_grid() -> list[Experiment]:
    """Shifts of speckle that leave about as much to gain as the largest shift of shapes does (claim 11)."""
    there = {e.key for e in mechanism_grid()}
    shifted, strategies = (
        ["speckle 0.25", "speckle 0.35", "shapes 1.0"],
        ["everything", "first 2", "last 2", "untouched"],
    )
    return [e for e in _crossed("home", shifted, strategies, SEEDS) if e.key not in there]


def photographs_grid() -> list[Experiment]:
    """From photographs to heads, as the paper's line pretrained, with five more seeds (beside claim 1)."""
    return _crossed("natural", ["hc18"], ["first 4", "last 4"], MORE_SEEDS)


def edges_grid() -> list[Experiment]:
    """Where the largest rate was chosen, a larger one with both choosing seeds, and the chosen one with the second."""
    chosen = [
        (target, s) for target, each in read_rates().items() for s, rate in each.items() if rate == LEARNING_RATES[-1]
    ]
    runs = [(LARGER, CHOOSING), (LARGER, CHOOSING_AGAIN), (LEARNING_RATES[-1], CHOOSING_AGAIN)]
    return [Experiment("xray", t, TARGETS[t], s, rate, seed=seed) for t, s in chosen for rate, seed in runs]


def halves_grid() -> list[Experiment]:
    """X-ray halves that get normalisation statistics of the target, as random halves got them (claim 10)."""
    return _crossed("xray", TARGETS, ["last 5", "first 5"], SEEDS, statistics="reestimated")


def augmentation_rates_grid() -> list[Experiment]:
    """The rates of claim 13: without augmentation, chosen anew."""
    return [
        Experiment("xray", target, n, strategy, lr, seed=CHOOSING, augment=False)
        for target, n in TARGETS.items()
        for strategy in ("first 4", "last 4")
        for lr in NEW_RATES
    ]


def augmentation_grid() -> list[Experiment]:
    """Does augmentation turn claim 1 (claim 13)?"""
    rates = _chosen_in("augmentation-rates", augmentation_rates_grid())
    return [
        Experiment("xray", target, n, strategy, rates[target][strategy], seed=seed, augment=False)
        for seed in SEEDS
        for target, n in TARGETS.items()
        for strategy in ("first 4", "last 4")
    ]


def _chosen_in(name: str, tried: list[Experiment]) -> dict[str, dict[str, float]]:
    """The rates that a grid of the second round chose.

    Raises:
        BadInput: it is not finished.
    """
    path, keys = RESULTS / f"{name}.jsonl.gz", {e.key for e in tried}
    found = finished(path, keys)
    if len(found) < len(keys):
        raise BadInput(f"Rates are not chosen yet: finish python data_scripts/run_study.py --grid {name} first.")
    return choose_rates(found)


def quick_grid() -> list[Experiment]:
    """A slice of ``schemes`` for a coffee break: two seeds, fewer steps, smaller images, one rate for all."""
    rates = {"everything": 3e-3, **dict.fromkeys(FOUR, 3e-3), **dict.fromkeys(UNTRAINED, 0.0)}
    how = {"steps": 150, "size": 96}
    return [Experiment("xray@200", "hc18", 40, s, lr, seed, **how) for seed in (0, 1) for s, lr in rates.items()]


def _crossed(
    source: str, targets: Iterable[str], strategies: Iterable[str], seeds: Iterable[int], n: int | None = None, **more
) -> list[Experiment]:
    """Every strategy on every target with every seed, seed by seed: whatever ends early has whole seeds.

    Args:
        n: training images; None: as many as the target has in `TARGETS`, or 40.
        more: further fields of all experiments. The rate is the one that was chosen for target and strategy.
    """
    return [
        Experiment(source, target, n or TARGETS.get(target, 40), strategy, _rate(target, strategy), seed, **more)
        for seed in seeds
        for target in targets
        for strategy in strategies
    ]


def _rate(target: str, strategy: str) -> float:
    """The rate that was chosen for a target, or for the one that answers for it, and a strategy."""
    if strategy in UNTRAINED:
        return 0.0
    asked = ANSWERS_FOR.get(target.split()[0], target)
    name = nearest(strategy.removeprefix("matched ").split(" #")[0].removesuffix(" + head"))
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
    "position": position_grid,
    "likegain": likegain_grid,
    "photographs": photographs_grid,
    "edges": edges_grid,
    "halves": halves_grid,
    "augmentation-rates": augmentation_rates_grid,
    "augmentation": augmentation_grid,
}  # in the order in which they are run
CHOOSING_GRIDS = ("lr", "edges", "augmentation-rates")


def grid(name: str, quick: bool = False) -> list[Experiment]:
    """The experiments of a named grid, or of its quick slice.

    Raises:
        BadInput: there is no such grid, it has no quick slice, or learning rates are not chosen yet.
    """
    check_name("grid", name, GRIDS)
    if quick and name != "schemes":
        raise BadInput("Only the grid schemes has a quick slice.")
    return quick_grid() if quick else GRIDS[name]()
