"""What the study claims, each claim read off the records by the protocol's rule (lessons 07 to 11).

A claim is judged on each target by itself, since one may hold on simulated breasts and fail on fetal heads. Every line
tells the difference with its interval, how many seeds it covers, and what may be said. Where a claim is about a number
that one seed gives as a whole (a count of steps, a correlation), its interval is Student's t over seeds; others are
over subjects and seeds. results/PROTOCOL.md says which number each claim goes by; `report` writes results/VERDICTS.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import numpy as np

from ..freezing import named
from ..intervals import MARGIN, over_folds, over_trainings, plateau_level, restricted_mean, steps_to_plateau, verdict
from ..unet import UNet, groups
from . import matched
from .grids import ALL_HEADS, FOUR, STRATEGIES, TARGETS
from .matched import draw
from .records import Results, area

ALONG, BY_LEVEL = (1, 2, 4, 5, 7), (1, 2, 3, 4)
SHARED = (1, 2, 4)  # numbers of groups that all four kinds were tried with


@dataclass(frozen=True)
class Line:
    """One claim on one target: a difference with its interval, and what may be said of it."""

    number: int
    words: str
    target: str
    mean: float
    low: float
    high: float
    seeds: int
    said: str
    unit: str = "Dice"
    secondary: bool = False  # stands beside the claim: it is told, and the claim does not go by it
    p: float | None = None  # of Wilcoxon's test over subjects, before Holm's correction

    @property
    def claim(self) -> str:
        return f"{self.number}{', beside it' if self.secondary else ''} · {self.words}"


def compare(found: Results, number: int, words: str, a, b, rule=verdict, targets=None, **more) -> list[Line]:
    """A claim's line for each target on which both were run: ``a`` less ``b``, paired, judged by ``rule``.

    ``a`` and ``b``: a strategy, or weighted ones, as in `Results.difference`. ``more``: further fields of the lines.
    """
    made = []
    for target in found.targets if targets is None else targets:
        told = found.difference(target, a, b)
        if told is not None:
            said, p = rule(*told[:3], seeds=told[3]), found.wilcoxon(target, a, b)
            made.append(Line(number, words, target, *told, said, p=p, **more))
    return made


def judged(number: int, words: str, target: str, told: Sequence[float], seeds: int, margin=MARGIN, **more) -> Line:
    """A line with the verdict on ``told``, which is ``(mean, low, high)``."""
    return Line(number, words, target, *told, seeds, verdict(*told, seeds=seeds, margin=margin), **more)


def from_seeds(number: int, words: str, target: str, values: Sequence[float], **more) -> list[Line]:
    """A line from one value a seed, judged against 0; none without two."""
    if len(values) < 2:
        return []
    return [judged(number, words, target, over_folds([[v] for v in values]), len(values), margin=0.0, **more)]


def equivalence(mean: float, low: float, high: float, seeds: int, margin: float = MARGIN) -> str:
    """Equivalent within the margin if the interval lies inside of it; not if it lies outside; else undecided."""
    if seeds < 2:
        return "no verdict: one seed says nothing about other trainings"
    if -margin < low and high < margin:
        return "reproduced"
    return "not reproduced" if low >= margin or high <= -margin else "undecided"


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
    ]


@dataclass(frozen=True)
class Cell:
    """Claim 5 at one target and k: which of the four kinds is the worst, by how much, over how many seeds."""

    target: str
    k: int
    worst: str
    below_the_next: float
    seeds: int


def cells(found: Results) -> list[Cell]:
    """Claim 5: for each target and k which of first, last, outer and inner has the lowest mean Dice."""
    made = []
    for target in found.targets:
        for k in SHARED:
            kinds = [f"{kind} {k}" for kind in ("first", "last", "outer", "inner")]
            seeds = found.seeds(target, kinds)  # those that all four were run with
            if seeds:
                means = sorted((found.mean(target, name, seeds), name) for name in kinds)
                worst = means[0][1].split()[0]
                made.append(Cell(target, k, worst, means[1][0] - means[0][0], len(seeds)))
    return made


def often_worst(found: list[Cell]) -> str:
    """The verdict on claim 5: *last* is the worst in more than half of the nine cells, two seeds in each at least."""
    if len(found) < len(TARGETS) * len(SHARED):
        return f"no verdict: {len(found)} of {len(TARGETS) * len(SHARED)} cells are there"
    if min(cell.seeds for cell in found) < 2:
        return "no verdict: one seed says nothing about other trainings"
    return "reproduced" if sum(cell.worst == "last" for cell in found) > len(found) / 2 else "not reproduced"


# ---- claims on the further grids ------------------------------------------------------------------------------

SMALLEST_GAP = 0.10  # claim 2: a share of less is noise divided by little


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


def share_of_gap(found: Results, target: str, weights: dict[str, float]) -> tuple[float, float, float, int] | None:
    """How much of what everything gains over the untouched network the weighted strategies gain (lesson 09, claim 2).

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

    First 4 decides; the others stand beside it. No verdict where full tuning itself does not arrive with every seed.
    """
    found = found.where(n=ALL_HEADS, source="xray")
    curves, lines = {s: found.curves("hc18", s) for s in ("everything", *FOUR)}, []
    for strategy in ("first 4", "first 2", "last 2", "last 4"):
        saved, arrived = [], [0, 0]
        for seed in sorted(curves["everything"].keys() & curves[strategy].keys()):
            full, part = curves["everything"][seed], curves[strategy][seed]
            goal, end = plateau_level(full), full[-1][0]
            times = [steps_to_plateau(curve, goal) for curve in (full, part)]
            saved.append(restricted_mean(times[:1], end) - restricted_mean(times[1:], end))
            arrived = [count + (step is not None) for count, step in zip(arrived, times, strict=True)]
        n = len(saved)
        words = f"{strategy} reaches the plateau sooner than everything ({arrived[1]} of {n} did)"
        made = from_seeds(7, words, "hc18", saved, unit="steps", secondary=strategy != "first 4")
        if arrived[0] < n:
            said = f"no verdict: everything itself arrives with {arrived[0]} of {n} seeds"
            made = [replace(line, said=said) for line in made]
        lines += made
    return lines


def position(found: Results) -> list[Line]:
    """Claim 8: of sets with one number of parameters, are those nearer to the input better?

    The slope of a set's mean Dice on its place along the path, from the output to the input, budgets held fixed;
    beside it the same with a step's operations in the regression. The interval is over sets.
    """
    from scipy import stats

    lines, model = [], UNet()
    for target in found.targets:
        names = [name for name in found.strategies(target) if name.startswith("matched ")]
        seeds = found.seeds(target, names)
        budgets = sorted({name.partition(" #")[0] for name in names})
        if len(names) < len(budgets) + 4 or not seeds:
            continue
        sets = [draw(model, name) for name in names]
        dice = np.array([found.mean(target, name, seeds) for name in names])
        levels = [np.array([name.startswith(f"{budget} #") for name in names], float) for budget in budgets]
        place = np.array([matched.position(chosen, model) for chosen in sets])
        flops = np.array([matched.step_flops(chosen, model) for chosen in sets])
        for held, columns in (("", []), (", operations held fixed", [flops])):
            design = np.stack([1 - place, *columns, *levels], 1)
            fit, *_ = np.linalg.lstsq(design, dice, rcond=None)
            free = len(names) - design.shape[1]
            rest = ((dice - design @ fit) ** 2).sum() / free
            half = stats.t.ppf(0.975, free) * (rest * np.linalg.inv(design.T @ design)[0, 0]) ** 0.5
            ends = float(fit[0]), float(fit[0] - half), float(fit[0] + half)
            words = f"position beats number (Dice from output to input{held}, {len(names)} sets)"
            lines.append(judged(8, words, target, ends, len(seeds), secondary=bool(held)))
    return lines


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
    treated = (_renamed(r, f"{r['experiment'].get('statistics', 'kept')}: ") for r in norm.records)
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
    others = [_renamed(r, f"{r['experiment']['source']}: ") for r in (*origins.records, *natural)]
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


def _renamed(record: dict, before: str) -> dict:
    changed = {**record["experiment"], "strategy": before + record["experiment"]["strategy"]}
    return {**record, "experiment": changed}


def mechanism(found: Results, shift: float = 1.0) -> list[Line]:
    """Claim 11: first 2 less last 2 where speckle has changed, less the same where shapes have; lesion by lesion.

    Beside it, what everything gains over the untouched network in each: a shift that costs nothing shows nothing.
    """
    goals, pair = [f"speckle {shift}", f"shapes {shift}"], {"first 2": 1.0, "last 2": -1.0}
    seeds, where = found.common(goals, pair), f"speckle against shapes, shift {shift:g}"
    if len(seeds) < 2:
        return []
    speckle, shapes = ([found.by_subject(goal, pair, seed) for seed in seeds] for goal in goals)
    told = over_trainings([a - b for a, b in zip(speckle, shapes, strict=True)])
    lines = [judged(11, "shallow layers matter more when speckle shifts than when shapes do", where, told, len(seeds))]
    for goal in goals:
        gain = found.difference(goal, "everything", "untouched")
        if gain is not None:
            lines.append(Line(11, "everything − untouched", goal, *gain, "not a claim", secondary=True))
    return lines


def ranking(found: Results) -> list[Line]:
    """Claim 12: do two ultrasound sets rank the strategies alike? Kendall's τ, one a seed.

    Strategies differ in size, and if larger ones win everywhere, τ is high for that alone. So beside it stands the τ of
    what is left of the Dice when a straight line on the logarithm of the number of parameters is taken away.
    """
    from scipy import stats

    model, lines = UNet(), []
    sizes = {name: sum(p.numel() for p in module.parameters()) for name, module in groups(model).items()}
    logs = np.log([sum(sizes[name] for name in named(model, strategy)) for strategy in STRATEGIES])
    for a, b in combinations(found.targets, 2):
        taus: dict[str, list[float]] = {"": [], " when size is allowed for": []}
        for seed in found.common([a, b], STRATEGIES):
            dice = [np.array([found.one(target, s, seed) for s in STRATEGIES]) for target in (a, b)]
            left = [values - np.polyval(np.polyfit(logs, values, 1), logs) for values in dice]
            for which, pair in zip(taus, (dice, left), strict=True):
                taus[which].append(float(np.nan_to_num(stats.kendalltau(*pair).statistic)))
        for which, values in taus.items():
            words = f"the ranking carries over{which} (Kendall's τ)"
            lines += from_seeds(12, words, f"{a} and {b}", values, unit="τ", secondary=bool(which))
    return lines


def lines(grids: dict[str, Results]) -> list[Line]:
    """Every claim's lines, in order, from the grids that are there, by name."""
    claims = (
        (orders, "schemes and headline"),
        (modality, "xray"),
        (speed, "sizes"),
        (scarcity, "sizes"),
        (position, "matched"),
        (partial(pretraining, photographs=grids.get("xray")), "schemes", "origins"),
        (normalisation, "schemes", "norm"),
        (mechanism, "mechanism"),
        (ranking, "schemes"),
    )
    both = Results([r for name in ("schemes", "headline") if name in grids for r in grids[name].records])
    there = {**grids, "schemes and headline": both}
    at_hand = [(claim, needed) for claim, *needed in claims if there.keys() >= set(needed)]
    made = [line for claim, needed in at_hand for line in claim(*(there[name] for name in needed))]
    return sorted(made, key=lambda line: (line.number, line.secondary))
