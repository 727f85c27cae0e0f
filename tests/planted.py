"""Records of the study whose truth was planted."""

import numpy as np

from usft_lib.study import grids
from usft_lib.study.experiment import Experiment
from usft_lib.study.records import Results


def record(e: Experiment, dice: float, noise: float = 0.004, **more) -> dict:
    """A result of this experiment whose mean Dice is nearly ``dice``."""
    random = np.random.default_rng([e.seed, *e.key.encode()])
    values = dice + random.normal(0, 0.02, 40) + random.normal(0, noise)
    table = {"image": [f"i{k}" for k in range(40)], "subject": [f"s{k}" for k in range(40)], "dice": list(values)}
    return {"key": e.key, "experiment": e.plain, "dice": float(values.mean()), "scores": table, **more}


def planted(name: str, dice, **more) -> Results:
    return Results(record(e, dice(e), **more) for e in grids.grid(name))
