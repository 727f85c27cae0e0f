"""`segment_folder`: masks, overlays and a table for a folder of new images. Each file is whole or not there.

The table is what a later call knows of an earlier one: an image is done when its row and its mask are there.
"""

import argparse
import hashlib
import io
import unicodedata
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from ..checkpoints import load_model
from ..errors import BadInput
from ..sources.archive import is_junk
from ..sources.cache import write_whole
from ..sources.pictures import FORMATS
from ..unet import UNet
from .image import Segmented, preparation, read, segment_values, tell_memory

if TYPE_CHECKING:
    import pandas as pd

TABLE = "segments.csv"
COLUMNS = {"image": "string", "width": "Int64", "height": "Int64", "area_px": "Int64", "area_mm2": "float64",
           "share": "float64", "pieces": "Int64", "touches_border": "boolean", "probability": "float64",
           "flag": "string", "white": "float64", "spacing_mm": "float64", "network": "string",
           "sha256": "string"}  # fmt: skip
NOT_READ = "not read: "
OVERLAY, ORANGE = 768, (230, 159, 0)  # pixels of an overlay's longer side; its outline


def segment_folder(model: UNet, images: str | Path, out: str | Path, spacing_mm: float | None = None) -> "pd.DataFrame":
    """Masks for a folder of new images, each at its own size, with overlays and a table (lesson 16).

    ``out/masks/NAME.png`` is 255 inside the object and 0 outside; ``out/overlays/NAME.jpg`` shows its outline.
    ``out/segments.csv`` has a row per image: ``width``, ``height``; ``area_px``; ``area_mm2`` (or nothing);
    ``share`` of the image; ``pieces`` (that touch at a corner count as one); ``touches_border``;
    ``probability``, the mean inside the mask; ``flag``, words on what one should look at; ``white``, the value in the
    file that counts as 1; ``spacing_mm``; ``network``, a mark of its weights and card; ``sha256`` of the file.

    A call that was stopped goes on where it was, when it is made again. Folders inside ``images`` are not searched.

    Args:
        model: its card says how to prepare the images (``model.card["prepared"]``, which `fit` writes).
        images: a folder of files that `load_folder` can read.
        out: a new or empty folder, not inside ``images``; or one in which this network has begun.
        spacing_mm: millimetres of one pixel of the files, if it is one number for all.

    Raises:
        BadInput: there is nothing to read, ``out`` has other files, or it cannot be written to.
    """
    how = preparation(model, spacing_mm)
    images, out = Path(images).expanduser(), Path(out).expanduser()
    files = _pictures(images)
    try:
        rows = _begin(images, out, files, how["network"], spacing_mm)
        todo = [path for path in files if path.name not in rows]
        tell_memory(todo)
        try:
            for path in tqdm(todo, unit="image", leave=False):
                try:
                    values, sha256 = read(path)
                except BadInput as error:
                    rows[path.name] = {"image": path.name, "flag": f"{NOT_READ}{error}", "network": how["network"]}
                    continue
                found = segment_values(model, how, path.name, values, sha256, spacing_mm)
                _write(out / "masks" / f"{path.stem}.png", Image.fromarray(found.mask[0].numpy().view(np.uint8) * 255))
                _write(out / "overlays" / f"{path.stem}.jpg", _overlay(found))
                rows[path.name] = found.row
                if len(rows) % 50 == 0:
                    _write_table(out, rows)
        finally:
            _write_table(out, rows)
    except OSError as error:
        raise BadInput(
            f"{out} cannot be written to ({error.strerror or error}): free some space, or give another folder. The "
            "finished files are complete; run the same call again to continue."
        ) from None
    table = _table(rows)
    _tell(table, out)
    return table


def _overlay(found: Segmented) -> Image.Image:
    """The image with the mask's outline, at one size for all, so that outlines are as wide in each."""
    from scipy.ndimage import binary_dilation, binary_erosion

    mask = found.mask[0].numpy()
    size = tuple(max(1, round(side * OVERLAY / max(mask.shape))) for side in mask.shape[::-1])
    picture = Image.fromarray((found.image[0].numpy() * 255 + 0.5).astype(np.uint8)).resize(size)
    inside = np.asarray(Image.fromarray(mask.view(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)) > 127
    shown = np.array(picture.convert("RGB"))
    shown[binary_dilation(inside) & ~binary_erosion(inside)] = ORANGE
    return Image.fromarray(shown)


def _pictures(folder: Path) -> list[Path]:
    """The images of a folder in the order of their names; what else is there is told."""
    known = {end for end, name in Image.registered_extensions().items() if name in FORMATS}
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}: give the folder with the images.")
    there = sorted(path for path in folder.iterdir() if not is_junk(path.name))
    files = [path for path in there if path.suffix.lower() in known and path.is_file()]
    kinds = Counter("folder" if path.is_dir() else path.suffix.lower() or "no ending" for path in there)
    rest = ", ".join(f"{n} × {kind}" for kind, n in sorted(kinds.items()) if kind not in known)
    if not files:
        raise BadInput(
            f"{folder} has no images that can be read (png, jpg, bmp, tif, webp), only {rest or 'nothing at all'}: "
            "give the folder that the images lie in."
        )
    names: dict[str, str] = {}
    for path in files:
        first = names.setdefault(unicodedata.normalize("NFC", path.stem).casefold(), path.name)
        if first != path.name:
            raise BadInput(f"The masks of {first} and {path.name} would have the same name: rename one of the images.")
    if rest:
        print(f"Left out of {folder.name}: {rest}.")
    return files


def _begin(images: Path, out: Path, files: list[Path], network: str, spacing_mm: float | None) -> dict[str, dict]:
    """The rows by image that an earlier call left in ``out``; a new folder is made and has none."""
    if images.resolve() in [out.resolve(), *out.resolve().parents]:
        raise BadInput(f"{out} lies inside {images}: give a folder outside of it, so that no mask counts as an image.")
    if not (out / TABLE).is_file():
        others = sorted(path.name for path in out.iterdir() if not is_junk(path.name)) if out.exists() else []
        if others:
            raise BadInput(f"{out} has other files ({others[0]}), which might be overwritten: give a new folder.")
        out.mkdir(parents=True, exist_ok=True)
        _write_table(out, {})  # from here on the folder is known as one of ours
    for name in ("masks", "overlays"):
        (out / name).mkdir(exist_ok=True)
    for left in [path for place in ("", "*/") for path in out.glob(f"{place}tmp-{'[0-9a-f]' * 32}")]:
        left.unlink()  # of a call that was killed
    rows = _rows(out / TABLE)
    for row in rows.values():
        spacing = row["spacing_mm"] if row["spacing_mm"] > 0 else None
        if row["network"] != network or spacing != spacing_mm and not row["flag"].startswith(NOT_READ):
            raise BadInput(f"{out} has masks of another network or another spacing_mm: give a new folder.")
    for path in files:
        row = rows.get(path.name)
        if row and (row["flag"].startswith(NOT_READ) or not (out / "masks" / f"{path.stem}.png").is_file()):
            del rows[path.name]
        elif row and row["sha256"] != hashlib.sha256(path.read_bytes()).hexdigest():
            raise BadInput(f"{path.name} has changed since its mask was made in {out}: give a new folder.")
    return rows


def _rows(table: Path) -> dict[str, dict]:
    """The lines of a table that an earlier call wrote, by image."""
    import pandas as pd  # not at the top: it takes half a second

    try:
        found = pd.read_csv(table, dtype="string")  # numbers are made of texts below: exactly those that were written
        if list(found.columns) != list(COLUMNS):
            raise ValueError
        found = found.fillna({name: "" for name, kind in COLUMNS.items() if kind == "string"})
        found["touches_border"] = found["touches_border"].map({"True": True, "False": False})
        found = found.astype(COLUMNS)
    except (ValueError, TypeError):
        raise BadInput(f"{table} was edited or is damaged: give a new folder.") from None
    found["image"] = found["image"].str.replace("^'(?=[=+@\t\r-])", "", regex=True)
    return {row["image"]: row for row in found.to_dict("records")}


def _table(rows: dict[str, dict]) -> "pd.DataFrame":
    import pandas as pd

    order = [rows[name] for name in sorted(rows)]
    return pd.DataFrame(order, columns=list(COLUMNS)).astype(COLUMNS)


def _write_table(out: Path, rows: dict[str, dict]) -> None:
    table = _table(rows)
    text = table.assign(image=table["image"].str.replace("^(?=[=+@\t\r-])", "'", regex=True)).to_csv(index=False)
    write_whole(out / TABLE, lambda file: file.write(text.encode("utf-8", "replace")))


def _write(path: Path, image: Image.Image) -> None:
    data = io.BytesIO()  # encoded before anything is written: Pillow does not say that a disk is full
    image.save(data, "PNG" if path.suffix == ".png" else "JPEG", quality=90)
    write_whole(path, lambda file: file.write(data.getvalue()))


def _tell(table: "pd.DataFrame", out: Path) -> None:
    lost = table["flag"][table["flag"].str.startswith(NOT_READ)]
    flagged = int((table["flag"] != "").sum()) - len(lost)
    print(f"{len(table) - len(lost)} masks and their table are in {out.name}. Flagged in the table: {flagged}.")
    whites = Counter(table["white"].dropna())
    if set(whites) - {255}:
        print("Counted as white: " + ", ".join(f"{white:g} in {n} images" for white, n in sorted(whites.items())) + ".")
    if len(lost):
        print(f"Not read: {len(lost)} images. The first: {lost.iloc[0].removeprefix(NOT_READ)}")


def segment_command(arguments: list[str]) -> None:
    """``python -m usft_lib segment WEIGHTS IMAGES OUT``."""
    parser = argparse.ArgumentParser(
        prog="python -m usft_lib segment", description="Masks for a folder of images, each at its own size."
    )
    parser.add_argument("weights", help="a file that usft.save_model wrote (.safetensors)")
    parser.add_argument("images", help="a folder of images")
    parser.add_argument("out", help="a new folder outside of it, for masks, overlays and segments.csv")
    parser.add_argument("--spacing-mm", type=float, help="millimetres of one pixel, for areas in mm²")
    chosen = parser.parse_args(arguments)
    try:
        segment_folder(load_model(chosen.weights), chosen.images, chosen.out, chosen.spacing_mm)
    except BadInput as error:
        parser.exit(1, f"{error}\n")
