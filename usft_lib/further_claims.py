"""The claims on the further grids, each read off the records by the protocol's rule (lessons 09 to 11).

Where a claim is about a number that one seed gives as a whole (a share, a count of steps, a correlation), its interval
is Student's t over seeds; results/PROTOCOL.md says which number each claim goes by.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from . import plateau
from .claims import Line
from .grids import ALL_HEADS, STRATEGIES
from .matched import draw, shallow_share
from .outcomes import Outcomes
from .statistics import over_folds
from .unet import UNet
from .verdicts import MARGIN, verdict

SMALLEST_GAP = 0.10  # claim 2: a share of less is noise divided by little
FOUR = ("first 2", "first 4", "last 2", "last 4")


def _line(claim: str, target: str, values: Sequence[float], margin: float = MARGIN, unit: str = "Dice") -> Line | None:
    """A claim's line from one value a seed; None without two."""
    if len(values) < 2:
        return None
    mean, low, high = over_folds([[value] for value in values])
    said = verdict(mean, low, high, seeds=len(values), data=target, margin=margin)
    return Line(claim, target, mean, low, high, len(values), said, unit)


def _kept(lines: Iterable[Line | None]) -> list[Line]:
    return [line for line in lines if line is not None]


def modality(records: Iterable[dict]) -> list[Line]:
    """Claim 2: from photographs, does the contracting path gain more on ultrasound than on X-rays?

    Counted in shares of the gap that training everything closes. Where that gap is small, it is told and not tested.
    """
    found, lines = Outcomes(r for r in records if r["experiment"]["source"] == "natural"), []
    claim = "2 · first 4 less last 4 is more on ultrasound than on X-rays (shares of the recoverable gap)"
    for target in ("hc18", "busi"):
        where, gains, gaps = f"{target} against shenzhen", [], []
        for seed in found.common([target, "shenzhen"], ["everything", "untouched", "first 4", "last 4"]):
            gap, gain = zip(*(_gain(found, goal, seed) for goal in (target, "shenzhen")), strict=True)
            gaps.append(gap)
            gains.append(gain[0] / gap[0] - gain[1] / gap[1] if min(gap) > 0 else np.nan)
        if len(gains) > 1 and np.mean(gaps, axis=0).min() < SMALLEST_GAP:
            told = " and ".join(f"{gap:.3f}" for gap in np.mean(gaps, axis=0))
            said, nothing = f"reported, not tested: gaps of {told}", [float("nan")] * 3
            lines.append(Line(claim, where, *nothing, len(gains), said, "share"))
        else:
            lines.append(_line(claim, where, gains, unit="share"))
    return _kept(lines)


def _gain(found: Outcomes, target: str, seed: int) -> tuple[float, float]:
    full, none, shallow, deep = (found.one(target, s, seed) for s in ("everything", "untouched", "first 4", "last 4"))
    return full - none, shallow - deep


def speed(records: Iterable[dict]) -> list[Line]:
    """Claim 7: with all heads, does the contracting path reach the plateau of full tuning in fewer steps than it?"""
    found = Outcomes(r for r in records if r["experiment"]["n"] == ALL_HEADS and r["experiment"]["source"] == "xray")
    curves = {s: found.curves("hc18", s) for s in ("everything", *FOUR)}
    lines = []
    for strategy in FOUR:
        saved, arrived = [], 0
        for seed in sorted(set(curves["everything"]) & set(curves[strategy])):
            full, part = curves["everything"][seed], curves[strategy][seed]
            goal, end = plateau.level(full), full[-1][0]
            times = [plateau.reached(curve, goal) for curve in (full, part)]
            saved.append(plateau.restricted_mean(times[:1], end) - plateau.restricted_mean(times[1:], end))
            arrived += times[1] is not None
        claim = f"7 · {strategy} reaches the plateau sooner than everything ({arrived} of {len(saved)} reached it)"
        lines.append(_line(claim, "hc18", saved, margin=0.0, unit="steps"))
    return _kept(lines)


def position(records: Iterable[dict]) -> list[Line]:
    """Claim 8: of sets with one number of parameters, are those nearer to the input better?

    The slope of a set's mean Dice on the share of its parameters in the contracting path, the budget held fixed.
    """
    from scipy import stats

    found, lines, model = Outcomes(records), [], UNet()
    for target in found.targets:
        names = [name for name in found.strategies(target) if name.startswith("matched ")]
        seeds = found.seeds(target, names)
        if len(names) < 6 or not seeds:
            continue
        budgets = sorted({name.partition(" #")[0] for name in names})
        share = np.array([shallow_share(draw(model, name)) for name in names])
        dice = np.array([np.mean([found.one(target, name, seed) for seed in seeds]) for name in names])
        design = np.stack([share, *([name.startswith(f"{b} #") for name in names] for b in budgets)], 1).astype(float)
        fit, *_ = np.linalg.lstsq(design, dice, rcond=None)
        free = len(names) - design.shape[1]
        rest = ((dice - design @ fit) ** 2).sum() / free
        half = stats.t.ppf(0.975, free) * (rest * np.linalg.inv(design.T @ design)[0, 0]) ** 0.5
        claim = f"8 · position beats number: from none to all in the contracting path, {len(names)} sets"
        ends = float(fit[0]), float(fit[0] - half), float(fit[0] + half)
        lines.append(Line(claim, target, *ends, len(seeds), verdict(*ends, seeds=len(seeds), data=target)))
    return lines


def scarcity(records: Iterable[dict], few: int = 10, many: int = 160) -> list[Line]:
    """Claim 9: does the choice matter more with few images? Best less worst of four, at ``few`` less at ``many``."""
    spreads: dict[int, dict[int, float]] = {}
    for n in (few, many):
        found = Outcomes(r for r in records if r["experiment"]["n"] == n and r["experiment"]["source"] == "xray")
        for seed in found.seeds("hc18", FOUR):
            values = [found.one("hc18", strategy, seed) for strategy in FOUR]
            spreads.setdefault(seed, {})[n] = max(values) - min(values)
    values = [each[few] - each[many] for each in spreads.values() if len(each) == 2]
    claim = f"9 · the choice matters more with less data (spread at n = {few} less at n = {many})"
    return _kept([_line(claim, "hc18", values)])


def pretraining(schemes: Iterable[dict], origins: Iterable[dict]) -> list[Line]:
    """Claim 10: X-ray weights against none, and against random halves that stay frozen."""
    found = Outcomes([*schemes, *(_renamed(r, "scratch: ") for r in origins)])
    lines = []
    for strategy, words in {
        "everything": "everything from X-rays − from scratch",
        "last 5": "a frozen encoder from X-rays − a random one (last 5)",
        "first 5": "a frozen decoder from X-rays − a random one (first 5)",
    }.items():
        for target in found.targets:
            told = found.difference(target, strategy, f"scratch: {strategy}")
            if told is not None:
                said = verdict(*told[:3], seeds=told[3], data=target)
                lines.append(Line(f"10 · pretraining helps: {words}", target, *told, said))
    return lines


def _renamed(record: dict, before: str) -> dict:
    changed = {**record["experiment"], "strategy": before + record["experiment"]["strategy"]}
    return {**record, "experiment": changed}


def mechanism(records: Iterable[dict], shift: float = 1.0) -> list[Line]:
    """Claim 11: first 2 less last 2 where speckle has changed, less the same where shapes have."""
    found = Outcomes(records)
    goals, both = [f"speckle {shift}", f"shapes {shift}"], ["first 2", "last 2"]
    values = []
    for seed in found.common(goals, both):
        speckle, shapes = (found.one(goal, "first 2", seed) - found.one(goal, "last 2", seed) for goal in goals)
        values.append(speckle - shapes)
    claim = "11 · shallow layers matter more when speckle shifts than when shapes do"
    return _kept([_line(claim, f"speckle against shapes, shift {shift:g}", values)])


def ranking(records: Iterable[dict]) -> list[Line]:
    """Claim 12: do two ultrasound sets rank the strategies alike? Kendall's τ, one a seed."""
    from scipy import stats

    found, lines = Outcomes(records), []
    for a, b in combinations(found.targets, 2):
        taus = []
        for seed in found.common([a, b], STRATEGIES):
            ranks = [[found.one(target, s, seed) for s in STRATEGIES] for target in (a, b)]
            taus.append(float(stats.kendalltau(*ranks).statistic))
        lines.append(_line("12 · the ranking carries over (Kendall's τ)", f"{a} and {b}", taus, margin=0.0, unit="τ"))
    return _kept(lines)


def further_lines(grids: dict[str, list[dict]]) -> list[Line]:
    """All of these claims whose grids are there, by the grids' names."""
    told = []
    if "xray" in grids:
        told += modality(grids["xray"])
    if "sizes" in grids:
        told += [*speed(grids["sizes"]), *scarcity(grids["sizes"])]
    if "matched" in grids:
        told += position(grids["matched"])
    if "origins" in grids and "schemes" in grids:
        told += pretraining(grids["schemes"], grids["origins"])
    if "mechanism" in grids:
        told += mechanism(grids["mechanism"])
    if "schemes" in grids:
        told += ranking(grids["schemes"])
    return sorted(told, key=lambda line: int(line.claim.partition(" ")[0]))
