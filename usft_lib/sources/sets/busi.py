"""BUSI: breast ultrasound with outlined lesions, benign, malignant and normal (lesson 10).

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
from ..masks import to_mask
from ..pairs import check_pairs, read_pair
from ..pictures import grey, showing
from ..source import Address, Archive, Sample, Source

ARCHIVE = "Dataset_BUSI.zip"
SMALL_COPY = "https://zenodo.org/records/13358372/files/busi_256.npz?download=1"
ORIGINAL = "https://scholar.cu.edu.eg/Dataset_BUSI.zip"
STEM = r"((?:benign|malignant|normal) \(\d+\))"
PICTURE = re.compile(rf"(?:^|/){STEM}\.(?i:png)$")
MASK = re.compile(rf"(?:^|/)({STEM}_mask(?:_\d+)?)\.(?i:png)$")
IMAGES, LABELS = (re.compile(rf"^(train|val|test)_{what}\.npy$") for what in ("images", "label"))


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """Tell the two published layouts apart: the original folders of PNG, or the small copy's arrays (MedSegBench)."""
    with SafeZip(files[ARCHIVE], ARCHIVE) as archive:
        if any(name.endswith(".npy") for name in archive.names):
            yield from _read_arrays(archive)
        else:
            yield from _read_folders(archive)


def _read_folders(archive: SafeZip) -> Iterator[Sample]:
    """Masks of several lesions are merged; those of normal breasts are empty."""
    pictures = archive.find(PICTURE, "'benign (1).png' and so on")
    masks: dict[str, list[str]] = {}
    for mask, name in archive.find(MASK, "'benign (1)_mask.png' and so on").items():
        masks.setdefault(mask.partition("_mask")[0], []).append(name)
    check_pairs(archive, pictures, masks)
    order = sorted(pictures, key=_label_and_number)
    # Twice through the archive, so that no more than one full picture is held at a time.
    hashes = [perceptual_hash(_bytes(grey(archive.read(pictures[stem]), pictures[stem]))) for stem in order]
    first = clusters(np.stack(hashes))
    for stem, leader in zip(order, first, strict=True):
        label, _ = _label_and_number(stem)
        yield Sample(stem, order[leader], *read_pair(archive, pictures[stem], *masks[stem]), label)


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


def _label_and_number(stem: str) -> tuple[str, int]:
    label, number = stem[:-1].split(" (")
    return label, int(number)


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
                Address(SMALL_COPY, "md5:198aea70968b71adf593b32c41a6e995", 35),
                Address(ORIGINAL, "sha256:b2ce09f6063a31a73f628b6a6ee1245187cbaec225e93e563735691d68654de7", 206),
            ),
            members=((MASK, "mask"), (PICTURE, "picture"), (LABELS, "mask"), (IMAGES, "picture")),
        ),
    ),
    read=read,
)
