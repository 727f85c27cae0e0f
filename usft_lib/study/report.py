"""The study's report: what came out, results/VERDICTS.md for readers and results/verdicts.json for programs.

The same records give the same text. ``python data_scripts/run_study.py --grid schemes --report`` writes both.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from ..intervals import MARGIN
from .claims import COLLAPSED, SLOPE, Cell, all_lines, cells, often_worst
from .claims_13_to_15 import finds, turns
from .experiment import UNTRAINED
from .grids import RESULTS, TARGETS
from .lines import OF_THE_PAPER, Line, word
from .records import Results, results
from .strategies import size
from .targets import FOLDED

NAMES = {"hc18": "fetal heads", "busi": "breast lesions", "sim-ultrasound": "simulated breasts",
         "busbra": "lesions of 1064 patients"}  # fmt: skip
BASELINES = ("mean shape", "untouched", "everything", "first 4", "last 4", "first 2", "last 2", "inner 4")
BARELY = 0.005  # an interval that ends this close to 0 hangs on a few images
FAILED = 0.1  # a Dice below this: the mask misses what it should outline

LIMITS = """\
* **One network, one way of training.** A U-Net of width 16 and depth 4, one optimiser, one loss, 300 steps, images of
  128 × 128 pixels. The paper's own settings are not known to us.
* **Heads are examinations.** HC18 numbers 806 examinations. Its authors write of 551 women for all 1334 images, so
  images of one woman may be on both sides of our split.
* **The lesions are few.** 85 lesions of the small copy of BUSI, no patient numbers. Intervals are over clusters of
  images that look alike, the five folds share training images, and the learning rates were chosen on 10 of the 78
  clusters, which are tested as well. Two clusters of the same lesion count once within a fold, but twice across folds.
* **Rates at the edge.** Thirteen of the 36 learning rates are the largest that was tried; a larger one may be better.
  So are 4 of the 20 of claim 15: norm, bias and head only on heads, bias only on simulated breasts; and one of the 6 of
  claim 13 without augmentation: first 4 on heads. (Last 4 on breast lesions took the smallest there.)
* **Equal k is not equal work.** The first k take more operations a step than the last k at k = 1 and 2, and have
  fewer parameters at k = 4; both are written beside each comparison.
* **Rules that changed when results were known** (PROTOCOL.md, 2026-11-29): claims 5, 7, 8, 11 and 12, the words for
  verdicts, and near-duplicate lesions, which are left out where their like was trained on. The last one changed
  claim 1 on breast lesions from *reproduced* to *undecided*. On 2026-11-30 details of claims 2, 13 and 14 changed;
  13 and 14 were not known then."""

WORDS = f"""\
Claims 1, 2, 3, 5 and 7 are made by the paper or by its predecessor, and stand first. The others are this course's own.
Numbers are differences in mean Dice, with 95 % intervals over trainings and subjects, unless a unit is given: steps;
a share of what fine-tuning can gain; τ, Kendall's correlation of two rankings.

* *Reproduced* (the paper's claims), *confirmed* (ours): the interval is above 0, and the mean is at least {MARGIN:g}.
* *Reversed*: the same in the other direction.
* *Not reproduced*, *not confirmed*: the interval ends below {MARGIN:g}: a gain that matters is ruled out.
* *Undecided*: anything else. More trainings or more images could decide it.
* "As good as" is *confirmed* where the whole interval lies between -{MARGIN:g} and +{MARGIN:g}, and *not confirmed*
  where it lies outside. "No better" is *confirmed* where the interval ends below {MARGIN:g}, and *not confirmed* where
  it begins above.
* Steps, TFLOP and τ are compared with 0 instead of {MARGIN:g}, and claim 8 with {SLOPE:g}.

Targets: *hc18* are fetal heads, *busi* breast lesions, *sim-ultrasound* simulated breasts. *First k* are the k groups
of layers nearest to the input, *last k* those nearest to the output, *outer k* and *inner k* the same by level of the
U."""


class Findings(NamedTuple):
    """What all forms of the report tell: read off the records once."""

    grids: dict[str, Results]
    lines: list[Line]
    cells: list[Cell]


def read(grids: dict[str, list[dict]]) -> Findings:
    """Every claim's lines, from the records of the grids that are complete, by name."""
    there = {name: Results(records) for name, records in grids.items()}
    return Findings(there, all_lines(there), cells(there.get("schemes", Results([]))))


def _on_busbra(there: dict[str, Results]) -> list[str]:
    """Claim 5 where BUS-BRA was run: counted by itself, as the nine cells were fixed before it was there."""
    if "busbra" not in there:
        return []
    found = cells(there["busbra"])
    last = sum(cell.worst == "last" for cell in found)
    return ["", f"On busbra they are the worst in {last} of {len(found)} cells: {often_worst(found, targets=1)}."]


def empty_masks(there: dict[str, Results]) -> str:
    """Which trainings of claims 13 to 15 left all masks empty, or nearly: the protocol wants them named."""
    names = [name for name in ("augmentation", "ratio", "cheap") if name in there]
    lost = [
        f"{e['strategy']} on {e['target']}{'' if e['augment'] else ' without augmentation'}, rate {e['lr']:g}, seed "
        f"{e['seed']} ({name})"
        for name, found in [*((n, there[n]) for n in names), *((f"{n}-rates", results(f"{n}-rates")) for n in names)]
        for e in (r["experiment"] for r in found.records if r["dice"] < COLLAPSED)
        if e["strategy"] not in UNTRAINED
    ]  # fmt: skip
    return f"Trainings for claims 13 to 15 whose masks are all empty, or nearly: {'; '.join(lost) or 'none'}."


def report(findings: Findings, begun: dict[str, str], command: str) -> str:
    """VERDICTS.md: what came out in sentences, then every claim with its evidence, then what limits it.

    Args:
        findings: see `read`.
        begun: how far the others are; no verdict is read from them, as it could be stopped where it suits.
    """
    grids, found, places = findings
    rows = simulated()
    counted = ", ".join(f"{name} {len(each.records)}" for name, each in grids.items())
    waiting = ", ".join(f"{name} ({far})" for name, far in begun.items())
    each = "; ".join(
        f"{c.target} k = {c.k}: {c.worst} by {c.below_the_next:.3f} ({c.low:+.3f} to {c.high:+.3f})" for c in places
    )
    return "\n".join([
        "# Verdicts",
        "",
        f"Made by `{command}` from these experiments: {counted}. The rules are those of PROTOCOL.md.",
        *(["", f"Begun, and not counted before they are complete: {waiting}."] if waiting else []),
        "",
        "## What came out",
        "",
        WORDS,
        "",
        *(f"* {sentence}" for sentence in sentences(found, places)),
        "",
        "## Every comparison",
        "",
        "Operations: of one training step, the first strategy divided by the second. Parameters: the same ratio for "
        "what is trained. p: Wilcoxon's test on subjects' means over seeds, corrected by Holm within the lines that "
        "decide a claim. It ignores the variation between trainings, and no verdict uses it.",
        "",
        "| claim | target | difference | 95 % interval | seeds | p | operations | parameters | |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(one, p, rows) for one, p in zip(found, holm(found), strict=True)),
        "",
        f"**5 · The last blocks alone are often the worst choice.** Of {len(places)} cells (target, k) they are the "
        f"worst of the four kinds in {sum(c.worst == 'last' for c in places)}: {often_worst(places)}. It counts means. "
        f"In {sum(c.clear for c in places)} of the cells the interval of the distance to the next excludes 0.",
        *(["", f"The worst in each cell, and how far below the next: {each}."] if places else []),
        *_on_busbra(grids),
        "",
        empty_masks(grids),
        "",
        "## Levels to compare with",
        "",
        f"Mean Dice over subjects with its 95 % interval, and the share of images with a Dice below {FAILED:g}.",
        "",
        *baselines(grids.get("schemes", Results([]))),
        "",
        "## How many lines decide",
        "",
        many(found),
        "",
        "## What would decide what is undecided",
        "",
        *would_decide(found),
        "",
        "## How often such intervals contain the truth",
        "",
        *covered(rows),
        "",
        "## What limits all of it",
        "",
        LIMITS,
        "",
    ])  # fmt: skip


def said_of(name: str, records: list[dict]) -> list[str]:
    """What the records of one grid say by themselves, a line each: for seeds that were added by hand."""
    found = read({name: records}).lines
    told = [f"{one.claim} · {one.target}: {_number(one)}, {one.seeds} seeds: {one.said}" for one in found]
    return told or [f"No claim is read from grid {name} alone: VERDICTS.md reads it beside other grids."]


# ---- sentences -------------------------------------------------------------------------------------------------

STATEMENTS = (  # number, how the words of its lines begin, and what they say in plain English; the paper's claims first
    (1, "the contracting path", "Training the contracting path (first 4 groups) is better than training the expanding "
        "path (last 4)"),
    (3, "first k beats", "On average over all k, the first k groups are better than the last k"),
    (5, "", ""),
    (7, "first 4 reaches the plateau", "With all images, the first 4 groups reach the plateau of full tuning in fewer "
        "steps than full tuning"),
    (2, "first 4 less last 4", "From photographs, the advantage of first 4 over last 4 is larger on ultrasound than on "
        "chest X-rays"),
    (4, "outer k beats", "The outer levels of the U are better than the inner ones"),
    (6, "first 4 is equivalent", "Training the first 4 groups is as good as training everything (numbers: everything − "
        "first 4)"),
    (6, "outer 2 is equivalent", "Training the 2 outer levels is as good as training everything (numbers: everything − "
        "outer 2)"),
    (6, "inner 4 is equivalent", "Training all but enc1, dec1 and the head (inner 4) is as good as training everything "
        "(numbers: everything − inner 4)"),
    (8, "position beats", "Of sets of layers with equally many parameters, those nearer to the input are better "
        "(numbers: Dice gained if a set lies a tenth of the path nearer to the input)"),
    (9, "the choice matters more", "With 10 images the choice of layers matters more than with 160"),
    (10, "pretraining helps: everything from X-rays − from scratch", "Full tuning from X-rays is better than training "
        "from scratch"),
    (10, "pretraining helps: a frozen encoder", "A frozen encoder from X-rays is better than a random one"),
    (10, "pretraining helps: a frozen decoder", "A frozen decoder from X-rays is better than a random one"),
    (10, "pretraining helps: everything from X-rays − from photographs", "Full tuning from X-rays is better than from "
        "photographs"),
    (11, "shallow layers", "The first layers matter more where speckle has changed than where shapes have"),
    (12, "strategies are ranked", "Two ultrasound sets rank strategies with equally many groups alike"),
    (13, "first 4 − last 4", "If fine-tuning uses no augmentation, first 4 is still better than last 4"),
)  # fmt: skip


def sentences(found: list[Line], places: list[Cell]) -> list[str]:
    """What came out, a sentence per claim; each is computed from the lines."""
    told = [
        _fifth(places) if number == 5 else _sentence(number, statement, _lines(found, number, start))
        for number, start, statement in STATEMENTS
    ]
    return [sentence for sentence in (*told, _gradients(found), _cheap(found)) if sentence]


def _lines(found: list[Line], number: int, start: str) -> list[Line]:
    """The lines of a statement: those that decide a claim, or else those beside it."""
    there = [one for one in found if one.number == number and one.words.startswith(start)]
    return [one for one in there if not one.secondary] or there


def _fifth(places: list[Cell]) -> str:
    if not places:
        return ""
    last = [cell for cell in places if cell.worst == "last"]
    return (
        f"**Claim 5.** The last k groups are the worst choice of four (first, last, outer and inner k) in {len(last)} "
        f"of {len(places)} cases, each a data set and a k: {often_worst(places)}. In "
        f"{sum(cell.clear for cell in last)} of them the interval of the distance to the next is above 0."
    )


def _sentence(number: int, statement: str, deciding: list[Line]) -> str:
    by_word: dict[str, list[str]] = {}
    for one in deciding:
        barely = one.said == word(number) and one.unit == "Dice" and 0 < one.low < BARELY
        by_word.setdefault(f"{one.said}, but barely," if barely else one.said, []).append(
            f"{_where(one)} ({_plainly(one)})"
        )
    said = "; ".join(f"{what} on {', '.join(places)}" for what, places in by_word.items())
    whole = f" Does this turn the result of claim 1 round? Verdict: {turns(deciding)}." if number == 13 else ""
    return f"**Claim {number}.** {statement}: {said}.{whole}" if deciding else ""


def _plainly(one: Line) -> str:
    """Its numbers; steps that were saved or lost without a sign."""
    if one.unit != "steps" or one.bound or one.low <= 0 <= one.high:
        return _number(one)
    low, high = sorted((abs(one.low), abs(one.high)))
    return f"{abs(one.mean):.0f} steps {'more' if one.mean < 0 else 'fewer'}, {low:.0f} to {high:.0f}"


def _gradients(found: list[Line]) -> str:
    statement = "**Claim 14.** Before training, the ratio of gradient to weight tells which layers to train. Verdict: "
    return f"{statement}{finds(found)}." if any(one.number == 14 for one in found) else ""


def _cheap(found: list[Line]) -> str:
    deciding = [one for one in found if one.number == 15 and not one.secondary]
    said: dict[str, list[str]] = {}
    for one in deciding:
        said.setdefault(one.said, []).append(f"{one.words} on {_where(one)} ({_number(one)})")
    each = "; ".join(f"{what}: {', '.join(lines)}" for what, lines in said.items())
    return f"**Claim 15.** Cheap ways of training against whole groups. {each[:1].upper()}{each[1:]}." if each else ""


def _where(one: Line) -> str:
    return " and ".join(NAMES.get(place, place) for place in one.target.split(" and "))


def _number(one: Line) -> str:
    digits, unit = DIGITS.get(one.unit, 3), "" if one.unit == "Dice" else f" {one.unit}"
    if one.mean != one.mean:
        return "not tested"
    if one.bound:
        return f"{one.bound} {one.mean:+.{digits}f}{unit}"
    return f"{one.mean:+.{digits}f}{unit}, {one.low:+.{digits}f} to {one.high:+.{digits}f}"


DIGITS = {"steps": 0, "TFLOP": 1}


# ---- tables ----------------------------------------------------------------------------------------------------


def _row(one: Line, p: float | None, rows: Sequence[dict] = ()) -> str:
    unit, p_told = "" if one.unit == "Dice" else f" {one.unit}", "" if p is None else f"{p:.2g}"
    digits = DIGITS.get(one.unit, 3)
    mean, low, high = (f"{value:+.{digits}f}" for value in (one.mean, one.low, one.high))
    ends = f"{mean}{unit} | {low} to {high}"
    if one.bound or one.mean != one.mean:  # no interval, or nothing that was tested
        ends = f"{one.bound} {mean}{unit} | –" if one.bound else "– | –"
    shares = [] if one.bound or one.mean != one.mean else coverage_of(one, list(rows))
    held = [f"{100 * share:.0f}" for share in shares]
    told = f"{held[0]} to {held[-1]}" if len(held) > 1 else "".join(held)
    rare = shares and shares[0] < ENOUGH
    rarely = f" (in simulations, {told} of 100 such intervals contain the truth)" if rare else ""
    operations, parameters = ("" if value is None else f"{value:.2f}" for value in sizes(one))
    return (f"| {one.claim} | {one.target} | {ends} | {one.seeds} | {p_told} | {operations} | {parameters} | "
            f"{one.said}{rarely} |")  # fmt: skip


def sizes(one: Line) -> tuple[float | None, float | None]:
    """Operations of a step and trained parameters, of the first as a multiple of the second; None without a pair."""
    if one.pair is None:
        return None, None
    both = [_size(weights) for weights in one.pair]
    if None in both:
        return None, None
    (flops, parameters), (other_flops, other_parameters) = both
    return flops / other_flops, parameters / other_parameters


def _size(weights: dict[str, float]) -> tuple[float, float] | None:
    """Operations and parameters of a strategy; of weighted ones, their weighted mean. None of a difference of some."""
    each = [size(strategy.rpartition(": ")[2]) for strategy in weights]
    if None in each or not np.isclose(sum(weights.values()), 1):
        return None
    return tuple(np.average(each, axis=0, weights=list(weights.values())))


def baselines(found: Results) -> list[str]:
    """A table: rows are strategies that were run, columns targets; mean Dice with its interval, and failures."""
    targets = [target for target in TARGETS if target in found.targets]
    rows = []
    for strategy in BASELINES:
        cells = []
        for target in targets:
            seeds = found.seeds(target, [strategy])
            if not seeds:
                cells.append("")
                continue
            mean, low, high, _ = found.dice(target, strategy)
            dice = np.concatenate([found.record(target, strategy, seed)["scores"]["dice"] for seed in seeds])
            cells.append(f"{mean:.3f} ({low:.3f} to {high:.3f}), {(dice < FAILED).mean():.0%} failed")
        rows.append(f"| {strategy} | {' | '.join(cells)} |")
    return [f"| | {' | '.join(targets)} |", "|---" * (len(targets) + 1) + "|", *rows]


def holm(lines: list[Line]) -> list[float | None]:
    """p of each line after Holm's correction (Scandinavian Journal of Statistics 6:65, 1979).

    A family is what a claim is decided by; what stands beside a claim is a family of its own. Claim 15 is decided for
    each target by itself, over its seven cheap ways.
    """

    def family(one: Line) -> tuple:
        return one.number, one.secondary, one.target if one.number == 15 else ""

    found: list[float | None] = [None] * len(lines)
    for each in {family(one) for one in lines}:
        places = [k for k, one in enumerate(lines) if one.p is not None and family(one) == each]
        for k, p in zip(places, corrected([lines[k].p for k in places]), strict=True):
            found[k] = p
    return found


def corrected(ps: list[float]) -> list[float]:
    """Holm's correction of these p."""
    found, highest = [0.0] * len(ps), 0.0
    for rank, k in enumerate(np.argsort(ps, kind="stable")):
        highest = max(highest, min(1.0, ps[k] * (len(ps) - rank)))
        found[k] = highest
    return found


def many(found: list[Line]) -> str:
    """How many lines decide a claim, how many came out, and what is left when all of them are corrected together."""
    deciding = _together(found)
    out = [one for one, _ in deciding if one.said in ("reproduced", "confirmed", "reversed") and one.number != 6]
    kept = [one for one, p in deciding if one in out and p < 0.05]
    lost = [f"claim {one.number} on {_where(one)} ({one.words})" for one in out if one not in kept]
    paper = sum(one.number in OF_THE_PAPER for one, _ in deciding)
    return (
        f"{len(deciding)} lines decide ({paper} on claims of the paper, claim 5 apart); {len(out)} of them show a "
        "difference (claim 6, which asks whether two are alike, not counted). If all of them are corrected "
        f"together by Holm's method, {len(kept)} of these remain at 5 %."
        + (f" Those that do not: {'; '.join(lost)}." if lost else "")
        + " The p for this are read off the intervals, by Student's t with one degree of freedom less than there are "
        "seeds, which makes them rather too large than too small. No verdict above depends on it."
    )


def _together(found: list[Line]) -> list[tuple[Line, float]]:
    """The lines that decide a claim, each with its p, corrected over all of them."""
    deciding = [one for one in found if not one.secondary and one.seeds > 1 and not one.bound and one.mean == one.mean]
    return list(zip(deciding, corrected([_p(one) for one in deciding]), strict=True))


def _p(one: Line) -> float:
    """p of a difference, read off its 95 % interval."""
    from scipy import stats

    freedom, half = one.seeds - 1, (one.high - one.low) / 2
    if half == 0:
        return 0.0 if one.mean else 1.0
    return float(2 * stats.t.sf(abs(one.mean) / half * stats.t.ppf(0.975, freedom), freedom))


# ---- power ----------------------------------------------------------------------------------------------------------

POWER = 0.8


def would_show(one: Line, times: float = 1.0) -> float | None:
    """The difference that such a comparison shows in 8 of 10 cases, read off the width of its interval alone.

    Where two things are to be alike (claim 6): the margin within which the interval of two equal ones lies in 8 of 10
    cases. With ``times`` as many trainings and subjects. None without an interval.
    """
    from scipy import stats

    if one.bound or not one.high > one.low:
        return None
    whole = _kind(one) != "one test set" or bool({*one.target.split()} & {*FOLDED})  # a number per seed
    now, then = ((n - 1 if whole else 1e9) for n in (one.seeds, one.seeds * times))
    error = (one.high - one.low) / 2 / stats.t.ppf(0.975, now)
    chance = (1 + POWER) / 2 if one.number == 6 else POWER
    return float(error * (stats.t.ppf(0.975, then) + stats.t.ppf(chance, then)) / times**0.5)


def would_decide(found: list[Line]) -> list[str]:
    """A table of the lines that decide a claim and are undecided: what they could have shown, what it would take."""
    rows = []
    for one in found:
        shown = would_show(one)
        if one.said != "undecided" or one.secondary or shown is None:
            continue
        wanted = {"Dice": SLOPE if one.number == 8 else MARGIN, "share": MARGIN}.get(one.unit)
        tried = (1, 1.5, 2, 3, 5, 10, 20, 50, 100) if wanted else ()
        enough = next((times for times in tried if would_show(one, times) <= wanted), None)
        needed = f"{enough:g}" if enough else "more than 100" if wanted else ""
        rows.append(f"| {one.claim} | {one.target} | {shown:.3f} | {wanted or ''} | {needed} |")
    return [
        "The width of an interval tells which difference such a comparison would show in 8 of 10 cases. (For claim 6: "
        "the margin within which two equal strategies would be shown to be alike.) \"Times as many\": how many times "
        "more trainings *and* subjects are needed to show the wanted difference. 1: the comparison was large enough, "
        "and the result lies near the margin. If only trainings are added, or only subjects, it takes more.",
        "",
        "| claim | target | shown in 8 of 10 | wanted | times as many |",
        "|---|---|---|---|---|",
        *rows,
    ]


# ---- coverage --------------------------------------------------------------------------------------------------

ENOUGH = 0.93  # of intervals that contain the truth; where it is less, the line says so


def simulated() -> list[dict]:
    """How often intervals of each kind held a truth that was known, by data_scripts/coverage.py; perhaps nothing."""
    path = RESULTS / "coverage.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def covered(rows: Sequence[dict]) -> list[str]:
    """A table of what was `simulated`."""
    return [
        "Simulated, with the spreads of the study's own records (`python data_scripts/coverage.py`); 95 of "
        "100 are wanted. Last column: when 2 of 100 trainings of one of the two strategies collapse; most simulated "
        "tables contain none of them, so their intervals cannot allow for it. A line whose kind of interval contains "
        "the truth in fewer than 93 of 100, without collapses, says so in its last column.",
        "",
        "| interval | spreads of | seeds | contains the truth | with collapses |",
        "|---|---|---|---|---|",
        *(
            f"| {row['kind']} | {row['target']} | {row['seeds']} | {row['covered']:.1%} | "
            f"{row['covered with collapses']:.1%} |"
            for row in rows
        ),
    ]


def _kind(one: Line) -> str:
    """The kind of its interval, by the names that data_scripts/coverage.py gives them."""
    if one.number == 8:
        return "slope over sets"
    return "a number per seed" if one.unit in ("steps", "TFLOP", "τ") else "one test set"


def coverage_of(one: Line, rows: list[dict]) -> list[float]:
    """How often intervals as this line's contain the truth: of its kind, with the nearest number of seeds; least first.

    For folds there are several, as nobody knows how much of their trainings' spread they share.
    """
    kind, places = _kind(one), one.target.split()
    if kind == "one test set" and "busi" in places:
        rows = [row for row in rows if row["target"] == "busi"]
    elif kind == "one test set" and "busbra" in places:
        # A fold's training images are 50 of some 850 patients: next to nothing is shared.
        rows = [row for row in rows if row["kind"] == "folds that share nothing"]
    else:
        rows = [row for row in rows if row["kind"] == kind]
        rows = [row for row in rows if row["target"] == one.target] or rows
    nearest = min((abs(row["seeds"] - one.seeds) for row in rows), default=0)
    return sorted(row["covered"] for row in rows if abs(row["seeds"] - one.seeds) == nearest)


# ---- for programs ----------------------------------------------------------------------------------------------


def as_json(findings: Findings) -> dict:
    """The same as plain values, for widgets and the site: sentences, and a row per line with all its fields.

    ``p_all``: p read off the interval, corrected over all lines that decide a claim (lesson 10).
    """
    _, found, places = findings
    rows, p_all = [], {id(one): p for one, p in _together(found)}  # a line's pair is a dict, so it has no hash
    for one in found:
        operations, parameters = sizes(one)
        row = {name: value for name, value in asdict(one).items() if name != "pair"}
        row |= {"operations": operations, "parameters": parameters, "would_show": would_show(one)}
        rows.append(row | {"p_all": p_all.get(id(one))})
    return {
        "sentences": sentences(found, places),
        "lines": [{k: None if v != v else v for k, v in row.items()} for row in rows],  # NaN is not JSON
        "cells": [{**asdict(cell), "clear": bool(cell.clear)} for cell in places],
    }
