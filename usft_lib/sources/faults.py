"""What may be wrong with a student's folder: a list of kinds, and the rules that compare its files (lesson 16).

`load_folder` refuses what stops and tells the rest; `check_folder` makes a table of all.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .duplicates import same_pictures, thumbnails


class Fault(NamedTuple):
    """One fault of one file: its kind, the file's name, details, and whether `load_folder` refuses it."""

    kind: str
    file: str
    says: str = ""
    stops: bool = False


PAIR = "use pair= to give each image's mask, or none: a function of the image's file name, or a table"
# kind → (what is wrong with an image, what to do); "" where a fault's own line says it
KINDS = {
    "no mask": ("no mask", PAIR),
    "no image": ("no image for this mask", "add the image, or name the mask of each image by pair="),
    "unusable": ("", ""),
    "outline": (
        "the mask is an outline, not an area",
        "outline=True fills it; outline=False keeps the line, if that is the object",
    ),
    "values differ": (
        "the mask has another value inside than other masks",
        "it may be another class, so give the object's values, as in inside=[1, 2]",
    ),
    "inverted": (
        "the mask looks inverted, it covers most of the picture and of its border",
        "invert it (255 − value); or load all masks with inside=0 if all are like this, inside=255 if they are right",
    ),
    "empty": ("the mask is empty", "that is right only if the image shows no object"),
    "lost": ("the mask loses its object at size {size}", "take a larger size, or leave these out by pair="),
    "shrunk": ("the mask loses more than half of its area at size {size}", "take a larger size"),
    "soft": ("the mask has soft edges (grey values)", "they are cut at half"),
    "cut-out": ("the mask is cut out of the image", "what is not black counts as the object, and holes are filled"),
    "several": ("several masks", "they are merged"),
    "not filled": ("the mask has no outline", "outline=True leaves it as it is"),
    "turned": ("turned upright, as its EXIF tag says", "see whether its mask still fits"),
    "two people": ("looks like a picture of another subject", "look at both; give both one subject if it is one"),
    "rotated?": ("perhaps rotated: if it is turned, it looks more like the others", "look at it"),
    "dark": ("99 % of its pixels are darker than a tenth of white", "rescale the greys of all images alike"),
    "text": ("burnt-in text", "a network may learn from it, and it may name a person"),
    "colour": ("coloured marks, such as callipers", "a network may learn from them"),
    "few people": ("", ""),
}
CHECKED_ONLY = ("rotated?", "dark", "text", "colour", "few people")  # for the eye: `load_folder` says nothing of them


def row(fault: Fault, size: int) -> str:
    """The line of one fault: what is wrong, details, what to do."""
    what, way = KINDS[fault.kind]
    return f"{what.format(size=size)}{f' ({fault.says})' if fault.says else ''}: {way}." if what else fault.says


def line(faults: Sequence[Fault], total: int, size: int) -> str:
    """One line for all faults of one kind: how many there are, examples, what to do."""
    what, way = KINDS[faults[0].kind]
    if not what:
        return faults[0].says
    some = "; ".join(f.file + (f", {f.says}" if f.says else "") for f in faults[:3]) + "; …" * (len(faults) > 3)
    of = "masks" if faults[0].kind == "no image" else f"of {total} images"
    return f"{len(faults)} {of}: {what.format(size=size)} ({some}): {way}."


def compare(facts: dict[str, dict], pictures: np.ndarray, masks: np.ndarray, subjects: list[str], inside, outline):
    """The faults that show only beside the other files: `Fault` after `Fault`.

    Args:
        facts: of each file what `read_own` found, with ``area``, the mask's share of the padded picture.
        pictures, masks: float32 in 0…1 and bool ``[N, S, S]``, at the network's size.
    """
    size, files = masks.shape[-1], list(facts)
    filled = [file for file in files if facts[file]["area"]]
    lost = [file for file, mask in zip(files, masks, strict=True) if facts[file]["area"] and not mask.any()]
    every = [value for found in facts.values() for value in found["values"]]
    usual = max(every, key=Counter(map(_convention, every)).__getitem__, default=None) if every else None
    for k, (file, found) in enumerate(facts.items()):
        name = " and ".join(mask for mask in found["masks"] if mask != file)
        if found["outlines"] and outline is None:
            yield Fault("outline", file, name, stops=True)
        if outline and found["area"] and not found["outlines"]:
            yield Fault("not filled", file, name)
        for other in [value for value in found["values"] if _convention(value) != _convention(usual)][:1]:
            yield Fault("values differ", file, f"{other}, not {usual}", stops=True)
        if found["area"] and found["border"] > 0.5 and found["area"] > 0.5 * found["share"]:
            yield Fault("inverted", file, f"{found['border']:.0%} of the border", stops=inside is None)
        if not found["area"]:
            held = f"no inside={inside!r} in it; it has {', '.join(sorted(found['held']))}" if found["held"] else name
            yield Fault("empty", file, held, stops=not filled)
        elif (kept := masks[k].mean() / found["area"]) < 0.5:
            larger = min(1024, int(np.ceil(2 / found["narrow"] / 16)) * 16)  # where it is two pixels wide
            says = f"{found['narrow'] * size:.1f} pixels wide; size={larger} keeps it"
            yield Fault("lost" if not kept else "shrunk", file, says, stops=lost == filled)
        for kind in ("soft", "cut-out", "turned"):
            if found[kind]:
                yield Fault(kind, file, "" if kind == "turned" else name)
        if len(found["masks"]) > 1:
            yield Fault("several", file, name)
        if np.quantile(pictures[k], 0.99) < 0.1:
            yield Fault("dark", file)
        if 0 < found["coloured"] < 0.2:
            yield Fault("colour", file, f"{found['coloured']:.2%} of the pixels")
        if found.get("text"):
            yield Fault("text", file)
    small = thumbnails(pictures)
    twins = {j: i for i, j, _ in same_pictures(small)[::-1] if subjects[i] != subjects[j]}  # of each the surest
    for j, i in sorted(twins.items()):
        yield Fault("two people", files[j], f"{subjects[j]} here, {subjects[i]} in {files[i]}")
    for k in rotated(small):
        yield Fault("rotated?", files[k])


def _convention(value) -> str:
    """Values that mean the same inside: 1 and white, which is 255, or nearly so in a JPEG."""
    grey = not isinstance(value, tuple)
    return "white" if grey and (value == 1 or 217 <= value <= 255 or value >= 55_000) else str(value)


def rotated(small: np.ndarray) -> list[int]:
    """Which thumbnails ``[N, s, s]`` fit the nearest other, or the mean of all, far better after a turn.

    Measured: of images turned for that, over four fifths are found among heads, breasts and chests; of the others at
    most one in a hundred is called so, of simulated lesions one in thirteen, of horses one in twelve.
    """
    flat = small.reshape(len(small), -1)
    turned = np.stack([np.rot90(small, k, (1, 2)).reshape(len(small), -1) for k in range(4)])
    to_mean = turned @ (flat.mean(0) / max(np.linalg.norm(flat.mean(0)), 1e-9))
    to_others = turned @ flat.T - 2 * np.eye(len(small))
    gains = [fits[1:].max(0) - fits[0] for fits in (to_others.max(2), to_mean)]
    return np.flatnonzero(((gains[0] > 0.1) | (gains[1] > 0.2)) & (len(small) > 9)).tolist()


def has_text(picture: np.ndarray) -> bool:
    """True if a grey picture has bright thin strokes, a line of text high, on a black ground.

    Measured: none of 285 pictures of HC18 and BUSI, which hold no text; letters planted in these are found.
    """
    from scipy.ndimage import binary_dilation, find_objects, label

    top = float(picture.max())
    bright, dim = picture > 0.5 * top, picture > 0.1 * top
    numbers, _ = label(binary_dilation(bright, np.ones((3, 7))))  # letters of a word grow together
    for number, (rows, columns) in enumerate(find_objects(numbers), 1):
        if not 7 <= rows.stop - rows.start <= 0.1 * max(picture.shape) + 2 or columns.stop - columns.start < 11:
            continue
        wide = slice(max(rows.start - 2, 0), rows.stop + 2), slice(max(columns.start - 2, 0), columns.stop + 2)
        word = numbers[wide] == number
        strokes = (bright[wide] & word).sum()
        grey = (dim & ~bright)[wide][word].mean()
        if dim[wide][~word].mean() < 0.02 and 8 <= strokes < 0.6 * word.sum() and grey < 0.25:
            return True
    return False
