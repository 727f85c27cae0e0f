"""BUSI: breast ultrasound with outlined lesions, benign, malignant and normal (lesson 09).

No patient numbers are published and many pictures are frames of one lesion, so near-duplicates are made one subject.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...errors import BadInput
from ..archive import SafeZip
from ..duplicates import clusters, perceptual_hash
from ..masks import mask, to_mask
from ..pictures import check_same_size, grey, showing
from ..source import Address, Archive, Sample, Source

ARCHIVE = "Dataset_BUSI.zip"
STEM = r"(?P<stem>(?P<label>benign|malignant|normal) \((?P<number>\d+)\))"
FILE = re.compile(rf"(?:^|/){STEM}(?P<mask>_mask(_\d+)?)?\.png$")


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """Tell the two published layouts apart: the original folders of PNG, or the small copy's arrays (MedSegBench)."""
    with SafeZip(files[ARCHIVE]) as archive:
        if any(name.endswith(".npy") for name in archive.names):
            yield from _read_arrays(archive)
        else:
            yield from _read_folders(archive)


def _read_folders(archive: SafeZip) -> Iterator[Sample]:
    """Masks of several lesions are merged; those of normal breasts are empty."""
    pictures: dict[str, tuple[str, int, str]] = {}  # stem → label, number, name
    masks: dict[str, list[str]] = {}
    for name in archive.names:
        match = FILE.search(name)
        if match and match["mask"]:
            masks.setdefault(match["stem"], []).append(name)
        elif match:
            pictures[match["stem"]] = (match["label"], int(match["number"]), name)
    if not pictures:
        raise BadInput(f"{ARCHIVE} holds no 'benign (1).png' and so on: it is not the BUSI set.")
    for stem in sorted(pictures.keys() ^ masks.keys()):
        what = "an image but no mask" if stem in pictures else "a mask but no image"
        raise BadInput(f"{ARCHIVE}: {stem} has {what}: fetch the archive again.")
    order = sorted(pictures, key=lambda stem: pictures[stem][:2])
    # Twice through the archive, so that no more than one full picture is held at a time.
    hashes = [perceptual_hash(_bytes(grey(archive.read(pictures[s][2]), pictures[s][2]))) for s in order]
    first = clusters(np.stack(hashes))
    for stem, leader in zip(order, first, strict=True):
        label, _, name = pictures[stem]
        picture = grey(archive.read(name), name)
        merged = np.zeros(picture.shape, bool)
        for part in masks[stem]:
            lesion, _ = mask(archive.read(part), part)
            check_same_size(picture, f"{ARCHIVE}: {name}", lesion, part)
            merged |= lesion
        yield Sample(stem, order[leader], picture, merged, label)


def _read_arrays(archive: SafeZip) -> Iterator[Sample]:
    """``{train,val,test}_{images,label}``: uint8 [n, 256, 256] each; lesions only, without names or classes."""
    samples = []
    for part in ("train", "val", "test"):
        arrays = []
        for what in ("images", "label"):
            name = f"{part}_{what}.npy"
            try:
                array = np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
            except (KeyError, ValueError, EOFError, MemoryError):
                raise BadInput(f"{ARCHIVE} has no readable {name}: it is not MedSegBench's copy of BUSI.") from None
            if array.ndim == 4 and array.shape[-1] == 1:
                array = array[..., 0]
            if array.ndim != 3 or array.dtype not in (np.uint8, np.bool_):
                raise BadInput(f"{ARCHIVE}: {name} is {array.dtype} {list(array.shape)}, not uint8 [n, h, w].")
            arrays.append(array)
        if arrays[0].shape != arrays[1].shape:
            raise BadInput(f"{ARCHIVE}: {part} images {arrays[0].shape} and labels {arrays[1].shape} differ.")
        samples += [(f"{part} {i:04d}", *pair) for i, pair in enumerate(zip(*arrays, strict=True), 1)]
    hashes = [perceptual_hash(showing(picture, f"{ARCHIVE}: {name}")) for name, picture, _ in samples]
    first = clusters(np.stack(hashes))
    for (name, picture, label), leader in zip(samples, first, strict=True):
        yield Sample(name, samples[leader][0], picture, to_mask(label.astype(np.uint8), name)[0])


def _bytes(picture: np.ndarray) -> np.ndarray:
    return picture if picture.dtype == np.uint8 else (picture / max(picture.max(), 1) * 255).astype(np.uint8)


BUSI = Source(
    name="busi",
    title="BUSI, breast ultrasound images",
    modality="ultrasound",
    images=780,
    subjects=None,
    licence="copies state CC0 and CC BY 4.0",
    terms="use with attribution; the small copy (MedSegBench, Kuş and Aydin, Sci. Data 11, 2024) holds the 647 lesions",
    citation="Al-Dhabyani et al., Data in Brief 28:104863, 2020",
    archives=(
        Archive(
            ARCHIVE,
            (
                Address(
                    "https://zenodo.org/records/13358372/files/busi_256.npz?download=1",
                    "md5:198aea70968b71adf593b32c41a6e995",
                    35,
                ),
                Address(
                    "https://scholar.cu.edu.eg/Dataset_BUSI.zip",
                    "sha256:b2ce09f6063a31a73f628b6a6ee1245187cbaec225e93e563735691d68654de7",
                    206,
                ),
            ),
        ),
    ),
    read=read,
    fit="pad",
)
