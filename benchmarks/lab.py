"""What the freezing lab costs: ``python benchmarks/lab.py`` (a minute), as ratios within one run, on idle cores.

A run in the thread of the lab, asked for a snapshot twice a second by a client that draws nothing, against `fit` doing
the same steps and validations. With ``--browser`` the client is a real one: the widget in JupyterLab in Chromium, on
the same cores, and what Chromium takes of them is told.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from copy import deepcopy
from pathlib import Path

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


CELL = """
import json, pathlib, time, torch, usft_lib as usft
from copy import deepcopy
from benchmark_lab import by_fit
data = usft.simulate_ultrasound(100, size=96, preset="breast")
train, val, _ = data.split(0.5, 0.4, 0.1, seed=0)
model = usft.UNet()
by_fit(model, train, val, 5)
fits = [by_fit(model, train, val, STEPS) for _ in range(3)]
view = usft.FreezeLab(model, train, val, steps=STEPS)
view
"""
TELL = """
run = view.runs[-1]
told = {"fit": fits, "lab": run.steps / run.wall, "threads": view.lab.snapshot()["threads"], "number": run.number}
pathlib.Path("told.json").write_text(json.dumps(told))
"""


def in_a_browser(rounds: int, steps: int) -> None:
    """Steps a second with the widget drawn by Chromium, against `fit` in the same kernel, before and after."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import browser

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "benchmark_lab.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
        browser.notebook(folder, "lab.ipynb", CELL.replace("STEPS", str(steps)), *[TELL] * rounds)
        with browser.jupyterlab(folder) as address, browser.chromium(viewport={"width": 1280, "height": 1400}) as page:
            browser.open_notebook(page, address, "lab.ipynb")
            lab, tells, shares = page.locator(".usft-lab[data-state]"), [], []
            browser.run_and_wait(page, 0)
            lab.wait_for(timeout=300_000)
            for k in range(rounds):
                lab.get_by_role("button", name="Fine-tune", exact=True).click()
                page.wait_for_selector(".usft-lab[data-state=running]")
                began, before = time.perf_counter(), _chromium_seconds()
                page.wait_for_selector(".usft-lab[data-state=idle]", timeout=600_000)
                shares.append((_chromium_seconds() - before) / (time.perf_counter() - began))
                browser.run_and_wait(page, 1 + k)
                tells.append(json.loads((folder / "told.json").read_text()))
    fit, mine = max(tells[-1]["fit"]), max(told["lab"] for told in tells)
    threads = sorted({told["threads"] for told in tells})
    each = ", ".join(f"{told['lab']:.2f}" for told in tells)
    print(
        f"in JupyterLab with Chromium, {threads} threads in the lab: fit {fit:.2f} steps/s, the lab {mine:.2f} ({each})"
    )
    print(f"the lab against fit: {mine / fit:.0%}")
    print(f"Chromium took {statistics.median(shares):.0%} of one core ({os.cpu_count()} cores)")


def _chromium_seconds() -> float:
    """Processor seconds that all Chromium processes of this machine have taken so far (Linux)."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = file.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it has ended
        if name.startswith("chrom"):
            ticks += sum(int(part) for part in rest.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4, help="of both, in turns (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=60, help="of each run (default: %(default)s)")
    parser.add_argument("--browser", action="store_true", help="with JupyterLab and Chromium instead")
    chosen = parser.parse_args()
    if chosen.browser:
        in_a_browser(chosen.rounds, chosen.steps)
        return
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
