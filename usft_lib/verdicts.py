"""What an interval allows to be said: the rule, fixed before any result was seen (lessons 07, 09).

Reproduced: the 95 % interval excludes 0 and the mean is at least the margin. Not reproduced: its upper end lies below
the margin. Undecided: everything else. Never rounded up.
"""

from .errors import BadInput

MARGIN = 0.02  # a smaller difference in Dice would not matter to anybody


def reading(mean: float, low: float, high: float, margin: float = MARGIN) -> str:
    """``"reproduced"``, ``"not reproduced"`` or ``"undecided"`` for a difference with its 95 % interval (lesson 09)."""
    if not low <= mean <= high:
        raise BadInput(f"An interval holds its mean: low ≤ mean ≤ high, not {low:g}, {mean:g}, {high:g}.")
    if low > 0 and mean >= margin:
        return "reproduced"
    return "not reproduced" if high < margin else "undecided"


def verdict(
    mean: float, low: float, high: float, *, seeds: int, stand_in: bool = False, margin: float = MARGIN
) -> str:
    """As `reading`, but no verdict where images stand in for real ones, nor from one seed (lessons 07, 09).

    Args:
        seeds: how many trainings the interval covers.
        stand_in: that of the test images (`SegmentationData.stand_in`).
    """
    if stand_in:
        return "no verdict: simulated images stand in"
    if seeds < 2:
        return "no verdict: one seed says nothing about other trainings"
    return reading(mean, low, high, margin)
