"""`load_folder`: a student's own pictures and masks. Nothing of them is written anywhere."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from ..data import SegmentationData
from ..errors import BadInput
from .archive import is_junk
from .masks import mask
from .pairs import check_same_size
from .pictures import check_size, grey
from .prepare import collect
from .source import Sample

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
SUFFIX = re.compile(r"[ _-]?(masks?|annotations?|seg|segmentations?|labels?|gt)$", re.I)


def load_folder(
    images: str | Path,
    masks: str | Path,
    size: int = 128,
    subject: str | Callable[[str], str] | None = None,
    name: str = "folder",
    spacing_mm: float | None = None,
) -> SegmentationData:
    """Your own data: each image of a folder with the mask of the same name (lesson 16).

    ``scan7.png`` goes with ``scan7.png``, ``scan7_mask.png``, ``scan7-seg.tif`` … Folders inside are not searched; both
    may be the same folder if the masks have such an ending. Pictures are padded to a square, so pixels stay square.

    Args:
        images, masks: folders of png, jpg, bmp or tif files.
        size: side in pixels, a multiple of 16.
        subject: who is on an image: a regular expression with one group, or a function, of the file name. Without it
            each image counts as a person of its own.
        name: what figures call the set.
        spacing_mm: millimetres a pixel of the files, if it is one number for all.

    Raises:
        BadInput: one line that names the file and says what is wrong with it.
    """
    size = check_size(size)
    if spacing_mm is not None and not (isinstance(spacing_mm, int | float) and 0 < spacing_mm < 1000):
        raise BadInput(f"spacing_mm must be the millimetres of one pixel, a number above 0, not {spacing_mm!r}.")
    pairs = pair_files(Path(images).expanduser(), Path(masks).expanduser())
    soft: list[str] = []
    got = collect(_samples(pairs, _subject_rule(subject), spacing_mm, soft), size, "pad")
    if subject is None:
        print(
            f"{name}: each of the {len(pairs)} images counts as a subject of its own; if one person has several, give "
            "subject=, or splits will leak."
        )
    if soft:
        print(f"{name}: {len(soft)} masks have soft edges (grey values), cut at half; the first is {soft[0]}.")
    white_of = dict(zip(got.kinds, got.white, strict=True))
    bits = {255: 8, 4095: 12}.get(white_of.get("uint16"))
    if bits:
        white = white_of["uint16"]
        print(f"{name}: no 16-bit image goes beyond {white:g}, so {white:g} counts as white ({bits} bit).")
    pictures = [image.astype(np.float32) / white for image, white in zip(got.images, got.white, strict=True)]
    return SegmentationData(
        images=torch.from_numpy(np.stack(pictures)).clamp_(0, 1)[:, None],
        masks=torch.from_numpy(np.stack(got.masks))[:, None],
        subjects=got.subjects,
        name=name,
        spacing_mm=None if got.spacing_mm is None else torch.from_numpy(got.spacing_mm),
        ids=got.ids,
        provenance=f"{name}: {len(pairs)} images, folder {Path(images).name}",
        origin=f"folder {Path(images).resolve().name}",
    )


def pair_files(images: Path, masks: Path) -> dict[str, tuple[Path, Path]]:
    """{stem: (image, mask)} of two folders (or one), every file in exactly one pair."""
    together = images.resolve() == masks.resolve()
    mask_files = [path for path in _files(masks) if not together or SUFFIX.search(path.stem)]
    image_files = [path for path in _files(images) if not together or not SUFFIX.search(path.stem)]
    if not image_files:
        raise BadInput(f"{images} holds no images ({' '.join(e[1:] for e in EXTENSIONS)}): give their folder.")
    image_of: dict[str, Path] = {}
    for path in image_files:
        if path.stem in image_of:
            raise BadInput(f"{image_of[path.stem].name} and {path.name} have one name: rename one of the images.")
        image_of[path.stem] = path
    mask_of: dict[str, Path] = {}
    for path in mask_files:
        stem = path.stem if path.stem in image_of else SUFFIX.sub("", path.stem)
        if stem not in image_of:
            raise BadInput(f"Mask {path.name} has no image in {images}: add it ({stem}.png, say) or take the mask out.")
        if stem in mask_of:
            raise BadInput(
                f"{image_of[stem].name} has two masks, {mask_of[stem].name} and {path.name}: merge them into one."
            )
        mask_of[stem] = path
    for stem, path in image_of.items():
        if stem not in mask_of:
            raise BadInput(f"Image {path.name} has no mask in {masks}: add {stem}_mask.png (all 0 if it shows none).")
    return {stem: (path, mask_of[stem]) for stem, path in image_of.items()}


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}: give the folder that holds the files.")
    found = (p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS and p.is_file() and not is_junk(p.name))
    return sorted(found)


def _subject_rule(subject) -> Callable[[str], str]:
    """File name → subject."""
    if subject is None:
        return lambda file: Path(file).stem
    if callable(subject):

        def ask(file: str) -> str:
            try:
                return str(subject(file))
            except Exception as error:  # the student's own function: say on which name it failed, in one line
                wrong = " ".join(f"{type(error).__name__}: {error}".split())
                raise BadInput(f"subject({file!r}) failed with {wrong}: it must return the person's name.") from None

        return ask
    try:
        pattern = re.compile(subject)
    except (re.error, TypeError) as error:
        raise BadInput(f"subject={subject!r} is no regular expression ({error}): r'(p[0-9]+)_', say.") from None
    if pattern.groups != 1:
        raise BadInput(f"subject={subject!r} has {pattern.groups} groups: put ( ) once around what names the person.")

    def look(file: str) -> str:
        match = pattern.search(file)
        if match is None or match[1] is None:
            raise BadInput(f"subject={subject!r} does not fit the file name {file!r}: widen it or rename the file.")
        return match[1]

    return look


def _samples(pairs, subject_of, spacing_mm: float | None, soft: list[str]) -> Iterator[Sample]:
    for stem, (image, mask_file) in pairs.items():
        picture = grey(image, image.name)
        inside, was_soft = mask(mask_file, mask_file.name)
        check_same_size(picture, image.name, inside, mask_file.name)
        if was_soft:
            soft.append(mask_file.name)
        yield Sample(stem, subject_of(image.name), picture, inside, mm=spacing_mm)
