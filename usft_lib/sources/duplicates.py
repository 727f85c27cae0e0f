"""Find pictures that show nearly the same, by a perceptual hash (lesson 01: such pairs leak from split to split).

Breast ultrasound sets hold several frames of one lesion under different numbers. The 64-bit hash keeps which of the
lowest 8 × 8 frequencies of a picture exceed their median; near-duplicates differ in few bits (Zauner, 2010).
"""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..data import SegmentationData, check_data

if TYPE_CHECKING:
    import pandas as pd

# Bits of 64. data_scripts/look_at_duplicates.py draws the pairs around it. Among 135 BUSI pictures: at up to 10 bits
# all pairs show one lesion; at 12, four of five do (a limit of 10 would leak them from split to split); at 14, only a
# false pair would be new. A false pair costs little: two people then stay on one side. Labels are not asked, as the
# same picture may bear two.
NEAR = 12


def perceptual_hash(picture: np.ndarray) -> np.ndarray:
    """64 bits ``[64]`` of a grey uint8 picture ``[h, w]``."""
    from scipy.fft import dctn  # not at the top: it takes half a second

    small = np.asarray(Image.fromarray(picture).resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    low = dctn(small, type=2)[:8, :8]
    return (low > np.median(low)).ravel()


def distances(hashes: np.ndarray) -> np.ndarray:
    """Number of differing bits between each two of ``[N, 64]`` hashes: int ``[N, N]``."""
    bits = hashes.astype(np.int64)
    return bits @ (1 - bits).T + (1 - bits) @ bits.T


def clusters(hashes: np.ndarray, near: int = NEAR) -> np.ndarray:
    """Single linkage: the index of the first picture of each one's cluster, int ``[N]``."""
    from scipy.sparse.csgraph import connected_components

    _, group = connected_components(distances(hashes) <= near, directed=False)
    _, first = np.unique(group, return_index=True)
    return first[group]


# The same picture again, perhaps saved otherwise: the correlation of 32 × 32 thumbnails. Among all pairs of 998 heads,
# 704 chests and 135 breasts, no two people's pictures reach it (the highest is .974); of BUSI's repeats half do.
ALIKE = 0.98


def thumbnails(pictures: np.ndarray) -> np.ndarray:
    """Pictures ``[N, S, S]`` in 0…1 as ``[N, 32, 32]`` of mean 0 and norm 1, so that products are correlations."""
    small = [np.asarray(Image.fromarray(p).resize((32, 32), Image.Resampling.BOX), np.float64) for p in pictures]
    small = np.stack(small) - np.mean(small, (1, 2), keepdims=True)
    return small / np.maximum(np.linalg.norm(small, axis=(1, 2), keepdims=True), 1e-9)


def same_pictures(small: np.ndarray, alike: float = ALIKE) -> list[tuple[int, int, float]]:
    """Pairs ``(i, j, correlation)`` of `thumbnails` with i < j that show nearly the same, the surest first."""
    flat = small.reshape(len(small), -1)
    found = []
    for i in range(len(flat) - 1):
        fits = flat[i + 1 :] @ flat[i]
        found += [(i, i + 1 + int(j), float(fits[j])) for j in np.flatnonzero(fits > alike)]
    return sorted(found, key=lambda pair: -pair[2])


def near_duplicates(data: SegmentationData, alike: float = ALIKE) -> "pd.DataFrame":
    """Pairs of images that show nearly the same, the surest first: they leak if they fall on two sides (lesson 16).

    Columns: ``image``, ``other``, ``subject``, ``other_subject``, ``correlation`` (of 32 × 32 thumbnails, above
    ``alike``). Frames of one clip belong here, too; a picture that was turned or mirrored is not found.
    """
    import pandas as pd

    check_data(data)
    pairs = same_pictures(thumbnails(data.images[:, 0].numpy()), alike)
    rows = [(data.ids[i], data.ids[j], data.subjects[i], data.subjects[j], r) for i, j, r in pairs]
    return pd.DataFrame(rows, columns=["image", "other", "subject", "other_subject", "correlation"])
