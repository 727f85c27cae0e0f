"""The study's numbers for the results explorer: results/explorer.json (lessons 08 to 15).

The explorer (widgets/results_explorer.py) and the site read that file and know nothing of the study. The same records
give the same text. ``python data_scripts/run_study.py --grid schemes --report`` writes it, beside VERDICTS.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import permutations

from ..freezing import named
from ..intervals import MARGIN, over_trainings, verdict
from ..unet import UNet
from .experiment import UNTRAINED
from .grids import ALL_HEADS, CHEAP_AND_COMPARED, FOUR, MORE_SEEDS, SEEDS, STRATEGIES, TARGETS
from .records import Results
from .report import NAMES, Findings
from .strategies import size

ALL = (*STRATEGIES, *UNTRAINED)
# The grids of each view. Without the first there is nothing to see; without another something is missing.
NEEDS = {"k": ["schemes"], "pair": ["schemes", "headline"], "n": ["sizes", "schemes", "origins"], "cost": ["schemes"],
         "baselines": ["schemes", "cheap"]}  # fmt: skip
HOW = (
    ("confirmed", f"the whole interval is above 0, and the mean is at least {MARGIN:g}"),
    ("reversed", f"the whole interval is below 0, and the mean is −{MARGIN:g} or less"),
    ("not confirmed", f"the interval ends below {MARGIN:g}, so A is not better by as much as would matter"),
    ("undecided", f"the interval includes 0, and reaches {MARGIN:g} or more"),
    ("undecided", f"the whole interval is above 0 and reaches {MARGIN:g} or more, but the mean is below it"),
)


def as_json(findings: Findings) -> dict:
    """What every view of the explorer shows, as plain values; and what is missing, as its grid is not complete.

    ``dice``: a row per strategy and target; ``n``: the same for heads, by number of images; ``ways``: those of grid
    ``cheap``, which had other learning rates. ``pairs``: by target, A and B the difference A − B, by seed as in
    ``seeds``, and which of ``how`` is said of it. ``closed``: empty views.
    """
    there, model = defaultdict(lambda: Results([])) | findings.grids, UNet()
    schemes = _once(Results([*there["schemes"].records, *there["busbra"].records]))
    more, cheap = _once(Results([*schemes.records, *there["headline"].records])), _once(there["cheap"])
    targets = [target for target in NAMES if target in (*TARGETS, *schemes.targets)]
    missing = {view: [name for name in grids if name not in findings.grids] for view, grids in NEEDS.items()}
    told = "The study’s grid “{0}” is not finished, so its strategies are missing here."
    return {
        "targets": {target: NAMES[target] for target in targets},
        "seeds": [*SEEDS, *MORE_SEEDS],
        "all_images": ALL_HEADS,
        "groups": {name: named(model, name) for name in STRATEGIES},
        "dice": [row for t in targets for row in _rows(schemes, t, ALL)],
        "ways": [row for t in cheap.targets
                 for row in (*_rows(cheap, t, CHEAP_AND_COMPARED), *_rows(schemes, t, UNTRAINED))],
        "n": [*_against_n(there["sizes"], schemes, there["origins"])],
        "pairs": {target: _pairs(more, target) for target in targets},
        "how": HOW,
        # Claims about two strategies: their words end with the pair.
        "claims": {one.target + one.words[one.words.rfind("(") :]: f"The study’s claim {one.claim}: {one.said}."
                   for one in findings.lines if one.number in (1, 6) and one.words.endswith(")")},
        "closed": [view for view, names in missing.items() if NEEDS[view][0] in names],
        "missing": {view: " ".join(map(told.format, names)) for view, names in missing.items() if names},
    }  # fmt: skip


def _numbers(told, by_seed) -> dict:
    mean, low, high = (round(value, 6) for value in told)
    return {"mean": mean, "low": low, "high": high, "by_seed": [round(float(value), 4) for value in by_seed]}


def _once(found: Results) -> Results:
    """Without what an edited grid ran in several ways with one seed, as a view has one number for a strategy."""
    keys = [(e["target"], e["strategy"], e["seed"]) for e in (record["experiment"] for record in found.records)]
    times = Counter(keys)
    return Results(record for key, record in zip(keys, found.records, strict=True) if times[key] == 1)


def _rows(found: Results, target: str, strategies, name: str = "") -> Iterator[dict]:
    """Mean Dice with its interval over subjects and seeds, and what a training takes, of those that were run."""
    for one in strategies:
        if seeds := found.seeds(target, [one]):
            flops, parameters = (0, 0) if one in UNTRAINED else size(one)
            e = found.record(target, one, seeds[0])["experiment"]
            told = _numbers(found.dice(target, one)[:3], (found.one(target, one, seed) for seed in seeds))
            yield {"target": target, "strategy": name or one, "n": e["n"], **told, "parameters": parameters,
                   "share": round(flops / size("everything")[0], 4),
                   "tflop": round(flops * e["batch_size"] * e["steps"] / 1e6, 3)}  # fmt: skip


def _against_n(sizes: Results, schemes: Results, origins: Results) -> Iterator[dict]:
    yield from _rows(schemes, "hc18", UNTRAINED)
    for n in (10, 40, 160, ALL_HEADS):
        tuned, scratch = (schemes, origins) if n == 40 else (sizes, sizes)
        yield from _rows(_once(tuned.where(n=n, source="xray")), "hc18", ("everything", *FOUR))
        scratch = _once(scratch.where(n=n, source="scratch", statistics="kept"))
        yield from _rows(scratch, "hc18", ["everything"], "from scratch")


def _pairs(found: Results, target: str) -> dict[str, dict[str, dict]]:
    """Every two strategies, paired image by image: as `Results.difference`, with each table read only once."""
    pairs = defaultdict(dict)
    each = {a: {s: found.by_subject(target, {a: 1.0}, s) for s in found.seeds(target, [a])} for a in ALL}
    for a, b in permutations((name for name in ALL if each[name]), 2):
        if len(seeds := found.seeds(target, [a, b])) < 2:  # of a grid that was edited: no interval, no word
            continue
        apart = [each[a][seed] - each[b][seed] for seed in seeds]
        mean, low, high = over_trainings(apart)
        word = verdict(mean, low, high, seeds=len(apart), yes="confirmed")
        how = 4 if word == "undecided" and low > 0 else [said for said, _ in HOW].index(word)
        pairs[a][b] = _numbers((mean, low, high), (one.mean() for one in apart)) | {"how": how}
    return pairs
