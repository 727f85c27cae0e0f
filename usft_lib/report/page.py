"""The report: one page of HTML that shows what was done, what came out and what that cannot show (lesson 16).

Figures and style are inside the page, and it asks for nothing from any other machine. All text passes `_text`, so that
a file name is shown as it is written, whatever signs it holds.
"""

import base64
import io
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

import usft_lib

from .. import plots
from ..data import SegmentationData, check_data
from ..errors import BadInput, check_name
from ..intervals import seed_difference, seed_mean, subject_means
from ..metrics import FAILURE, dice, summarise
from ..training import History
from .seal import Seal, write
from .words import FIXED, doubts, limits, sentence, signed, times

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("train", "validation", "test")
COLUMNS = ("image", "subject", "dice", "iou", "hd95_px", "hd95_mm", "empty")
MADE = '<meta name="generator" content="usft report">'  # a file without it is not ours to overwrite
# The policy makes the browser itself refuse every request that the page could make.
HEAD = f"""<!doctype html><html lang="en"><head><meta charset="utf-8">{MADE}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
"""
DIFFERENCES = "The differences of the table, with their 95 % intervals. Dotted line: 0.02, the least that would matter."
NAMED = 30  # failures that are listed one by one


def report(
    path: str | Path = "report.html",
    *,
    data: SegmentationData,
    tables: "Mapping[str, Sequence[pd.DataFrame]]",
    baselines: "Mapping[str, Sequence[pd.DataFrame]]",
    chosen: str,
    splits: Sequence[SegmentationData] | None = None,
    seal: Seal | None = None,
    histories: Mapping[str, Sequence[History]] | None = None,
    masks: Tensor | None = None,
    images: bool = False,
    title: str = "",
) -> Path:
    """Write a project's report as one HTML page; the browser's print makes a PDF of it (lesson 16).

    Args:
        data: all images of the project.
        tables: for each strategy, the list of tables that `evaluate` gave on the test images, one per training.
        baselines: the same for ``"mean shape"`` (one table), ``"scratch"``, ``"everything"`` …
        chosen: the strategy that validation chose.
        splits: ``(train, val, test)``. Leave it out after cross-validation by person: then a table is a fold.
        seal: what `usft.seal` returned.
        histories: for each strategy, the list of histories that `fit` returned, one per training.
        masks: bool ``[N, 1, S, S]``, those of one training of ``chosen`` on the test images (after cross-validation: on
            ``data``). With them, the worst, the median and the best are drawn.
        images: draw the pictures, too, not only the outlines. Patients may be on them. (Failures are named by file and
            person in any case.)

    Raises:
        BadInput: people are in two parts, tables score other images, the seal is broken …; nothing is written then.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() != ".html":
        raise BadInput(f"The report is an HTML page: call it report.html, not {path.name!r}.")
    if path.exists() and (not path.is_file() or MADE.encode() not in path.read_bytes()[:400]):
        raise BadInput(f"{path} is there already and is no report of this course: choose another name.")
    check_data(data)
    if len(set(data.ids)) < len(data):
        raise BadInput("Two images of data have the same name in data.ids: give each its own.")
    if not isinstance(images, bool):
        raise BadInput("images must be True (show pictures) or False (only outlines).")
    test = data if splits is None else _checked_splits(data, splits)[2]
    every = {**_lists("tables", tables), **_lists("baselines", baselines)}
    if len(every) < len(tables) + len(baselines):
        raise BadInput("A name is in tables and in baselines: give each once.")
    check_name("strategy in tables", chosen, tables)
    every = {name: _checked(name, each, test, splits is not None) for name, each in every.items()}
    histories = _lists("histories", histories or {}, "val_dice")
    for name, each in histories.items():
        check_name("strategy or baseline", name, every)
        if not all(history.val_dice for history in each):
            raise BadInput(f"A history of {name!r} has no validations: train with usft.fit(model, train, val, …).")
    note = None if seal is None else _noted(seal, test)
    own, trainings = every[chosen], {name: len(each) for name, each in every.items()}
    people = len(subject_means(_joined(own), "dice"))
    if people < 2:
        raise BadInput("Fewer than 2 people with an object were tested: cross-validate by person, or find more people.")

    differences = {
        name: _difference(own, each, f"{chosen} and {name}") for name, each in every.items() if name != chosen
    }
    mean, low, high = seed_mean(own)
    short = [
        f"{chosen}: mean Dice {mean:.3f} (95 % interval {low:.3f} to {high:.3f}) on {people} people, "
        f"{times(trainings[chosen], 'training')}."
    ]
    for name, numbers in differences.items():
        seeds = trainings[chosen] if name in FIXED else min(trainings[chosen], trainings[name])
        short.append(sentence(*numbers, people, seeds, chosen, name, data.stand_in))
    failures, failed = _failures(own)
    ends = {name: np.mean([history.val_dice[-1] for history in each]) for name, each in histories.items()}
    before = {name: np.mean([history.val_dice[-2:][0] for history in each]) for name, each in histories.items()}
    rises = {name: ends[name] - before[name] for name in ends}
    title = title or f"Segmentation of {data.name}"
    sections = {
        "In short": _list(short, "short"),
        "Data": _data(data, splits) + f"<p>{_text(_sealed(note))}</p>",
        "Results": _results(every, differences, chosen, test),
        "Training": _curves(histories, ends),
        "Images": _pictures(chosen, own, test, masks, images) + failures,
        "What this cannot show": _list(
            limits(people, failed, chosen, trainings, differences)
            + doubts(data, splits, note, {name: ends[name] for name in ends if name in tables}, rises, chosen)
        ),
        "How it was made": _settings(histories),
    }
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    body = "".join(f"<section><h2>{_text(name)}</h2>{inside}</section>" for name, inside in sections.items() if inside)
    page = (
        f"{HEAD}<title>{_text(title)}</title><style>{style}</style></head><body><main><h1>{_text(title)}</h1>"
        f"<p>{datetime.now():%Y-%m-%d, %H:%M}</p>{body}</main></body></html>\n"
    )
    write(path, page)
    print(f"{path.name}: written, {len(page) / 1e6:.1f} MB. Open it in a browser; print it there for a PDF.")
    if images:
        print("It shows test images: before you pass it on, ask whether patients can be recognised.")
    return path


# ---- what is checked before anything is written -----------------------------------------------------------------


def _checked_splits(data: SegmentationData, splits) -> Sequence[SegmentationData]:
    if not isinstance(splits, list | tuple) or len(splits) != 3:
        raise BadInput("splits must be the three parts that data.split returned: (train, val, test).")
    for name, part in zip(PARTS, splits, strict=True):
        check_data(part, name)
        strange = set(zip(part.ids, part.subjects, strict=True)) - set(zip(data.ids, data.subjects, strict=True))
        if strange:
            raise BadInput(
                f"{min(strange)[0]!r} of {name} is not in data, or belongs to another person there: use the parts that "
                "data.split returns."
            )
    for (a, first), (b, second) in combinations(zip(PARTS, splits, strict=True), 2):
        shared = set(first.subjects) & set(second.subjects)
        if shared:
            raise BadInput(
                f"{a} and {b} share {times(len(shared), 'person')}, such as {min(shared)!r}, so these scores say "
                "nothing about new people: split by person and train again."
            )
    return splits


def _lists(what: str, given, mark: str = "columns") -> dict[str, list]:
    """By name, a list of tables or histories (they have the attribute ``mark``); one alone is a list of one."""
    if not isinstance(given, Mapping):
        raise BadInput(f"{what} must be a dict: for each name a list, one entry per training.")
    found = {name: list(each) if isinstance(each, list | tuple) else [each] for name, each in given.items()}
    for name, each in found.items():
        if not each or not all(hasattr(one, mark) for one in each):
            raise BadInput(f"{what}[{name!r}] must be a list: what evaluate or fit returned, one entry per training.")
    return found


def _checked(name: str, each: list, test: SegmentationData, whole: bool) -> list:
    """The tables of ``name``, each a training of its own, if they score these images."""
    known = set(zip(test.ids, test.subjects, test.empty.tolist(), strict=True))
    for table in each:
        if not set(COLUMNS) <= set(table) or not table["dice"].between(0, 1).all():
            raise BadInput(f"A table of {name!r} is not what usft.evaluate returns: columns {', '.join(COLUMNS)}.")
        rows = set(zip(table["image"], table["subject"], table["empty"], strict=True))
        if not rows or not rows <= known or len(rows) < max(len(table), len(known) * whole):
            raise BadInput(
                f"A table of {name!r} does not score the test images: {len(rows & known)} of its {len(table)} rows are "
                f"among these {len(known)} images. Give usft.evaluate(model, test)."
            )
    different = {tuple(sorted(zip(table["image"], table["dice"], strict=True))) for table in each}
    if 1 < len(different) < len(each):
        raise BadInput(f"Two tables of {name!r} are the same, so one training would count twice: give each once.")
    return each[: len(different)]  # the mean shape, given once a seed, counts once


def _noted(seal, test: SegmentationData) -> dict:
    if not isinstance(seal, Seal):
        raise BadInput('seal is what usft.seal returned: sealed = usft.seal(test, "seal.json"), then seal=sealed.')
    return Seal(test, seal.path).note()


def _difference(own: list, other: list, names: str) -> tuple[float, float, float]:
    try:  # one table, the mean shape's for example, is compared with every training
        return seed_difference(own, other * len(own) if len(other) == 1 else other)
    except BadInput as error:
        raise BadInput(f"{names}: {error}") from None


def _joined(each: list) -> "pd.DataFrame":
    import pandas as pd

    return pd.concat(each, ignore_index=True)


# ---- the sections -----------------------------------------------------------------------------------------------


def _data(data: SegmentationData, splits) -> str:
    mm = [] if data.spacing_mm is None else data.spacing_mm[~data.spacing_mm.isnan()].tolist()
    spacing = f"{min(mm):.3g} to {max(mm):.3g} mm" if mm else "unknown"
    size = f"{data.size} × {data.size} pixels; side of a pixel: {spacing}"
    facts = {"data": data.name, "provenance": data.provenance or "not told", "size": size}
    named = {"all": data} if splits is None else {"all": data, **dict(zip(PARTS, splits, strict=True))}
    rows = []
    for name, part in named.items():
        area = part.masks[~part.empty].float().mean((1, 2, 3))
        share = f"{100 * float(area.median()):.1f} %" if len(area) else "none"
        rows.append([name, len(set(part.subjects)), len(part), int(part.empty.sum()), share])
    how = "Split by person: nobody is in two parts." if splits else "Cross-validation by person: a table is a fold."
    return _facts(facts) + _table(["part", "people", "images", "without object", "median object area"], rows, how)


def _sealed(note: dict | None) -> str:
    if note is None:
        return "The test set was not sealed."
    opened = "".join(f" Opened on {when}." for when in note["opened"]) or " Never opened."
    return f"The test set was sealed on {note['sealed']} (SHA-256 {note['hash'][:16]}…). {opened.strip()}"


def _results(every: dict, differences: dict, chosen: str, test: SegmentationData) -> str:
    import pandas as pd

    hd = "hd95_px" if test.spacing_mm is None or test.spacing_mm.isnan().any() else "hd95_mm"
    kinds = {"failures": "failures"} | ({"false_positives": "drawn on empty"} if test.empty.any() else {})
    rows = []
    for name, each in every.items():
        mean, low, high = seed_mean(each)
        sums = pd.DataFrame([summarise(table) for table in each]).mean()
        far = np.mean([subject_means(table, hd).mean() for table in each])
        gap = "the chosen one" if name == chosen else signed(*differences[name])
        score = f"{mean:.3f} ({low:.3f} to {high:.3f})"
        shares = [f"{100 * sums[kind]:.0f} %" for kind in kinds]
        rows.append([name, len(each), score, gap, "–" if np.isnan(far) else f"{far:.1f}", *shares])
    header = ["", "trainings", "Dice (95 % interval)", f"{chosen} minus this", f"HD95, {hd[-2:]}", *kinds.values()]
    how = (
        "Means over people; images without an object are left out. Intervals are over people and trainings, "
        "differences are paired by image. HD95 counts images in which something was drawn. "
        f"Failures: share of images with a Dice below {FAILURE:g}."
    )
    drawn = ""
    if differences:
        named = {_plain(name): numbers for name, numbers in differences.items()}
        drawn = _figure(plots.differences_figure({f"{_plain(chosen)} minus …": named}), DIFFERENCES)
    return _table(header, rows, how, chosen) + drawn


def _curves(histories: dict, ends: dict[str, float]) -> str:
    if not histories:
        return ""
    words = f"Validation Dice at the last step: {', '.join(f'{name} {value:.3f}' for name, value in ends.items())}."
    return _figure(plots.histories_figure({_plain(name): each for name, each in histories.items()}), words)


def _failures(own: list) -> tuple[str, int]:
    """The images that failed in some training, by name, and how many people they are of."""
    scores = _joined(own).query("not empty").assign(failed=lambda table: table["dice"] < FAILURE)
    images = scores.groupby(["image", "subject"], as_index=False).agg(
        failed=("failed", "sum"), of=("failed", "size"), dice=("dice", "mean")
    )
    images = images[images["failed"] > 0].sort_values("dice")
    rows = [[r.image, r.subject, f"{r.failed} of {r.of}", f"{r.dice:.3f}"] for r in images.head(NAMED).itertuples()]
    more = f" The {NAMED} with the lowest Dice are listed." if len(images) > NAMED else ""
    how = f"Failures, Dice below {FAILURE:g}: {times(len(images), 'image')}.{more}"
    made = _table(["image", "person", "failed trainings", "mean Dice"], rows, how) if rows else f"<p>{_text(how)}</p>"
    return made, images["subject"].nunique()


def _pictures(chosen: str, own: list, test: SegmentationData, masks: Tensor | None, images: bool) -> str:
    by_image = _joined(own).query("not empty").groupby("image")["dice"].mean()
    figure = plots.ordered_figure({_plain(chosen): by_image.to_numpy()}, "Dice, mean of the trainings")
    drawn = _figure(figure, f"Each test image with an object: the worst has Dice {by_image.min():.3f}, the median "
                    f"{by_image.median():.3f}, the best {by_image.max():.3f}.")  # fmt: skip
    if masks is None:
        if images:
            raise BadInput(f"images=True needs masks=usft.segment(model, test.images), of one training of {chosen!r}.")
        return drawn
    if getattr(masks, "shape", None) != test.masks.shape or masks.dtype != torch.bool:
        raise BadInput(f"masks must be bool {list(test.masks.shape)}, as usft.segment(model, test.images) gives them.")
    score = dice(masks.cpu(), test.masks).numpy()
    whole = [table.set_index("image")["dice"] for table in [*own, _joined(own)] if len(table) == len(test)]
    if not any(np.allclose(table[test.ids], score, atol=1e-4) for table in whole):
        raise BadInput(f"These masks fit no training of {chosen!r}: run usft.segment with the network of one of them.")
    order = sorted((~test.empty).nonzero().flatten().tolist(), key=lambda k: score[k])
    panels = []
    for k, name in {len(order) - 1: "best", (len(order) - 1) // 2: "median", 0: "worst"}.items():
        at = order[k]
        shown = test.images[at] if images else torch.full_like(test.images[at], 0.3)
        label = _plain(test.ids[at])
        label = label if len(label) <= 28 else f"{label[:13]}…{label[-13:]}"
        panels.insert(0, (f"{name}: Dice {score[at]:.3f}\n{label}", shown, test.masks[at], masks[at].cpu()))
    left_out = "" if images else " The pictures are left out, as patients may be on them."
    words = f"One training of {chosen}. White dashes: the true outline; orange: the network.{left_out}"
    return drawn + _figure(plots.pictures_figure(panels, columns=3), words)


def _settings(histories: dict) -> str:
    runs = [(name, history) for name, each in histories.items() for history in each]
    rows = []
    for name, each in histories.items():
        s = each[0].settings
        seeds, seconds = (", ".join(str(h.settings["seed"]) for h in each), sum(h.seconds[-1] for h in each))
        rows.append([name, " ".join(s["trained"]), f"{s['lr']:g}", s["steps"], seeds, f"{seconds / 60:.1f}"])
    table = _table(["", "trained groups", "rate", "steps", "seeds", "min"], rows, "Trainings") if rows else ""
    facts = {}
    for key in ("data", "batch_size", "schedule", "augment", "precision", "device", "threads", "torch"):
        values = sorted({str(history.settings.get(key)) for _, history in runs})
        if values:
            facts[key.replace("_", " ")] = "; ".join(values)
    facts["written with"] = (
        f"usft_lib {usft_lib.__version__}, torch {torch.__version__}, NumPy {np.__version__}, Python "
        f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    return table + _facts(facts)


# ---- text that is safe in a page --------------------------------------------------------------------------------


def _plain(value) -> str:
    """``value`` without signs that cannot be printed: they break a drawing, or turn the text around them."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(value))


def _text(value) -> str:
    return escape(_plain(value))


def _list(sentences: list[str], style: str = "") -> str:
    return f'<ul class="{style}">' + "".join(f"<li>{_text(each)}</li>" for each in sentences) + "</ul>"


def _facts(facts: dict) -> str:
    return "<dl>" + "".join(f"<dt>{_text(key)}</dt><dd>{_text(value)}</dd>" for key, value in facts.items()) + "</dl>"


def _table(header: list, rows: list[list], caption: str, marked: str | None = None) -> str:
    head = "".join(f'<th scope="col">{_text(name)}</th>' if name else "<td></td>" for name in header)
    body = "".join(
        f'<tr{" class=marked" * (row[0] == marked)}><th scope="row">{_text(row[0])}</th>'
        + "".join(f"<td>{_text(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )  # fmt: skip
    return f"<table><caption>{_text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _figure(figure: Figure, words: str) -> str:
    """A drawing inside the page, with what it shows in words below."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    plt.close(figure)
    source = base64.b64encode(drawn.getvalue()).decode()
    return (
        f'<figure><img alt="{_text(words)}" src="data:image/svg+xml;base64,{source}">'
        f"<figcaption>{_text(words)}</figcaption></figure>"
    )
