"""Claims 13 to 15: augmentation, the ratio of gradient to weight, cheap ways of training (lessons 14 and 15).

Their rules were fixed in results/PROTOCOL.md before any of their grids was run.
"""

from itertools import combinations

import numpy as np

from ..freezing import path
from ..unet import UNet
from .grids import ALONE, CHEAP, NEW_TARGETS, RANDOM_FOURS, TARGETS
from .lines import Line, compare, concordance, from_seeds, no_worse, renamed
from .records import Results
from .strategies import size


def without_augmentation(found: Results) -> list[Line]:
    """Claim 13: is first 4 less last 4 the same way round without augmentation? Beside it what augmentation changes."""
    bare, usual = found.where(augment=False), found.where(augment=True)
    lines = compare(bare, 13, "first 4 − last 4, without augmentation", "first 4", "last 4")
    both = Results([*usual.records, *(renamed(r, "bare: ") for r in bare.records)])
    with_it, without = {"first 4": 1.0, "last 4": -1.0}, {"bare: first 4": 1.0, "bare: last 4": -1.0}
    words = "what augmentation adds to first 4 − last 4"
    return lines + compare(both, 13, words, with_it, without, lambda *_, **__: "not a claim", secondary=True)


def turns(found: list[Line]) -> str:
    """The verdict on claim 13 from its lines: ``"not turned"``, ``"turned"`` or ``"undecided"``."""
    deciding = {one.target: one for one in found if one.number == 13 and not one.secondary}
    if not deciding.keys() >= set(TARGETS) or any("no verdict" in one.said for one in deciding.values()):
        return "no verdict: not all of its lines are there"
    if any(one.high < 0 for one in deciding.values()):
        return "turned"
    return "not turned" if all(deciding[target].said == "confirmed" for target in NEW_TARGETS) else "undecided"


def gradients(found: Results) -> list[Line]:
    """Claim 14: does the ratio of gradient to weight find the layers that are worth training?

    Three lines a target: the top 4 by ratio against random sets of 4; first 4 against them; and whether the ratio
    orders single groups as the gain of training them does, better than their number of parameters. `finds` puts them
    together.
    """
    top, random = "top 4 by ratio", dict.fromkeys(RANDOM_FOURS, 1 / len(RANDOM_FOURS))
    lines = compare(found, 14, "the top 4 by ratio beat random sets of 4 groups", top, random)
    words = "first 4 is no better than the top 4 by ratio (first 4 − top 4)"
    lines += compare(found, 14, words, "first 4", top, no_worse)
    logs = np.log([size(name)[1] for name in ALONE])
    pairs = list(combinations(range(len(ALONE)), 2))
    words = "the ratio orders groups by their gain better than the number of parameters does (difference of τ)"
    beside = "{} and gain of single groups (Kendall's τ)"
    steps = [" + ".join(names) for names in path(UNet())]  # by name: results come back with their keys sorted
    for target in found.targets:
        by_ratio, by_number = [], []
        for seed in found.seeds(target, [*ALONE, "untouched", top]):
            ratio = found.record(target, top, seed)["ratio"]
            ratios = np.array([ratio[step] for step in steps])
            gain = np.array([found.one(target, s, seed) for s in ALONE]) - found.one(target, "untouched", seed)
            by_ratio.append(concordance(ratios, gain, pairs))
            by_number.append(concordance(logs, gain, pairs))
        lines += from_seeds(14, words, target, np.subtract(by_ratio, by_number), unit="τ")
        for what, taus in (("ratio", by_ratio), ("number of parameters", by_number)):
            lines += from_seeds(14, beside.format(what), target, taus, unit="τ", secondary=True)
    return lines


def finds(found: list[Line], targets: int = 2) -> str:
    """The verdict on claim 14 from its lines: ``"finds the layers"``, ``"size alone"`` or another word."""
    deciding = [one for one in found if one.number == 14 and not one.secondary]
    best, size_too = ([one for one in deciding if (one.unit == "τ") is tau] for tau in (False, True))
    if len(best) < 2 * targets or len(size_too) < targets or any("no verdict" in one.said for one in deciding):
        return "no verdict: not all of its lines are there"
    if any(one.said in ("not confirmed", "reversed") for one in best):
        return "does not find the layers"
    if any(one.said != "confirmed" for one in best):
        return "undecided"
    if all(one.said == "confirmed" for one in size_too):
        return "finds the layers"
    return "size alone" if any(one.said in ("not confirmed", "reversed") for one in size_too) else "undecided"


def cheap(found: Results) -> list[Line]:
    """Claim 15: each cheap way of training against training whole groups; beside it unfreezing from either end."""
    lines = []
    for way, other in CHEAP.items():
        lines += compare(found, 15, f"{way} beats {other}", way, other)
    ends = ("unfreeze from input", "unfreeze from output")
    return lines + compare(
        found, 15, "unfreezing from the input beats unfreezing from the output", *ends, secondary=True
    )
