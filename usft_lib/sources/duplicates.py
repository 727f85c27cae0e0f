"""Find pictures that show nearly the same, by a perceptual hash (lesson 01: such pairs leak from split to split).

Breast ultrasound sets hold several frames of one lesion under different numbers. The 64-bit hash keeps which of the
lowest 8 × 8 frequencies of a picture exceed their median; near-duplicates differ in few bits (Zauner, 2010).
"""

import numpy as np
from PIL import Image

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
