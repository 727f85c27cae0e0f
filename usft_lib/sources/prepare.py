"""Prepared data: the samples of a source at one size, in one file that is written once and read fast."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ..data import SegmentationData
from ..errors import BadInput
from .cache import write_whole
from .pictures import fit_mask, fit_picture, fitted_mm, full_range
from .source import Sample

PREPARATION = 4  # raise it whenever the same archives would give other numbers


@dataclass
class Collected:
    """Samples at one size: ``images`` raw ``[S, S]``, their types, the value that is white, the rest a list each."""

    images: list[np.ndarray] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    white: list[float] = field(default_factory=list)
    masks: list[np.ndarray] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    labels: list[str] | None = None
    spacing_mm: np.ndarray | None = None
    extra: dict[str, np.ndarray] = field(default_factory=dict)


def collect(samples: Iterable[Sample], size: int, fit: str) -> Collected:
    """Fit each sample as it comes (one full picture in memory at a time), and settle the set's grey range."""
    out = Collected()
    labels, spacing, extras = [], [], []
    largest: dict[str, float] = {}
    for sample in samples:
        kind = str(sample.picture.dtype)
        largest[kind] = max(largest.get(kind, 0), float(sample.picture.max()))
        out.kinds.append(kind)
        out.images.append(fit_picture(sample.picture, size, fit))
        out.masks.append(fit_mask(sample.mask, size, fit))
        out.subjects.append(sample.subject)
        out.ids.append(sample.id)
        labels.append(sample.label)
        spacing.append(np.nan if sample.mm is None else fitted_mm(sample.mm, sample.picture.shape, size))
        extras.append(sample.extra)
    out.white = [full_range(np.dtype(kind), largest[kind]) for kind in out.kinds]
    if labels and None not in labels:
        out.labels = labels
    if not np.isnan(spacing).all():
        out.spacing_mm = np.asarray(spacing, np.float32)
    for key in extras[0] if extras else ():
        out.extra[key] = np.asarray([e[key] for e in extras], np.float64)
    return out


def prepared_path(folder: Path, size: int, fingerprints: list[str]) -> Path:
    """The file for one size, version of the preparation, and set of source archives."""
    digest = hashlib.sha256("\n".join(fingerprints).encode()).hexdigest()[:16]
    return folder / f"{size}-v{PREPARATION}-{digest}.npz"


def write(path: Path, got: Collected, provenance: str) -> None:
    """Keep images as bytes and masks as bits; strings as fixed-width text, so that nothing is ever pickled."""
    images = [
        image if image.dtype == np.uint8 else np.rint(np.clip(image * (255 / white), 0, 255)).astype(np.uint8)
        for image, white in zip(got.images, got.white, strict=True)
    ]
    arrays = {
        "images": np.stack(images),
        "masks": np.packbits(np.stack(got.masks), axis=None),
        "subjects": np.asarray(got.subjects),
        "ids": np.asarray(got.ids),
        "provenance": np.asarray(provenance),
    }
    if got.labels is not None:
        arrays["labels"] = np.asarray(got.labels)
    if got.spacing_mm is not None:
        arrays["spacing_mm"] = got.spacing_mm
    arrays |= {f"extra_{key}": values for key, values in got.extra.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda file: np.savez(file, **arrays))


DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, IndexError, NotImplementedError)


def read(path: Path, name: str) -> SegmentationData | None:
    """Prepared data as `SegmentationData`; None where there is none, or where the file is damaged (which it says)."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            images = torch.from_numpy(file["images"])[:, None]
            masks = np.unpackbits(file["masks"], count=images.numel()).reshape(images.shape).view(bool)
            return SegmentationData(
                images=images.to(torch.float32).div_(255),
                masks=torch.from_numpy(masks),
                subjects=file["subjects"].tolist(),
                name=name,
                spacing_mm=torch.from_numpy(file["spacing_mm"]) if "spacing_mm" in file else None,
                ids=file["ids"].tolist(),
                labels=file["labels"].tolist() if "labels" in file else None,
                provenance=str(file["provenance"]),
                extra={key[6:]: torch.from_numpy(file[key]) for key in file if key.startswith("extra_")},
            )
    except DAMAGED + (OSError, BadInput):
        print(f"{name}: the prepared file {path.name} is damaged; it is made again.")
        return None


def read_provenance(path: Path) -> str | None:
    """The provenance alone, without the images; None where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return str(file["provenance"])
    except DAMAGED + (OSError,):
        return None
