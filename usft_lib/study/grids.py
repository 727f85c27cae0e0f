"""The study's named grids: which experiments are run, as fixed in results/PROTOCOL.md (lessons 08 to 15)."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import BadInput, check_name
from .experiment import UNTRAINED, Experiment
from .files import finished
from .matched import DRAWS
from .strategies import four_of_nine
from .targets import SHIFTS

RESULTS = Path(__file__).parents[1] / "results"
RATES = RESULTS / "learning_rates.json"

TARGETS = {"hc18": 40, "busi": 50, "sim-ultrasound": 40}  # target: training images
SEEDS = range(5)
CHOOSING = 5  # the seed that is kept for choosing learning rates
MORE_SEEDS = range(6, 11)
ALL_HEADS = 586  # examinations of HC18 that are neither tested nor for choosing
# Whose chosen rates a target takes that had no search of its own.
ANSWERS_FOR = {"shenzhen": "hc18", "busbra": "busi", "speckle": "sim-ultrasound", "shapes": "sim-ultrasound"}
LEARNING_RATES = (3e-4, 1e-3, 3e-3, 1e-2)
CHOOSING_AGAIN, LARGER = 11, 3e-2  # a second choosing seed, and a rate beyond those that were tried
NEW_RATES = (1e-3, 3e-3, 1e-2, 3e-2)  # of claims 13 to 15
NEW_TARGETS = ("hc18", "sim-ultrasound")  # of claims 14 and 15
# Claim 14: each step of the path alone, from the input on; and four sets of 4 of the 9 steps.
ALONE = ("first 1", "only enc2", "only enc3", "only enc4", "inner 1", "only dec4", "only dec3", "only dec2", "last 1")
RANDOM_FOURS = tuple(four_of_nine(draw) for draw in range(4))
# Claim 15: each cheap way, and what it is compared with.
CHEAP = {
    "norm only": "first 1",
    "bias only": "first 1",
    "head only": "first 1",
    "lora 4": "first 2",
    "lp-ft": "everything",
    "unfreeze from input": "everything",
    "unfreeze from output": "everything",
}
CHEAP_AND_COMPARED = [*CHEAP, *dict.fromkeys(CHEAP.values())]
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
    if not same:
        raise BadInput(f"No learning rate was chosen for {strategy!r}: add one of its kind to TRIED and run grid lr.")
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
    return _tried(TRIED, TARGETS, LEARNING_RATES)


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
    return _tried(("first 4", "last 4"), TARGETS, augment=False)


def augmentation_grid() -> list[Experiment]:
    """Does augmentation turn claim 1 (claim 13)? Both ways are run together, as those of `ratio_grid` are."""
    rates, compared = _chosen_in("augmentation-rates"), ("first 4", "last 4")
    without = _crossed("xray", TARGETS, compared, SEEDS, rates=rates, augment=False)
    return without + _crossed("xray", TARGETS, compared, SEEDS)


def ratio_rates_grid() -> list[Experiment]:
    """The rates of claim 14: of groups that were not trained alone before."""
    return _tried([name for name in ALONE if name.startswith("only ")], NEW_TARGETS)


def ratio_grid() -> list[Experiment]:
    """Does the ratio of gradient to weight find the layers (claim 14)?

    What is compared is run together, first 4 and single groups that other grids have as well among it: on another
    machine the sources come out with other rounding, and runs could not be paired.
    """
    rates = _chosen_in("ratio-rates")
    for target in NEW_TARGETS:
        rates[target] |= dict.fromkeys(("top 4 by ratio", *RANDOM_FOURS), _rate(target, "first 4"))
    names = ["untouched", *ALONE, "first 4", "top 4 by ratio", *RANDOM_FOURS]
    return _crossed("xray", NEW_TARGETS, names, SEEDS, rates=rates)


def cheap_rates_grid() -> list[Experiment]:
    """The rates of claim 15; what the cheap ways are compared with is offered the same."""
    return _tried(CHEAP_AND_COMPARED, NEW_TARGETS)


def cheap_grid() -> list[Experiment]:
    """Cheap ways of training, and what each is compared with (claim 15)."""
    rates = _chosen_in("cheap-rates")
    return _crossed("xray", NEW_TARGETS, CHEAP_AND_COMPARED, SEEDS, rates=rates)


def busbra_grid() -> list[Experiment]:
    """The strategies of ``schemes`` on 1064 patients, for whoever can fetch them (claims 1, 3, 4, 5, 6 and 12)."""
    return _crossed("xray", ["busbra"], [*STRATEGIES, *UNTRAINED], SEEDS, n=TARGETS["busi"])


def _tried(strategies: Iterable[str], targets: Iterable[str], rates=NEW_RATES, **more) -> list[Experiment]:
    """Each strategy at each rate, with the seed that is kept for choosing."""
    return [
        Experiment("xray", target, TARGETS[target], strategy, lr, seed=CHOOSING, **more)
        for target in targets
        for strategy in strategies
        for lr in rates
    ]


def _chosen_in(name: str) -> dict[str, dict[str, float]]:
    """The rates that a grid of the second round chose.

    Raises:
        BadInput: it is not finished.
    """
    keys = {e.key for e in grid(name)}
    found = finished(RESULTS / f"{name}.jsonl.gz", keys)
    if len(found) < len(keys):
        raise BadInput(f"Rates are not chosen yet: finish python data_scripts/run_study.py --grid {name} first.")
    return choose_rates(found)


def quick_grid() -> list[Experiment]:
    """A slice of ``schemes`` for a coffee break: two seeds, fewer steps, smaller images, one rate for all."""
    rates = {"everything": 3e-3, **dict.fromkeys(FOUR, 3e-3), **dict.fromkeys(UNTRAINED, 0.0)}
    how = {"steps": 150, "size": 96}
    return [Experiment("xray@200", "hc18", 40, s, lr, seed, **how) for seed in (0, 1) for s, lr in rates.items()]


def _crossed(
    source: str,
    targets: Iterable[str],
    strategies: Iterable[str],
    seeds: Iterable[int],
    n: int | None = None,
    rates: dict[str, dict[str, float]] | None = None,
    **more,
) -> list[Experiment]:
    """Every strategy on every target with every seed, seed by seed: whatever ends early has whole seeds.

    Args:
        n: training images; None: as many as the target has in `TARGETS`, or 40.
        rates: by target and strategy, where others than those of grid ``lr`` were chosen.
        more: further fields of all experiments.
    """
    rates = rates or {}

    def rate(target: str, strategy: str) -> float:
        return rates.get(target, {}).get(strategy) or _rate(target, strategy)

    return [
        Experiment(source, target, n or TARGETS.get(target, 40), strategy, rate(target, strategy), seed, **more)
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
    "ratio-rates": ratio_rates_grid,
    "ratio": ratio_grid,
    "cheap-rates": cheap_rates_grid,
    "cheap": cheap_grid,
    "busbra": busbra_grid,
}  # in the order in which they are run
CHOOSING_GRIDS = ("lr", "edges", "augmentation-rates", "ratio-rates", "cheap-rates")


def grid(name: str, quick: bool = False) -> list[Experiment]:
    """The experiments of a named grid, or of its quick slice.

    Raises:
        BadInput: there is no such grid, it has no quick slice, or learning rates are not chosen yet.
    """
    check_name("grid", name, GRIDS)
    if quick and name != "schemes":
        raise BadInput("Only the grid schemes has a quick slice.")
    return quick_grid() if quick else GRIDS[name]()


def with_seeds(name: str, seeds: Iterable[int]) -> list[Experiment]:
    """The experiments of a grid, and the same with further seeds: everything that the fullest of its seeds has.

    Raises:
        BadInput: the grid chooses rates, or a seed is kept for choosing.
    """
    planned = grid(name)
    if name in CHOOSING_GRIDS:
        raise BadInput(f"Grid {name} only chooses learning rates, so further seeds would change what others took.")
    for seed in seeds:
        if seed < 0 or seed in (CHOOSING, CHOOSING_AGAIN):
            raise BadInput(f"Seed {seed} cannot be added: take one from 0 on, not {CHOOSING} or {CHOOSING_AGAIN}, "
                           "with which learning rates were chosen.")  # fmt: skip
    [(fullest, _)] = Counter(e.seed for e in planned).most_common(1)  # a seed may lack what another grid has already
    pattern = [e for e in planned if e.seed == fullest]
    return list(dict.fromkeys([*planned, *(replace(e, seed=seed) for seed in seeds for e in pattern)]))
