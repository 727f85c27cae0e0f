"""Claims 1 to 12, read off the records by the protocol's rules; `all_lines` adds 13 to 15 (lessons 08 to 15).

A claim is judged on each target by itself, since one may hold on simulated breasts and fail on fetal heads. Every line
tells the difference with its interval, how many seeds it covers, and what may be said. Where a claim is about a number
that one seed gives as a whole (a count of steps, a correlation), its interval is Student's t over seeds; others are
over subjects and seeds. results/PROTOCOL.md says which number each claim goes by; `report` writes results/VERDICTS.md.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np

from ..intervals import MARGIN, ONE_SEED, over_trainings, plateau_level, steps_to_plateau
from ..unet import UNet
from . import matched
from .claims_13_to_15 import cheap, gradients, without_augmentation
from .convergence import restricted_mean
from .grids import ALL_HEADS, FOUR, STRATEGIES, TARGETS
from .lines import Line, compare, concordance, equivalence, from_seeds, judged, renamed
from .matched import draw
from .records import Results, area
from .slopes import slope_over_seeds_and_sets
from .strategies import size

ALONG, BY_LEVEL = (1, 2, 4, 5, 7), (1, 2, 3, 4)
SHARED = (1, 2, 4)  # numbers of groups that all four kinds were tried with


def orders(found: Results) -> list[Line]:
    """Claims 1, 3, 4 and 6, a line for each target."""
    bottleneck, alike = "with the bottleneck (first 5 − last 4)", "is equivalent to everything (everything − "
    along, by_level = (area("first", ALONG), area("last", ALONG)), (area("outer", BY_LEVEL), area("inner", BY_LEVEL))
    return [
        *compare(found, 1, "the contracting path beats the expanding path (first 4 − last 4)", "first 4", "last 4"),
        *compare(found, 1, bottleneck, "first 5", "last 4", secondary=True),
        *compare(found, 3, "first k beats last k (mean over k of 1 to 7)", *along),
        *compare(found, 4, "outer k beats inner k (mean over k of 1 to 4)", *by_level),
        *compare(found, 6, f"first 4 {alike}first 4)", "everything", "first 4", equivalence),
        *compare(found, 6, f"outer 2 {alike}outer 2)", "everything", "outer 2", equivalence),
        *compare(found, 6, f"inner 4 {alike}inner 4)", "everything", "inner 4", equivalence, secondary=True),
    ]


@dataclass(frozen=True)
class Cell:
    """Claim 5 at one target and k: which of the four kinds is the worst, by how much, over how many seeds."""

    target: str
    k: int
    worst: str
    below_the_next: float
    low: float  # of the paired difference between the next and the worst; with one seed, over subjects alone
    high: float
    seeds: int

    @property
    def clear(self) -> bool:
        """Whether the worst is surely worse than the next: over several seeds the interval lies above 0."""
        return self.seeds > 1 and self.low > 0


def cells(found: Results) -> list[Cell]:
    """Claim 5: for each target and k which of first, last, outer and inner has the lowest mean Dice."""
    made = []
    for target in found.targets:
        for k in SHARED:
            kinds = [f"{kind} {k}" for kind in ("first", "last", "outer", "inner")]
            seeds = found.seeds(target, kinds)  # those that all four were run with
            if seeds:
                (low, worst), (high, following), *_ = sorted((found.mean(target, name, seeds), name) for name in kinds)
                told = found.difference(target, following, worst, seeds)
                made.append(Cell(target, k, worst.split()[0], high - low, *told[1:3], len(seeds)))
    return made


def often_worst(found: list[Cell], targets: int = len(TARGETS)) -> str:
    """The verdict on claim 5: *last* is the worst in more than half of the nine cells, two seeds in each at least."""
    if len(found) < targets * len(SHARED):
        return f"no verdict: {len(found)} of {targets * len(SHARED)} cells are there"
    if min(cell.seeds for cell in found) < 2:
        return ONE_SEED
    return "reproduced" if sum(cell.worst == "last" for cell in found) > len(found) / 2 else "not reproduced"


# ---- claims on the further grids ------------------------------------------------------------------------------

SMALLEST_GAP = 0.10  # claim 2: a share of less is noise divided by little; claim 11: less is little to gain
COLLAPSED = 0.001  # mean Dice of a training whose masks are all empty, or nearly
SLOPE = MARGIN / 10  # claim 8: the margin over the whole way, for a tenth of it


def modality(found: Results) -> list[Line]:
    """Claim 2: from photographs, does the contracting path gain more on ultrasound than on X-rays?

    First 4 less last 4 as a share of the gap that training everything closes, on either; a ratio of means, whose
    interval is that of its linear part (the delta method). Where a gap is small, it is told and not tested.
    """
    found, lines = found.where(source="natural"), []
    words = "first 4 less last 4 is more on ultrasound than on X-rays (shares of the recoverable gap)"
    for target in ("hc18", "busi"):
        told = [share_of_gap(found, goal, {"first 4": 1.0, "last 4": -1.0}) for goal in (target, "shenzhen")]
        if None in told:
            continue
        (us, us_half, us_gap, n), (xray, xray_half, xray_gap, m) = told
        where, seeds = f"{target} against shenzhen", min(n, m)
        if min(us_gap, xray_gap) < SMALLEST_GAP:
            said, nothing = f"reported, not tested: gaps of {us_gap:.3f} and {xray_gap:.3f}", [float("nan")] * 3
            lines.append(Line(2, words, where, *nothing, seeds, said, "share"))
        else:  # other subjects and other trainings; the five source networks are the same, so it may be too wide
            mean, half = us - xray, (us_half**2 + xray_half**2) ** 0.5
            lines.append(judged(2, words, where, (mean, mean - half, mean + half), seeds, unit="share"))
    return lines


def photographs(found: Results) -> list[Line]:
    """Beside claim 1: the same from photographs, as the paper's line pretrained."""
    words = "first 4 − last 4, from photographs"
    found = found.where(source="natural")
    return compare(found, 1, words, "first 4", "last 4", targets=("busi", "hc18"), secondary=True)


def share_of_gap(found: Results, target: str, weights: dict[str, float]) -> tuple[float, float, float, int] | None:
    """How much of what everything gains over the untouched network the weighted strategies gain (lesson 10, claim 2).

    Returns:
        The share, half of its interval, the gap in Dice, and the seeds; None with fewer than two seeds.
    """
    seeds = found.seeds(target, ["everything", "untouched", *weights])
    if len(seeds) < 2:
        return None
    both = weights, {"everything": 1.0, "untouched": -1.0}
    gains, gaps = ([found.by_subject(target, each, seed) for seed in seeds] for each in both)
    gain, gap = (np.mean([each.mean() for each in values]) for values in (gains, gaps))
    share = gain / gap
    _, low, high = over_trainings([(a - share * b) / gap for a, b in zip(gains, gaps, strict=True)])
    return float(share), (high - low) / 2, float(gap), len(seeds)


def speed(found: Results) -> list[Line]:
    """Claim 7: with all heads, does the contracting path reach the plateau of full tuning in fewer steps than it?

    First 4 decides. Beside it: the same in operations; each to its own plateau, in both; and the others. Where no run
    of a strategy arrives, what is known is a bound. No verdict where full tuning does not arrive with every seed.
    """
    found, lines = found.where(n=ALL_HEADS, source="xray"), []
    curves = {strategy: found.curves("hc18", strategy) for strategy in ("everything", *FOUR)}
    for strategy in ("first 4", "first 2", "last 2", "last 4"):
        pairs = [(curves["everything"][seed], curves[strategy][seed])
                 for seed in sorted(curves["everything"].keys() & curves[strategy].keys())]  # fmt: skip
        for own in (False, True) if strategy == "first 4" else (False,):
            lines += _sooner(strategy, pairs, own)
    return lines


def _sooner(strategy: str, pairs: list[tuple], own: bool) -> list[Line]:
    """How many steps and operations a strategy saves on the way to full tuning's plateau, or each to its ``own``."""
    times = []
    for full, part in pairs:
        goals = [plateau_level(full), plateau_level(part if own else full)]
        times.append([steps_to_plateau(curve, goal) for curve, goal in zip((full, part), goals, strict=True)])
    if len(times) < 2:
        return []
    end, arrived = pairs[0][0][-1][0], [sum(t is not None for t in column) for column in zip(*times, strict=True)]
    counted = np.array([[restricted_mean([t], end) for t in pair] for pair in times])  # [seeds, full and part]
    whose = "its own plateau" if own else "the plateau"
    words = f"{strategy} reaches {whose} sooner than everything ({arrived[1]} of {len(times)} did)"
    units = {"steps": (1.0, 1.0)}
    if strategy == "first 4":
        units["TFLOP"] = tuple(size(each)[0] * 8 / 1e6 for each in ("everything", strategy))  # of a step of 8 images
    made = []
    for unit, (full, part) in units.items():
        beside = strategy != "first 4" or own or unit == "TFLOP"
        saved = counted @ np.array([full, -part])
        made += from_seeds(7, words, "hc18", saved, unit=unit, secondary=beside, bound="≤" if not arrived[1] else "")
    if arrived[0] < len(times):
        said = f"no verdict: everything itself arrives with {arrived[0]} of {len(times)} seeds"
        made = [replace(line, said=said) for line in made]
    return made


def position(found: Results) -> list[Line]:
    """Claim 8: of sets with one number of parameters, are those nearer to the input better?

    The slope of a set's Dice on its place along the path, from the output to the input, budgets held fixed, for a tenth
    of the way; over seeds and sets. Beside it: with a step's operations in the regression, and without the sets of
    which a training collapsed.
    """
    lines = []
    for target in found.targets:
        there = matched_sets(found, target)
        if there is None:
            continue
        names, dice, design, flops = there
        lost = (dice < COLLAPSED).any(0)
        ways = [("", design), (", operations held fixed", np.insert(design, 1, flops, 1))]
        if lost.any():
            gone = " and ".join(name.removeprefix("matched ") for name in np.array(names)[lost])
            ways.append((f", without {gone}, where a training collapsed", design))
        for held, columns in ways:
            kept = ~lost if "without" in held else slice(None)
            told = slope_over_seeds_and_sets(dice[:, kept], columns[kept])
            number = len(columns[kept])
            words = f"position beats number (Dice a tenth of the way nearer to the input{held}, {number} sets)"
            lines.append(judged(8, words, target, told, len(dice), margin=SLOPE, secondary=bool(held)))
    return lines


def matched_sets(found: Results, target: str) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray] | None:
    """Claim 8's sets: names, Dice ``[seeds, sets]``, design ``[sets, columns]``, operations ``[sets]`` (lesson 11).

    The design holds the place of a set along the path, in tenths of the way from the output, and a column per budget.
    None with too few sets, or fewer than two seeds that all of them were run with.
    """
    names = [name for name in found.strategies(target) if name.startswith("matched ")]
    seeds, budgets = found.seeds(target, names), sorted({name.partition(" #")[0] for name in names})
    if len(names) < len(budgets) + 4 or len(seeds) < 2:
        return None
    model = UNet()
    sets = [draw(model, name) for name in names]
    place = [10 * (1 - matched.position(chosen, model)) for chosen in sets]
    levels = [[float(name.startswith(f"{budget} #")) for name in names] for budget in budgets]
    dice = [[found.one(target, name, seed) for name in names] for seed in seeds]
    flops = [matched.step_flops(chosen, model) for chosen in sets]
    return names, np.array(dice), np.stack([place, *levels], 1), np.array(flops)


def scarcity(found: Results, few: int = 10, many: int = 160) -> list[Line]:
    """Claim 9: does the choice matter more with few images? Best less worst of four, at ``few`` less at ``many``.

    The largest less the smallest of noisy numbers is large by noise alone, and with few images there is more of it. So
    the other seeds say which is the best and which the worst, and the seed that is left says by how much.
    """
    found, each = found.where(source="xray"), []
    parts = [found.where(n=n) for n in (few, many)]
    seeds = sorted(set.intersection(*(set(part.seeds("hc18", FOUR)) for part in parts)))
    if len(seeds) < 3:
        return []
    for seed in seeds:
        spreads = []
        for part in parts:
            others = {s: part.mean("hc18", s, [k for k in seeds if k != seed]) for s in FOUR}
            best, worst = max(others, key=others.get), min(others, key=others.get)
            spreads.append(part.by_subject("hc18", {best: 1.0, worst: -1.0}, seed))
        each.append(spreads[0] - spreads[1])
    words = f"the choice matters more with less data (best less worst, at n = {few} less at n = {many})"
    return [judged(9, words, "hc18", over_trainings(each), len(seeds))]


def normalisation(schemes: Results, norm: Results) -> list[Line]:
    """Beside claims 1 and 3: does the order turn with other statistics, or with a head that always learns?"""
    treated = (renamed(r, f"{r['experiment'].get('statistics', 'kept')}: ") for r in norm.records)
    found, lines = Results([*schemes.records, *treated]), []
    for k, number in ((4, 1), (2, 3)):
        for words, a, b in (
            ("statistics that adapt", f"adapting: first {k}", f"adapting: last {k}"),
            ("statistics re-estimated first", f"reestimated: first {k}", f"reestimated: last {k}"),
            ("a head that always learns", f"kept: first {k} + head", f"last {k}"),
        ):
            words = f"first {k} − last {k}, with {words}"
            lines += compare(found, number, words, a, b, targets=("hc18", "busi"), secondary=True)
    return lines


def pretraining(schemes: Results, origins: Results, photographs: Results | None = None) -> list[Line]:
    """Claim 10: X-ray weights against none, against random halves that stay frozen, and against photographs."""
    natural = photographs.where(source="natural").records if photographs else []
    others = [renamed(r, f"{r['experiment']['source']}: ") for r in (*origins.records, *natural)]
    found = Results([*schemes.records, *others])
    lines = []
    for strategy, other, words in (
        ("everything", "scratch: everything", "everything from X-rays − from scratch"),
        ("last 5", "scratch: last 5", "a frozen encoder from X-rays − a random one (last 5)"),
        ("first 5", "scratch: first 5", "a frozen decoder from X-rays − a random one (first 5)"),
        ("everything", "natural: everything", "everything from X-rays − from photographs"),
    ):
        lines += compare(found, 10, f"pretraining helps: {words}", strategy, other)
    return lines


def treated_halves(origins: Results, halves: Results) -> list[Line]:
    """Beside claim 10: X-ray halves against random ones, both with normalisation statistics of the target."""
    found = Results([*halves.records, *(renamed(r, "scratch: ") for r in origins.records)])
    words = "pretraining helps: a frozen {} from X-rays − a random one, both with statistics of the target ({})"
    return [
        line
        for half, strategy in (("encoder", "last 5"), ("decoder", "first 5"))
        for line in compare(found, 10, words.format(half, strategy), strategy, f"scratch: {strategy}", secondary=True)
    ]


def mechanism(found: Results) -> list[Line]:
    """Claim 11: first 2 less last 2 where speckle has changed, less the same where shapes have; lesion by lesion.

    Decided at like gain: of all pairs of shifts that leave something to gain, the pair whose gains (everything less the
    untouched network) are nearest to each other. Beside it the largest shifts, and what each shift leaves to gain.
    """
    shifts = {goal: goal.split() for goal in found.targets}
    gains = {goal: found.difference(goal, "everything", "untouched") for goal in shifts}
    gains = {goal: gain for goal, gain in gains.items() if gain is not None}
    pairs = [(a, b) for a in gains for b in gains if shifts[a][0] == "speckle" and shifts[b][0] == "shapes"]
    alike = [pair for pair in pairs if min(gains[goal][0] for goal in pair) >= SMALLEST_GAP]
    lines, words = [], "shallow layers matter more when speckle shifts than when shapes do, at like gain"
    if alike:
        chosen = min(alike, key=lambda pair: abs(gains[pair[0]][0] - gains[pair[1]][0]))
        lines += _advantage(found, words, chosen)
    lines += [replace(line, secondary=True) for line in _advantage(
        found, "the same at the largest shifts, which leave unlike gains", ("speckle 1.0", "shapes 1.0"))]  # fmt: skip
    told = {goal: None for line in lines for goal in line.target.replace(" against ", ",").split(",")}
    return lines + [
        Line(11, "everything − untouched", goal, *gains[goal], "not a claim", secondary=True) for goal in told
    ]


def _advantage(found: Results, words: str, goals: tuple[str, str]) -> list[Line]:
    """First 2 less last 2 on the first of two shifted sets, less the same on the second; none without two seeds."""
    pair = {"first 2": 1.0, "last 2": -1.0}
    seeds = found.common(goals, pair)
    if len(seeds) < 2:
        return []
    one, other = ([found.by_subject(goal, pair, seed) for seed in seeds] for goal in goals)
    told = over_trainings([a - b for a, b in zip(one, other, strict=True)])
    return [judged(11, words, " against ".join(goals), told, len(seeds))]


def ranking(found: Results) -> list[Line]:
    """Claim 12: do two ultrasound sets rank strategies with the same number of groups alike? Kendall's τ, one per seed.

    Over all pairs, τ is high for the one reason that more groups are better everywhere; so only pairs of equal k count.
    Beside it τ over all pairs, and the same of what is left of the Dice when a straight line on the logarithm of the
    number of parameters is taken away.
    """
    lines, names = [], STRATEGIES
    logs = np.log([size(strategy)[1] for strategy in names])
    every = list(combinations(range(len(names)), 2))
    equal = [(i, j) for i, j in every if names[i].partition(" ")[2] == names[j].partition(" ")[2]]
    for a, b in combinations(found.targets, 2):
        ways = (" at equal k", " over all k", " over all k, when size is allowed for")
        taus: dict[str, list[float]] = {which: [] for which in ways}
        for seed in found.common([a, b], names):
            dice = [np.array([found.one(target, s, seed) for s in names]) for target in (a, b)]
            left = [values - np.polyval(np.polyfit(logs, values, 1), logs) for values in dice]
            for which, values, pairs in zip(taus, (dice, dice, left), (equal, every, every), strict=True):
                taus[which].append(concordance(*values, pairs))
        for which, values in taus.items():
            words = f"strategies are ranked alike{which} (Kendall's τ)"
            lines += from_seeds(12, words, f"{a} and {b}", values, unit="τ", secondary="all k" in which)
    return lines


def all_lines(grids: dict[str, Results]) -> list[Line]:
    """Every claim's lines, in order, from the grids that are there, by name."""
    claims = (
        (orders, "schemes, headline and busbra"),
        (modality, "xray"),
        (photographs, "xray"),
        (speed, "sizes"),
        (scarcity, "sizes"),
        (position, "matched"),
        (partial(pretraining, photographs=grids.get("xray")), "schemes", "origins"),
        (normalisation, "schemes", "norm"),
        (treated_halves, "origins", "halves"),
        (mechanism, "mechanism"),
        (ranking, "schemes and busbra"),
        (without_augmentation, "augmentation"),
        (gradients, "ratio"),
        (cheap, "cheap"),
    )

    def together(*names: str) -> Results:
        return Results([r for name in names if name in grids for r in grids[name].records])

    there = {
        **grids,
        "schemes, headline and busbra": together("schemes", "headline", "busbra"),
        "schemes and busbra": together("schemes", "busbra"),
    }
    for name, more in (("matched", "position"), ("mechanism", "likegain"), ("xray", "photographs")):
        if name in grids:
            there[name] = together(name, more)  # the second round's seeds and shifts, once they are all there
    at_hand = [(claim, needed) for claim, *needed in claims if there.keys() >= set(needed)]
    made = [line for claim, needed in at_hand for line in claim(*(there[name] for name in needed))]
    return sorted(made, key=lambda line: (line.number, line.secondary))
