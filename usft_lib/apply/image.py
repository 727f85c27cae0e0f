"""`segment_image`: one new image through the network and back to its own size.

The image is prepared as those were from which the network learnt: the card of the weights says how. The network's
probabilities are brought back to the image's own pixels, without the padding, and only then cut at ½. A mask that was
cut first would keep the steps of the network's coarse pixels.
"""

import hashlib
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..checkpoints import fingerprint
from ..data import grey_fields
from ..errors import BadInput, shown
from ..inference import logits
from ..sources.pictures import FORMATS, check_size, check_spacing, fit_picture, full_range, grey
from ..unet import UNet, check_network

UNSURE = 0.85  # with weights from simulation on HC18, half of the bad masks (Dice < .7) and 1 % of the others lie below
UNLIKE = 0.1  # how far greys may lie outside of those of the training images, of which there may have been few
LARGE, BYTES = 20e6, 26  # pixels from which on the memory is told; bytes that one takes at the peak, measured at 50e6


@dataclass(repr=False, eq=False)
class Segmented:
    """A new image and what the network found in it, at the image's own size ``[1, H, W]`` (lesson 16).

    Attributes:
        image: float32 in 0…1.
        probability: float32 in 0…1: how probable it is that a pixel is object.
        mask: bool, True where the probability is above ½.
        row: its line in the table of `segment_folder`.
    """

    image: Tensor
    probability: Tensor
    mask: Tensor
    row: dict


def segment_image(model: UNet, image: str | Path, spacing_mm: float | None = None) -> Segmented:
    """The mask of one new image, at its own size; `segment_folder` gives the same for each image (lesson 16).

    Args:
        model: its card says how to prepare the image (``model.card["prepared"]``, which `fit` writes).
        image: a file that `load_folder` can read.
        spacing_mm: millimetres of one pixel of the file, for the area in mm².

    Raises:
        BadInput: the file cannot be read, or the card does not say how images are prepared.
    """
    if not isinstance(image, str | Path):
        raise BadInput(f"image must be the name of a file, not {shown(image)}; for tensors there is usft.segment.")
    how, path = preparation(model, spacing_mm), Path(image).expanduser()
    tell_memory([path])
    return segment_values(model, how, path.name, *read(path), spacing_mm)


def preparation(model: UNet, spacing_mm: float | None) -> dict:
    """What the card says of how images are prepared: ``size``, ``fit``, ``white``, ``greys``; and whose card it is."""
    check_spacing(spacing_mm)
    card = check_network(model).card
    try:
        how = {"white": {}, **card["prepared"]}
        check_size(how["size"])
        low, high = how["greys"]
        known = how["fit"] in ("pad", "stretch") and len(low) == len(high) == 16
        known &= all(0 <= grey <= 1 for grey in (*low, *high)) and all(0 < w <= 65535 for w in how["white"].values())
    except (KeyError, TypeError, ValueError, AttributeError):  # cards come with files, and may hold anything
        known = False
    if not known:
        raise BadInput(
            "The card of this network does not say how its images were prepared: train with usft.fit, which notes "
            'this, or set model.card["prepared"] = {"size": 128, "fit": "pad", "greys": [[0] * 16, [1] * 16]}.'
        )
    mark = f"{fingerprint(model)} {sorted(map(str, how.items()))}"
    return {**how, "network": hashlib.sha256(mark.encode()).hexdigest()[:12]}


def read(path: Path) -> tuple[np.ndarray, str]:
    """Grey values ``[h, w]`` of a file, and its hash."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror or error}): check its name.") from None
    return grey(data, path.name), hashlib.sha256(data).hexdigest()


def segment_values(
    model: UNet, how: dict, name: str, values: np.ndarray, sha256: str, spacing_mm: float | None
) -> Segmented:
    """The grey values ``[h, w]`` of one file, segmented; ``how`` as `preparation` gives it."""
    from scipy.ndimage import label  # not at the top: it takes half a second

    height, width = values.shape
    white = _white(values, how["white"])
    above = int((values > white).sum())
    if above:  # before they are mixed with their neighbours, which a broken pixel of 65535 would outshine
        values = np.minimum(values, values.dtype.type(white))
    small = torch.from_numpy(fit_picture(values, how["size"], how["fit"]).astype(np.float32) / white).clamp_(0, 1)
    coarse = torch.cat([*logits(model, small[None, None])]).sigmoid()[0, 0].numpy()
    probability = _at_own_size(coarse, height, width, how["fit"])
    mask = probability > 0.5
    area = int(mask.sum())
    sure = float(probability.sum(where=mask, dtype=np.float64)) / area if area else float("nan")
    row = {
        "image": name,
        "width": width,
        "height": height,
        "area_px": area,
        "area_mm2": round(area * spacing_mm**2, 4) if spacing_mm else float("nan"),
        "share": round(area / mask.size, 6),
        "pieces": int(label(mask, np.ones((3, 3)))[1]),
        "touches_border": bool(mask[[0, -1]].any() or mask[:, [0, -1]].any()),
        "probability": round(sure, 4),
        "flag": "; ".join(_flags(max(values.shape), above, small, sure if area else 1 - float(coarse.max()), how)),
        "white": white,
        "spacing_mm": spacing_mm or float("nan"),
        "network": how["network"],
        "sha256": sha256,
    }
    image = torch.from_numpy(values.astype(np.float32)).div_(white).clamp_(0, 1)
    return Segmented(image[None], torch.from_numpy(probability)[None], torch.from_numpy(mask)[None], row)


def _white(values: np.ndarray, known: dict) -> float:
    """The value that counts as 1: as in training; for a type of file that was not met there, by most of the pixels.

    A few that are brighter (a mark, a broken pixel) would otherwise make the picture nearly black.
    """
    kind = str(values.dtype)
    if kind in known or kind == "uint8":
        return float(known.get(kind, 255))
    return full_range(values.dtype, float(np.quantile(values, 0.99)))


def _at_own_size(probability: np.ndarray, height: int, width: int, fit: str) -> np.ndarray:
    """Undo `pictures.fit_picture`: ``[S, S]`` → ``[height, width]``, linear between the centres of pixels."""
    size, side, box = len(probability), max(height, width), None
    if fit == "pad":
        top, left = (side - height) // 2, (side - width) // 2
        box = tuple(end * size / side for end in (left, top, left + width, top + height))
    return np.array(Image.fromarray(probability).resize((width, height), Image.Resampling.BILINEAR, box))


def _flags(side: int, above: int, small: Tensor, sure: float, how: dict) -> list[str]:
    """What one should look at: the network is unsure, or the image is unlike those that it learnt from."""
    found = [f"the network is unsure ({sure:.2f})"] if sure < UNSURE else []
    greys, (low, high) = grey_fields(small[None, None])[0], torch.tensor(how["greys"])
    unlike = int(((greys < low - UNLIKE) | (greys > high + UNLIKE)).sum())
    if unlike:
        found.append(f"its greys are unlike those of the training images in {unlike} of 16 fields")
    if side < how["size"]:
        found.append(f"smaller than the network's {how['size']} pixels")
    if above:
        found.append(f"{above} pixels are brighter than white and were cut")
    return found


def tell_memory(files: list[Path]) -> None:
    """Say what the largest image will need, if it is a large one: read off the heads of the files."""
    pixels = dict.fromkeys(files, 0)
    for path in files:
        with suppress(Exception), warnings.catch_warnings():  # what is wrong with a file is told when it is read
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                pixels[path] = image.width * image.height
    largest = max(files, key=pixels.get, default=None)
    if files and pixels[largest] >= LARGE:
        most = pixels[largest]
        print(f"{largest.name} has {most / 1e6:.0f} megapixels: it needs about {most * BYTES / 1e9:.1f} GB of memory.")
