"""`load_folder`: a student's own pictures and masks; `check_folder`: what may be wrong with them (lesson 16).

Nothing of them is written anywhere.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..data import SegmentationData, few
from ..errors import BadInput
from .faults import CHECKED_ONLY, Fault, compare, has_text, line, row
from .names import Masks, asked, is_nothing, pair_files, relative
from .own import read_own, wanted
from .pictures import check_size, check_spacing, fit_mask, fit_picture
from .prepare import Collected, collect
from .source import Sample

if TYPE_CHECKING:
    import pandas as pd

Folders = str | Path | list[str | Path]


def load_folder(
    images: str | Path,
    masks: Folders,
    size: int = 128,
    subject: str | Callable[[str], str] | None = None,
    name: str = "folder",
    spacing_mm: float | None = None,
    *,
    pair=None,
    inside=None,
    outline: bool | None = None,
    recursive: bool = False,
    resize: bool = False,
) -> SegmentationData:
    """Your own data: each image of a folder with its mask (lesson 16). `check_folder` first shows all faults at once.

    ``scan7.png`` goes with ``scan7.png``, ``scan7_mask.png``, ``mask_007.tif`` …; several masks of an image are merged.
    Both may be the same folder if masks are named so. Pictures are padded to a square, so pixels stay square.

    Args:
        images, masks: folders of png, jpg, bmp, tif or webp files; a list of mask folders (left and right) is merged.
        size: side in pixels, a multiple of 16.
        subject: who is on an image: a regular expression with one group, or a function, of the file name. Without it
            each image counts as a person of its own.
        name: what figures call the set.
        spacing_mm: millimetres per pixel of the files, if it is one number for all.
        pair: where names do not tell: a function of an image's file name that gives its mask's (or a list), or a dict
            or table of two columns. Images for which it gives None are left out.
        inside: which value of the masks is the object, where they have several: a label, a colour, or a list of them.
        outline: True fills masks that are drawn as lines, False keeps the lines.
        recursive: read the folders inside, too; names then begin with them.
        resize: fit masks of another size to their images.

    Raises:
        BadInput: one line that says what is wrong with which files, and what to do.
    """
    size = check_size(size)
    check_spacing(spacing_mm)
    how = {"inside": wanted(inside), "outline": outline, "resize": resize}
    pairs, faults, told = pair_files(images, masks, pair, recursive)
    _refuse(faults, len(pairs) + len({fault.file for fault in faults if fault.kind == "no mask"}), size)
    rule, facts = _subject_rule(subject), {}
    got = collect(_samples(pairs, _top(images), rule, how, facts, spacing_mm), size, "pad")
    pictures = _pictures(got)
    found = list(compare(facts, pictures, np.stack(got.masks), got.subjects, inside, outline))
    _refuse(found, len(pairs), size)
    if subject is None:
        told.append(
            f"each of the {len(pairs)} images counts as a subject of its own; if one person has several, give "
            "subject=, or splits will leak."
        )
    told += [line(some, len(pairs), size) for kind, some in _by_kind(found).items() if kind not in CHECKED_ONLY]
    white = dict(zip(got.kinds, got.white, strict=True)).get("uint16")
    if white in (255, 4095):
        bits = {255: 8, 4095: 12}[white]
        told.append(f"no 16-bit image goes beyond {white:g}, so {white:g} counts as white ({bits} bit).")
    for what in told:
        print(f"{name}: {what}")
    cohort = hashlib.sha256(str(_top(images).resolve()).encode()).hexdigest()[:8]  # a/images is not b/images
    return SegmentationData(
        images=torch.from_numpy(pictures)[:, None],
        masks=torch.from_numpy(np.stack(got.masks))[:, None],
        subjects=got.subjects,
        name=name,
        spacing_mm=None if got.spacing_mm is None else torch.from_numpy(got.spacing_mm),
        ids=got.ids,
        provenance=f"{name}: {len(pairs)} images, folder {_top(images).name}",
        origin=f"folder {_top(images).resolve().name} {cohort}",
        prepared={"fit": "pad", "white": dict(zip(got.kinds, map(float, got.white), strict=True))},
    )


def check_folder(
    images: str | Path,
    masks: Folders,
    size: int = 128,
    subject: str | Callable[[str], str] | None = None,
    *,
    pair=None,
    inside=None,
    outline: bool | None = None,
    recursive: bool = False,
    resize: bool = False,
) -> "pd.DataFrame":
    """All that may be wrong with your folders, before `load_folder` reads them: a row per fault (lesson 16).

    Arguments as there. Columns: ``flag`` ("stop": `load_folder` refuses it; "look": it goes in, look at it; "" where
    nothing was found), ``fault``, ``image`` (or the mask that has none), ``subject``, ``says``. Red flags come first.
    ``usft.plots.folder_figure(table)`` draws the pictures.
    """
    import pandas as pd

    size, rule, top = check_size(size), _subject_rule(subject), _top(images)
    how = {"inside": wanted(inside), "outline": outline, "resize": resize}
    pairs, faults, told = pair_files(images, masks, pair, recursive)
    facts, who = {}, {}
    for file in (fault.file for fault in faults if fault.kind == "no mask"):
        with suppress(BadInput):
            who[file] = rule(file)
    got = collect(_samples(pairs, top, rule, how, facts, None, faults, who), size, "pad")
    if facts:
        faults += compare(facts, _pictures(got), np.stack(got.masks), got.subjects, inside, outline)
        if says := few(max(1, len({*got.subjects}) // 5)):
            faults.append(Fault("few people", "", f"{len({*got.subjects})} subjects; with a fifth to test, {says}"))
    rows = [("stop" if f.stops else "look", f.kind, f.file, who.get(f.file, ""), row(f, size)) for f in faults]
    rows += [("look", "told", "", "", what) for what in told]
    fine = who.keys() - {fault.file for fault in faults}
    rows += [("", "", file, who[file], "") for file in sorted(fine)]
    table = pd.DataFrame(rows, columns=["flag", "fault", "image", "subject", "says"])
    order = table["flag"].map(["stop", "look", ""].index)
    table = table.assign(order=order).sort_values(["order", "fault", "subject", "image"], kind="stable")
    table = table.drop(columns="order").reset_index(drop=True)
    files = {file: (top / file, []) for file in who}
    files |= {relative(image, top): (image, found) for image, found in pairs.items()}
    table.attrs["show"] = partial(show_pair, files, how)
    return table


def show_pair(files: dict, how: dict, file: str, side: int = 192) -> tuple[np.ndarray, np.ndarray] | None:
    """A picture of a checked folder, in 0…1, and its mask, both ``[side, side]``; None where they cannot be read."""
    if file not in files:
        return None
    try:
        picture, mask, _ = read_own(*files[file], **how)
    except BadInput:
        return None
    return fit_picture(picture, side, "pad") / np.float32(picture.max()), fit_mask(mask, side, "pad")


def _top(images: str | Path) -> Path:
    return Path(images).expanduser().absolute()


def _refuse(faults: list[Fault], total: int, size: int) -> None:
    """Raise the line of the first kind of fault that stops, and say how many more there are."""
    stopping = [fault for fault in faults if fault.stops]
    for first in _by_kind(stopping).values():
        more = len(stopping) - len(first)
        raise BadInput(line(first, total, size) + f" usft.check_folder lists {more} more faults." * (more > 0))


def _by_kind(faults: list[Fault]) -> dict[str, list[Fault]]:
    kinds: dict[str, list[Fault]] = {}
    for fault in faults:
        kinds.setdefault(fault.kind, []).append(fault)
    return kinds


def _pictures(got: Collected) -> np.ndarray:
    """The images as float32 ``[N, S, S]`` in 0…1."""
    pictures = [image.astype(np.float32) / white for image, white in zip(got.images, got.white, strict=True)]
    return np.stack(pictures).clip(0, 1)


def _subject_rule(subject) -> Callable[[str], str]:
    """File name → subject."""
    if subject is None:
        return lambda file: Path(file).with_suffix("").as_posix()
    if callable(subject):

        def ask(file: str) -> str:
            person = asked(subject, "subject", file)
            if is_nothing(person):
                raise BadInput(f"subject({file!r}) gives {person!r}: it must return the person's name.")
            return str(person)

        return ask
    try:
        pattern = re.compile(subject)
    except (re.error, TypeError) as error:
        raise BadInput(f"subject={subject!r} is no regular expression ({error}): r'(p[0-9]+)_' is one.") from None
    if pattern.groups != 1:
        raise BadInput(f"subject={subject!r} has {pattern.groups} groups: put ( ) once around what names the person.")

    def look(file: str) -> str:
        match = pattern.search(file)
        if match is None or not match[1]:
            raise BadInput(f"subject={subject!r} does not match {file!r}: make it more general, or rename the file.")
        return match[1]

    return look


def _samples(
    pairs: Masks, top: Path, subject_of, how: dict, facts: dict, mm: float | None, faults: list | None = None, who=None
) -> Iterator[Sample]:
    """Read one image after the other, and note in ``facts`` what is to be compared.

    A file that cannot be used is an error; with ``faults``, it is one of these, and closer looks are taken.
    """
    for image, masks in pairs.items():
        file = relative(image, top)
        try:
            person = subject_of(file)
            if who is not None:
                who[file] = person
            picture, mask, found = read_own(image, masks, **how)
        except BadInput as error:
            if faults is None:
                raise
            faults.append(Fault("unusable", file, str(error), stops=True))
            continue
        side, (rows, columns) = max(mask.shape), (mask.any(1).sum(), mask.any(0).sum())
        frame = np.concatenate([mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1]])
        found |= {"area": mask.sum() / side**2, "share": mask.size / side**2, "border": frame.mean()}
        found["narrow"] = min(rows, columns) / side
        if faults is not None:
            found["text"] = has_text(picture)
        facts[file] = found
        yield Sample(Path(file).with_suffix("").as_posix(), person, picture, mask, mm=mm)
