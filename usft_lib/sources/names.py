"""Which mask belongs to which image of a student's folders: by their names, or as ``pair=`` says (lesson 16).

Names are compared step by step, from the same name to the same words and numbers. A step decides only where one image
fits, and what looser steps decide is told.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from unicodedata import normalize

from ..errors import BadInput, shown
from .archive import is_junk
from .faults import PAIR, Fault

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
STILLS, CLIPS = (".dcm", ".dicom", ".ima"), (".gif", ".mp4", ".avi", ".mov", ".wmv", ".mkv", ".webm")
OTHERS = (".nii", ".gz", ".mha", ".mhd", ".nrrd", ".npy", ".mat", ".heic", ".avif", ".jp2", ".svg", ".zip")
DICOM = 'DICOM: PIL.Image.fromarray(pydicom.dcmread("x.dcm").pixel_array).save("x.png")'
CINE = "a clip: ffmpeg -i x.mp4 x_%04d.png, and its frames are of one subject"

MASK = "masks? annotations? seg segmentations? labels? gt groundtruth ground truth outlines? contours? manual".split()
IMAGE = ["images?", "imgs?", "orig", "original", *(kind[1:] for kind in EXTENSIONS)]
SUFFIX = re.compile(rf"[ ._-]*({'|'.join(MASK)})$", re.I)
NUMBERED = re.compile(rf"[ ._-]*({'|'.join(MASK)})[ ._-]*\(?\d+\)?$", re.I)
PREFIX = re.compile(rf"({'|'.join(MASK)})([ ._-]|\d|$)", re.I)
ROLE = re.compile("|".join(MASK + IMAGE))

Masks = dict[Path, list[Path]]  # the masks of each image


def find(folder: Path, recursive: bool = False, skip: Iterable[Path] = ()) -> tuple[list[Path], str]:
    """The pictures of a folder, those in the folders ``skip`` apart, and what was left out, in words ("": nothing)."""
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}: give the folder with the files.")
    inner = [path for path in folder.iterdir() if path.is_dir() and not is_junk(path.name)]
    every = sorted(p for p in (folder.rglob("*") if recursive else folder.iterdir()) if p.is_file())
    every = [p for p in every if not is_junk(relative(p, folder)) and not {*p.parents} & {*skip}]
    kinds = Counter(path.suffix.lower() for path in every if path.suffix.lower() in STILLS + CLIPS + OTHERS)
    parts = [f"{n} {kind}" for kind, n in sorted(kinds.items())]
    if not recursive:
        below = sorted(sub.name for sub in inner if sub not in skip and any(map(_is_picture, sub.rglob("*"))))
        parts += [f"the pictures in {_such(below)} (recursive=True reads them)"] if below else []
    ways = [way for way, known in ((DICOM, STILLS), (CINE, CLIPS)) if kinds.keys() & {*known}]
    return [path for path in every if _is_picture(path)], "; ".join([" and ".join(parts), *ways]) if parts else ""


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not is_junk(path.name)


def pair_files(images, masks, pair=None, recursive: bool = False) -> tuple[Masks, list[Fault], list[str]]:
    """``(masks of each image, faults, what is to be told)`` of a folder of images and one or several of masks."""
    several = masks if isinstance(masks, list | tuple) and masks else [masks]
    if not all(isinstance(one, str | Path) for one in (images, *several)):
        raise BadInput(f"images is a folder, masks one or a list of several, not {shown(images)} and {shown(masks)}.")
    images, *folders = (Path(folder).expanduser().absolute() for folder in (images, *several))
    told: list[str] = []

    def pictures(folder: Path, others: list[Path]) -> list[Path]:
        files, left_out = find(folder, recursive, [other for other in others if folder in other.parents])
        if left_out:
            told.append(f"left out of {folder.name}: {left_out}")
        return files

    files = pictures(images, folders)
    pairs: Masks = {}
    faults: list[Fault] = []
    for folder in folders:
        image_files, mask_files = files, files if folder == images else pictures(folder, [images])
        if folder == images and pair is None:
            image_files, mask_files = _told_apart(files, images)
            if files and not mask_files:
                raise BadInput(f"{images} has no file that is named as a mask, such as x_mask.png: {PAIR}.")
        for kind, found, where in (("images", image_files, images), ("masks", mask_files, folder)):
            if not found:
                raise BadInput(f"{where} has no {kind} ({' '.join(e[1:] for e in EXTENSIONS)}): {_holds(where)}")
        if pair is not None:
            here = _as_said(image_files, mask_files, images, folder, pair, told)
        else:
            here, loose = _by_name(image_files, mask_files, images, folder, faults)
            if loose:
                told.append(f"{len(loose)} masks are paired by words and numbers of their names, such as {loose[0]}")
        for image, found in here.items():
            pairs.setdefault(image, []).extend(found)
    missing = {fault.file for fault in faults if fault.kind == "no mask"}
    return {image: found for image, found in pairs.items() if relative(image, images) not in missing}, faults, told


def relative(path: Path, folder: Path) -> str:
    """A file's name, with the sub-folders that it lies in."""
    return path.relative_to(folder).as_posix()


def _told_apart(files: list[Path], folder: Path) -> tuple[list[Path], list[Path]]:
    """Images and masks of one folder: by the word "mask" and the like; or a JPEG is the image and its twin the mask."""

    def is_mask(path: Path) -> bool:
        stem, parents = path.stem, path.relative_to(folder).parts[:-1]
        role = SUFFIX.search(stem) or NUMBERED.search(stem) or PREFIX.match(stem)
        return bool(role) or any(SUFFIX.fullmatch(part) for part in parents)

    masks = [path for path in files if is_mask(path)]
    if not masks:
        jpegs = {path.with_suffix("") for path in files if path.suffix.lower() in (".jpg", ".jpeg")}
        masks = [p for p in files if p.with_suffix("") in jpegs and p.suffix.lower() not in (".jpg", ".jpeg")]
    return [path for path in files if path not in set(masks)], masks


def _by_name(files, mask_files, images: Path, folder: Path, faults: list[Fault]) -> tuple[Masks, list[str]]:
    """Pair step by step; returns the pairs, and what the looser steps paired, in words."""
    image_of, mask_of = ({p: _plain(p, top) for p in paths} for paths, top in ((files, images), (mask_files, folder)))
    _one_each(image_of)
    words = {path: _words(text) for path, text in {**image_of, **mask_of}.items()}
    steps = [  # (key of an image, key of a mask)
        (image_of.get, mask_of.get),
        (image_of.get, lambda path: SUFFIX.sub("", mask_of[path])),
        (lambda path: image_of[path].casefold(), lambda path: SUFFIX.sub("", mask_of[path]).casefold()),
        (words.get, words.get),
        *((partial(_inner, words, *cut), words.get) for cut in _shared([words[path] for path in image_of])),
        *((words.get, partial(_inner, words, *cut)) for cut in _shared([words[path] for path in mask_of])),
        (lambda path: image_of[path].casefold(), lambda path: NUMBERED.sub("", mask_of[path]).casefold()),
    ]
    pairs: Masks = {path: [] for path in files}
    left, loose = list(mask_files), []
    for number, (of_image, of_mask) in enumerate(steps):
        owners: dict[object, list[Path]] = {}
        for path in files:
            owners.setdefault(of_image(path), []).append(path)
        for path in list(left):
            fits = owners.get(of_mask(path), []) if of_mask(path) is not None else []
            if len(fits) != 1:
                continue
            if pairs[fits[0]] and number < len(steps) - 1:
                raise BadInput(
                    f"{fits[0].name} has two masks, {pairs[fits[0]][0].name} and {path.name}: merge them into one, or "
                    "say by pair= which are its masks."
                )
            pairs[fits[0]].append(path)
            left.remove(path)
            if 3 <= number < len(steps) - 1:
                loose.append(f"{relative(path, folder)} with {relative(fits[0], images)}")
    for paths, others, kind, top in (
        ([p for p in files if not pairs[p]], left, "no mask", images),
        (left, [p for p in files if not pairs[p]], "no image", folder),
    ):
        for path in paths:
            near = get_close_matches(path.stem, [other.stem for other in others], n=1, cutoff=0.3)
            says = next((f"nearest name {p.name}" for p in others if [p.stem] == near), "")
            faults.append(Fault(kind, relative(path, top), says, stops=True))
    return pairs, loose


def _as_said(files, mask_files, images: Path, folder: Path, pair, told: list[str]) -> Masks:
    """Pair by the student's function or table; images for which it names no mask are left out."""
    if hasattr(pair, "columns"):  # a table of pandas
        if len(pair.columns) < 2:
            raise BadInput("pair= as a table needs two columns: the image's file name and its mask's.")
        pair = pair.groupby(pair.columns[0])[pair.columns[1]].apply(list).to_dict()
    if not callable(pair) and not isinstance(pair, dict):
        raise BadInput(f"pair= must be a function of an image's file name, a dict or a table, not {shown(pair)}.")
    table = None if callable(pair) else {normalize("NFC", str(key)): value for key, value in pair.items()}
    known = {normalize("NFC", relative(path, folder)): path for path in mask_files}
    pairs: Masks = {}
    for path in files:
        file = relative(path, images)
        if table is None:
            said = asked(pair, "pair", file)
        else:
            said = table.get(normalize("NFC", file), table.get(_plain(path, images)))
        several = said if isinstance(said, list | tuple) else [said]
        wanted = [normalize("NFC", str(one)) for one in several if not is_nothing(one)]
        for one in wanted:
            if one not in known:
                raise BadInput(f"pair= names {one!r} as the mask of {file}, but {folder} has no such picture.")
        if wanted:
            pairs[path] = [known[one] for one in wanted]
    if len(pairs) < len(files):
        told.append(f"{len(files) - len(pairs)} of {len(files)} images, for which pair= names no mask, are left out")
    if table is not None and (unknown := table.keys() - {normalize("NFC", relative(p, images)) for p in files} - {
        _plain(p, images) for p in files
    }):  # fmt: skip
        told.append(f"pair= names {len(unknown)} images that are not there, such as {min(unknown)}")
    if not pairs:
        raise BadInput(f"pair= names no mask for any image: it must know file names like {relative(files[0], images)}.")
    return pairs


def asked(rule: Callable, what: str, file: str):
    """What the student's own function says of a file name; in one line, on which name it failed."""
    try:
        return rule(file)
    except Exception as error:
        wrong = " ".join(f"{type(error).__name__}: {error}".split())
        raise BadInput(f"{what}({file!r}) failed with {wrong}: it must return a name.") from None


def is_nothing(value) -> bool:
    """True for what a rule or a table gives where it has no name: None, NaN, "" …"""
    return str(value).strip() in ("", "None", "nan", "NaT", "<NA>")


def _plain(path: Path, folder: Path) -> str:
    """The name without its ending, letters with accents in one form: macOS and others write them differently."""
    return normalize("NFC", path.relative_to(folder).with_suffix("").as_posix())


def _words(text: str) -> tuple:
    """Words and numbers of a name, without "mask", "image" and the like: ``Image_007-L`` → ``(7, "l")``."""
    parts = re.findall(r"\d+|[^\W\d_]+", text.casefold())
    return tuple(int(part) if part.isdecimal() else part for part in parts if not ROLE.fullmatch(part))


def _shared(names: list[tuple]) -> list[tuple[int, int]]:
    """What may be cut of the front and of the end of names, as all share it: 1, 0 words of ``bus_1-l``, ``bus_2-r``."""
    if len(names) < 2:
        return []
    front, back = (
        next((k for k, words in enumerate(zip(*(name[::way] for name in names), strict=False)) if len({*words}) > 1), 0)
        for way in (1, -1)
    )
    return [(a, b) for a in range(front + 1) for b in range(back + 1) if a or b]


def _inner(words: dict[Path, tuple], front: int, back: int, path: Path) -> tuple | None:
    """The words of a name without those at its ends; None where nothing would be left."""
    return words[path][front : len(words[path]) - back] or None


def _one_each(names: dict[Path, str]) -> None:
    first: dict[str, Path] = {}
    for path, text in names.items():
        if text in first:
            raise BadInput(
                f"{first[text].name} and {path.name} differ only in their ending: rename one image. If one of them is "
                "a mask, give this folder as images and as masks."
            )
        first[text] = path


def _such(names: Iterable[str], most: int = 3) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def _holds(folder: Path) -> str:
    """What a folder holds in place of pictures, and what to do."""
    inside = [path for path in folder.iterdir() if not is_junk(path.name)]
    kinds = Counter(path.suffix.lower() or "without ending" for path in inside if path.is_file())
    parts = [f"{n} {kind}" for kind, n in kinds.most_common(5)]
    if below := sorted(path.name for path in inside if path.is_dir()):
        parts.append(f"the folders {_such(below)}")
    return f"it has {' and '.join(parts) or 'nothing'}. " + (find(folder)[1] or "Give the folder with the pictures.")
