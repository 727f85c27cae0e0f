"""Speed of training against peers, as ratios within one run: ``python benchmarks/training.py`` (about three minutes).

The steps of all contenders are interleaved, so that a busy machine slows all of them; read the ratios of one run, never
seconds of two. Needs MONAI (in requirements.txt). Run it on idle cores.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from torch import nn

import usft_lib as usft
from usft_lib.data import augment
from usft_lib.device import DTYPES, choose_precision
from usft_lib.losses import dice_and_cross_entropy
from usft_lib.seeds import generator

SIZE, BATCH, WIDTH = 128, 8, 16


def contender_ours(data, **more):
    torch.manual_seed(0)
    run = usft.Training(usft.UNet(WIDTH), data, steps=10**6, batch_size=BATCH, schedule="constant", **more)
    return run.step


def contender_plain(data):
    """The same U-Net as most tutorials would train it: float32, a DataLoader, Adam."""
    torch.manual_seed(0)
    model = usft.UNet(WIDTH)
    for name, _ in list(model.named_modules()):
        if name.endswith(".up"):  # PyTorch's own, which is the faster of the two in float32
            old = model.get_submodule(name)
            model.set_submodule(name, nn.ConvTranspose2d(old.in_channels, old.out_channels, 2, stride=2))
    pairs = torch.utils.data.TensorDataset(data.images, data.masks.float())
    loader = torch.utils.data.DataLoader(pairs, batch_size=BATCH, shuffle=True, drop_last=True)
    return usual_loop(model, loader, dice_and_cross_entropy)


def contender_monai(data):
    """MONAI's BasicUNet with the same widths, in the loop of MONAI's own tutorials."""
    from monai.data import ArrayDataset, DataLoader
    from monai.losses import DiceCELoss
    from monai.networks.nets import BasicUNet

    torch.manual_seed(0)
    widths = tuple(WIDTH * 2**k for k in range(5)) + (WIDTH,)
    model = BasicUNet(spatial_dims=2, in_channels=1, out_channels=1, features=widths, norm="batch", act="relu")
    pairs = ArrayDataset(data.images, seg=data.masks.float())
    loader = DataLoader(pairs, batch_size=BATCH, shuffle=True, drop_last=True)
    return usual_loop(model, loader, DiceCELoss(sigmoid=True))


def usual_loop(model, loader, loss_function):
    """A step as both kinds of tutorial write it, its loss read every time."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = endless(loader)

    def step():
        images, masks = next(batches)
        optimiser.zero_grad()
        loss = loss_function(model(images), masks)
        loss.backward()
        optimiser.step()
        loss.item()

    return step


def endless(loader):
    while True:
        yield from loader


def interleaved(contenders: dict, rounds: int, warm_up: int = 4) -> dict[str, list[float]]:
    """Seconds of ``rounds`` steps of each contender, taken in turns."""
    for step in contenders.values():
        for _ in range(warm_up):
            step()
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, step in contenders.items():
            began = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def matrix_rate(dtype: torch.dtype, rounds: int = 10) -> float:
    """Floating-point operations per second of a 2048³ product: what the machine can do at best."""
    a, b = torch.randn(2, 2048, 2048).to(dtype)
    return 2 * 2048**3 / min(interleaved({"product": lambda: a @ b}, rounds)["product"])


def fit_against_step(data, val, rounds: int) -> tuple[float, float]:
    """Images/s of a run with augmentation and validation as `fit` makes it, and of the same steps without, in turns."""
    ours = contender_ours(data, augment=False)
    run = usft.Training(usft.UNet(WIDTH), data, val, steps=300, batch_size=BATCH)
    part = run.validate_every  # a stretch of a run holds one validation, as every stretch of fit does
    ours()
    run.step()
    run.done = 0
    both = {"fit": [], "step": []}
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(part):
            run.step()
        both["fit"].append(time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(part):
            ours()
        both["step"].append(time.perf_counter() - began)
    return tuple(part * BATCH / min(both[name]) for name in ("fit", "step"))


def fresh_process(code: str, **environment) -> str:
    """What ``code`` prints in a new Python."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    return done.stdout.strip().splitlines()[-1]


PEAK = """
import resource, torch, usft_lib as usft
images = torch.rand(100, 1, 128, 128)
data = usft.SegmentationData(images, images > .5, [str(i) for i in range(100)])
usft.fit(usft.UNet(), data, data, steps=12, batch_size=8, progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
IMPORT = """
import torch, matplotlib.pyplot, time
began = time.perf_counter()
import usft_lib
print(time.perf_counter() - began)
"""
LOAD = """
import time, usft_lib as usft
began = time.perf_counter()
usft.load("hc18", size=128)
print(time.perf_counter() - began)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=30, help="interleaved steps of each contender (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: %(default)s")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    data = usft.simulate_ultrasound(160, size=SIZE, seed=0)
    val = usft.simulate_ultrasound(64, size=SIZE, seed=1)
    precision = choose_precision()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {SIZE}² pixels, batches of {BATCH}, "
          f"{precision.name}")  # fmt: skip

    contenders = {
        "our step": contender_ours(data, augment=False),
        "our step with augmentation": contender_ours(data),
        "our step in float32": contender_ours(data, augment=False, precision="float32"),
        "(a) plain float32 loop": contender_plain(data),
        "(b) MONAI BasicUNet": contender_monai(data),
    }
    seconds = interleaved(contenders, arguments.rounds)
    ours = seconds["our step"]
    print(f"\n{'':28s}{'images/s':>10s}{'(median)':>10s}{'our step is':>14s}{'(median)':>10s}")
    for name, s in seconds.items():
        print(
            f"{name:28s}{BATCH / min(s):10.1f}{BATCH / statistics.median(s):10.1f}{min(s) / min(ours):13.2f}×"
            f"{statistics.median(s) / statistics.median(ours):9.2f}×"
        )

    images, masks = data.images[:BATCH], data.masks[:BATCH]
    change = min(interleaved({"augment": lambda: augment(images, masks, generator("benchmark"))}, 20)["augment"])
    print(f"\naugmentation alone: {change * 1e3:.1f} ms, {change / min(ours):.1%} of a step")
    fit, step = fit_against_step(data, val, rounds=4)
    print(f"fit with augmentation and validation: {fit:.1f} images/s, {fit / step:.0%} of the step alone ({step:.1f})")

    costs = usft.summary(usft.UNet(WIDTH), SIZE).iloc[-1]
    flops = (costs["forward"] + costs["to_inputs"] + costs["to_weights"]) * 1e6 * BATCH
    best = matrix_rate(DTYPES[precision.name])
    print(
        f"matrix rate in {precision.name}: {best / 1e9:.0f} GFLOP/s (float32: {matrix_rate(torch.float32) / 1e9:.0f}); "
        f"the step reaches {flops / min(ours) / best:.1%} of it"
    )
    print(f"peak memory of a training process: {float(fresh_process(PEAK)):.0f} MB")
    print(f"import usft_lib, beyond torch and matplotlib: {min(float(fresh_process(IMPORT)) for _ in range(3)):.2f} s")
    if os.environ.get("USFT_MIRROR"):
        with tempfile.TemporaryDirectory() as cache:
            first, again = (float(fresh_process(LOAD, USFT_DATA=cache)) for _ in range(2))
        print(f"HC18 at {SIZE}: prepared from the mirror in {first:.1f} s, loaded prepared in {again:.2f} s")
    else:
        print("HC18: no mirror (USFT_MIRROR), so preparing it was not measured")


if __name__ == "__main__":
    main()
