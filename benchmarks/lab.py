"""What the freezing lab costs: ``python benchmarks/lab.py`` (a minute), as ratios within one run, on idle cores.

A run in the thread of the lab, asked for a snapshot twice a second by a client that draws nothing, against `fit` doing
the same steps and validations.
"""

import argparse
import json
import statistics
import time
from copy import deepcopy

import torch

import usft_lib as usft
from usft_lib.widgets.lab import Lab

SIZE = 96


def by_fit(model, train, val, steps: int) -> float:
    """Steps a second of `fit`."""
    copy = deepcopy(model)
    began = time.perf_counter()
    usft.fit(copy, train, val, steps=steps, validate_every=max(steps // 10, 1), progress=False)
    return steps / (time.perf_counter() - began)


def by_lab(lab: Lab, steps: int, snapshots: list) -> float:
    """Steps a second of the lab's thread, without the scoring at the end, which `fit` does not do."""
    number = lab.start()
    while lab.state != "idle":
        began = time.perf_counter()
        told = lab.snapshot()
        snapshots.append((1e3 * (time.perf_counter() - began), len(json.dumps(told))))
        time.sleep(0.5)
    run = next(run for run in lab.runs if run.number == number)
    return steps / run.wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4, help="of both, in turns (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=60, help="of each run (default: %(default)s)")
    chosen = parser.parse_args()
    data = usft.simulate_ultrasound(100, size=SIZE, preset="breast")
    train, val, _ = data.split(0.5, 0.4, 0.1, seed=0)
    model = usft.UNet()
    lab = Lab(model, train, val, steps=chosen.steps)
    by_fit(model, train, val, 5)
    speeds, snapshots = {"fit": [], "lab": []}, []
    for _ in range(chosen.rounds):
        speeds["fit"].append(by_fit(model, train, val, chosen.steps))
        speeds["lab"].append(by_lab(lab, chosen.steps, snapshots))
    fit, mine = (max(speeds[name]) for name in ("fit", "lab"))
    print(f"{torch.get_num_threads()} threads: fit {fit:.2f} steps/s, the lab {mine:.2f}: {mine / fit:.0%}")
    took, size = (statistics.median(part) for part in zip(*snapshots, strict=True))
    print(f"snapshot: {took:.1f} ms, {size / 1e3:.1f} kB (median of {len(snapshots)})")


if __name__ == "__main__":
    main()
