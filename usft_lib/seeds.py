"""Random numbers that depend on what they are for, not on what was drawn before them.

Everything random in the course (a split, a batch, an augmentation, a simulated image) is a pure function of a seed and
of the place where it is used. So a run can be resumed, raced or drawn in another batch size and gives the same numbers.
"""

import hashlib

import torch


def derive(*parts) -> int:
    """Mix ``parts`` (integers and strings) into one seed of 63 bits; the same parts give the same seed everywhere."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts) -> torch.Generator:
    """A CPU generator seeded with `derive` of ``parts``."""
    return torch.Generator().manual_seed(derive(*parts))


def uniform(*parts) -> float:
    """One number in [0, 1) that depends on ``parts`` alone."""
    return (derive(*parts) >> 10) / 2**53  # 53 bits: what a float holds exactly, so never 1.0
