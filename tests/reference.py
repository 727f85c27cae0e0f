"""What is measured on an ultrasound image before its logarithm: one set of functions for ours and for PyMUST's.

An envelope is ``[rows, columns]``; its axes ``x`` (across) and ``z`` (depth) are even and in mm.
"""

from pathlib import Path

import numpy as np

FIXTURE = Path(__file__).parent / "fixtures" / "pymust.npz"
LESION = {"x": 0.0, "z": 15.0, "radius": 4.0}  # mm, of both discs in the fixture
GUARD = 1.0  # mm on either side of a disc's border: wider than the point spread, in neither region
BORDER = 1.0  # mm of the field's edge that are left out
EVEN = {"x": 4.0, "z": (7.0, 22.5)}  # |x| and z in mm: here 64 elements fill a receive aperture of F-number 2


def homogeneous(envelope, x, z) -> dict[str, float]:
    """Envelope SNR (1.91 in fully developed speckle) and speckle widths in mm, away from the borders."""
    rows, columns = (z >= EVEN["z"][0]) & (z <= EVEN["z"][1]), abs(x) <= EVEN["x"]
    part = np.asarray(envelope, float)[np.ix_(rows, columns)]
    axial, lateral = speckle_widths(part**2, x[1] - x[0], z[1] - z[0])
    return {"envelope_snr": part.mean() / part.std(), "speckle_axial_mm": axial, "speckle_lateral_mm": lateral}


def speckle_widths(intensity, dx: float, dz: float) -> tuple[float, float]:
    """Full widths at half height of the intensity's autocovariance, axial and lateral."""
    rows, columns = intensity.shape
    padded = np.fft.rfft2(intensity - intensity.mean(), (2 * rows, 2 * columns))  # padded: lags must not wrap around
    covariance = np.fft.irfft2(abs(padded) ** 2)
    pairs = np.outer(rows - np.arange(rows), columns - np.arange(columns))  # how many pixels have this lag
    covariance = covariance[:rows, :columns] / pairs
    return 2 * dz * _half(covariance[:, 0]), 2 * dx * _half(covariance[0])


def lesion(envelope, x, z) -> dict[str, float]:
    """Contrast in dB and generalised contrast-to-noise ratio (Rodriguez-Molares 2020) of the disc at `LESION`.

    Contrast compares mean intensities. Outside is what lies at the same depths, without guard ring and border.
    """
    envelope = np.asarray(envelope, float)
    across, deep = np.meshgrid(x - LESION["x"], z - LESION["z"])
    distance = np.hypot(across, deep)
    inside = envelope[distance <= LESION["radius"] - GUARD]
    beside = (abs(deep) <= LESION["radius"] - GUARD) & (abs(across) <= x[-1] - BORDER)
    outside = envelope[beside & (distance >= LESION["radius"] + GUARD)]
    contrast = 10 * np.log10((inside**2).mean() / (outside**2).mean())
    # Bins hold equally many pixels, so the result does not depend on the grey map.
    bins = np.quantile(np.concatenate([inside, outside]), np.linspace(0, 1, 41))
    a, b = (np.histogram(v, bins)[0] / len(v) for v in (inside, outside))
    return {"contrast_db": contrast, "gcnr": 1 - np.minimum(a, b).sum()}


def point(envelope, x, z) -> dict[str, float]:
    """Axial and lateral full width at −6 dB (half the amplitude) through the brightest pixel, in mm."""
    envelope = np.asarray(envelope, float)
    i, j = np.unravel_index(envelope.argmax(), envelope.shape)
    axial, lateral = _half_around(envelope[:, j], i), _half_around(envelope[i], j)
    return {"axial_mm": axial * (z[1] - z[0]), "lateral_mm": lateral * (x[1] - x[0])}


def correlation(one, other, x, z) -> float:
    """Pearson correlation of two envelopes over the field without its borders.

    Each is first divided by its own mean strength at that depth, within ±1 mm: how gain depends on depth would
    correlate, too.
    """
    keep = np.ix_((z >= z[0] + BORDER) & (z <= z[-1] - BORDER), abs(x) <= x[-1] - BORDER)
    near = abs(z[:, None] - z) <= 1

    def even(envelope):
        power = (np.asarray(envelope, float) ** 2).mean(1)
        return (envelope / np.sqrt(near @ power / near.sum(1))[:, None])[keep].ravel()

    return float(np.corrcoef(even(one), even(other))[0, 1])


def _half(profile) -> float:
    """Where a falling profile reaches half of its first value, in samples, interpolated."""
    level = profile[0] / 2
    k = int(np.argmax(profile < level))
    return k - (level - profile[k]) / (profile[k - 1] - profile[k])


def _half_around(profile, top: int) -> float:
    """Full width at half of the peak near sample ``top``; the peak is that of a parabola through three samples."""
    low, peak, high = profile[top - 1 : top + 2]
    peak += (high - low) ** 2 / (8 * (2 * peak - low - high))

    def reach(side):
        k = int(np.argmax(side < peak / 2))
        return k - (peak / 2 - side[k]) / (side[k - 1] - side[k])

    return reach(profile[top:]) + reach(profile[top::-1])
