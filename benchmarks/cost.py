"""Does a step cost what was counted? ``python benchmarks/cost.py`` (two minutes), on idle cores (lesson 12).

Ten strategies take their steps in turns; of each the quickest step counts. Beside the clock stand operations alone, and
operations and bytes, weighed by what this machine does in the time of moving a byte, read off two of the ten.
"""

import argparse
import time
from copy import deepcopy

import torch

import usft_lib as usft
from usft_lib.cost import relative, step_cost
from usft_lib.freezing import named

STRATEGIES = [
    "everything",
    "first 1",
    "first 2",
    "first 4",
    "last 1",
    "last 2",
    "last 4",
    "outer 1",
    "outer 2",
    "inner 2",
]


def quickest_steps(rounds: int, size: int, batch: int) -> dict[str, float]:
    """Seconds of the quickest of ``rounds`` steps of each strategy, in turns."""
    data = usft.simulate_ultrasound(2 * batch, size=size, preset="breast")
    source = usft.UNet()
    runs = {}
    for name in STRATEGIES:
        model = usft.train_only(deepcopy(source), named(source, name))
        runs[name] = usft.Training(model, data, steps=rounds + 3, batch_size=batch, augment=False)
    best = dict.fromkeys(STRATEGIES, float("inf"))
    for k in range(rounds + 3):
        for name, run in runs.items():
            began = time.perf_counter()
            run.step()
            if torch.cuda.is_available():
                torch.cuda.synchronize()  # a GPU works on behind Python's back
            if k >= 3:  # the first steps choose kernels
                best[name] = min(best[name], time.perf_counter() - began)
    return best


def balance_of(best: dict[str, float], size: int, bytes_each: int) -> float:
    """Operations in the time of a byte, from the clock of ``everything`` and ``last 1`` alone."""
    model = usft.UNet()
    full, part = (step_cost(model, named(model, name), size, bytes_each) for name in ("everything", "last 1"))
    ratio = best["last 1"] / best["everything"]
    flops = [sum(cost.flops.values()) for cost in (full, part)]
    moved = [sum(cost.megabytes.values()) for cost in (full, part)]
    return max(0.0, (ratio * flops[0] - flops[1]) / (moved[1] - ratio * moved[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=8, help="default: %(default)s")
    chosen = parser.parse_args()
    best = quickest_steps(chosen.rounds, chosen.size, chosen.batch)
    precision = usft.Training(usft.UNet(), usft.simulate_ultrasound(2, size=64), steps=1).precision.name
    bytes_each = 4 if precision == "float32" else 2
    balance, model = balance_of(best, chosen.size, bytes_each), usft.UNet()
    print(f"{torch.get_num_threads()} threads, {precision}, {balance:.0f} operations in the time of a byte")
    print(f"{'strategy':12s}{'ms':>8s}{'clock':>8s}{'FLOPs':>8s}{'off':>7s}{'+ bytes':>9s}{'off':>7s}")
    for name in STRATEGIES:
        clock = best[name] / best["everything"]
        counted = [relative(model, named(model, name), chosen.size, b, bytes_each) for b in (0.0, balance)]
        off = [f"{part / clock - 1:+.0%}" for part in counted]
        print(
            f"{name:12s}{1e3 * best[name]:8.1f}{clock:8.3f}{counted[0]:8.3f}{off[0]:>7s}{counted[1]:9.3f}{off[1]:>7s}"
        )


if __name__ == "__main__":
    main()
