"""How fast is `fit` beside other programs? ``python benchmarks/busy.py`` (ten minutes), as ratios within one run.

Images a second of `fit` beside 0, 1 and 2 processes that keep a core each busy, before and after: with PyTorch's usual
settings, where threads wait awake for each other and their number stays; and as the library does now. Each measurement
is a process of its own, since OpenMP reads its settings once, and all of them take turns. Run it on two idle cores.
"""

import argparse
import json
import os
import subprocess
import sys

BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"  # no longer than this benchmark
WANTED = (0.97, 1.5, 2.0)  # beside 0, 1 and 2
TRAIN = """
import json, sys
import usft_lib as usft  # before torch, as in a lesson: it tells waiting threads to leave their core
import torch
from usft_lib import device
how, steps, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if how == "before":
    device.BUSY = 0  # no machine is busy
images = torch.rand(100, 1, size, size, generator=torch.Generator().manual_seed(0))
data = usft.SegmentationData(images, images > 0.5, [str(k) for k in range(100)])
torch.manual_seed(0)
usft.fit(usft.UNet(), data, steps=3, progress=False)  # the first steps choose kernels
history = usft.fit(usft.UNet(), data, steps=steps, progress=False)
print(json.dumps([8 * steps / history.seconds[-1], history.settings["threads"]]))
"""


def measured(how: str, beside: int, chosen: argparse.Namespace) -> tuple[float, object]:
    """Images a second beside so many busy processes, and the threads that the history tells."""
    environment = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    environment["OMP_NUM_THREADS"] = str(chosen.threads)
    if how == "before":
        environment["GOMP_SPINCOUNT"] = "300000"  # GNU's own, where nothing is set
    busy = [subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())]) for _ in range(beside)]
    try:
        command = [sys.executable, "-W", "ignore", "-c", TRAIN, how, str(chosen.steps), str(chosen.size)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return tuple(json.loads(told.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="the best of them counts (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=150, help="of a training (default: %(default)s)")
    parser.add_argument("--size", type=int, default=128, help="of the images (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="before, and to begin with (default: %(default)s)")
    chosen = parser.parse_args()
    found = {(how, beside): [] for beside in range(3) for how in ("before", "after")}
    for _ in range(chosen.rounds):
        for (how, beside), rates in found.items():
            rates.append(measured(how, beside, chosen))
    print(f"images/s of fit, {chosen.size}² pixels, {chosen.steps} steps of 8, {chosen.threads} threads to begin with")
    print(f"{'busy beside it':16s}{'before':>8s}{'after':>8s}{'ratio':>8s}{'wanted':>8s}   threads after")
    for beside, wanted in enumerate(WANTED):
        (before, _), (after, threads) = (max(found[how, beside], key=lambda m: m[0]) for how in ("before", "after"))
        print(f"{beside:<16d}{before:8.1f}{after:8.1f}{after / before:7.2f}×{wanted:7.2f}×   {threads}", flush=True)


if __name__ == "__main__":
    main()
