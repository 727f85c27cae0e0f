"""Decode one picture and fit it to the square size asked for. One convention, for all data sets:

- grey: colour by ITU-R 601 luma; an opaque alpha channel is ignored, any other is composited over black (no echo);
- depth: 8 bit of 255; 16 bit of 255, 4095 (12 bit, as scanners store it) or 65535 and float of 1, 255 or 65535, the
  least that holds all such pictures of the set. Nothing is clipped or stretched per picture;
- size: "pad" adds black (0) to a centred square, then resizes, so that a pixel is as wide as high; "stretch" resizes
  height and width each to the size (chest X-rays, whose published copies are squares already);
- pictures are resized with an antialiased triangle filter, masks by area: a pixel belongs to the object when at least
  half of it does.
"""

import io
import warnings
from functools import lru_cache
from operator import index
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import BadInput

MEGAPIXELS = 60
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")


def check_size(size) -> int:
    """``size`` as an int if it is a multiple of 16 from 16 to 1024 (four halvings must come out even)."""
    try:
        pixels = index(size)  # NumPy's whole numbers too; True is 1, and refused as that
    except TypeError:
        pixels = 0
    if not 16 <= pixels <= 1024 or pixels % 16:
        raise BadInput(f"size must be a whole number, a multiple of 16 from 16 to 1024, such as 128, not {size!r}.")
    return pixels


def check_spacing(spacing_mm: float | None) -> None:
    """Raise `BadInput` unless this is a number of millimetres that a pixel may have, or None where it is unknown."""
    if spacing_mm is not None and not (isinstance(spacing_mm, int | float) and 0 < spacing_mm < 1000):
        raise BadInput(f"spacing_mm must be the millimetres of one pixel, a number above 0, not {spacing_mm!r}.")


def open_picture(data: bytes | Path, what: str) -> Image.Image:
    """Open a picture, check its size, then decode it; ``what`` names it in the error.

    Raises:
        BadInput: it is no picture, is damaged, is a stack, or has more than 60 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: ours comes earlier and is an error
            image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=FORMATS)
            width, height = image.size
            if width * height > MEGAPIXELS * 1e6:
                raise BadInput(
                    f"{what} has {width * height / 1e6:.0f} megapixels ({width} × {height}; at most {MEGAPIXELS}): "
                    "reduce it first."
                )
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a camera's JPEG: the first is the picture
                raise BadInput(
                    f"{what} has {image.n_frames} pictures in one file: save each as a file of its own, and give all "
                    "frames of a clip one subject."
                )
            image.load()
    except Image.DecompressionBombError:
        raise BadInput(f"{what} has more than {MEGAPIXELS} megapixels: reduce it first.") from None
    except BadInput:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds; each means the same to the reader
        if isinstance(error, OSError) and error.errno is not None:
            raise BadInput(f"{what} cannot be read ({error.strerror}).") from None
        raise BadInput(f"{what} is damaged or no picture that can be read ({', '.join(FORMATS)}).") from None
    return image


def values_of(image: Image.Image, what: str) -> np.ndarray:
    """The values of a decoded picture: uint8, uint16 or float32 ``[h, w]``, or uint8 ``[h, w, 3]`` if in colour."""
    mode = image.mode
    if mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif mode in ("PA", "La", "RGBa"):
        image = image.convert("RGBA")
    elif mode == "1":
        image = image.convert("L")
    elif mode in ("CMYK", "YCbCr", "RGBX", "HSV"):
        image = image.convert("RGB")
    if image.mode in ("L", "RGB"):
        return np.asarray(image)
    if image.mode in ("LA", "RGBA"):
        values = np.asarray(image)
        alpha = values[..., -1:]
        colour = values[..., :-1]
        if alpha.min() < 255:
            colour = np.rint(colour * (alpha / np.float32(255))).astype(np.uint8)
        return colour[..., 0] if image.mode == "LA" else colour
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise BadInput(f"{what} has values from {values.min()} to {values.max()}: save it with 8 or 16 bit.")
        return values.astype(np.uint16)
    if image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise BadInput(f"{what} contains NaN or infinite values: repair it or leave it out.")
        if values.min() < 0 or values.max() > 65535:
            raise BadInput(f"{what} has values from {values.min():g} to {values.max():g}: scale them to 0…1.")
        return values
    raise BadInput(f"{what} is a picture of mode {mode}: save it as grey or RGB.")


def grey(data: bytes | Path, what: str) -> np.ndarray:
    """Decode a picture to grey values ``[h, w]``: uint8, uint16 or float32.

    Raises:
        BadInput: it is no picture that can be used, or has one value everywhere.
    """
    return grey_of(open_picture(data, what), what)


def grey_of(image: Image.Image, what: str) -> np.ndarray:
    """As `grey`, of a decoded picture."""
    values = values_of(image, what)
    if values.ndim == 3:
        values = np.asarray(Image.fromarray(values).convert("L"))
    return showing(values, what)


def showing(values: np.ndarray, what: str) -> np.ndarray:
    """Return ``values`` if they show something, else raise `BadInput`: a picture of one value is a mistake."""
    if values.min() == values.max():
        raise BadInput(f"{what} is {values.max():g} everywhere, it shows nothing: leave it out.")
    return values


def full_range(dtype: np.dtype, largest: float) -> float:
    """The value that stands for white in pictures of this type, of which none of the set goes beyond ``largest``."""
    ranges = {"uint8": (255,), "uint16": (255, 4095, 65535), "float32": (1, 255, 65535)}[str(dtype)]
    return float(next(r for r in ranges if largest <= r))


def pad_square(values: np.ndarray) -> np.ndarray:
    """Add zeros on both sides of the shorter side, so that ``[h, w]`` becomes a square with the picture centred."""
    height, width = values.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(values, ((top, side - height - top), (left, side - width - left)))


def fit_picture(values: np.ndarray, size: int, fit: str) -> np.ndarray:
    """Fit a grey picture to ``[size, size]``; uint8 stays uint8, other types become float32 in the same units."""
    if fit == "pad":
        values = pad_square(values)
    image = Image.fromarray(values if values.dtype == np.uint8 else values.astype(np.float32))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))  # Pillow antialiases when reducing


def fit_mask(mask: np.ndarray, size: int, fit: str) -> np.ndarray:
    """Fit a bool mask to ``[size, size]``: area resize, then True where at least half of a pixel is covered."""
    return resize_mask(pad_square(mask) if fit == "pad" else mask, size, size)


def resize_mask(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a bool mask to ``[height, width]`` by area: True where at least half of a pixel is covered."""
    rows, columns = _area_weights(mask.shape[0], height), _area_weights(mask.shape[1], width)
    return rows @ mask.astype(np.float32) @ columns.T >= 0.5 - 1e-4  # Pillow's BOX counts whole pixels only


@lru_cache(64)
def _area_weights(old: int, new: int) -> np.ndarray:
    """Share of each of ``old`` pixels in each of ``new`` along one side, float32 ``[new, old]``; rows add up to 1."""
    ends = np.arange(new + 1) * (old / new)
    left = np.arange(old)
    covered = np.minimum(ends[1:, None], left + 1) - np.maximum(ends[:-1, None], left)
    return (covered.clip(0) * (new / old)).astype(np.float32)


def fitted_mm(mm: float, shape: tuple[int, int], size: int) -> float:
    """Millimetres per pixel after ``fit="pad"`` of a picture of ``shape`` with ``mm`` millimetres per pixel."""
    return mm * max(shape) / size
