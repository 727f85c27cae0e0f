"""A study's target of few small images and an experiment on it that takes a moment, here and in other processes."""

from functools import cache

from usft_lib import simulate_ultrasound
from usft_lib.study.experiment import Experiment

TINY = Experiment("scratch", "sim-ultrasound", 4, "first 1", 1e-3, steps=2, batch_size=2, size=32)


@cache
def parts(size: int, seed: int = 0):
    """20 subjects to train on, 4 to choose with, 6 to test."""
    return tuple(simulate_ultrasound(n, size=size, seed=7000 + k, preset="breast") for k, n in enumerate((20, 4, 6)))
